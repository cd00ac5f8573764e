"""What is learned after look-up, in which order: the recipe of the shipped model."""

from __future__ import annotations

from dataclasses import dataclass

from tiny.rows import Mixture


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of training with an optimizer of its own.

    Attributes:
        name: of its checkpoint.
        steps: how many.
        rate: highest learning rate.
        decay: steps after which the rate would be down; a stage may end before.
        mixture: of its rows.
        seed: of its rows.
        tokens: of a step, padding counted.
        muon: Muon for the layers' matrices rather than AdamW for all.
        characters: that count as a token for the budget; 0 to count with the tokenizer, which takes longer.
    """

    name: str
    steps: int
    rate: float
    decay: int
    mixture: Mixture
    seed: str
    tokens: int = 2048
    muon: bool = True
    characters: float = 5.2


STAGES = (
    Stage("small", 800, 2e-3, 3000, Mixture(0, (1, 2), (300, 500)), "a", muon=False, characters=0),
    Stage("shops", 200, 2e-3, 2200, Mixture(0.5, (1, 2), (350, 600)), "b", characters=0),
    Stage("more", 600, 2e-3, 2000, Mixture(0.5, (1, 2), (560, 820)), "c"),
    Stage("longer", 200, 2e-3, 650, Mixture(0.6, (1, 3), (580, 1000)), "d"),
)
