"""Grade rationales: can the clicked element be retrieved from the rationale? No model is involved.

Retrieval is BM25 (Robertson & Zaragoza 2009): the elements of the page are ranked by the words that they
share with the rationale. Only clicks on named elements are graded, because `terminate` has no element and
typing is not a choice among elements. Elements with the same destination in the same card count as one.

Three kinds of rationales are graded on the same steps: those of the data set (`true`), the teacher's, and
the true ones shuffled between sessions (`shuffled`) as a chance baseline.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facsim.data import DataSet
from facsim.metrics import Estimate
from facsim.metrics.bootstrap import FloatArray, Statistic, estimate
from facsim.rationale.lexicon import function_words, words
from facsim.schema import Element, Page
from facsim.util.errors import ConfigError
from facsim.util.progress import Progress, no_progress

K1, B = 1.2, 0.75
"""The usual constants of BM25: term frequency saturation and length normalization."""


@dataclass(frozen=True, slots=True)
class RetrievalScores:
    """Retrieval quality of one kind of rationale.

    Attributes:
        recall: recall at 1. An element that ties with k - 1 others at the top counts 1/k.
        mrr: mean reciprocal rank, averaged over the ranks of a tie.
    """

    recall: Estimate
    mrr: Estimate


@dataclass(frozen=True)
class GradingReport:
    """Retrieval scores of several kinds of rationales on the same clicks, with clustered intervals.

    Attributes:
        clicks: number of clicks.
        sessions: number of sessions.
        candidates: mean number of elements per page.
        kinds: scores by kind: `true`, `teacher` (if graded), `shuffled`.
        gains: paired differences of `true` and `teacher` to `shuffled`.
    """

    clicks: int
    sessions: int
    candidates: float
    kinds: Mapping[str, RetrievalScores]
    gains: Mapping[str, RetrievalScores]

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return asdict(self)

    def to_markdown(self) -> str:
        """The report as Markdown."""
        lines = [
            "# Can the click be retrieved from the rationale?",
            "",
            f"{self.clicks:,} clicks of {self.sessions:,} sessions, {self.candidates:.0f} elements to choose "
            "from on average. BM25 ranks them by the words that they share with the rationale.",
            "",
            "| rationale | recall@1, % | MRR |",
            "|---|---:|---:|",
        ]
        rows = [*self.kinds.items(), *((f"{kind} less shuffled", gain) for kind, gain in self.gains.items())]
        lines += [
            f"| {kind} | {_shown(grade.recall, 100, 1)} | {_shown(grade.mrr)} |" for kind, grade in rows
        ]
        return "\n".join([*lines, ""])


@dataclass(frozen=True, slots=True)
class _Click:
    session_id: str
    page_id: str
    name: str
    rationales: Mapping[str, str]


def grade_rationales(
    true: DataSet | str | Path,
    taught: DataSet | str | Path | None = None,
    *,
    resamples: int = 2000,
    seed: int = 0,
    progress: Progress = no_progress,
) -> GradingReport:
    """Grade the rationales of a data set, and a teacher's for the same steps.

    Args:
        true: the data set with the rationales of people, or of simulated people.
        taught: the same data set with the teacher's rationales. Only steps with a `synthetic` one are graded.
        resamples: bootstrap resamples for the intervals.
        seed: seed of the bootstrap.
        progress: called after every click.

    Raises:
        ConfigError: if fewer than two sessions have clicks with a rationale of each kind.
    """
    true, taught = _opened(true), None if taught is None else _opened(taught)
    clicks = _clicks(true, taught)
    if len({click.session_id for click in clicks}) < 2:
        needed = "human or simulated rationale" + (" and a teacher's" if taught else "")
        raise ConfigError(
            f"{true.path}: clicks on named elements with a {needed} are needed in two sessions at the least; "
            f"there are {len(clicks)} in {len({click.session_id for click in clicks})}"
        )
    shuffled = _shuffled(clicks)
    kinds = [*clicks[0].rationales, "shuffled"]
    scores = np.zeros((len(clicks), 2 * len(kinds)))
    candidates = 0
    ranker: tuple[str, Bm25Ranker] | None = None
    for row, click in enumerate(clicks):
        if ranker is None or ranker[0] != click.page_id:
            ranker = click.page_id, Bm25Ranker(true.page(click.page_id))
        candidates += len(ranker[1])
        for column, kind in enumerate(kinds):
            rationale = shuffled[row] if kind == "shuffled" else click.rationales[kind]
            scores[row, 2 * column : 2 * column + 2] = ranker[1].grade(rationale, click.name)
        progress(row + 1, len(clicks))
    made = _scores_and_gains([click.session_id for click in clicks], scores, len(kinds), resamples, seed)
    return GradingReport(
        clicks=len(clicks),
        sessions=len({click.session_id for click in clicks}),
        candidates=candidates / len(clicks),
        kinds=dict(zip(kinds, made, strict=False)),
        gains=dict(zip(kinds[:-1], made[len(kinds) :], strict=True)),
    )


class Bm25Ranker:
    """Ranks the elements of one page by BM25 against a rationale."""

    def __init__(self, page: Page) -> None:
        self._of_name: dict[str, int] = {}
        texts: list[list[str]] = []
        for element in page.elements:
            if element.name in self._of_name:
                continue
            same = [page.by_name[name] for name in element.equivalents if name in page.by_name]
            for one in (element, *same):
                self._of_name[one.name] = len(texts)
            texts.append([word for one in (element, *same) for word in _words_of(one)])
        self._counts = [Counter(text) for text in texts]
        mean = sum(map(len, texts)) / max(1, len(texts)) or 1.0
        self._damping = [K1 * (1 - B + B * len(text) / mean) for text in texts]
        with_word = Counter(word for counts in self._counts for word in counts)
        self._weight = {
            word: math.log(1 + (len(texts) - count + 0.5) / (count + 0.5))
            for word, count in with_word.items()
        }

    def __len__(self) -> int:
        return len(self._counts)

    def grade(self, rationale: str, name: str) -> tuple[float, float]:
        """Recall at 1 and reciprocal rank of the element `name`."""
        asked = set(words(rationale)) - function_words()
        scores = [
            sum(
                self._weight[word] * counts[word] * (K1 + 1) / (counts[word] + damping)
                for word in sorted(asked & counts.keys())
            )
            for counts, damping in zip(self._counts, self._damping, strict=True)
        ]
        own = scores[self._of_name[name]]
        above = sum(score > own for score in scores)
        tied = sum(score == own for score in scores)
        return (1 / tied if above == 0 else 0.0), sum(1 / (above + k) for k in range(1, tied + 1)) / tied


def _words_of(element: Element) -> list[str]:
    spoken = element.name.replace("_", " ").replace(".", " ")
    return words(" ".join((element.text, spoken, element.value or "", *element.options)))


def _clicks(true: DataSet, taught: DataSet | None) -> list[_Click]:
    clicks = []
    for session in true:
        other = None if taught is None else taught.session(session.session_id)
        for index, step in enumerate(session.steps):
            name = step.action.name
            if step.action.type != "click" or name is None or name not in true.page(step.page_id):
                continue
            if not (step.rationale or "").strip() or step.rationale_source == "synthetic":
                continue
            rationales = {"true": step.rationale or ""}
            if other is not None:
                written = other.steps[index]
                if written.rationale_source != "synthetic" or not written.rationale:
                    continue
                rationales["teacher"] = written.rationale
            clicks.append(_Click(session.session_id, step.page_id, name, rationales))
    return clicks


def _shuffled(clicks: Sequence[_Click]) -> list[str]:
    """For each click, the true rationale of a click in another session, where session sizes allow it."""
    longest = max(Counter(click.session_id for click in clicks).values())
    return [clicks[(row + longest) % len(clicks)].rationales["true"] for row in range(len(clicks))]


def _scores_and_gains(
    session_ids: Sequence[str], scores: FloatArray, kinds: int, resamples: int, seed: int
) -> list[RetrievalScores]:
    """Scores of each kind, then paired differences of each kind but the last to the last."""
    sessions = {session_id: row for row, session_id in enumerate(dict.fromkeys(session_ids))}
    gains = scores[:, : 2 * (kinds - 1)] - np.tile(scores[:, -2:], kinds - 1)
    columns = np.hstack([scores, gains, np.ones((len(scores), 1))])
    sums = np.zeros((len(sessions), columns.shape[1]))
    np.add.at(sums, [sessions[session_id] for session_id in session_ids], columns)

    def mean(column: int) -> Statistic:
        return Statistic(
            sums=sums[:, [column, -1]],
            function=lambda totals: totals[:, 0] / totals[:, 1],
            n=len(scores),
            clusters=len(sessions),
            bounds=(0.0, 1.0) if column < scores.shape[1] else (-1.0, 1.0),
        )

    made = estimate([mean(c) for c in range(columns.shape[1] - 1)], resamples=resamples, seed=seed)
    known = [one for one in made if one is not None]  # all of them: no mean over clicks is undefined
    return [RetrievalScores(*pair) for pair in zip(known[::2], known[1::2], strict=True)]


def _opened(data: DataSet | str | Path) -> DataSet:
    return data if isinstance(data, DataSet) else DataSet.open(data)


def _shown(number: Estimate, scale: float = 1.0, digits: int = 3) -> str:
    if number.low is None or number.high is None:
        return f"{scale * number.value:.{digits}f}"
    low, high = scale * number.low, scale * number.high
    return f"{scale * number.value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
