"""Estimate what predicting with a local model takes: tokens are counted, time is measured on a sample."""

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
    from facsim.predict.local.decoding import Decoder
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
        seconds: expected on this machine in its current state, from the steps of the sample.
        tried: the number of steps in the sample.
        example: the longest prompt of the first session; None without steps.
    """

    steps: int
    sequences: int
    tokens: int
    input_tokens: int
    longest: int
    seconds: float
    tried: int
    example: Prompt | None


def estimate(steps: Iterable[SessionSoFar], decoder: Decoder, config: PromptConfig) -> LocalEstimate:
    """Tokenize every sequence, count, and predict a few steps to measure the time.

    Args:
        steps: what will be predicted, the steps of a session in order and together.
        decoder: runs the model.
        config: how sessions become prompts, fitted to the model.

    Raises:
        ConfigError: if a prompt does not fit the model.
    """
    count = sequences = tokens = inputs = longest = tried = 0
    sample: list[StepRequest] = []
    example: Prompt | None = None
    for recorded in _recorded(steps):
        requests = decoder.requests(recorded)
        if example is None:
            prompts = (build_prompt(request.so_far, config) for request in requests)
            example = max(prompts, key=lambda prompt: prompt.tokens)
        count += len(requests)
        sequences += sum(request.weight > 0 for request in requests)
        tokens += sum(request.weight for request in requests)
        inputs += sum(request.prompt_length for request in requests)
        longest = max(longest, *(request.prompt_length for request in requests))
        if tried < _SAMPLE_TOKENS:
            sample += requests
            tried += sum(request.weight for request in requests)
    start = time.perf_counter()
    for _ in decoder.decode(sample):
        pass
    seconds = (time.perf_counter() - start) * tokens / tried if tried else 0.0
    return LocalEstimate(count, sequences, tokens, inputs, longest, seconds, len(sample), example)


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
