"""Target-encoded features: how often people chose a candidate, given their last actions.

A rate is chosen / offered. Of all the times that a candidate with some symbol was on the page in some
context, how often was it acted upon? The rate of a longer context is smoothed towards that of the next
shorter one.

To prevent target leakage, counts are kept per fold of users. The rates that the trees are trained on come
from the other folds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from facsim.predict.choice.choice_situation import STATE_CODES, UNKNOWN, ChoiceSituation
from facsim.predict.choice.folds import FOLDS
from facsim.predict.choice.page_table import Floats, Ints

STRENGTH = 3.0
"""Pseudo-count of the prior, which is the rate of the next shorter context."""
_SHIFT = 24  # bits of the symbol in the code of a (context, symbol) pair
MOST_SYMBOLS = 2**_SHIFT // STATE_CODES


@dataclass(frozen=True)
class RateFamily:
    """One way to map candidates to symbols, and the number of context depths, from none to the longest."""

    name: str
    depths: int
    symbols: Callable[[ChoiceSituation], Ints]


RATE_FAMILIES = (
    RateFamily("plain", 3, lambda situation: situation.choice_set.plain),
    RateFamily("slot", 4, lambda situation: situation.slots),
    RateFamily("state", 3, lambda situation: situation.states),
    RateFamily("form", 3, lambda situation: situation.states),
)
RATE_FEATURES = tuple(
    f"{family.name}_{depth}_{what}"
    for family in RATE_FAMILIES
    for depth in range(family.depths)
    for what in ("rate", "share", "offers")
)


@dataclass(frozen=True, eq=False)
class SituationBatch:
    """Symbols and contexts of many steps, with the candidates of a step contiguous.

    Attributes:
        starts: index of the first candidate of each step, shape `(steps,)`.
        symbols: per family, the symbol of each candidate, shape `(candidates,)`.
        contexts: per family, the context at each depth, shape `(steps, depths)`.
    """

    starts: Ints
    symbols: tuple[Ints, ...]
    contexts: tuple[Ints, ...]

    @classmethod
    def of(cls, situations: Sequence[tuple[Sequence[Ints], Sequence[Sequence[int]]]]) -> SituationBatch:
        """Concatenate steps, each given as (symbols per family, contexts per family)."""
        sizes = [len(symbols[0]) for symbols, _ in situations]
        return cls(
            starts=np.cumsum([0, *sizes[:-1]]),
            symbols=tuple(
                np.concatenate([symbols[number] for symbols, _ in situations])
                for number in range(len(RATE_FAMILIES))
            ),
            contexts=tuple(
                np.array([contexts[number] for _, contexts in situations], np.int64)
                for number in range(len(RATE_FAMILIES))
            ),
        )

    def blocks(self, candidates: int) -> Iterator[tuple[slice, SituationBatch]]:
        """Split into blocks of consecutive steps with about `candidates` candidates each."""
        ends = self.starts + self.sizes
        first = 0
        while first < len(self.starts):
            begin = self.starts[first]
            last = max(int(np.searchsorted(ends, begin + candidates, side="right")), first + 1)
            rows = slice(int(begin), int(ends[last - 1]))
            yield (
                slice(first, last),
                SituationBatch(
                    starts=self.starts[first:last] - begin,
                    symbols=tuple(symbols[rows] for symbols in self.symbols),
                    contexts=tuple(contexts[first:last] for contexts in self.contexts),
                ),
            )
            first = last

    @property
    def sizes(self) -> Ints:
        """Number of candidates per step, shape `(steps,)`."""
        return np.diff(self.starts, append=len(self.symbols[0]))


@dataclass(frozen=True, eq=False)
class RateCounts:
    """Counts of one family at one context depth.

    Attributes:
        pairs: codes of (context, symbol), ascending, shape `(pairs,)`.
        chosen: how often the pair was chosen, shape `(pairs, FOLDS)`.
        offered: how often the pair was on a page, shape `(pairs, FOLDS)`.
        contexts: ids of the contexts, ascending, shape `(contexts,)`.
        met: how often each context occurred, shape `(contexts, FOLDS)`.
    """

    pairs: Ints
    chosen: Floats
    offered: Floats
    contexts: Ints
    met: Floats

    @classmethod
    def of(cls, symbols: Ints, contexts: Ints, steps: Ints, chosen: Ints, folds: Ints) -> RateCounts:
        """Count one family at one depth.

        Args:
            symbols: symbol of each candidate, shape `(candidates,)`.
            contexts: context of each step, shape `(steps,)`.
            steps: step of each candidate, shape `(candidates,)`.
            chosen: index of each step's chosen candidate, shape `(steps,)`.
            folds: fold of each step, shape `(steps,)`.
        """
        pairs = _pairs(contexts[steps], symbols)
        # Without a context, offers are counted for every symbol; else only for those ever chosen there.
        kept = np.unique(pairs if (contexts == contexts[0]).all() else pairs[chosen])
        found = _find(kept, pairs)
        there = found >= 0
        known = np.unique(contexts)
        return cls(
            pairs=kept,
            chosen=_tally(found[chosen], folds, len(kept)),
            offered=_tally(found[there], folds[steps][there], len(kept)),
            contexts=known,
            met=_tally(np.searchsorted(known, contexts), folds, len(known)),
        )


class ChoiceRates:
    """The rates of all families: `fit` counts, `of` computes features."""

    def __init__(self, counts: Sequence[Sequence[RateCounts]] = ()) -> None:
        self.counts = counts

    @classmethod
    def fit(cls, batch: SituationBatch, chosen: Ints, folds: Ints) -> ChoiceRates:
        """Count chosen and offered candidates.

        Args:
            batch: the steps of the train part.
            chosen: index of each step's chosen candidate among all candidates, shape `(steps,)`.
            folds: fold of each step's user, shape `(steps,)`.
        """
        steps = np.repeat(np.arange(len(batch.starts)), batch.sizes)
        return cls(
            [
                [
                    RateCounts.of(
                        batch.symbols[number], batch.contexts[number][:, depth], steps, chosen, folds
                    )
                    for depth in range(family.depths)
                ]
                for number, family in enumerate(RATE_FAMILIES)
            ]
        )

    def of(self, batch: SituationBatch, folds: Ints | None = None) -> Floats:
        """Rate features of every candidate.

        Args:
            batch: the steps.
            folds: the fold whose counts are left out, shape `(steps,)`; None uses all counts.

        Returns:
            Per family and depth: log rate, its share of the page, and log(1 + offers). Shape
            `(candidates, len(RATE_FEATURES))`.
        """
        sizes = batch.sizes
        steps = np.repeat(np.arange(len(sizes)), sizes)
        left_out = None if folds is None else folds[steps]
        features = np.empty((len(steps), len(RATE_FEATURES)), np.float32)
        column = 0
        for number in range(len(RATE_FAMILIES)):
            rate = (1 / sizes[steps]).astype(np.float32)
            known = np.zeros(len(steps), np.bool_)
            for depth, counts in enumerate(self.counts[number]):
                contexts = batch.contexts[number][steps, depth]
                found = _find(counts.pairs, _pairs(contexts, batch.symbols[number]))
                chosen = _without(counts.chosen, found, left_out)
                offered = _without(counts.offered, found, left_out)
                if depth == 0:
                    known = offered > 0
                else:
                    # Offers are counted only for pairs that were chosen. Any other known symbol was offered
                    # about as often as the context occurred. This also covers pairs chosen only in the
                    # left-out fold.
                    met = _without(counts.met, _find(counts.contexts, contexts), left_out)
                    offered = np.where(chosen > 0, offered, np.where(known, met, 0))
                rate = (chosen + STRENGTH * rate) / (offered + STRENGTH)
                features[:, column] = np.log(rate)
                features[:, column + 1] = rate / np.add.reduceat(rate, batch.starts)[steps]
                features[:, column + 2] = np.log1p(offered)
                column += 3
        return features


def _pairs(contexts: Ints, symbols: Ints) -> Ints:
    pairs = (contexts << _SHIFT) | symbols
    return np.where((contexts == UNKNOWN) | (symbols == UNKNOWN), UNKNOWN, pairs)


def _find(values: Ints, wanted: Ints) -> Ints:
    """Index of each wanted value in ascending `values`, or -1. Shape of `wanted`."""
    if not len(values):
        return np.full(len(wanted), -1)
    index = np.minimum(np.searchsorted(values, wanted), len(values) - 1)
    return np.where(values[index] == wanted, index, -1)


def _tally(index: Ints, folds: Ints, length: int) -> Floats:
    flat = np.bincount(index * FOLDS + folds, minlength=length * FOLDS)
    return flat.reshape(length, FOLDS).astype(np.float32)


def _without(counts: Floats, found: Ints, folds: Ints | None) -> Floats:
    """Counts at `found`, summed over all folds except the one left out; 0 where not found."""
    if not len(counts):
        return np.zeros(len(found), np.float32)
    totals = counts.sum(axis=1)[found]
    if folds is not None:
        totals = totals - counts[found, folds]
    return np.where(found >= 0, totals, 0).astype(np.float32)
