"""Estimate what predicting with a local model takes: tokens are counted, time may be measured on a sample."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

from facsim.predict.protocol import RecordedSession
from facsim.prompt import Prompt, PromptConfig, build_prompt
from facsim.schema import Action, Session, SessionSoFar, Step

if TYPE_CHECKING:
    from facsim.predict.local.step_requests import StepRequest

_SAMPLE_TOKENS: Final = 2_048
"""Sessions are sampled until they have this many tokens together."""


@dataclass(frozen=True, slots=True)
class LocalEstimate:
    """Tokens and time for a number of steps.

    Attributes:
        steps: the number of predictions.
        sequences: the number of token sequences, each of which goes through the model once.
        tokens: of all sequences: what the model reads before it writes.
        input_tokens: all prompts together, as if each step were predicted by itself.
        longest: tokens of the longest prompt.
        lengths: tokens of the sequences of each session, in the order of the sessions.
        seconds: expected on this machine in its current state, from the steps of the sample; None if none was
            tried.
        tried: the number of steps in the sample.
        example: the longest prompt of the first session; None without steps.
    """

    steps: int
    sequences: int
    tokens: int
    input_tokens: int
    longest: int
    lengths: tuple[tuple[int, ...], ...]
    seconds: float | None
    tried: int
    example: Prompt | None


def estimate(
    steps: Iterable[SessionSoFar],
    config: PromptConfig,
    requests_of: Callable[[RecordedSession], Sequence[StepRequest]],
    decode: Callable[[Sequence[StepRequest]], Iterable[object]] | None = None,
) -> LocalEstimate:
    """Tokenize every sequence, count, and predict a few steps to measure the time.

    Args:
        steps: what will be predicted, the steps of a session in order and together.
        config: how sessions become prompts, fitted to the model.
        requests_of: makes the requests for a session.
        decode: runs the model; None to count only.

    Raises:
        ConfigError: if a prompt does not fit the model.
    """
    count = sequences = tokens = inputs = longest = tried = 0
    sample: list[StepRequest] = []
    lengths: list[tuple[int, ...]] = []
    example: Prompt | None = None
    for recorded in _recorded(steps):
        requests = requests_of(recorded)
        if example is None:
            prompts = (build_prompt(request.so_far, config) for request in requests)
            example = max(prompts, key=lambda prompt: prompt.tokens)
        count += len(requests)
        lengths.append(tuple(request.weight for request in requests if request.weight))
        sequences += len(lengths[-1])
        tokens += sum(lengths[-1])
        inputs += sum(request.prompt_length for request in requests)
        longest = max(longest, *(request.prompt_length for request in requests))
        if decode is not None and tried < _SAMPLE_TOKENS:
            sample += requests
            tried += sum(lengths[-1])
    seconds = None
    if decode is not None:
        start = time.perf_counter()
        for _ in decode(sample):
            pass
        seconds = (time.perf_counter() - start) * tokens / tried if tried else 0.0
    return LocalEstimate(
        steps=count,
        sequences=sequences,
        tokens=tokens,
        input_tokens=inputs,
        longest=longest,
        lengths=tuple(lengths),
        seconds=seconds,
        tried=len(sample),
        example=example,
    )


def _recorded(steps: Iterable[SessionSoFar]) -> Iterator[RecordedSession]:
    """The steps of each session as a run has them.

    What was done at the last one is unknown; that makes a difference of one answer's tokens.
    """
    for session_id, group in groupby(steps, key=lambda so_far: so_far.session_id):
        numbers = set()
        for last in group:
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
