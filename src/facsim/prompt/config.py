"""What can be chosen about a prompt, and what a built prompt is."""

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
    """How a session becomes chat messages."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    style: Style = "rationale"
    """The form of an answer. `action`: JSON of the action. `rationale`: one JSON object, rationale then
    action. `think`: a `<think>` block, then JSON of the action. `two_turn`: the paper's, rationale, then a
    second turn with JSON of the action."""

    budget_tokens: int | None = Field(default=40_000, gt=0)
    """Most tokens that a prompt may have, the answer not counted; none: never shorten. The default is the
    paper's context length."""

    budget_policy: BudgetPolicy = "drop_oldest"
    """What gives way first. `drop_oldest`: whole pages, oldest first; every action stays. `anchored`: old
    pages first shrink to what stood around the element that was acted on. The current page is cut last."""

    chars_per_token: float = Field(default=3.0, gt=0)
    """Characters that make a token, when no tokenizer is given. Simplified HTML has 2.7 to 3.3 with the usual
    tokenizers."""

    tokenizer: Path | None = None
    """A Hugging Face `tokenizer.json`, or the folder that holds it, to count exactly."""

    persona: bool = True
    """Whether the prompt tells what is known of the person."""

    person_after_pages: bool = False
    """Where persona and intent stand: in the system message, or below every page. Small models follow what
    stands near the answer better; it costs their tokens again with each page."""

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
    """A session so far as chat messages; the last one asks for the answer.

    Attributes:
        messages: system first, then user and assistant in turn.
        shown: names on the current page that the prompt holds; None when it holds the whole page.
        tokens: how long the prompt is, by the config's way of counting.
        cache_boundary: index of the first message that is not stable prefix: the current page. What comes
            before it comes again, unchanged, in the prompts of the session's next steps (until the budget
            makes older pages give way). Providers that bill for cache marks get theirs on the message before.
        pages_left_out: how many earlier pages were replaced by a one-line mark, left-out steps not counted.
        steps_left_out: how many of the oldest steps were left out altogether.
    """

    messages: tuple[Message, ...]
    shown: frozenset[str] | None
    tokens: int
    cache_boundary: int
    pages_left_out: int = 0
    steps_left_out: int = 0
