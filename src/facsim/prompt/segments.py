"""A recorded session as few sequences that hold the very prompts it is evaluated with.

The prompts of a session continue each other until the budget makes old pages give way. So one sequence, a
segment, holds all prompts between two such moments, each followed by what the person did: a model can be
trained on them, or scored on them, in one pass, and sees what it would see when asked step by step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from facsim.prompt.build import build_prompt
from facsim.prompt.config import Message, PromptConfig
from facsim.prompt.templates import render_action, step_messages
from facsim.schema import SessionSoFar, Step


@dataclass(frozen=True, slots=True)
class Turn:
    """What a person did at a step, as the assistant messages of a segment.

    Attributes:
        step: index of the step in its session.
        messages: indices of its assistant messages: one, or in `two_turn` with a rationale two.
        action: where the JSON of the action begins and ends in the last of these messages (characters).
            What comes before it is the rationale and its wrapping.
        shown: names on the page that the prompt holds; None when it holds the whole page.
    """

    step: int
    messages: tuple[int, ...]
    action: tuple[int, int]
    shown: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a session as chat messages.

    Attributes:
        session_id: of the session.
        messages: system first; ends with the answer of the last turn.
        turns: the steps that this segment answers, in order. Answers of earlier steps are context: they are
            turns of an earlier segment.
    """

    session_id: str
    messages: tuple[Message, ...]
    turns: tuple[Turn, ...]


def segments(steps: Iterable[tuple[SessionSoFar, Step]], config: PromptConfig) -> Iterator[Segment]:
    """The segments of one session; every step is a turn of exactly one of them.

    Args:
        steps: a session as `facsim.data.replay` gives it, from its first step.
        config: how prompts are built; with no budget there is one segment.

    Raises:
        ConfigError: as `build_prompt`.
    """
    session_id = ""
    messages: tuple[Message, ...] = ()
    turns: list[Turn] = []
    for so_far, step in steps:
        prompt = build_prompt(so_far, config)
        if turns and prompt.messages[: len(messages)] != messages:
            yield Segment(session_id, messages, tuple(turns))
            turns = []
        page = prompt.messages[-1].content
        answered = step_messages(page, step.action, step.rationale, config.style)
        before = len(prompt.messages) - 1
        messages = (*prompt.messages[:-1], *answered)
        spoken = [before + place for place, message in enumerate(answered) if message.role == "assistant"]
        written = render_action(step.action)
        begin = answered[-1].content.rindex(written)
        turns.append(Turn(so_far.step, tuple(spoken), (begin, begin + len(written)), prompt.shown))
        session_id = so_far.session_id
    if turns:
        yield Segment(session_id, messages, tuple(turns))
