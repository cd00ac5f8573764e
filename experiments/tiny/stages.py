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
        tokens: of a step, padding counted, look-up beside it not.
        rehearses: look-up goes with every so many steps.
        near: persona and intent stand below every page, where the model that is shipped has them, instead of
            in the system message.
    """

    name: str
    steps: int
    rate: float
    decay: int
    mixture: Mixture
    tokens: int = 2048
    rehearses: int = 1
    near: bool = False


STAGES = (
    Stage("bare", 200, 1e-3, 4000, Mixture(0, (0, 0), (580, 1000), count=6), tokens=1536),
    Stage("small", 250, 1e-3, 4000, Mixture(0.4, (1, 2), (300, 600))),
    Stage("full", 1100, 1e-3, 1100, Mixture(0.8, (1, 3), (700, 1050), count=8), tokens=3072),
    Stage("pointing", 900, 2e-3, 1200, Mixture(0.4, (0, 2), (300, 800), count=10), rehearses=2),
    Stage("again", 300, 1e-3, 300, Mixture(0.8, (1, 3), (800, 1050), count=8), tokens=3072, rehearses=2),
    Stage("last", 900, 2e-3, 900, Mixture(0.55, (0, 3), (300, 1050), count=10), rehearses=2),
    Stage("near", 900, 2e-3, 900, Mixture(0.6, (0, 3), (450, 1050), count=9), rehearses=2, near=True),
)
