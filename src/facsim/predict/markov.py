"""Markov models over actions, restricted to the targets possible on the current page.

The model of order k gives a target t (type and name) after the history h = (last k targets) the probability

    P_k(t | h) = (c(h, t) + d(h) P_{k-1}(t | h')) / (c(h) + d(h))

with c(h, t) how often the train part has t after h, c(h) its sum and d(h) the number of different
targets, both over the targets possible on the current page, and h' the history without its oldest target
(Witten-Bell smoothing: Witten and Bell, 1991, method C). The recursion ends in P_{-1}, uniform over the
possible targets, so every element has a probability above zero and the sum is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any, ClassVar, Generic, TypeVar

from facsim.data import DataSet
from facsim.data.categorizer import Categorizer
from facsim.predict.baselines import Baseline
from facsim.predict.frequencies import TERMINATE, ActionTarget, action_sequences, target_of
from facsim.schema import Action, PastStep, Prediction, SessionSoFar
from facsim.util.progress import Progress, no_progress

MAX_TEXTS = 20
"""Most texts per typable element that get a probability."""

Symbol = TypeVar("Symbol", bound=Hashable)


class BackOff(Generic[Symbol]):
    """N-gram counts with Witten-Bell back-off to shorter histories.

    Args:
        order: length of the longest history.
    """

    def __init__(self, order: int) -> None:
        self.order = order
        self._counts: dict[tuple[Hashable, ...], Counter[Symbol]] = {}
        self._likeliest: dict[tuple[tuple[Hashable, ...], int], dict[Symbol, float]] = {}

    def add(self, history: Sequence[Hashable], symbol: Symbol) -> None:
        """Count `symbol` after `history` and after each of its endings up to `order` long."""
        self._likeliest.clear()
        for length in range(self.order + 1):
            self._counts.setdefault(self._key(history, length), Counter())[symbol] += 1

    def probabilities(self, history: Sequence[Hashable], possible: Sequence[Symbol]) -> list[float]:
        """The distribution over `possible` (no duplicates) after `history`. It sums to one, without zeros."""
        shares = [1 / len(possible)] * len(possible)
        for length in range(self.order + 1):
            counts = self._counts.get(self._key(history, length))
            if counts is None:
                break
            found = [counts.get(symbol, 0) for symbol in possible]
            total, different = sum(found), sum(count > 0 for count in found)
            if total:
                shares = [
                    (count + different * share) / (total + different)
                    for count, share in zip(found, shares, strict=True)
                ]
        return shares

    def seen(self, history: Sequence[Hashable], limit: int) -> Mapping[Symbol, float]:
        """The `limit` most probable symbols among those counted, for an open vocabulary.

        The mass that Witten-Bell reserves for unseen symbols is left out, so the sum is below one.
        """
        keys = [self._key(history, length) for length in range(self.order + 1)]
        known = list(takewhile(self._counts.__contains__, keys))
        if not known:
            return {}
        # Thousands of steps share few distinct histories, and each result takes a pass over all symbols.
        found = self._likeliest.get((known[-1], limit))
        if found is None:
            shares: dict[Symbol, float] = {}
            for counts in map(self._counts.__getitem__, known):
                total, different = sum(counts.values()), len(counts)
                shares = {
                    symbol: (counts.get(symbol, 0) + different * shares.get(symbol, 0.0))
                    / (total + different)
                    for symbol in dict.fromkeys((*counts, *shares))
                }
            found = dict(sorted(shares.items(), key=lambda item: -item[1])[:limit])
            self._likeliest[known[-1], limit] = found
        return found

    def _key(self, history: Sequence[Hashable], length: int) -> tuple[Hashable, ...]:
        # A history shorter than the order is padded: the start of a session is a state of its own.
        padded = (*(None,) * length, *history)
        return tuple(padded[len(padded) - length :])


class Markov(Baseline):
    """A Markov model over actions, of order 1 or 2.

    States are targets (type and name) and the start of a session. The text of a typed action comes from the
    texts typed into that name after the same previous target. It backs off to all texts typed there, then to
    texts typed anywhere.

    Args:
        restricted: whether only targets on the current page can be predicted. If false, the model ignores the
            page, as published Markov baselines often do.

    Attributes:
        order: number of previous targets in the state.
    """

    order: ClassVar[int]

    def __init__(self, *, restricted: bool = True) -> None:
        super().__init__()
        self.restricted = restricted
        self._targets: BackOff[ActionTarget] = BackOff(self.order)
        self._texts: BackOff[str] = BackOff(2)

    def settings(self) -> Mapping[str, Any]:
        """The order and the smoothing."""
        return {"order": self.order, "smoothing": "witten-bell", "restricted": self.restricted}

    def fit(self, train: DataSet, *, seed: int = 0, progress: Progress = no_progress) -> None:
        """Count which target follows which in `train`."""
        super().fit(train, seed=seed, progress=progress)
        self._targets, self._texts = BackOff(self.order), BackOff(2)
        for actions in action_sequences(train):
            self.count(actions)

    def count(self, actions: Sequence[Action]) -> None:
        """Add one session's actions to the counts."""
        history: list[ActionTarget] = []
        for action in actions:
            target = target_of(action)
            if action.name is not None or action.type == "terminate":
                self._targets.add(history, target)
            if action.text is not None and action.name is not None:
                previous = history[-1] if history else None
                self._texts.add((previous, action.name), action.text)
            history.append(target)

    def answer(self, so_far: SessionSoFar) -> Prediction:
        """The most probable target with its most probable text, and the distribution."""
        history = [target_of(step.action) for step in so_far.past]
        page = so_far.page
        possible = (
            self.frequencies.possible_targets(page)
            if self.restricted
            else [*self.frequencies.targets, TERMINATE]
        )
        possible = list(dict.fromkeys(possible))
        shares = self._targets.probabilities(history, possible)
        texts = {
            target: self._texts_of(target, history) for target in possible if target[0] == "type_and_submit"
        }
        best = max(range(len(possible)), key=shares.__getitem__)
        return Prediction(
            _best_action(possible[best], texts),
            probabilities=spread(zip(possible, shares, strict=True), texts),
        )

    def _texts_of(self, target: ActionTarget, history: Sequence[ActionTarget]) -> Mapping[str, float]:
        previous = history[-1] if history else None
        return self._texts.seen((previous, target[1]), MAX_TEXTS)


