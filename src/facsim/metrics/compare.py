"""Whether two runs differ, on the same steps.

Three views of one difference: a confidence interval of the difference of accuracies (paired: both runs'
sessions are drawn together), a permutation test that accounts for dependent steps within a session, and
McNemar's test, which does not, for comparison with the paper. Judge by the permutation test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any, Final, Literal, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from facsim.metrics.bootstrap import FloatArray, Statistic, estimate, fixed_point
from facsim.metrics.cases import Cases
from facsim.metrics.compute import check_settings
from facsim.metrics.estimate import Cluster, Estimate
from facsim.metrics.match import Rule, check_rule
from facsim.util.errors import ConfigError
from facsim.util.notebook_html import HtmlCell, figure, paragraph, table

_CHUNK: Final = 8_000_000  # signs held at once: 1 MB as bits, 8 MB as sums of eight
_TRUTH: Final = ("session_id", "step", "true_type", "true_name", "true_text")


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs on the same steps.

    Attributes:
        a: name of the first run.
        b: name of the second.
        rule: the matching rule.
        cluster: the unit that was resampled and swapped between the runs: `session` or `user`.
        steps: test cases.
        sessions: sessions.
        accuracy_a: macro accuracy of the first run.
        accuracy_b: macro accuracy of the second.
        difference: `accuracy_a - accuracy_b`, with its paired bootstrap interval.
        only_a: steps that only the first run got right.
        only_b: steps that only the second run got right.
        mcnemar_p: two-sided p-value of the exact McNemar test on `only_a` and `only_b`.
        permutation_p: two-sided p-value of the clustered permutation test on the difference.
        adjusted_p: `permutation_p` after Holm's correction over all comparisons made together.
        level: confidence level of the interval.
    """

    a: str
    b: str
    rule: Rule
    cluster: Cluster
    steps: int
    sessions: int
    accuracy_a: float
    accuracy_b: float
    difference: Estimate
    only_a: int
    only_b: int
    mcnemar_p: float
    permutation_p: float
    adjusted_p: float
    level: float = 0.95

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    def _repr_html_(self) -> str:
        """For notebooks: both accuracies, their difference with its interval, and the p-value."""
        low, high = self.difference.low, self.difference.high
        interval = "" if low is None or high is None else f" [{100 * low:+.1f}, {100 * high:+.1f}]"
        heads = ["A", "B", "accuracy A", "accuracy B", "A - B", "only A right", "only B right", "Holm p"]
        row = [
            HtmlCell(self.a, strong=self.difference.value > 0),
            HtmlCell(self.b, strong=self.difference.value < 0),
            HtmlCell(f"{100 * self.accuracy_a:.1f} %", number=True),
            HtmlCell(f"{100 * self.accuracy_b:.1f} %", number=True),
            HtmlCell(f"{100 * self.difference.value:+.1f}{interval}", number=True),
            HtmlCell(f"{self.only_a:,}", number=True),
            HtmlCell(f"{self.only_b:,}", number=True),
            HtmlCell("<0.001" if self.adjusted_p < 0.001 else f"{self.adjusted_p:.3f}", number=True),
        ]
        counts = f"{self.steps:,} steps of {self.sessions:,} sessions · {self.rule} rule"
        return figure(paragraph(f"· {counts}", strong="Comparison"), table(heads, [row]))

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**{**fields, "difference": Estimate(**fields["difference"])})


def compare_runs(
    a: pl.DataFrame,
    b: pl.DataFrame,
    *,
    rule: Rule = "exact",
    resamples: int = 10_000,
    seed: int = 0,
    cluster: Cluster = "session",
    level: float = 0.95,
) -> Comparison:
    """Compare two runs on the same steps.

    Args:
        a: test cases of the first run (`CASES_SCHEMA`).
        b: test cases of the second run, on the same steps.
        rule: the matching rule.
        resamples: resamples of the bootstrap and of the permutation test.
        seed: seed of both.
        cluster: the unit whose steps are not independent of each other: `session` or `user`.
        level: confidence level of the interval.

    Raises:
        ConfigError: if the runs are not about the same steps, or a setting is out of range.
        InputError: if a table is not a table of test cases.

    Three sessions of one step; a is right in all, b in one. Difference 1 - 1/3. Of the 2^2 ways to swap the
    two sessions that differ, 2 give a difference as large:

    >>> from facsim.metrics.cases import case, example
    >>> right, wrong = ({"true": "click x", "predicted": f"click {name}"} for name in "xy")
    >>> a = example(*[case(**right, session=s) for s in "pqr"]).table
    >>> b = example(case(**right, session="p"), *[case(**wrong, session=s) for s in "qr"]).table
    >>> comparison = compare_runs(a, b)
    >>> round(comparison.difference.value, 4), comparison.only_a, comparison.permutation_p
    (0.6667, 2, 0.5)
    """
    return compare_many(
        {"a": a, "b": b}, rule=rule, resamples=resamples, seed=seed, cluster=cluster, level=level
    )[0]


