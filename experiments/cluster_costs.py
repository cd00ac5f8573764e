"""GPU hours and money for the paper's data set by model size, and its placement on 1, 8 and 64 GPUs.

Arithmetic, not a measurement: floating-point operations of the forward passes (`facsim.lm.operations`) over
the peak rate of the GPU times an assumed utilisation. Training takes three times as many; four times with
recomputed activations. `facsim evaluate DATA local:MODEL --on ray --dry-run` does the same with the real
lengths of a data set's sessions.

    python experiments/cluster_costs.py [--tokens 40000] [--utilisation 0.4] [--price 2.5]
"""

from __future__ import annotations

import argparse

from facsim.evaluation.placement import place_sessions
from facsim.lm.operations import UTILISATION, ModelShape, gpu_hours

SESSIONS, STEPS = 31_865, 230_965
"""Of the paper's data set."""
TEST_SHARE = 0.1
MODELS = {
    "0.5B": ModelShape(0.36e9, 24, 896),
    "1.5B": ModelShape(1.31e9, 28, 1536),
    "7B": ModelShape(6.53e9, 28, 3584),
    "32B": ModelShape(31.0e9, 64, 5120),
    "72B": ModelShape(70.0e9, 80, 8192),
}
"""Shapes of the Qwen2.5 family, from their model cards."""


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokens", type=int, default=40_000, help="of a session, all read")
    parser.add_argument("--utilisation", type=float, default=UTILISATION)
    parser.add_argument("--price", type=float, default=2.5, help="dollars per GPU hour")
    given = parser.parse_args()
    print("| model | evaluate all sessions | each step by itself | train one epoch | cost of that epoch |")
    print("|---|---|---|---|---|")
    for name, model in MODELS.items():
        session = model.forward_operations(given.tokens)
        evaluate = gpu_hours(SESSIONS * session, utilisation=given.utilisation)
        # Without a shared prefix each step reads again what came before it, k of 7.25 pages: the sums of k
        # and of k^2 are about 1/2 and 1/3 of as many whole sessions.
        linear = 2 * model.parameters * given.tokens
        alone = gpu_hours(STEPS * (linear / 2 + (session - linear) / 3), utilisation=given.utilisation)
        train = 4 * evaluate * (1 - TEST_SHARE)
        print(
            f"| {name} | {evaluate:,.1f} GPU hours, ${evaluate * given.price:,.0f} | {alone:,.1f} GPU "
            f"hours | {train:,.0f} GPU hours | ${train * given.price:,.0f} |"
        )
    print()
    print("| GPUs | units | busiest GPU | share of the possible rate | 7B, all sessions |")
    print("|---|---|---|---|---|")
    session = MODELS["7B"].forward_operations(given.tokens)
    for gpus in (1, 8, 64):
        placed = place_sessions([session] * SESSIONS, gpus)
        hours = gpu_hours(placed.duration, utilisation=given.utilisation)
        print(
            f"| {gpus} | {placed.units:,} | {len(placed.busiest):,} sessions | {placed.share:.1%} | "
            f"{hours:,.2f} hours |"
        )


if __name__ == "__main__":
    main()
