"""The prompt of a run at a step, built again from what the run recorded."""

from __future__ import annotations

from dataclasses import dataclass

from facsim.data import DataSet
from facsim.prompt import Prompt, PromptConfig, action_turn, build_prompt, prompt_hash
from facsim.prompt.tokens import MESSAGE_TOKENS, count_tokens
from facsim.schema import Session
from facsim.util.errors import FacsimError
from facsim.view.prediction_index import PredictionIndex
from facsim.view.replay import so_far


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """A message of a prompt.

    Attributes:
        role: system, user or assistant.
        content: the exact text.
        tokens: of it and its frame, by the prompt's way of counting.
        stable: whether it stood in the prompt of the step before, too.
    """

    role: str
    content: str
    tokens: int
    stable: bool


@dataclass(frozen=True, slots=True)
class ShownPrompt:
    """A prompt, to be looked at.

    Attributes:
        config: how it was built.
        parts: its messages; empty where it cannot be built.
        prompt: it; None where it cannot be built.
        second: of the style `two_turn`: whether the second turn is shown.
        notes: what a reader should know of it.
    """

    config: PromptConfig
    parts: tuple[PromptMessage, ...]
    prompt: Prompt | None
    second: bool
    notes: tuple[str, ...]


def prompt_of(data: DataSet, session: Session, index: int, run: PredictionIndex | None) -> ShownPrompt:
    """The prompt of a run at a step; with no run, what a model is shown by default."""
    config = run.prompt if run else PromptConfig()
    notes = []
    if run and config is None:
        notes.append(f"{run.label} reads no prompt. This is what a model is shown by default.")
        config = PromptConfig()
    elif run is None:
        notes.append("What a model is shown by default, with no run chosen.")
    if run and run.prompt and run.counts_with_its_own and run.prompt.tokenizer is None:
        notes.append(
            "The model's own tokenizer is not where it was. Tokens are estimated from the length here, and "
            "pages may have been cut elsewhere."
        )
    assert config is not None
    try:
        recorded = run.run.config.identity.prompt_hash if run and run.prompt and not notes else None
        if recorded and prompt_hash(config) != recorded:
            notes.append(
                "The wording of prompts has changed since this run, or its tokenizer has: "
                "this is what the same settings give now."
            )
        prompt = build_prompt(so_far(data, session, index), config)
        second = config.style == "two_turn" and run is not None
        if second and run is not None:
            line = run.of_session(session.session_id).get(index, {})
            reason = line.get("rationale")
            prompt = action_turn(prompt, reason if isinstance(reason, str) else None, config)
        parts = tuple(
            PromptMessage(
                message.role,
                message.content,
                MESSAGE_TOKENS + count_tokens(message.content, config),
                place < prompt.cache_boundary,
            )
            for place, message in enumerate(prompt.messages)
        )
    except FacsimError as error:
        return ShownPrompt(config, (), None, False, (*notes, f"It cannot be built: {error}"))
    return ShownPrompt(config, parts, prompt, second, tuple(notes))
