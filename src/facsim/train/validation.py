"""The real metric during training: does the model do what people of the validation part did?

One forward pass tells for every step of an example whether greedy decoding writes the person's action exactly
(`facsim.lm.scoring`). As in every evaluation the first step of a session is no test case, and a step whose
target the prompt does not show counts as wrong. In styles with a rationale the action is scored after the
person's own rationale; a generated one is worse, so these accuracies are higher than those of a run.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from facsim.data import DataSet
from facsim.lm.chat_tokenizer import ChatTokenizer, TokenizedSegment
from facsim.lm.scoring import AnswerScore, score_segments
from facsim.prompt import PromptConfig
from facsim.train.examples import session_examples

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class ValidationScore:
    """How well the validation part is predicted.

    Attributes:
        accuracy: exact matches, averaged within each session, then over sessions; between 0 and 1.
        log_probability: natural logarithm of the probability of people's actions, averaged over the steps
            whose target the prompt shows; 0 if there are none.
        error: standard error of the accuracy, over sessions.
    """

    accuracy: float
    log_probability: float
    error: float = 0.0

    def beats(self, other: ValidationScore) -> bool:
        """Whether these weights are better than the others.

        Accuracies that differ by more than the standard error decide. Among others accuracy would choose by
        chance, while the log-probability, to which every step contributes, still distinguishes models.
        """
        if abs(self.accuracy - other.accuracy) > max(self.error, other.error):
            return self.accuracy > other.accuracy
        return self.log_probability > other.log_probability

    def to_dict(self) -> dict[str, float]:
        """The score as JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Case:
    """A validation example, the steps that are test cases, and those whose target is not shown."""

    tokenized: TokenizedSegment
    test_steps: frozenset[int]
    unanswerable: frozenset[int]


class Validation:
    """Validation sessions, tokenized for scoring.

    Args:
        data: the validation sessions.
        chat: of the model.
        prompt: how sessions are shown.

    Attributes:
        sessions: sessions with a test case.
        steps: test cases.
    """

    def __init__(self, data: DataSet, chat: ChatTokenizer, prompt: PromptConfig) -> None:
        self._cases = [
            _Case(
                tokenized=example.tokenized,
                test_steps=frozenset(turn.step for turn in example.segment.turns if turn.step > 0),
                unanswerable=frozenset(example.missing_targets),
            )
            for session in data
            for example in session_examples(data, session, chat, prompt)
        ]
        self._cases = [case for case in self._cases if case.test_steps]
        self.sessions = len({case.tokenized.session_id for case in self._cases})
        self.steps = sum(len(case.test_steps) for case in self._cases)

    def score(self, model: PreTrainedModel, *, rank: int = 0, ranks: int = 1) -> ValidationScore:
        """Score all sessions.

        Args:
            model: on any device. With several processes each scores its share, and all make the same number
                of forward passes, which sharded models need.
            rank: index of this process.
            ranks: the number of processes.
        """
        examples = [case.tokenized for case in self._cases]
        share = [examples[index % len(examples)] for index in range(rank, self._passes(ranks), ranks)]
        scores = score_segments(model, share) if ranks == 1 else score_segments(model, share, batch_tokens=1)
        if ranks > 1:
            scores = _gather(scores, ranks)[: len(examples)]
        return self._summary(scores)

    def _passes(self, ranks: int) -> int:
        return -(-len(self._cases) // ranks) * ranks

    def _summary(self, scores: Sequence[Sequence[AnswerScore]]) -> ValidationScore:
        correct: dict[str, list[bool]] = defaultdict(list)
        log_probabilities: list[float] = []
        for case, answers in zip(self._cases, scores, strict=True):
            for answer in answers:
                if answer.step not in case.test_steps:
                    continue
                is_unanswerable = answer.step in case.unanswerable
                correct[case.tokenized.session_id].append(answer.action_is_greedy and not is_unanswerable)
                if not is_unanswerable:
                    log_probabilities.append(answer.action_log_probability)
        means = [fmean(verdicts) for verdicts in correct.values()]
        return ValidationScore(
            accuracy=fmean(means) if means else 0.0,
            log_probability=fmean(log_probabilities) if log_probabilities else 0.0,
            error=stdev(means) / math.sqrt(len(means)) if len(means) > 1 else 0.0,
        )


def _gather(scores: list[tuple[AnswerScore, ...]], ranks: int) -> list[tuple[AnswerScore, ...]]:
    """The scores of all processes, in the order of the examples, which were dealt out in turn."""
    from accelerate.utils import gather_object  # noqa: PLC0415

    shares: list[list[tuple[AnswerScore, ...]]] = gather_object([scores])
    return [shares[index % ranks][index // ranks] for index in range(sum(map(len, shares)))]
