"""Statistics of simulated sessions: the same figures that are published for real sessions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

import numpy as np

from facsim.shop.shoppers.policy import Policy
from facsim.shop.shoppers.population import Population
from facsim.shop.shoppers.session_simulator import Decision, simulate_session
from facsim.shop.storefront.store import Storefront

PURCHASE_KINDS = frozenset({"add_to_cart", "buy_now", "checkout", "continue", "place_order"})
"""Kinds of actions that count as purchase intent in OPeRA."""

_CLASSES: Mapping[str, str] = {
    "search": "search",
    "did_you_mean": "search",
    "related_search": "search",
    "product": "product",
    "option": "option",
    "reviews": "reviews",
    "filter": "filter",
    "clear": "filter",
    "sort": "filter",
    "page": "page",
    "cart": "cart",
    "quantity": "cart",
    "remove": "cart",
    "department": "other",
    "home": "other",
    "other": "other",
}
"""Kind of action -> class shared by our actions and OPeRA's clicks. `back` has none: in OPeRA people go back
with the browser, without a click."""


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """Counts of one session.

    Attributes:
        actions: all actions, including leaving and the final order.
        searches: typed searches.
        filters: clicks on filters and sort orders.
        bought: 1 if the session ended in an order.
        reformulations: typed queries that differ from the previous one.
        typos, corrections: misspelt queries, and those followed directly by the intended query.
        right: highest action probability, averaged over all steps but the first; None if there are none.
        entropy: mean entropy over the same steps, in nats.
        leaves: steps after the first at which leaving was the most probable action.
        classes: classes of the actions up to the first action of purchase intent, then `purchase` or `end`.
    """

    actions: int
    searches: int
    filters: int
    bought: int
    reformulations: int
    typos: int
    corrections: int
    right: float | None
    entropy: float | None
    leaves: int
    classes: tuple[str, ...]


def simulate_counts(
    store: Storefront, policy: Policy, population: Population, sessions: int, *, seed: int = 0
) -> Iterator[SessionCounts]:
    """Simulate the sessions of a population and yield the counts of each."""
    for number in range(sessions):
        shopper = population.shopper(number, sessions)
        yield count_session(list(simulate_session(store, policy, shopper, Random(f"walk:{seed}:{number}"))))  # noqa: S311


def count_session(points: Sequence[Decision]) -> SessionCounts:
    """Return the counts of one session."""
    typed = [point.choice for point in points if point.choice.text is not None]
    pairs = list(pairwise(typed))
    kinds = [point.kind for point in points]
    best = [max(point.choices, key=lambda choice: choice.probability) for point in points[1:]]
    entropies = [
        -sum(choice.probability * math.log(choice.probability) for choice in point.choices)
        for point in points[1:]
    ]
    return SessionCounts(
        actions=len(points),
        searches=len(typed),
        filters=sum(kind in ("filter", "clear", "sort") for kind in kinds),
        bought=int(kinds[-1] == "place_order"),
        reformulations=sum(one.text != other.text for one, other in pairs),
        typos=sum(choice.text != choice.meant for choice in typed),
        corrections=sum(one.text != one.meant == other.text for one, other in pairs),
        right=sum(choice.probability for choice in best) / len(best) if best else None,
        entropy=sum(entropies) / len(entropies) if entropies else None,
        leaves=sum(choice.action_index is None for choice in best),
        classes=_classes(kinds),
    )


def _classes(kinds: Sequence[str]) -> tuple[str, ...]:
    found: list[str] = []
    for kind in kinds:
        if kind in PURCHASE_KINDS:
            return (*found, "purchase")
        if kind in _CLASSES:
            found.append(_CLASSES[kind])
    return (*found, "end")


@dataclass(frozen=True, slots=True)
class Figure:
    """An estimate with the half-width of its 95% interval."""

    value: float
    error: float


def figures(found: Sequence[SessionCounts]) -> dict[str, Figure]:
    """Means, ratios and quantiles over sessions. Intervals are normal, or bootstrapped for quantiles."""
    actions = np.array([session.actions for session in found], float)
    searches = np.array([session.searches for session in found], float)
    filters = np.array([session.filters for session in found], float)
    right = np.array([session.right for session in found if session.right is not None])
    entropy = np.array([session.entropy for session in found if session.entropy is not None])
    steps = np.maximum(actions - 1, 0)
    weighted = np.array([(session.right or 0.0) * (session.actions - 1) for session in found])
    leaves = np.array([session.leaves for session in found], float)
    rng = np.random.default_rng(0)
    draws = rng.integers(len(found), size=(200, len(found)))
    spread = np.quantile(actions[draws], (0.5, 0.9), axis=1)
    middle, high = np.quantile(actions, (0.5, 0.9))
    return {
        "actions": _mean(actions),
        "median": Figure(float(middle), float(1.96 * spread[0].std())),
        "p90": Figure(float(high), float(1.96 * spread[1].std())),
        "skew": Figure(float(high / middle), float(1.96 * (spread[1] / spread[0]).std())),
        "searches": _mean(searches),
        "filters": _mean(filters),
        "searches_per_filter": _ratio(searches, filters),
        "purchases": _mean(np.array([session.bought for session in found], float)),
        "reformulated": _mean(np.array([session.reformulations > 0 for session in found], float)),
        "misspelt": _ratio(np.array([session.typos for session in found], float), searches),
        "corrected": _ratio(
            np.array([session.corrections for session in found], float),
            np.array([session.typos for session in found], float),
        ),
        "oracle_macro": _mean(right),
        "oracle_micro": _ratio(weighted, steps),
        "entropy": _mean(entropy),
        "leaving_most_probable": _ratio(leaves, steps),
    }


def _mean(values: np.ndarray) -> Figure:
    return Figure(float(values.mean()), float(1.96 * values.std(ddof=1) / math.sqrt(len(values))))


def _ratio(upper: np.ndarray, lower: np.ndarray) -> Figure:
    """Ratio of two means over sessions; its error by linearisation (delta method)."""
    if not lower.sum():
        return Figure(math.nan, math.nan)
    value = float(upper.sum() / lower.sum())
    residual = upper - value * lower
    return Figure(value, float(1.96 * residual.std(ddof=1) / math.sqrt(len(upper)) / lower.mean()))


def transitions(found: Iterable[Sequence[str]], *, repeats: bool = True) -> dict[str, Counter[str]]:
    """Count how often each class follows another; every session begins with `start`.

    Args:
        found: for each session, the classes of its actions in order.
        repeats: whether a class may follow itself; if not, a run of one class counts once.
    """
    rows: dict[str, Counter[str]] = {}
    for classes in found:
        for one, other in pairwise(("start", *classes)):
            if repeats or one != other:
                rows.setdefault(one, Counter())[other] += 1
    return rows


def distance(ours: Mapping[str, Counter[str]], theirs: Mapping[str, Counter[str]]) -> dict[str, float]:
    """Total variation distance between the rows of two transition tables.

    The entry `all` is the mean over rows, weighted by the counts of `theirs`.
    """
    found: dict[str, float] = {}
    for row, counts in theirs.items():
        mine = ours.get(row, Counter())
        total, own = counts.total(), mine.total() or 1
        keys = counts.keys() | mine.keys()
        found[row] = 0.5 * sum(abs(counts[key] / total - mine[key] / own) for key in keys)
    total = sum(counts.total() for counts in theirs.values())
    found["all"] = sum(found[row] * counts.total() for row, counts in theirs.items()) / total
    return found