def compare_many(
    runs: Mapping[str, pl.DataFrame | Cases],
    *,
    pairs: Literal["all", "best"] = "all",
    rule: Rule = "exact",
    resamples: int = 10_000,
    seed: int = 0,
    cluster: Cluster = "session",
    level: float = 0.95,
) -> tuple[Comparison, ...]:
    """Compare runs on the same steps, pair by pair, corrected for how many pairs there are.

    Args:
        runs: test cases by name of run, at least two; as tables, or prepared.
        pairs: `all`, or only the `best` run (highest macro accuracy, the first of equals) with each other
            one. Which run is best is itself a result of these data, so a p-value of `best` is slightly too
            small when several runs are nearly equal.
        rule: by which a prediction counts as right.
        resamples: of the bootstrap and of the permutation test.
        seed: of both. The comparison of two runs is the same whatever the other runs, except `adjusted_p`.
        cluster: what is not independent of itself: `session` or `user`.
        level: of the intervals.

    Returns:
        One comparison per pair, in the order of `runs`; with `best`, the best run is `a`.

    Raises:
        ConfigError: if there are fewer than two runs, if they are not about the same steps, or if a setting
            is out of range.
        InputError: if a table is not a table of test cases.
    """
    check_rule(rule)
    check_settings(resamples, level)
    if resamples < 1:
        raise ConfigError("resamples is 0; a comparison needs at least 1, usually 10000")
    if pairs not in ("all", "best"):
        raise ConfigError(f"pairs is {pairs!r}; expected all or best")
    if len(runs) < 2:
        raise ConfigError(f"{len(runs)} run to compare; expected at least 2")
    cases = {name: Cases.of(table, cluster) for name, table in runs.items()}
    _check_same_steps(cases)
    first = next(iter(cases.values()))
    accuracies = {name: _session_accuracies(found, rule) for name, found in cases.items()}
    matched = {name: found.match(rule) for name, found in cases.items()}
    means = {name: statistic.value() for name, statistic in accuracies.items()}
    chosen = list(combinations(runs, 2))
    if pairs == "best":
        best = max(means, key=means.__getitem__)
        chosen = [(best, name) for name in runs if name != best]
    differences = [_difference(accuracies[a], accuracies[b]) for a, b in chosen]
    estimates = estimate(differences, resamples=resamples, seed=seed, level=level)
    compared = []
    for (a, b), statistic, difference in zip(chosen, differences, estimates, strict=True):
        assert difference is not None  # there is at least one session
        only_a = int((matched[a] & ~matched[b]).sum())
        only_b = int((matched[b] & ~matched[a]).sum())
        p = permutation_p(statistic.sums[:, 0], resamples=resamples, seed=seed)
        compared.append(
            Comparison(
                a=a,
                b=b,
                rule=rule,
                cluster=cluster,
                steps=len(first),
                sessions=first.sessions,
                accuracy_a=means[a],
                accuracy_b=means[b],
                difference=difference,
                only_a=only_a,
                only_b=only_b,
                mcnemar_p=mcnemar_p(only_a, only_b),
                permutation_p=p,
                adjusted_p=p,
                level=level,
            )
        )
    adjusted = holm([comparison.permutation_p for comparison in compared])
    return tuple(replace(found, adjusted_p=p) for found, p in zip(compared, adjusted, strict=True))


def _session_accuracies(cases: Cases, rule: Rule) -> Statistic:
    return cases.session_mean(cases.match(rule))


def _difference(a: Statistic, b: Statistic) -> Statistic:
    """The difference of two macro accuracies over the same clusters, drawn together."""
    sums = np.stack([a.sums[:, 0] - b.sums[:, 0], a.sums[:, 1]], axis=1)
    return Statistic(sums, a.function, a.n, a.clusters, bounds=(-1.0, 1.0))


