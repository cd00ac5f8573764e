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
        rehearses: whether every step has look-up in it, too; without, pages make the model forget it.
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
    rehearses: bool = False


STAGES = (
    Stage("small", 800, 2e-3, 3000, Mixture(0, (1, 2), (300, 500)), "a", muon=False, characters=0),
    Stage("shops", 200, 2e-3, 2200, Mixture(0.5, (1, 2), (350, 600)), "b", characters=0),
    Stage("more", 600, 2e-3, 2000, Mixture(0.5, (1, 2), (560, 820)), "c"),
    Stage("longer", 200, 2e-3, 650, Mixture(0.6, (1, 3), (580, 1000)), "d"),
    Stage("bare", 400, 2e-3, 800, Mixture(0, (0, 0), (580, 1000), count=6), "e", tokens=1536),
    Stage("last", 700, 2e-3, 700, Mixture(0.65, (0, 3), (600, 1200)), "f"),
    Stage("end", 380, 1.5e-3, 380, Mixture(0.7, (0, 3), (700, 1250), count=6), "g"),
    Stage("rehearsal", 220, 2e-3, 220, Mixture(0.8, (1, 3), (1000, 1250), count=8), "h", rehearses=True),
)
