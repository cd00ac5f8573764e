"""A recorded session as segments: message sequences that contain the prompts of evaluation.

Each prompt of a session is a prefix of the next one, until the budget drops old pages. A segment contains all
prompts between two such points, each followed by the person's action. A model can be trained or scored on a
segment in one pass and sees exactly what it would see step by step.
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
    """The person's action at a step, as assistant messages of a segment.

    Attributes:
        step: index of the step in its session.
        messages: indices of its assistant messages: one, or in `two_turn` with a rationale two.
        action: begin and end of the action's JSON in the last of these messages (characters). The rationale
            and its wrapping precede it.
        shown: names on the page that the prompt contains; None if it contains the whole page.
    """

    step: int
    messages: tuple[int, ...]
    action: tuple[int, int]
    shown: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive steps of a session as chat messages.

    Attributes:
        session_id: of the session.
        messages: system first; ends with the answer of the last turn.
        turns: the steps of this segment, in order. Earlier steps in the messages are context only: they are
            turns of an earlier segment.
    """

    session_id: str
    messages: tuple[Message, ...]
    turns: tuple[Turn, ...]


def segments(steps: Iterable[tuple[SessionSoFar, Step]], config: PromptConfig) -> Iterator[Segment]:
    """Split one session into segments. Every step is a turn of exactly one of them.

    Args:
        steps: a session as yielded by `facsim.data.replay`, from its first step.
        config: how prompts are built; without a budget there is one segment.

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
