"""Populations made from people's sessions to compare others with: a uniform walker, and a Markov chain.

Both need nothing but the tables of a data set: neither the site nor its pages. A session is a chain of
*moves*: the category of the action, and the outcome if the session ends with it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Final, Generic, TypeVar

import polars as pl

from facsim.fidelity.session_population import SESSIONS_SCHEMA, STEPS_SCHEMA, UNFINISHED, SessionPopulation

_Value = TypeVar("_Value")
_Move = tuple[str, str | None]
_LONGEST: Final = 500

UNIFORM_WALKER: Final = "uniform walker"
MARKOV_CHAIN: Final = "Markov chain"


class _Drawable(Generic[_Value]):
    """Different values, to draw from uniformly or as often as they occurred."""

    def __init__(self, counts: Counter[_Value]) -> None:
        self.values = list(counts)
        self.total = counts.total()
        self._cumulated = list(accumulate(counts.values()))

    def uniform(self, random: Random) -> _Value:
        return random.choice(self.values)

    def frequent(self, random: Random) -> _Value:
        return random.choices(self.values, cum_weights=self._cumulated)[0]


@dataclass(frozen=True)
class _Targets:
    """What people did in one category."""

    names: _Drawable[str]
    queries: _Drawable[str]
    pages: _Drawable[str]


def uniform_walker(real: SessionPopulation, *, sessions: int, seed: int = 0) -> SessionPopulation:
    """Walkers who choose uniformly among everything that people did at any time.

    At every step each move has the same probability. The target and the page are drawn uniformly from the
    different ones that people had with this category. A query has uniformly between 1 and as many words as
    the longest one, each drawn uniformly from all different words.

    Args:
        real: the people.
        sessions: how many sessions to make.
        seed: of the draws.
    """
    moves = sorted({move for chain in _chains(real) for move in chain}, key=str)
    targets = _targets_of(real)
    queries = [query.split() for one in targets.values() for query in one.queries.values]
    words = sorted({word for query in queries for word in query}) or [""]
    longest = max((len(query) for query in queries), default=1) or 1

    def query(random: Random, _: _Drawable[str]) -> str:
        return " ".join(random.choice(words) for _ in range(random.randint(1, longest)))

    draws = _Draws(lambda random, _: random.choice(moves), _Drawable.uniform, query)
    return _population(UNIFORM_WALKER, draws, targets, sessions, seed)


def markov_chain(real: SessionPopulation, *, sessions: int, seed: int = 0) -> SessionPopulation:
    """Sessions of a first-order Markov chain of moves, with the frequencies that people have.

    Targets, pages and queries are drawn as often as people had them with the same category.

    Args:
        real: the people.
        sessions: how many sessions to make.
        seed: of the draws.
    """
    counts: defaultdict[str | None, Counter[_Move]] = defaultdict(Counter)
    for chain in _chains(real):
        before: str | None = None
        for move in chain:
            counts[before][move] += 1
            before = move[0]
    following = {before: _Drawable(moves) for before, moves in counts.items()}
    draws = _Draws(
        lambda random, before: following[before].frequent(random),
        _Drawable.frequent,
        lambda random, queries: queries.frequent(random),
    )
    return _population(MARKOV_CHAIN, draws, _targets_of(real), sessions, seed)


@dataclass(frozen=True)
class _Draws:
    """How a population draws the move after a category, a target, and a query among those of a category."""

    move: Callable[[Random, str | None], _Move]
    target: Callable[[_Drawable[str], Random], str]
    query: Callable[[Random, _Drawable[str]], str]


def _chains(real: SessionPopulation) -> list[list[_Move]]:
    lists = real.steps.group_by("session", maintain_order=True).agg("category")
    outcomes = dict(real.sessions.select("session", "outcome").iter_rows())
    chains = []
    for session, categories in lists.iter_rows():
        # A recording that just stopped still ends: a walker has to end, too.
        ends = outcomes[session] or UNFINISHED
        chains.append([*((category, None) for category in categories[:-1]), (categories[-1], ends)])
    return chains


def _targets_of(real: SessionPopulation) -> Mapping[str, _Targets]:
    columns = ("name", "query", "page")
    counts: defaultdict[str, tuple[Counter[str], ...]] = defaultdict(
        lambda: (Counter(), Counter(), Counter())
    )
    for category, *values in real.steps.select("category", *columns).iter_rows():
        for counter, value in zip(counts[category], values, strict=True):
            if value is not None:
                counter[value] += 1
    return {category: _Targets(*map(_Drawable, found)) for category, found in counts.items()}


def _population(
    name: str, draws: _Draws, targets: Mapping[str, _Targets], sessions: int, seed: int
) -> SessionPopulation:
    random = Random(f"{name}:{seed}")  # noqa: S311
    steps: list[Sequence[object]] = []
    people: list[Sequence[object]] = []
    for session in range(sessions):
        category: str | None = None
        ends: str | None = None
        for step in range(_LONGEST):
            category, ends = draws.move(random, category)
            found = targets[category]
            # As often as people typed in this category: clicking a suggested query is no typing.
            typed = random.random() * max(found.names.total, found.queries.total) < found.queries.total
            kind = "type_and_submit" if typed else "terminate" if ends == "terminate" else "click"
            target = draws.target(found.names, random) if found.names.total else None
            query = draws.query(random, found.queries) if typed else None
            page = draws.target(found.pages, random) if found.pages.total else None
            steps.append((session, step, kind, target, query, category, page, None))
            if ends is not None:
                break
        people.append((session, f"{name} {session}", f"{name} {session}", None, ends or UNFINISHED))
    return SessionPopulation(
        name,
        pl.DataFrame(people, schema=SESSIONS_SCHEMA, orient="row"),
        pl.DataFrame(steps, schema=STEPS_SCHEMA, orient="row"),
    )
