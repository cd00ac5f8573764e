"""Which sessions are independent of each other, and which ones of two populations correspond."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from facsim.fidelity.energy_distance import BlockSums
from facsim.fidelity.session_population import SessionPopulation

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# What may identify the session that a produced one corresponds to, and whose sessions are then a block.
_KEYS: Final[Sequence[tuple[tuple[str, ...], str]]] = (
    (("session_id",), "user_id"),
    (("user_id", "intent"), "user_id"),
    (("intent",), "intent"),
)


@dataclass(frozen=True)
class SideBlocks:
    """The sessions of one population that are compared.

    Attributes:
        rows: their rows in the population, shape (sessions,).
        blocks: the block of each, shape (sessions,).
        weights: as how many sessions each counts, shape (sessions,).
        number: how many blocks there are.
    """

    rows: IntArray
    blocks: IntArray
    weights: FloatArray
    number: int

    def sums(self, shares: FloatArray) -> BlockSums:
        """The vectors of all sessions of the population, shape (sessions, parts), summed by block."""
        return BlockSums.of(shares[self.rows], self.blocks, self.weights, self.number)


@dataclass(frozen=True)
class Correspondence:
    """The sessions of two populations that are compared with each other, by block.

    Attributes:
        real: of the people.
        produced: of the other population.
        paired_by: what paired sessions have in common (`session_id`, `user_id`, `intent`); empty if they do
            not correspond. Blocks with the same number then belong together.
    """

    real: SideBlocks
    produced: SideBlocks
    paired_by: tuple[str, ...] = ()


def by_person(population: SessionPopulation) -> SideBlocks:
    """All sessions, those of one person in one block."""
    users = population.sessions["user_id"].to_numpy()
    _, blocks = np.unique(users.astype(object), return_inverse=True)
    return SideBlocks(
        np.arange(len(users)), blocks.astype(np.int64), np.ones(len(users)), int(blocks.max(initial=-1)) + 1
    )


def correspondence(real: SessionPopulation, produced: SessionPopulation) -> Correspondence:
    """Pair produced sessions with those of people where all of them have one; otherwise all with all.

    Rollouts take persona and intent from sessions of people. They are then compared with these sessions only,
    and several rollouts for one session count as one together.
    """
    for key, block in _KEYS:
        paired = _paired(real, produced, key, block)
        if paired is not None:
            return paired
    return Correspondence(by_person(real), by_person(produced))


def _paired(
    real: SessionPopulation, produced: SessionPopulation, key: tuple[str, ...], block: str
) -> Correspondence | None:
    sides = [one.sessions.with_row_index("row").select("row", *key, block=block) for one in (real, produced)]
    if any(side[column].null_count() for side in sides for column in key):
        return None
    keys = sides[0].group_by(key, maintain_order=True).agg(n=pl.len(), block=pl.col("block").first())
    keys = keys.with_columns(block=pl.col("block").rank("dense") - 1)
    matched = sides[1].drop("block").join(keys, on=key, how="inner", maintain_order="left")
    if matched.height < len(produced):
        return None
    if key == ("session_id",) and _intents_differ(real, produced):
        return None
    matched = matched.with_columns(weight=pl.col("n") / pl.len().over(key))
    kept = (
        sides[0]
        .drop("block")
        .join(keys, on=key, maintain_order="left")
        .join(matched.select(key).unique(), on=key, how="semi", maintain_order="left")
    )
    # Blocks without a produced session are left out, so the rest is numbered anew.
    numbers, real_blocks = np.unique(kept["block"].to_numpy(), return_inverse=True)
    produced_blocks = np.searchsorted(numbers, matched["block"].to_numpy())
    return Correspondence(
        SideBlocks(
            kept["row"].to_numpy().astype(np.int64),
            real_blocks.astype(np.int64),
            np.ones(kept.height),
            numbers.size,
        ),
        SideBlocks(
            matched["row"].to_numpy().astype(np.int64),
            produced_blocks.astype(np.int64),
            matched["weight"].to_numpy(),
            numbers.size,
        ),
        paired_by=key,
    )


def _intents_differ(real: SessionPopulation, produced: SessionPopulation) -> bool:
    """Whether sessions with the same id have different intents: then the ids are equal by accident."""
    columns = ("session_id", "intent")
    both = produced.sessions.select(columns).join(real.sessions.select(columns), on="session_id")
    return both.filter(pl.col("intent") != pl.col("intent_right")).height > 0
