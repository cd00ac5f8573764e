"""Predict typed texts: rank spans and prefixes of the intent, earlier texts and frequent texts.

Candidates are values of intent fields, prefixes of them (people stop typing when a suggestion appears) and
runs of words, as written and in lower case; texts typed earlier in the session; and frequent texts of the
train part. A conditional logit ranks them. Together they get the probability mass `coverage`, the share
of training texts that were among their candidates. The rest is reserved for texts outside the list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facsim.data import DataSet, replay
from facsim.predict.choice.conditional_logit import (
    TooLittleVariationError,
    fit_conditional_logit,
    raw_scores,
    stack_choice_sets,
)
from facsim.predict.choice.folds import FOLDS, HELD_OUT, fold_of
from facsim.predict.choice.intent import Intent, folded, read_intent, words
from facsim.predict.choice.page_table import Floats
from facsim.schema import SessionSoFar
from facsim.util.progress import Progress, no_progress

if TYPE_CHECKING:
    import lightgbm

VALUE, RUN, PAST, FREQUENT = range(4)
LONGEST_RUN = 6
"""Most words in a run of the intent."""
MOST_WORDS = 40
"""Runs are taken from so many first words of the intent."""
LONGEST_BEGINNING = 12
"""Most characters of a prefix."""
MOST_FREQUENT = 8
MOST_SAMPLED = 80
MOST_LISTED = 20
ROUNDS = 150

FEATURES = (
    "source",
    "case",
    "length",
    "words",
    "value_length",
    "share_typed",
    "ends_word",
    "field",
    "field_used",
    "field_typed",
    "key_rate",
    "key_in_name",
    "start",
    "same_case_as_last",
    "length_to_last",
    "last_was_whole",
    "typed_before",
    "is_value",
    "name_count",
    "all_count",
    "step",
    "texts_before",
    "retry",
)


@dataclass(frozen=True, slots=True)
class TextCandidate:
    """A text that could be typed, with its origin.

    Attributes:
        text: the text.
        source: VALUE, RUN, PAST or FREQUENT.
        whole: the value or run of which it is a prefix.
        field: index of the intent field, or -1.
        start: index of the first word of a run, or 0.
    """

    text: str
    source: int
    whole: str
    field: int = -1
    start: int = 0


class TextModel:
    """Predicts what is typed into an element.

    Attributes:
        frequent: per name, how often each text was typed there; the entry "" counts all names.
        key_counts: per name and intent key, how often a value of that key was typed there, per fold.
        coverage: share of training texts that were among their candidates.
        temperature: softmax temperature.
        booster: the trees; None if there are too few training examples. Texts are then ranked by how often
            they were typed at the name.
    """

    def __init__(self) -> None:
        self.frequent: dict[str, Counter[str]] = {"": Counter()}
        self.key_counts: dict[str, dict[str, list[int]]] = {}
        self.coverage = 0.0
        self.temperature = 1.0
        self.booster: lightgbm.Booster | None = None

    def fit(self, data: DataSet, *, seed: int = 0, progress: Progress = no_progress) -> None:
        """Learn from the typed steps of `data`."""
        typed = list(_typed_steps(data))
        self._count(typed)
        random = np.random.default_rng(seed)
        tables: list[Floats] = []
        folds: list[int] = []
        covered = 0
        for index, (so_far, name, text, fold) in enumerate(typed):
            candidates = self.candidates(so_far, name)
            chosen = next((row for row, other in enumerate(candidates) if other.text == text), None)
            if chosen is not None and candidates[chosen].source != FREQUENT:
                covered += 1
            # A text that was typed only at this step is frequent because of this step alone: no example.
            elif chosen is None or self.frequent[""][text] < 2:
                continue
            others = np.delete(np.arange(len(candidates)), chosen)
            if len(others) > MOST_SAMPLED:
                others = random.choice(others, MOST_SAMPLED, replace=False)
            table = self._features(so_far, name, candidates, fold)
            tables.append(table[[chosen, *others]])
            folds.append(fold)
            progress(index + 1, len(typed), "typed texts read")
        self.coverage = (len(tables) + 1) / (len(typed) + 2)
        if tables:
            # With a handful of texts, how often each was typed is all that there is to learn.
            with suppress(TooLittleVariationError):
                self.booster, self.temperature = fit_conditional_logit(
                    stack_choice_sets(tables),
                    np.array(folds) == HELD_OUT,
                    features=FEATURES,
                    categorical=("source",),
                    rounds=ROUNDS,
                    seed=seed,
                    progress=progress,
                )

    def texts(self, so_far: SessionSoFar, name: str) -> dict[str, float]:
        """The most probable texts for `name` at this step, in descending order, with their probabilities."""
        candidates = self.candidates(so_far, name)
        if not candidates:
            return {}
        table = self._features(so_far, name, candidates, None)
        if self.booster is None:
            scores = np.log1p(table[:, FEATURES.index("name_count")].astype(np.float64))
        else:
            scores = raw_scores(self.booster, table) / self.temperature
        mass = np.exp(scores - scores.max())
        shares = self.coverage * mass / mass.sum()
        order = np.argsort(-shares, kind="stable")[:MOST_LISTED]
        return {candidates[row].text: float(shares[row]) for row in order}

    def _count(self, typed: list[tuple[SessionSoFar, str, str, int]]) -> None:
        for so_far, name, text, fold in typed:
            self.frequent[""][text] += 1
            self.frequent.setdefault(name, Counter())[text] += 1
            for key in dict.fromkeys(_keys_typed(read_intent(so_far.intent), text)):
                self.key_counts.setdefault(name, {}).setdefault(key, [0] * FOLDS)[fold] += 1

    def candidates(self, so_far: SessionSoFar, name: str) -> list[TextCandidate]:
        """All candidate texts of this step, without duplicates."""
        intent = read_intent(so_far.intent)
        found: dict[str, TextCandidate] = {}
        for candidate in self._all_candidates(so_far, name, intent):
            if candidate.text.strip():
                found.setdefault(candidate.text, candidate)
        return list(found.values())

    def _all_candidates(self, so_far: SessionSoFar, name: str, intent: Intent) -> Iterator[TextCandidate]:
        for field, value in enumerate(intent.raw_values):
            for cased in dict.fromkeys((value, value.lower())):
                yield TextCandidate(cased, VALUE, cased, field)
                for length in range(1, min(len(cased), LONGEST_BEGINNING + 1)):
                    yield TextCandidate(cased[:length], VALUE, cased, field)
        if not intent.fields:
            yield from _runs(so_far.intent or "")
        for step in reversed(so_far.past):
            if step.action.text is not None:
                yield TextCandidate(step.action.text, PAST, step.action.text)
        for key in (name, ""):
            for text, _ in self.frequent.get(key, Counter()).most_common(MOST_FREQUENT):
                yield TextCandidate(text, FREQUENT, text)

    def _features(
        self, so_far: SessionSoFar, name: str, candidates: list[TextCandidate], fold: int | None
    ) -> Floats:
        intent = read_intent(so_far.intent)
        past = [step.action for step in so_far.past if step.action.text is not None]
        last = past[-1].text or "" if past else ""
        earlier = {action.text for action in past}
        fields_typed = {key for action in past for key in _keys_typed(intent, action.text or "")}
        element = so_far.page.by_name.get(name)
        label = set(words(f"{name} {element.text if element else ''}"))
        value = folded(element.value or "") if element else ""
        rates = self._key_rates(name, intent, fold)
        last_case = _case(last)
        last_whole = any(folded(last) == own for _, own in intent.fields)
        here = self.frequent.get(name, Counter())
        everywhere = self.frequent[""]
        retry = any(action.name == name for action in past)
        rows = []
        for item in candidates:
            key = intent.fields[item.field][0] if item.field >= 0 else ""
            text, length = item.text, len(item.text)
            rows.append(
                (
                    item.source,
                    _case(text),
                    length,
                    text.count(" ") + 1,
                    len(item.whole),
                    length / len(item.whole),
                    length == len(item.whole) or not item.whole[length].isalnum(),
                    item.field,
                    key in fields_typed,
                    bool(intent.fields) and item.field >= 0 and intent.fields[item.field][1] == value,
                    rates.get(key, np.nan),
                    len(label.intersection(key.split())),
                    item.start,
                    _case(text) == last_case,
                    length - len(last) if last else np.nan,
                    last_whole,
                    text in earlier,
                    folded(text) == value,
                    # A text typed once may be the one of this very step.
                    np.log(max(here[text] - (fold is not None), 1)),
                    np.log(max(everywhere[text] - (fold is not None), 1)),
                    so_far.step,
                    len(past),
                    retry,
                )
            )
        return np.array(rows, np.float32).reshape(len(candidates), len(FEATURES))

    def _key_rates(self, name: str, intent: Intent, fold: int | None) -> Mapping[str, float]:
        """Share of each intent key among the values typed into `name`; one fold may be left out."""
        counts = self.key_counts.get(name, {})
        sums = {key: sum(by) - (by[fold] if fold is not None else 0) for key, by in counts.items()}
        total = sum(sums.values()) + 1
        return {key: sums.get(key, 0) / total for key, _ in intent.fields}


def _typed_steps(data: DataSet) -> Iterator[tuple[SessionSoFar, str, str, int]]:
    for session in data:
        if any(step.action.text for step in session.steps):
            fold = fold_of(session.user_id)
            for so_far, step in replay(data, session):
                if step.action.text and step.action.name is not None:
                    yield so_far, step.action.name, step.action.text, fold


def _keys_typed(intent: Intent, text: str) -> list[str]:
    """Intent keys whose value starts with the text."""
    typed = folded(text)
    return [key for key, value in intent.fields if typed and value.startswith(typed)]


def _runs(text: str) -> Iterator[TextCandidate]:
    """Runs of up to `LONGEST_RUN` words without outer punctuation, as written and in lower case."""
    tokens = text.split()[:MOST_WORDS]
    for length in range(1, LONGEST_RUN + 1):
        for start in range(len(tokens) - length + 1):
            run = " ".join(tokens[start : start + length]).strip(".,;:!?\"'()")
            for cased in dict.fromkeys((run, run.lower())):
                yield TextCandidate(cased, RUN, cased, start=start)


def _case(text: str) -> int:
    """0 for lower case, 1 for upper case, 2 for mixed."""
    return 0 if text == text.lower() else 1 if text == text.upper() else 2
