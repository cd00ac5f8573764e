"""Test cases in a form in which every metric is a short function of columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Concatenate, ParamSpec, TypeVar, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from facsim.metrics.bootstrap import UNIT, FloatArray, Statistic
from facsim.metrics.case_table import cases_table, check_cases
from facsim.metrics.estimate import Cluster
from facsim.metrics.match import Rule, match_expression
from facsim.util.errors import ConfigError

CLUSTERS: tuple[Cluster, ...] = get_args(Cluster)
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]
_Found = TypeVar("_Found")
_Args = ParamSpec("_Args")


class Cases:
    """A checked table of test cases, sorted by session and step, and the sums that metrics are made of.

    This is the one place that defines clusters: all metrics are sums over clusters computed here.

    Args:
        table: test cases (see `facsim.metrics.case_table`), in any order.
        cluster: the unit of resampling, `session` or `user`.

    Raises:
        InputError: if the table breaks a rule of `check_cases`.
        ConfigError: for an unknown cluster, or a session of two users when clusters are users.
    """

    def __init__(self, table: pl.DataFrame, cluster: Cluster = "session") -> None:
        if cluster not in CLUSTERS:
            raise ConfigError(f"unknown cluster {cluster!r}; expected one of {', '.join(CLUSTERS)}")
        self.table = check_cases(table)
        self.cluster = cluster
        self._found: dict[Any, Any] = {}
        sessions = self.table["session_id"]
        self.session_start: BoolArray = sessions.ne_missing(sessions.shift(1)).to_numpy()
        self._session: IntArray = np.cumsum(self.session_start) - 1
        self.sessions = int(self.session_start.sum())
        self.users = self.table["user_id"].n_unique()
        if cluster == "session":
            self._cluster, self.clusters = self._session, self.sessions
        else:
            self._cluster, self.clusters = self._user_codes(), self.users

    @classmethod
    def of(cls, cases: pl.DataFrame | Cases, cluster: Cluster = "session") -> Cases:
        """The cases of a table; `Cases` with these clusters are returned as they are.

        Raises:
            InputError: if the table breaks a rule of `check_cases`.
            ConfigError: for an unknown cluster, or a session of two users when clusters are users.
        """
        if isinstance(cases, Cases):
            return cases if cases.cluster == cluster else cls(cases.table, cluster)
        return cls(cases, cluster)

    def _user_codes(self) -> IntArray:
        users = self.table["user_id"].to_numpy()
        names, codes = np.unique(users.astype(object), return_inverse=True)
        first = codes[self.session_start]
        if not np.array_equal(codes, first[self._session]):
            row = int(np.flatnonzero(codes != first[self._session])[0])
            raise ConfigError(
                f"session {self.table['session_id'][row]!r} has two users, "
                f"{names[first[self._session[row]]]!r} and {users[row]!r}; "
                "a session must be in one cluster: cluster by session, or correct user_id"
            )
        return codes.astype(np.intp)

    def __len__(self) -> int:
        return self.table.height

    def column(self, name: str) -> FloatArray:
        """A numeric or Boolean column as floats, shape (cases,); null is NaN."""
        return self.table[name].cast(pl.Float64).to_numpy()

    def where(self, condition: pl.Expr) -> BoolArray:
        """For which cases a condition is true, shape (cases,); null counts as false."""
        return self.table.select(condition.fill_null(value=False).alias("hit"))["hit"].to_numpy()

    def match(self, rule: Rule) -> BoolArray:
        """Which predictions are right under a rule, shape (cases,)."""
        return self._matches[rule]

    @cached_property
    def _matches(self) -> Mapping[Rule, BoolArray]:
        return {rule: self.where(match_expression(rule)) for rule in ("exact", "equivalent", "target")}

    @cached_property
    def session_size(self) -> IntArray:
        """How many cases the session of each case has, shape (cases,)."""
        return np.bincount(self._session, minlength=self.sessions)[self._session]

    @cached_property
    def everything(self) -> BoolArray:
        """True for every case, shape (cases,)."""
        return np.ones(len(self), dtype=np.bool_)

    @cached_property
    def answered(self) -> BoolArray:
        """Which cases have a predicted action, shape (cases,)."""
        return self.table["pred_type"].is_not_null().to_numpy()

    def once(
        self,
        find: Callable[Concatenate[Cases, _Args], _Found],
        *args: _Args.args,
        **kwargs: _Args.kwargs,
    ) -> _Found:
        """What `find(self, ...)` returns, computed once and shared by all metrics that need it."""
        key = (find, args, tuple(sorted(kwargs.items())))
        if key not in self._found:
            self._found[key] = find(self, *args, **kwargs)
        found: _Found = self._found[key]
        return found

    def sums(self, *terms: NDArray[Any]) -> FloatArray:
        """Each term, shape (cases,), summed per cluster: shape (clusters, terms)."""
        if not terms:
            return np.zeros((self.clusters, 0))
        return np.stack(
            [np.bincount(self._cluster, weights=term, minlength=self.clusters) for term in terms], axis=1
        )

    def statistic(
        self,
        function: Callable[[FloatArray], FloatArray],
        *terms: NDArray[Any],
        scope: BoolArray,
        bounds: tuple[float, float] | None = UNIT,
        inflated: bool = False,
    ) -> Statistic:
        """A function of sums over the cases in `scope`; terms outside of it count as 0."""
        return Statistic(
            self.sums(*(np.where(scope, term, 0.0) for term in terms)),
            function,
            n=int(scope.sum()),
            clusters=np.unique(self._cluster[scope]).size,
            bounds=bounds,
            inflated=inflated,
        )

    def mean(
        self,
        values: NDArray[Any],
        scope: BoolArray | None = None,
        *,
        bounds: tuple[float, float] | None = UNIT,
    ) -> Statistic:
        """The mean of `values` over the steps in `scope` (default: all); a share if they are Boolean."""
        scope = self.everything if scope is None else scope
        return self.statistic(ratio, values, scope, scope=scope, bounds=bounds)

    def session_mean(self, values: NDArray[Any]) -> Statistic:
        """The mean over sessions of each session's mean: every session counts the same."""
        totals = np.bincount(self._session, weights=values, minlength=self.sessions)
        means = np.zeros(len(self))
        means[self.session_start] = totals / self.session_size[self.session_start]
        return self.statistic(ratio, means, self.session_start, scope=self.session_start)


def ratio(sums: FloatArray) -> FloatArray:
    """First term divided by the second."""
    return np.asarray(sums[:, 0] / sums[:, 1])


def case(true: str, predicted: str | None = None, session: str = "a", **columns: Any) -> dict[str, Any]:
    """One row for examples, with actions in short form: `click NAME`, `type NAME TEXT`, `terminate`.

    Without a prediction, the answer could not be read.

    >>> case("click x", "type box red shoes")["pred_text"]
    'red shoes'
    """
    row: dict[str, Any] = {"session_id": session, "parse": "strict" if predicted else "failed"}
    for side, short in (("true", true), ("pred", predicted)):
        if short:
            kind, *rest = short.split(" ", 2)
            fields = ("type", "name", "text")[: 1 + len(rest)]
            values = ("type_and_submit" if kind == "type" else kind, *rest)
            row.update({f"{side}_{field}": value for field, value in zip(fields, values, strict=True)})
    return {**row, **columns}


def example(*rows: Mapping[str, Any]) -> Cases:
    """Cases from rows of `case`; steps are numbered in the order given."""
    return Cases(cases_table({"step": step, **row} for step, row in enumerate(rows)))
