"""What is compared between populations: each measure turns a session into a vector of shares.

A *number* of a session (its length, its searches) becomes one share of 1 at its value: averaged over sessions
these are the distribution of the number. A *composition* (its categories, its transitions, the words of its
queries) becomes the shares of its parts, which sum to 1. So every session counts once, however long it is,
and the average over sessions describes the population.

Two averages are compared by the squared energy distance (Székely & Rizzo 2013). For numbers the distance of
two values is that of their logarithms, log(1 + x): between 2 and 4 searches it is about as large as between
20 and 40. For parts it is 1 unless they are equal, which makes the squared energy distance the squared
Euclidean distance of the shares. `embed` maps shares to vectors whose squared Euclidean distance it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from facsim.fidelity.session_population import UNFINISHED, SessionPopulation

FloatArray = NDArray[np.float64]
Kind = Literal["number", "composition"]

WORD_BUCKETS: Final = 512
"""Words of queries are hashed into so many parts, so that words that people never typed count like others."""

MOST_VALUES: Final = 256
"""Numbers with more different values than this are rounded to quantiles of all populations together."""

FUNNEL_STEPS: Final = (1, 2, 3, 5, 8, 13, 21)
"""Numbers of steps after which the funnel is looked at."""

FUNNEL_STATES: Final = (
    "nothing yet",
    "searched",
    "saw a product",
    "began to buy",
    "bought",
    "left",
    UNFINISHED,
)
_OUTCOMES: Final = ("purchase", "terminate", UNFINISHED)
_FOLLOWING: Final = ("no second query", "repeated", "reworded", "new")
_NO_QUERY: Final = "(no query)"


@dataclass(frozen=True)
class Measure:
    """The definition of a measure.

    Attributes:
        name: as in tables and files.
        title: for readers.
        about: what it is, in a clause.
        kind: a `number` of a session, or a `composition`.
        unit: of a number.
        timed: whether it needs times. Predictors have none, so these measures are not part of the score.
    """

    name: str
    title: str
    about: str
    kind: Kind
    unit: str = ""
    timed: bool = False


_ALL: Final = (
    Measure("length", "Session length", "steps per session", "number", "steps"),
    Measure("outcome", "Outcome", "how sessions end: purchase, terminate, unfinished", "composition"),
    Measure(
        "funnel",
        "Funnel by step",
        f"how far sessions have come after {', '.join(map(str, FUNNEL_STEPS))} steps",
        "composition",
    ),
    Measure("categories", "Categories", "share of each category among the steps of a session", "composition"),
    Measure(
        "transitions",
        "Transitions",
        "share of each pair of categories that follow each other, start and end included",
        "composition",
    ),
    Measure("searches", "Searches", "typed queries per session", "number", "queries"),
    Measure(
        "query_length",
        "Query length",
        "words per query, averaged over the queries of a session; 0 without a query",
        "number",
        "words",
    ),
    Measure(
        "query_diversity",
        "Query diversity",
        "how each later query of a session relates to those before: repeated, reworded (it shares a word "
        "with the last one), or new",
        "composition",
    ),
    Measure("query_words", "Query words", "share of each word in the queries of a session", "composition"),
    Measure("filters", "Filters", "filter and sort actions per session", "number", "actions"),
    Measure("revisits", "Revisits", "returns to a page seen before in the session", "number", "returns"),
    Measure("products", "Products seen", "different products opened per session", "number", "products"),
    Measure("duration", "Duration", "seconds from the first to the last step", "number", "s", timed=True),
    Measure("pause", "Pause", "seconds per step of a session", "number", "s", timed=True),
)

MEASURES: Final[Mapping[str, Measure]] = {measure.name: measure for measure in _ALL}
"""The measures by name, in the order of tables."""


@dataclass(frozen=True)
class MeasuredPopulations:
    """One measure of several populations, over the same parts or values.

    Attributes:
        measure: its definition.
        parts: names of the parts; for a number, its values as text.
        values: of a number, shape (parts,); None for a composition.
        weights: for each part, the weight of its squared difference, shape (parts,).
        shares: by population, shares per session, shape (sessions, parts); rows of NaN where the session has
            no such measure.
    """

    measure: Measure
    parts: tuple[str, ...]
    values: FloatArray | None
    weights: FloatArray
    shares: Mapping[str, FloatArray]

    def embed(self, shares: FloatArray) -> FloatArray:
        """Vectors whose squared Euclidean distance is the squared energy distance.

        For values x_1 < x_2 < … it is 2 ∫ (F - G)² dx, so the vectors are cumulated shares, weighted by the
        root of twice the gap to the next value.

        Args:
            shares: shape (…, parts).

        Returns:
            The vectors, shape (…, parts).
        """
        if self.values is not None:
            shares = np.cumsum(shares, axis=-1)
        return shares * np.sqrt(self.weights)


def measured(measure: Measure, populations: Mapping[str, SessionPopulation]) -> MeasuredPopulations:
    """A measure of several populations. Those that did not record what it needs are left out."""
    if measure.kind == "number":
        found = {name: _NUMBERS[measure.name](one) for name, one in populations.items()}
        return _of_numbers(measure, {name: numbers for name, numbers in found.items() if numbers is not None})
    parts, weights, shares = _COMPOSITIONS[measure.name](populations)
    recorded = {name: one for name, one in shares.items() if np.isfinite(one).any()}
    return MeasuredPopulations(measure, parts, None, weights, recorded)


def _of_numbers(measure: Measure, numbers: Mapping[str, FloatArray]) -> MeasuredPopulations:
    pooled = np.concatenate([np.empty(0), *numbers.values()])
    values = np.unique(pooled[np.isfinite(pooled)])
    if values.size > MOST_VALUES:
        values = np.unique(np.quantile(values, np.linspace(0, 1, MOST_VALUES)))
    gaps = np.append(np.diff(np.log1p(values)), 0.0)
    middles = (values[1:] + values[:-1]) / 2
    shares = {}
    for name, one in numbers.items():
        known = np.isfinite(one)
        rows = np.where(known[:, None], np.zeros((1, values.size)), np.nan)
        rows[np.flatnonzero(known), np.searchsorted(middles, one[known])] = 1.0
        shares[name] = rows
    parts = tuple(f"{value:g}" for value in values)
    return MeasuredPopulations(measure, parts, values, 2 * gaps, shares)


def _per_session(population: SessionPopulation, found: pl.DataFrame, absent: float = 0.0) -> FloatArray:
    """The column `n` of a table that has a row for some sessions, for every session in order."""
    joined = population.sessions.select("session").join(
        found, on="session", how="left", maintain_order="left"
    )
    return joined["n"].cast(pl.Float64).fill_null(absent).to_numpy()


def _aggregate(what: pl.Expr) -> Callable[[SessionPopulation], FloatArray]:
    """A number from the steps of each session."""

    def number(population: SessionPopulation) -> FloatArray:
        return _per_session(population, population.steps.group_by("session").agg(what.alias("n")))

    return number


def _query_length(population: SessionPopulation) -> FloatArray:
    words = pl.col("query").str.split(" ").list.len()
    typed = population.steps.drop_nulls("query")
    return _per_session(population, typed.group_by("session").agg(words.mean().alias("n")))


def _products(population: SessionPopulation) -> FloatArray | None:
    """Different names of opened products; None where all have one name, as in logs that record no targets."""
    opened = population.steps.filter(pl.col("category") == "product_click")
    if opened.height > 1 and opened["name"].drop_nulls().n_unique() < 2:
        return None
    return _per_session(population, opened.group_by("session").agg(pl.col("name").n_unique().alias("n")))


def _revisits(population: SessionPopulation) -> FloatArray | None:
    """Arrivals at a page, less the different pages. Actions on one page in a row are one arrival."""
    steps = population.steps
    if steps["page"].null_count() == steps.height:
        return None
    page = pl.col("page")
    arrives = page.ne_missing(page.shift(1)).or_(pl.int_range(pl.len()) == 0)
    return _per_session(
        population,
        steps.group_by("session", maintain_order=True).agg((arrives.sum() - page.n_unique()).alias("n")),
    )


def _duration(population: SessionPopulation) -> FloatArray | None:
    return _time(population, pl.col("elapsed").max())


def _pause(population: SessionPopulation) -> FloatArray | None:
    return _time(population, pl.col("elapsed").max() / pl.len())


def _time(population: SessionPopulation, what: pl.Expr) -> FloatArray | None:
    found = population.steps.group_by("session").agg(what.alias("n"))
    if found["n"].null_count() == found.height:
        return None
    return np.maximum(_per_session(population, found, absent=np.nan), 0.0)


_NUMBERS: Final[Mapping[str, Callable[[SessionPopulation], FloatArray | None]]] = {
    "length": _aggregate(pl.len()),
    "searches": _aggregate(pl.col("query").is_not_null().sum()),
    "query_length": _query_length,
    "filters": _aggregate((pl.col("category") == "filter").sum()),
    "revisits": _revisits,
    "products": _products,
    "duration": _duration,
    "pause": _pause,
}

Shares = tuple[tuple[str, ...], FloatArray, Mapping[str, FloatArray]]


def _shares_of(
    population: SessionPopulation, counts: pl.DataFrame, parts: Sequence[str], absent: str | None = None
) -> FloatArray:
    """Counts of parts as shares per session.

    Args:
        population: the sessions.
        counts: columns `session`, `part` and `n`.
        parts: the names of all parts.
        absent: the part of a session without counts; if None, its row is NaN.

    Returns:
        Shape (sessions, parts); rows sum to 1.
    """
    places = pl.DataFrame(
        {"part": list(parts), "place": range(len(parts))}, schema={"part": pl.String, "place": pl.UInt32}
    )
    rows = population.sessions.select("session").with_row_index("row")
    found = counts.join(places, on="part").join(rows, on="session")
    shares = np.zeros((len(population), len(parts)))
    np.add.at(shares, (found["row"].to_numpy(), found["place"].to_numpy()), found["n"].to_numpy())
    totals = shares.sum(axis=1)
    if absent is not None:
        shares[totals == 0, parts.index(absent)] = 1.0
        totals[totals == 0] = 1.0
    with np.errstate(invalid="ignore"):
        return np.asarray(shares / totals[:, None])


def _composition(
    count: Callable[[SessionPopulation], pl.DataFrame],
    parts: Sequence[str] | None = None,
    absent: str | None = None,
) -> Callable[[Mapping[str, SessionPopulation]], Shares]:
    """A composition from counts per session; its parts are those that occur, unless they are given."""

    def composition(populations: Mapping[str, SessionPopulation]) -> Shares:
        counts = {name: count(one) for name, one in populations.items()}
        names = (
            list(parts)
            if parts is not None
            else sorted(set().union(*(one["part"] for one in counts.values())))
        )
        shares = {name: _shares_of(populations[name], one, names, absent) for name, one in counts.items()}
        return tuple(names), np.ones(len(names)), shares

    return composition


def _outcomes(population: SessionPopulation) -> pl.DataFrame:
    known = population.sessions.filter(pl.col("outcome").is_in(_OUTCOMES))
    return known.select("session", part="outcome", n=pl.lit(1))


def _categories(population: SessionPopulation) -> pl.DataFrame:
    steps = population.steps.select("session", part="category")
    return steps.group_by("session", "part", maintain_order=True).agg(n=pl.len())


def _transitions(population: SessionPopulation) -> pl.DataFrame:
    category = pl.col("category")
    last = pl.col("session").ne_missing(pl.col("session").shift(-1))
    pairs = population.steps.select(
        "session",
        before=pl.when(pl.col("step") == 0).then(pl.lit("start")).otherwise(category.shift(1)),
        after=category,
        last=last,
    )
    ends = pairs.filter("last").select("session", before="after", after=pl.lit("end"))
    every = pl.concat([pairs.select("session", "before", "after"), ends])
    every = every.select("session", part=pl.concat_str("before", "after", separator=" → "))
    return every.group_by("session", "part", maintain_order=True).agg(n=pl.len())


def _query_diversity(population: SessionPopulation) -> pl.DataFrame:
    rows: list[tuple[int, str, int]] = []
    typed = population.steps.drop_nulls("query").group_by("session", maintain_order=True).agg("query")
    for session, queries in typed.iter_rows():
        before: set[frozenset[str]] = set()
        last: frozenset[str] = frozenset()
        for number, query in enumerate(queries):
            words = frozenset(query.split())
            if number:
                how = "repeated" if words in before else "reworded" if words & last else "new"
                rows.append((session, how, 1))
            before.add(words)
            last = words
    return pl.DataFrame(rows, schema={"session": pl.UInt32, "part": pl.String, "n": pl.Int64}, orient="row")


def _query_words(population: SessionPopulation) -> pl.DataFrame:
    words = (
        population.steps.drop_nulls("query")
        .select("session", word=pl.col("query").str.split(" "))
        .explode("word")
        .filter(pl.col("word") != "")
    )
    different = words["word"].unique()
    parts = [word_bucket(word) for word in different]
    buckets = pl.DataFrame({"word": different, "part": pl.Series(parts, dtype=pl.String)})
    return words.join(buckets, on="word").group_by("session", "part", maintain_order=True).agg(n=pl.len())


def word_bucket(word: str) -> str:
    """The part of a word: a hash that is the same on every machine.

    >>> word_bucket("shoes") == word_bucket("shoes")
    True
    """
    digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return f"words {int.from_bytes(digest, 'big') % WORD_BUCKETS}"


def _funnel(populations: Mapping[str, SessionPopulation]) -> Shares:
    """For each number of steps, the furthest state reached by then; each is a distribution of its own."""
    parts = tuple(f"after {count}: {state}" for count in FUNNEL_STEPS for state in FUNNEL_STATES)
    shares = {name: _funnel_of(one) for name, one in populations.items()}
    return parts, np.full(len(parts), 1 / len(FUNNEL_STEPS)), shares


def _funnel_of(population: SessionPopulation) -> FloatArray:
    stage = (
        pl.when(pl.col("category") == "purchase").then(3)
        .when(pl.col("category") == "product_click").then(2)
        .when((pl.col("category") == "search") | pl.col("query").is_not_null()).then(1)
        .otherwise(0)
    )  # fmt: skip
    lists = population.steps.group_by("session", maintain_order=True).agg(
        stage=stage.cum_max(), length=pl.len()
    )
    rows = population.sessions.join(lists, on="session", how="left", maintain_order="left")
    ended = {"purchase": 4, "terminate": 5, UNFINISHED: 6}
    shares = np.zeros((len(population), len(FUNNEL_STEPS), len(FUNNEL_STATES)))
    for row, (outcome, stages, length) in enumerate(rows.select("outcome", "stage", "length").iter_rows()):
        for place, count in enumerate(FUNNEL_STEPS):
            over = length is None or count >= length
            state = (
                ended[outcome]
                if over and outcome in ended
                else stages[min(count, length) - 1]
                if length
                else 0
            )
            shares[row, place, state] = 1.0
    return shares.reshape(len(population), -1)


_COMPOSITIONS: Final[Mapping[str, Callable[[Mapping[str, SessionPopulation]], Shares]]] = {
    "outcome": _composition(_outcomes, _OUTCOMES),
    "funnel": _funnel,
    "categories": _composition(_categories),
    "transitions": _composition(_transitions),
    "query_diversity": _composition(_query_diversity, _FOLLOWING, "no second query"),
    "query_words": _composition(
        _query_words, (*(f"words {number}" for number in range(WORD_BUCKETS)), _NO_QUERY), _NO_QUERY
    ),
}
