"""How often people choose what they are offered, given what they did before.

A rate is chosen / offered: of all the times that a candidate standing for a symbol was on a page in a
context, how often it was the one acted upon. Rates of longer contexts are smoothed towards those of shorter
ones.

Target leakage: counts are kept per fold of people, and the rates that a booster is trained on come from the
other folds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from facsim.predict.choice.candidates import STATE_CODES, UNKNOWN, Scene
from facsim.predict.choice.folds import FOLDS
from facsim.predict.choice.page_table import Floats, Ints

STRENGTH = 3.0
"""How many offers the rate of the shorter context counts for."""
_SHIFT = 24  # Bits for the symbol in the code of a (context, symbol) pair.
MOST_SYMBOLS = 2**_SHIFT // STATE_CODES


@dataclass(frozen=True)
class Family:
    """Symbols of one kind and how many contexts they are counted in, from none to the longest."""

    name: str
    depths: int
    symbols: Callable[[Scene], Ints]


FAMILIES = (
    Family("plain", 3, lambda scene: scene.offer.plain),
    Family("slot", 4, lambda scene: scene.slots),
    Family("state", 3, lambda scene: scene.states),
    Family("form", 3, lambda scene: scene.states),
)
RATE_FEATURES = tuple(
    f"{family.name}_{depth}_{what}"
    for family in FAMILIES
    for depth in range(family.depths)
    for what in ("rate", "share", "offers")
)


@dataclass(frozen=True, eq=False)
class Offers:
    """Many steps' symbols and contexts, candidates of a step contiguous.

    Attributes:
        starts: first candidate of each step.
        symbols: per family, the symbol of each candidate.
        contexts: per family, [steps, depths].
    """

    starts: Ints
    symbols: tuple[Ints, ...]
    contexts: tuple[Ints, ...]

    @classmethod
    def of(cls, scenes: Sequence[tuple[Sequence[Ints], Sequence[Sequence[int]]]]) -> Offers:
        """Put steps together, each given as (symbols per family, contexts per family)."""
        sizes = [len(symbols[0]) for symbols, _ in scenes]
        return cls(
            starts=np.cumsum([0, *sizes[:-1]]),
            symbols=tuple(
                np.concatenate([symbols[number] for symbols, _ in scenes]) for number in range(len(FAMILIES))
            ),
            contexts=tuple(
                np.array([contexts[number] for _, contexts in scenes], np.int64)
                for number in range(len(FAMILIES))
            ),
        )

    def blocks(self, candidates: int) -> Iterator[tuple[slice, Offers]]:
        """Consecutive steps with about so many candidates together: which steps, and they alone."""
        ends = self.starts + self.sizes
        first = 0
        while first < len(self.starts):
            begin = self.starts[first]
            last = max(int(np.searchsorted(ends, begin + candidates, side="right")), first + 1)
            rows = slice(int(begin), int(ends[last - 1]))
            yield (
                slice(first, last),
                Offers(
                    starts=self.starts[first:last] - begin,
                    symbols=tuple(symbols[rows] for symbols in self.symbols),
                    contexts=tuple(contexts[first:last] for contexts in self.contexts),
                ),
            )
            first = last

    @property
    def sizes(self) -> Ints:
        """How many candidates each step has."""
        return np.diff(self.starts, append=len(self.symbols[0]))


@dataclass(frozen=True, eq=False)
class Counts:
    """Counts of one family at one depth.

    Attributes:
        pairs: codes of (context, symbol), ascending.
        chosen: [pairs, FOLDS] how often the pair was chosen.
        offered: [pairs, FOLDS] how often it was on a page.
        contexts: numbers of the contexts, ascending.
        met: [contexts, FOLDS] how often each context was met.
    """

    pairs: Ints
    chosen: Floats
    offered: Floats
    contexts: Ints
    met: Floats

    @classmethod
    def of(cls, symbols: Ints, contexts: Ints, steps: Ints, chosen: Ints, folds: Ints) -> Counts:
        """Count one family at one depth.

        Args:
            symbols: per candidate.
            contexts: per step.
            steps: the step of each candidate.
            chosen: per step, the chosen candidate.
            folds: per step.
        """
        pairs = _pairs(contexts[steps], symbols)
        # Without a context offers are kept for every symbol, else for those ever chosen there.
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


class Rates:
    """The rates of all families: learned by `fit`, asked for by `of`."""

    def __init__(self, counts: Sequence[Sequence[Counts]] = ()) -> None:
        self.counts = counts

    @classmethod
    def fit(cls, offers: Offers, chosen: Ints, folds: Ints) -> Rates:
        """Count.

        Args:
            offers: the steps of the training split.
            chosen: per step, the chosen candidate (among all candidates of all steps).
            folds: per step, which fold its person is in.
        """
        steps = np.repeat(np.arange(len(offers.starts)), offers.sizes)
        return cls(
            [
                [
                    Counts.of(offers.symbols[number], offers.contexts[number][:, depth], steps, chosen, folds)
                    for depth in range(family.depths)
                ]
                for number, family in enumerate(FAMILIES)
            ]
        )

    def of(self, offers: Offers, folds: Ints | None = None) -> Floats:
        """[candidates, RATE_FEATURES]: per family and depth log rate, its share of the page, log offers.

        Args:
            offers: the steps.
            folds: per step, the fold whose counts are left out; None counts all.
        """
        sizes = offers.sizes
        steps = np.repeat(np.arange(len(sizes)), sizes)
        left_out = None if folds is None else folds[steps]
        features = np.empty((len(steps), len(RATE_FEATURES)), np.float32)
        column = 0
        for number in range(len(FAMILIES)):
            rate = (1 / sizes[steps]).astype(np.float32)
            known = np.zeros(len(steps), np.bool_)
            for depth, counts in enumerate(self.counts[number]):
                contexts = offers.contexts[number][steps, depth]
                found = _find(counts.pairs, _pairs(contexts, offers.symbols[number]))
                chosen = _without(counts.chosen, found, left_out)
                offered = _without(counts.offered, found, left_out)
                if depth == 0:
                    known = offered > 0
                else:
                    # Offers are kept for what was chosen there; anything else known was offered about as
                    # often as the context was met. The same rule holds for what only the left-out fold chose.
                    met = _without(counts.met, _find(counts.contexts, contexts), left_out)
                    offered = np.where(chosen > 0, offered, np.where(known, met, 0))
                rate = (chosen + STRENGTH * rate) / (offered + STRENGTH)
                features[:, column] = np.log(rate)
                features[:, column + 1] = rate / np.add.reduceat(rate, offers.starts)[steps]
                features[:, column + 2] = np.log1p(offered)
                column += 3
        return features


def _pairs(contexts: Ints, symbols: Ints) -> Ints:
    pairs = (contexts << _SHIFT) | symbols
    return np.where((contexts == UNKNOWN) | (symbols == UNKNOWN), UNKNOWN, pairs)


def _find(values: Ints, wanted: Ints) -> Ints:
    """Index of each wanted value in ascending `values`, or -1."""
    if not len(values):
        return np.full(len(wanted), -1)
    index = np.minimum(np.searchsorted(values, wanted), len(values) - 1)
    return np.where(values[index] == wanted, index, -1)


def _tally(index: Ints, folds: Ints, length: int) -> Floats:
    flat = np.bincount(index * FOLDS + folds, minlength=length * FOLDS)
    return flat.reshape(length, FOLDS).astype(np.float32)


def _without(counts: Floats, found: Ints, folds: Ints | None) -> Floats:
    """The counts found, summed over the folds but each one's own; 0 where nothing was found."""
    if not len(counts):
        return np.zeros(len(found), np.float32)
    totals = counts.sum(axis=1)[found]
    if folds is not None:
        totals = totals - counts[found, folds]
    return np.where(found >= 0, totals, 0).astype(np.float32)
