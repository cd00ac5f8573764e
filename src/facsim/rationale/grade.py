"""Does a reason let a reader recover the action? Measured without a model.

The reader is BM25 (Robertson & Zaragoza 2009): all elements of the page are ranked by the words that they
share with the reason, rare words counting more. A reason that names what was clicked puts it first. Asked are
clicks on named elements, for `terminate` has no element, and what is typed is no choice among the page's.
Elements with the same destination in the same card count as one.

Three kinds of reasons are graded on the same steps: those of the data set (`true`), the teacher's, and the
true ones shuffled between sessions (`shuffled`), which shows how much is reached by chance and by what
reasons in general say.
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
"""The usual constants of BM25: how soon a repeated word stops counting, how much long texts are held back."""


@dataclass(frozen=True, slots=True)
class Grade:
    """How well reasons of one kind let the reader recover the clicks.

    Attributes:
        recall: share of the clicks whose element ranks first; of k that tie at the top each gets 1/k.
        mrr: mean reciprocal rank, the mean over the places of a tie.
    """

    recall: Estimate
    mrr: Estimate


@dataclass(frozen=True)
class Grades:
    """Grades of several kinds of reasons on the same clicks, intervals clustered by session.

    Attributes:
        clicks: how many clicks.
        sessions: in how many sessions.
        candidates: mean number of elements to choose from.
        kinds: by kind: `true`, `teacher` (where graded), `shuffled`.
        gains: recall and mrr of `true`, and of `teacher`, less those of `shuffled`, click by click.
    """

    clicks: int
    sessions: int
    candidates: float
    kinds: Mapping[str, Grade]
    gains: Mapping[str, Grade]

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    def to_markdown(self) -> str:
        """For a reader."""
        lines = [
            "# Does the rationale let a reader recover the click?",
            "",
            f"{self.clicks:,} clicks of {self.sessions:,} sessions, {self.candidates:.0f} elements to choose "
            "from on average. The reader ranks them by the words that they share with the rationale (BM25).",
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
    reasons: Mapping[str, str]


def grade_rationales(
    true: DataSet | str | Path,
    taught: DataSet | str | Path | None = None,
    *,
    resamples: int = 2000,
    seed: int = 0,
    progress: Progress = no_progress,
) -> Grades:
    """Grade the reasons of a data set, and a teacher's for the same steps.

    Args:
        true: the data set with people's, or simulated people's, reasons.
        taught: the same data set with the teacher's reasons; only steps with a `synthetic` one are graded.
        resamples: for the intervals.
        seed: of the resamples.
        progress: told of every click.

    Raises:
        ConfigError: if no click has a reason of each kind, or all that have are of one session.
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
    kinds = [*clicks[0].reasons, "shuffled"]
    scores = np.zeros((len(clicks), 2 * len(kinds)))
    candidates = 0
    reader: tuple[str, Reader] | None = None
    for row, click in enumerate(clicks):
        if reader is None or reader[0] != click.page_id:
            reader = click.page_id, Reader(true.page(click.page_id))
        candidates += len(reader[1])
        for column, kind in enumerate(kinds):
            reason = shuffled[row] if kind == "shuffled" else click.reasons[kind]
            scores[row, 2 * column : 2 * column + 2] = reader[1].grade(reason, click.name)
        progress(row + 1, len(clicks))
    made = _grades([click.session_id for click in clicks], scores, len(kinds), resamples, seed)
    return Grades(
        clicks=len(clicks),
        sessions=len({click.session_id for click in clicks}),
        candidates=candidates / len(clicks),
        kinds=dict(zip(kinds, made, strict=False)),
        gains=dict(zip(kinds[:-1], made[len(kinds) :], strict=True)),
    )


class Reader:
    """Ranks the elements of one page by the words that they share with a reason."""

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

    def grade(self, reason: str, name: str) -> tuple[float, float]:
        """Recall at 1 and reciprocal rank of the element called `name`."""
        asked = set(words(reason)) - function_words()
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
            reasons = {"true": step.rationale or ""}
            if other is not None:
                written = other.steps[index]
                if written.rationale_source != "synthetic" or not written.rationale:
                    continue
                reasons["teacher"] = written.rationale
            clicks.append(_Click(session.session_id, step.page_id, name, reasons))
    return clicks


def _shuffled(clicks: Sequence[_Click]) -> list[str]:
    """For each click the true reason of one of another session, as far as the sessions' sizes allow it."""
    longest = max(Counter(click.session_id for click in clicks).values())
    return [clicks[(row + longest) % len(clicks)].reasons["true"] for row in range(len(clicks))]


def _grades(
    session_ids: Sequence[str], scores: FloatArray, kinds: int, resamples: int, seed: int
) -> list[Grade]:
    """A grade of each kind, then of each kind but the last less the last."""
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
    known = [one for one in made if one is not None]  # all: no mean over clicks is undefined
    return [Grade(*pair) for pair in zip(known[::2], known[1::2], strict=True)]


def _opened(data: DataSet | str | Path) -> DataSet:
    return data if isinstance(data, DataSet) else DataSet.open(data)


def _shown(number: Estimate, scale: float = 1.0, digits: int = 3) -> str:
    if number.low is None or number.high is None:
        return f"{scale * number.value:.{digits}f}"
    low, high = scale * number.low, scale * number.high
    return f"{scale * number.value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
