"""The real metric, while training: does the model do what people of the validation part did?

One forward pass a sequence tells for every step whether greedy decoding writes the person's action exactly
(`facsim.lm.scoring`). As in every evaluation the first step of a session is no test case, and a
step whose target the prompt does not show counts as wrong. In styles with a rationale the action is scored
after the person's own rationale: a generated one is worse, so such accuracies are higher than those of a run.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from facsim.data import DataSet
from facsim.lm.chat_tokenizer import ChatTokenizer, Row
from facsim.lm.scoring import AnswerScore, score_rows
from facsim.prompt import PromptConfig
from facsim.train.examples import session_lessons

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
        """Whether these weights are to be kept instead of the others.

        Accuracies that differ by more than the standard error decide. Of others chance would choose, while
        the log-probability, which every step and every degree of doubt moves, still tells models apart.
        """
        if abs(self.accuracy - other.accuracy) > max(self.error, other.error):
            return self.accuracy > other.accuracy
        return self.log_probability > other.log_probability

    def to_dict(self) -> dict[str, float]:
        """As JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Case:
    row: Row
    counted: frozenset[int]
    hopeless: frozenset[int]


class Validation:
    """Sessions to be scored, as rows.

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
                row=lesson.row,
                counted=frozenset(turn.step for turn in lesson.segment.turns if turn.step > 0),
                hopeless=frozenset(lesson.unseen),
            )
            for session in data
            for lesson in session_lessons(data, session, chat, prompt)
        ]
        self._cases = [case for case in self._cases if case.counted]
        self.sessions = len({case.row.session_id for case in self._cases})
        self.steps = sum(len(case.counted) for case in self._cases)

    def score(self, model: PreTrainedModel, *, rank: int = 0, ranks: int = 1) -> ValidationScore:
        """Score all sessions.

        Args:
            model: on any device. With several processes each scores its share, and all make the same number
                of forward passes, which sharded models need.
            rank: number of this process.
            ranks: how many there are.
        """
        share = [self._rows[place % len(self._rows)] for place in range(rank, self._passes(ranks), ranks)]
        scores = score_rows(model, share) if ranks == 1 else score_rows(model, share, batch_tokens=1)
        if ranks > 1:
            scores = _gathered(scores, ranks)[: len(self._rows)]
        return self._judged(scores)

    @property
    def _rows(self) -> list[Row]:
        return [case.row for case in self._cases]

    def _passes(self, ranks: int) -> int:
        return -(-len(self._cases) // ranks) * ranks

    def _judged(self, scores: Sequence[Sequence[AnswerScore]]) -> ValidationScore:
        right: dict[str, list[bool]] = defaultdict(list)
        logs: list[float] = []
        for case, answers in zip(self._cases, scores, strict=True):
            for answer in answers:
                if answer.step not in case.counted:
                    continue
                hopeless = answer.step in case.hopeless
                right[case.row.session_id].append(answer.action_is_greedy and not hopeless)
                if not hopeless:
                    logs.append(answer.action_log_probability)
        means = [fmean(verdicts) for verdicts in right.values()]
        return ValidationScore(
            accuracy=fmean(means) if means else 0.0,
            log_probability=fmean(logs) if logs else 0.0,
            error=stdev(means) / math.sqrt(len(means)) if len(means) > 1 else 0.0,
        )


def _gathered(scores: list[tuple[AnswerScore, ...]], ranks: int) -> list[tuple[AnswerScore, ...]]:
    """The scores of all processes, in the order of the rows, which were dealt out in turn."""
    from accelerate.utils import gather_object  # noqa: PLC0415

    shares: list[list[tuple[AnswerScore, ...]]] = gather_object([scores])
    return [shares[place % ranks][place // ranks] for place in range(sum(map(len, shares)))]