def _check_same_steps(cases: Mapping[str, Cases]) -> None:
    """Refuse runs that are about different steps, or about the same steps with different truths."""
    names = iter(cases)
    name = next(names)
    mine = cases[name].table.select(_TRUTH)
    if mine.is_empty():
        raise ConfigError(f"run {name!r} has no test cases; nothing to compare")
    for other in names:
        theirs = cases[other].table.select(_TRUTH)
        if mine.equals(theirs):
            continue
        for here, there, left, right in ((name, other, mine, theirs), (other, name, theirs, mine)):
            lacking = left.join(right, on=_TRUTH[:2], how="anti")
            if not lacking.is_empty():
                session, step = lacking.row(0)[:2]
                raise ConfigError(
                    f"runs {name!r} and {other!r} are not about the same steps: {lacking.height} of "
                    f"{here!r} are not in {there!r}, the first is session {session!r} step {step}; "
                    "compare runs of the same data, split, --first-step and --limit, both finished"
                )
        row = next(
            i for i, rows in enumerate(zip(mine.rows(), theirs.rows(), strict=True)) if rows[0] != rows[1]
        )
        session, step, *true = mine.row(row)
        raise ConfigError(
            f"runs {name!r} and {other!r} have different truths for session {session!r} step {step}: "
            f"{true} and {list(theirs.row(row)[2:])}; compare runs of the same data set"
        )


def permutation_p(differences: FloatArray, *, resamples: int = 10_000, seed: int = 0) -> float:
    """Two-sided p-value of the sign-flip permutation test on the sum of the clusters' differences.

    Under the null hypothesis the two runs could be swapped in any cluster as a whole. All swaps are tried
    when there are at most `resamples` of them, and the p-value is exact; otherwise `resamples` random ones,
    and the observed one is counted with them: the p-value is valid and never 0 (Phipson & Smyth 2010).

    Args:
        differences: first run minus second, one number per cluster.
        resamples: how many swaps to try.
        seed: of the random swaps.

    The 4 swaps of 1 and 2 sum to 3, -3, 1, -1; two are as far from 0 as 3:

    >>> permutation_p(np.array([1.0, 2.0]))
    0.5
    """
    # Clusters without a difference change nothing; integers make ties exact.
    whole, _ = fixed_point(np.asarray(differences, dtype=np.float64)[:, None])
    apart = whole[whole != 0]
    if not apart.size:
        return 1.0
    observed = abs(float(apart.sum()))
    exact = apart.size < 63 and 2**apart.size <= resamples
    trials = 2**apart.size if exact else resamples
    rng = np.random.default_rng(seed)
    rows = max(1, _CHUNK // apart.size)
    signed = _signed_sums(apart)
    places = 256 * np.arange(len(signed))
    extreme = 0
    for start in range(0, trials, rows):
        size = min(rows, trials - start)
        # Which clusters keep their sign: every choice in turn as a binary number, or random bits.
        chosen: NDArray[np.uint8] = (
            np.arange(start, start + size, dtype="<u8")[:, None].view(np.uint8)[:, : len(signed)]
            if exact
            else rng.integers(256, size=(size, len(signed)), dtype=np.uint8)
        )
        totals = signed.ravel()[chosen + places].sum(axis=1)
        extreme += int(np.count_nonzero(np.abs(totals) >= observed))
    return extreme / trials if exact else (1 + extreme) / (1 + trials)


def _signed_sums(values: FloatArray) -> FloatArray:
    """Lookup table: for every eight values and every byte, their sum with those of 0 bits negated.

    Swaps are then looked up eight clusters at a time. Nothing is rounded: the values are integers.

    Args:
        values: integers as floats, shape (clusters,).

    Returns:
        Sums, shape (ceil(clusters / 8), 256).

    >>> _signed_sums(np.array([1.0, 2.0]))[0, :4]  # bits 00, 01, 10, 11
    array([-3., -1.,  1.,  3.])
    """
    padded = np.pad(values, (0, -len(values) % 8)).reshape(-1, 8)
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
    signs = 2.0 * bits - 1.0
    return np.asarray(padded @ signs.T)


def mcnemar_p(only_a: int, only_b: int) -> float:
    """Two-sided p-value of McNemar's exact test: is one run alone right more often than the other alone?

    The exact (binomial) form, `statsmodels.stats.contingency_tables.mcnemar(exact=True)`. It takes steps as
    independent, which steps of one session are not, so its p-value is too small; it is here because the paper
    reports it.

    Args:
        only_a: steps that only the first run got right.
        only_b: steps that only the second run got right.

    One against five: 2 · (1 + 6) / 2^6:

    >>> round(mcnemar_p(1, 5), 6)
    0.21875
    """
    from scipy.special import bdtr  # noqa: PLC0415 - scipy stays off the import path

    return min(1.0, 2 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))


def holm(pvalues: Sequence[float]) -> list[float]:
    """P-values after Holm's step-down correction (Holm 1979), in the order given.

    The smallest of m is multiplied by m, the next by m - 1, and so on; none falls below one before it:

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]

    Raises:
        ConfigError: if one is not between 0 and 1.
    """
    values = np.asarray(pvalues, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise ConfigError(f"p-values must lie between 0 and 1: {list(pvalues)}")
    order = np.argsort(values, kind="stable")
    stepped = values[order] * np.arange(values.size, 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return [float(value) for value in adjusted]