class MarkovOne(Markov):
    """A Markov model over actions, of order 1."""

    spec = "baseline:markov-1"
    order = 1


class MarkovTwo(Markov):
    """A Markov model over actions, of order 2."""

    spec = "baseline:markov-2"
    order = 2


def spread(
    shares: Iterable[tuple[ActionTarget, float]], texts: Mapping[ActionTarget, Mapping[str, float]]
) -> dict[Action, float]:
    """Combine a distribution over targets with one over texts per typed target.

    Mass of texts that are not listed is left out, so the sum may be below one.
    """
    probabilities: dict[Action, float] = {}
    for target, share in shares:
        kind, name = target
        if kind != "type_and_submit":
            probabilities[Action(kind, name)] = share
            continue
        for text, of_text in texts[target].items():
            probabilities[Action.type_and_submit(name, text)] = share * of_text
    return probabilities


def _best_action(target: ActionTarget, texts: Mapping[ActionTarget, Mapping[str, float]]) -> Action:
    kind, name = target
    if kind != "type_and_submit":
        return Action(kind, name)
    return Action.type_and_submit(name, next(iter(texts[target]), ""))


class MarkovCategory(Baseline):
    """The category that most often follows the previous one, by its most frequent action possible here.

    Categories are those of `facsim.data.categorizer.Categorizer`: the data set's own labels where it has
    them, and those of the category rules elsewhere.
    """

    spec = "baseline:markov-category"

    def __init__(self) -> None:
        super().__init__()
        self._next: BackOff[str] = BackOff(1)
        self._categorizer: Categorizer | None = None
        self._ranked: dict[str, list[ActionTarget]] = {}

    def fit(self, train: DataSet, *, seed: int = 0, progress: Progress = no_progress) -> None:
        """Count which category follows which in `train`, and the actions of each category."""
        super().fit(train, seed=seed, progress=progress)
        self._categorizer = Categorizer(train)
        by_category: dict[str, Counter[ActionTarget]] = {}
        self._next = BackOff(1)
        for done, session in enumerate(train, start=1):
            history: list[str] = []
            for step in session.steps:
                category = step.category
                if category is None:
                    category = self._categorizer.category(step.action, train.page(step.page_id), step.url)
                self._next.add(history, category)
                history.append(category)
                if step.action.name is not None or step.action.type == "terminate":
                    by_category.setdefault(category, Counter())[target_of(step.action)] += 1
            progress(done, len(train), "sessions counted")
        self._ranked = {
            category: [target for target, _ in targets.most_common()]
            for category, targets in by_category.items()
        }

    def answer(self, so_far: SessionSoFar) -> Prediction:
        """The most frequent possible action of the likeliest category that has one here."""
        history = [self._category(step) for step in so_far.past[-1:]]
        shares = self._next.seen(history, len(self._ranked)) if self._ranked else {}
        for category in shares:
            for kind, name in self._ranked.get(category, ()):
                if name is None or name in so_far.page:
                    return Prediction(self.frequencies.action(kind, name))
        return Prediction(self.frequencies.most_frequent(so_far.page))

    def _category(self, step: PastStep) -> str:
        if step.category is not None or self._categorizer is None:
            return step.category or step.action.type
        return self._categorizer.category(step.action, step.page)
