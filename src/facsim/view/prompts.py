"""The prompt of a run at a step, rebuilt from the settings in its config.json."""

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
        tokens: its tokens, template overhead included, counted as the prompt budget counts them.
        stable: whether it was part of the previous step's prompt, too.
    """

    role: str
    content: str
    tokens: int
    stable: bool


@dataclass(frozen=True, slots=True)
class ShownPrompt:
    """A prompt to show.

    Attributes:
        config: how it was built.
        parts: its messages; empty if it cannot be built.
        prompt: the prompt; None if it cannot be built.
        second: whether this is the second turn of the style `two_turn`.
        notes: what a reader should know about it.
    """

    config: PromptConfig
    parts: tuple[PromptMessage, ...]
    prompt: Prompt | None
    second: bool
    notes: tuple[str, ...]


def prompt_of(data: DataSet, session: Session, index: int, run: PredictionIndex | None) -> ShownPrompt:
    """The prompt of a run at a step; without a run, the default prompt."""
    config = run.prompt if run else PromptConfig()
    notes = []
    if run and config is None:
        notes.append(f"{run.label} reads no prompt. This is the default prompt.")
        config = PromptConfig()
    elif run is None:
        notes.append("The default prompt, as no run is chosen.")
    if run and run.prompt and run.counts_with_its_own and run.prompt.tokenizer is None:
        notes.append(
            "The model's own tokenizer was not found. Tokens are estimated from the length here, and pages "
            "may have been cut elsewhere."
        )
    assert config is not None
    try:
        recorded = run.run.config.identity.prompt_hash if run and run.prompt and not notes else None
        if recorded and prompt_hash(config) != recorded:
            notes.append(
                "The wording of prompts or the tokenizer has changed since this run: "
                "this is the prompt that the same settings give now."
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
