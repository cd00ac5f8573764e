"""What asking a local model will take, told before it is asked: tokens by counting, time by trying."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

from facsim.predict.protocol import RecordedSession
from facsim.prompt import Prompt, PromptConfig, build_prompt
from facsim.schema import Action, Session, SessionSoFar, Step

if TYPE_CHECKING:
    from facsim.predict.local.decoding import Asker
    from facsim.predict.local.step_requests import Question

_TRIED_TOKENS: Final = 2_048
"""Sessions are tried until they have so many tokens together."""


@dataclass(frozen=True, slots=True)
class LocalEstimate:
    """Tokens and time for a number of steps.

    Attributes:
        steps: how many predictions.
        sequences: in how many sequences, each of which goes through the model once.
        tokens: of all sequences: what the model computes before it writes.
        input_tokens: all prompts together, as if each step were asked by itself.
        longest: tokens of the longest prompt.
        seconds: to expect on this machine, as it is now, by what the steps that were tried took.
        tried: how many these were.
        example: the longest prompt seen in the first session; None without steps.
    """

    steps: int
    sequences: int
    tokens: int
    input_tokens: int
    longest: int
    seconds: float
    tried: int
    example: Prompt | None


def estimate(steps: Iterable[SessionSoFar], asker: Asker, config: PromptConfig) -> LocalEstimate:
    """Make every sequence, count, and answer a few steps to learn how long it takes.

    Args:
        steps: what will be asked, the steps of a session in order and together.
        asker: asks the model.
        config: how sessions become prompts; made to fit the model.

    Raises:
        ConfigError: if a prompt does not fit the model.
    """
    asked = sequences = tokens = inputs = longest = tried = 0
    sample: list[Question] = []
    example: Prompt | None = None
    for recorded in _recorded(steps):
        questions = asker.questions(recorded)
        if example is None:
            prompts = (build_prompt(question.so_far, config) for question in questions)
            example = max(prompts, key=lambda prompt: prompt.tokens)
        asked += len(questions)
        sequences += sum(question.weight > 0 for question in questions)
        tokens += sum(question.weight for question in questions)
        inputs += sum(question.prompt for question in questions)
        longest = max(longest, *(question.prompt for question in questions))
        if tried < _TRIED_TOKENS:
            sample += questions
            tried += sum(question.weight for question in questions)
    began = time.perf_counter()
    for _ in asker.answer(sample):
        pass
    seconds = (time.perf_counter() - began) * tokens / tried if tried else 0.0
    return LocalEstimate(asked, sequences, tokens, inputs, longest, seconds, len(sample), example)


def _recorded(steps: Iterable[SessionSoFar]) -> Iterator[RecordedSession]:
    """The steps of each session as a run has them.

    What was done at the last one is not known; that makes a difference of one answer's tokens.
    """
    for session_id, asked in groupby(steps, key=lambda so_far: so_far.session_id):
        numbers = set()
        for last in asked:
            numbers.add(last.step)
        done = [
            (
                replace(last, page=before.page, past=last.past[:number]),
                Step("", before.action, rationale=before.rationale),
            )
            for number, before in enumerate(last.past)
        ]
        done.append((last, Step("", Action.terminate())))
        session = Session(session_id, "", tuple(step for _, step in done))
        yield RecordedSession(session, tuple(done), frozenset(numbers))
