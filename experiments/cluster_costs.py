"""GPU hours and money for the paper's data set by model size, and its placement on 1, 8 and 64 GPUs.

Arithmetic, not a measurement: floating-point operations of the forward passes over the peak rate of the GPU
times an assumed utilisation. A forward pass over a sequence of T tokens takes 2 N T operations for N
parameters outside the embedding, and 2 L d T^2 for causal attention in L layers of width d. Training takes
three times as many; four times with recomputed activations.

    python experiments/cluster_costs.py [--tokens 40000] [--utilisation 0.4] [--price 2.5]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from heapq import heapify, heapreplace

SESSIONS, STEPS = 31_865, 230_965
"""Of the paper's data set."""
PEAK = 989e12
"""Dense bfloat16 operations per second of an H100 or H200, from NVIDIA's data sheet."""
UNIT = 16
"""Sessions that a worker gets at a time (`facsim.evaluation.on_cluster`)."""
TEST_SHARE = 0.1


@dataclass(frozen=True)
class Model:
    """A decoder-only model: parameters outside the embedding, layers, width."""

    name: str
    parameters: float
    layers: int
    width: int

    def forward(self, tokens: int) -> float:
        """Operations of one pass over a sequence."""
        return 2 * self.parameters * tokens + 2 * self.layers * self.width * tokens**2


MODELS = (
    Model("0.5B", 0.36e9, 24, 896),
    Model("1.5B", 1.31e9, 28, 1536),
    Model("7B", 6.53e9, 28, 3584),
    Model("32B", 31.0e9, 64, 5120),
    Model("72B", 70.0e9, 80, 8192),
)
"""Shapes of the Qwen2.5 family, from their model cards."""


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokens", type=int, default=40_000, help="of a session, all read")
    parser.add_argument("--utilisation", type=float, default=0.4)
    parser.add_argument("--price", type=float, default=2.5, help="dollars per GPU hour")
    given = parser.parse_args()
    print("| model | evaluate all sessions | each step by itself | train one epoch | cost of that epoch |")
    print("|---|---|---|---|---|")
    for model in MODELS:
        per_hour = PEAK * given.utilisation * 3600
        session = model.forward(given.tokens)
        evaluate = SESSIONS * session / per_hour
        # Without a shared prefix each step reads again what came before it, k of 7.25 pages: the sums of k
        # and of k^2 are about 1/2 and 1/3 of as many whole sessions.
        linear = 2 * model.parameters * given.tokens
        alone = STEPS * (linear / 2 + (session - linear) / 3) / per_hour
        train = 4 * evaluate * (1 - TEST_SHARE)
        print(
            f"| {model.name} | {evaluate:,.1f} GPU hours, ${evaluate * given.price:,.0f} | {alone:,.1f} GPU "
            f"hours | {train:,.0f} GPU hours | ${train * given.price:,.0f} |"
        )
    print()
    print("| GPUs | units | busiest GPU | share of the possible rate | 7B, all sessions |")
    print("|---|---|---|---|---|")
    hours = SESSIONS * MODELS[2].forward(given.tokens) / (PEAK * given.utilisation * 3600)
    for gpus in (1, 8, 64):
        busiest, share, units = placement(gpus)
        print(
            f"| {gpus} | {units:,} | {busiest:,} sessions | {share:.1%} | {hours / gpus / share:,.2f} hours |"
        )


def placement(gpus: int) -> tuple[int, float, int]:
    """Sessions of the busiest GPU, ideal over actual duration, and the number of units.

    Units of equal sessions go to the next idle GPU, as on a cluster.
    """
    size = max(1, min(UNIT, -(-SESSIONS // (4 * gpus))))
    units = [min(size, SESSIONS - start) for start in range(0, SESSIONS, size)]
    loads = [0] * gpus
    heapify(loads)
    for unit in units:
        heapreplace(loads, loads[0] + unit)
    return max(loads), SESSIONS / gpus / max(loads), len(units)


if __name__ == "__main__":
    main()
