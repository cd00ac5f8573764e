"""Prompt configuration, and the prompt as built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

Role = Literal["system", "user", "assistant"]
Style = Literal["action", "rationale", "think", "two_turn"]
BudgetPolicy = Literal["drop_oldest", "anchored"]
PageText = Literal["condensed", "stored"]
Pages = Literal["full", "changes"]


class PromptConfig(BaseModel):
    """How a session is turned into chat messages."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    style: Style = "rationale"
    """The form of an answer. `action`: JSON of the action. `rationale`: one JSON object, rationale then
    action. `think`: a `<think>` block, then JSON of the action. `two_turn`: the paper's, rationale, then a
    second turn with JSON of the action."""

    budget_tokens: int | None = Field(default=40_000, gt=0)
    """Maximum tokens of a prompt, without the answer; none: never shorten. The default is the paper's context
    length."""

    budget_policy: BudgetPolicy = "drop_oldest"
    """What is dropped first. `drop_oldest`: whole pages, oldest first; every action stays. `anchored`: old
    pages first shrink to a window around the element that was acted on. The current page comes last."""

    chars_per_token: float = Field(default=3.0, gt=0)
    """Characters per token, used without a tokenizer. Simplified HTML has 2.7 to 3.3 with common
    tokenizers."""

    tokenizer: Path | None = None
    """A Hugging Face `tokenizer.json`, or its folder, to count tokens exactly."""

    persona: bool = True
    """Whether the prompt includes the persona."""

    person_after_pages: bool = False
    """Whether persona and intent are below every page instead of in the system message. Small models follow
    text near the answer better; its tokens count with each page."""

    page_text: PageText = "condensed"
    """How pages are written. `condensed`: without addresses, boxes that only hold others, and repeated text
    (`facsim.page.condense`). `stored`: the simplified page as the data set has it."""

    pages: Pages = "full"
    """How much of later pages is repeated. `full`: every page is whole. `changes`: the first page is whole;
    on later ones, a marker such as `<same header>` stands for what an earlier page of the prompt already
    shows (`facsim.prompt.page_changes`)."""

    @classmethod
    def recorded(cls, values: Mapping[str, Any]) -> Self:
        """The config that a checkpoint or a run recorded. Before `page_text` existed, pages were `stored`.

        Raises:
            pydantic.ValidationError: if a value is not valid.
        """
        return cls.model_validate({"page_text": "stored", **values})


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A session so far as chat messages; the last one requests the answer.

    Attributes:
        messages: system first, then user and assistant in turn.
        shown: names on the current page that the prompt contains; None if it contains the whole page.
        tokens: of the prompt, counted as the config says.
        cache_boundary: index of the current page, the first message after the stable prefix. The messages
            before it recur unchanged in the prompts of later steps, until the budget drops old pages.
            Providers that bill by cache marks get theirs on the message before it.
        pages_left_out: number of earlier pages replaced by a placeholder, without those of left-out steps.
        steps_left_out: number of the oldest steps that are left out completely.
    """

    messages: tuple[Message, ...]
    shown: frozenset[str] | None
    tokens: int
    cache_boundary: int
    pages_left_out: int = 0
    steps_left_out: int = 0
