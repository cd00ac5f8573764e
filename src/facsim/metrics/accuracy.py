"""How often predictions are right, and how many could have been right."""

from __future__ import annotations

import polars as pl

from facsim.metrics.bootstrap import Statistic
from facsim.metrics.cases import Cases
from facsim.metrics.match import Rule
from facsim.schema import ActionType, ParseLevel


def accuracy(cases: Cases, rule: Rule = "exact") -> Statistic:
    """Share of steps predicted right in each session, averaged over sessions.

    Session a: 1 of 2 right, session b: 1 of 1 right; (1/2 + 1) / 2 = 0.75:

    >>> from facsim.metrics.cases import case, example
    >>> cases = example(
    ...     case("click x", "click x", session="a"),
    ...     case("click x", "click y", session="a"),
    ...     case("terminate", "terminate", session="b"),
    ... )
    >>> accuracy(cases).value()
    0.75

    The other rules are more lenient: picture for title of one product, `Shoes` for `shoes`, any typed text:

    >>> cases = example(
    ...     case("click title", "click picture", same_destination=True),
    ...     case("type box shoes", "type box Shoes"),
    ...     case("type box shoes", "type box socks"),
    ...     case("click x", "click y"),
    ... )
    >>> [accuracy(cases, rule).value() for rule in ("exact", "equivalent", "target")]
    [0.0, 0.5, 0.5]
    """
    return cases.session_mean(cases.match(rule))


def accuracy_micro(cases: Cases, rule: Rule = "exact") -> Statistic:
    """Share of all steps predicted right: long sessions count more.

    >>> from facsim.metrics.cases import case, example
    >>> cases = example(
    ...     case("click x", "click x", session="a"),
    ...     case("click x", "click y", session="a"),
    ...     case("terminate", "terminate", session="b"),
    ... )
    >>> accuracy_micro(cases).value()  # 2 of 3
    0.666...
    """
    return cases.mean(cases.match(rule))


def exact_of_type(cases: Cases, action_type: ActionType) -> Statistic:
    """Share of exact matches among the steps where the person's action has this type.

    >>> from facsim.metrics.cases import case, example
    >>> left = case("terminate", "terminate")
    >>> cases = example(case("click x", "click x"), case("click x", "terminate"), left)
    >>> exact_of_type(cases, "click").value(), exact_of_type(cases, "terminate").value()
    (0.5, 1.0)
    """
    return cases.mean(cases.match("exact"), cases.where(pl.col("true_type") == action_type))


def reachability(cases: Cases) -> Statistic:
    """Share of steps whose true target has a name and is on the page: the upper bound of accuracy.

    >>> from facsim.metrics.cases import case, example
    >>> reachability(example(case("click", reachable=False), case("click x"))).value()
    0.5
    """
    return cases.mean(cases.column("reachable"))


def shown(cases: Cases) -> Statistic:
    """Share of steps whose true target was in the prompt, after the page was fitted to the budget.

    >>> from facsim.metrics.cases import case, example
    >>> shown(example(case("click x", shown=False), case("terminate"))).value()
    0.5
    """
    return cases.mean(cases.column("shown"))


def parsed(cases: Cases, level: ParseLevel) -> Statistic:
    """Share of answers parsed at this level. Unreadable answers count as wrong in every metric.

    >>> from facsim.metrics.cases import case, example
    >>> fenced = case("click x", "click x", parse="lenient")
    >>> cases = example(case("click x", "click x"), fenced, case("click x"))
    >>> parsed(cases, "failed").value()
    0.333...
    """
    return cases.mean(cases.where(pl.col("parse") == level))
