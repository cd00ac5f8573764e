"""Similarity of the predicted and the true text, on steps where both type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import polars as pl

from facsim.metrics.bootstrap import FloatArray, Statistic
from facsim.metrics.cases import BoolArray, Cases
from facsim.metrics.match import fold_text
from facsim.schema import MASKED_TEXT


def token_f1(true: str, predicted: str) -> float:
    """F1 of the words two texts share, as in SQuAD (Rajpurkar et al. 2016), after case and space folding.

    Common: red, shoes. Precision 2/2, recall 2/3:

    >>> token_f1("red running shoes", "Red shoes")
    0.8
    """
    a, b = Counter(fold_text(true).split()), Counter(fold_text(predicted).split())
    if not a and not b:
        return 1.0
    return 2 * (a & b).total() / (a.total() + b.total())


def edit_similarity(true: str, predicted: str) -> float:
    """One minus the Levenshtein distance over the longer text's length, after case and space folding.

    kitten -> sitting takes 3 edits, the longer has 7 characters:

    >>> edit_similarity("kitten", "sitting") == 1 - 3 / 7
    True
    """
    a, b = fold_text(true), fold_text(predicted)
    longer = max(len(a), len(b))
    return 1 - edit_distance(a, b) / longer if longer else 1.0


def edit_distance(a: str, b: str) -> int:
    """Levenshtein distance, by bit-parallel dynamic programming (Myers 1999, Hyyrö 2003).

    One column of the distance table is two integers with a bit per character of the longer text, so that even
    a very long answer takes only as many operations as the shorter text has characters.

    >>> edit_distance("flaw", "lawn"), edit_distance("", "abc"), edit_distance("same", "same")
    (2, 3, 0)
    """
    # What both begin or end with needs no edit, and long texts are often nearly the same.
    start = _shared_start(a, b)
    a, b = a[start:], b[start:]
    end = _shared_start(a[::-1], b[::-1])
    a, b = a[: len(a) - end], b[: len(b) - end]
    if len(a) < len(b):
        a, b = b, a
    if not b:
        return len(a)
    full = (1 << len(a)) - 1
    last = 1 << (len(a) - 1)
    where = {letter: int("".join("1" if x == letter else "0" for x in reversed(a)), 2) for letter in set(b)}
    up, down, distance = full, 0, len(a)
    for letter in b:
        match = where[letter]
        diagonal = (((match & up) + up) ^ up) | match | down
        right_up, right_down = down | ~(diagonal | up) & full, up & diagonal
        if right_up & last:
            distance += 1
        elif right_down & last:
            distance -= 1
        right_up = right_up << 1 & full | 1
        right_down = right_down << 1 & full
        up = right_down | ~(diagonal | right_up) & full
        down = right_up & diagonal
    return distance


def _shared_start(a: str, b: str) -> int:
    """Number of characters that both begin with."""
    return next(
        (place for place, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )


def _both_typed(cases: Cases, measure: Callable[[str, str], float]) -> tuple[FloatArray, BoolArray]:
    """The measure where truth and prediction both type (0 elsewhere), and where they do; shape (cases,).

    Masked texts are unknown, so those steps are left out.
    """
    both = pl.col("true_type").eq("type_and_submit") & pl.col("pred_type").eq("type_and_submit")
    scope = cases.where(both & pl.col("true_text").ne(MASKED_TEXT))
    pairs = cases.table.select("true_text", "pred_text").filter(scope).rows()
    known = {pair: measure(*pair) for pair in set(pairs)}
    values = np.zeros(len(cases))
    values[scope] = [known[pair] for pair in pairs]
    return values, scope


def query_token_f1(cases: Cases) -> Statistic:
    """Mean word F1 between the person's and the predicted text, on steps where both typed.

    >>> from facsim.metrics.cases import case, example
    >>> cases = example(case("type box red shoes", "type box shoes"), case("type box hat", "click x"))
    >>> query_token_f1(cases).value()  # the one step where both typed: 2 · 1 / (2 + 1)
    0.666...
    """
    return cases.mean(*_both_typed(cases, token_f1))


def query_similarity(cases: Cases) -> Statistic:
    """Mean edit similarity between the person's and the predicted text, on steps where both typed.

    >>> from facsim.metrics.cases import case, example
    >>> query_similarity(example(case("type box hats", "type box hat"))).value()  # 1 edit in 4 characters
    0.75
    """
    return cases.mean(*_both_typed(cases, edit_similarity))
