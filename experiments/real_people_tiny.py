"""Real people: the tiny model fine-tuned on people who book flights, with and without practice on the shop.

    python experiments/real_people_tiny.py FLIGHT_DATA [--limit 80] [--practice MODEL]

FLIGHT_DATA is a data set that `facsim ingest miniwob` made. Practice is tried where it could matter most:
with few sessions of people (`--few`), once through. Writes its tables into docs/research/results.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from experiment import Arm, Experiment, board, pairs, write
from facsim import DataSet
from facsim.predict import BASELINES


def main() -> None:
    """Train, ask, and write the tables."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sessions", type=int, help="learn from so many at most")
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--practice", type=Path, help="a checkpoint that learned from the shop")
    parser.add_argument(
        "--few", type=int, default=120, help="sessions learned from after practice, and without"
    )
    parser.add_argument("--limit", type=int, help="test on so many sessions at most")
    parser.add_argument("--work", type=Path, default=Path("build/real_people_tiny"))
    arguments = parser.parse_args()
    experiment = Experiment(DataSet.open(arguments.data), arguments.work, limit=arguments.limit)
    rows = [experiment.run(Arm(spec.replace(":", "-"), spec)) for spec in (*BASELINES, "choice")]
    by_name = {run.name: run for run in rows}
    learns = {"style": "action", "sessions": arguments.sessions, "epochs": arguments.epochs}
    rows.append(experiment.run(Arm("prompt-only", "local:tiny")))
    tuned = experiment.run(Arm("fine-tuned", learns=learns))
    rows.append(tuned)
    wanted = [(tuned, by_name["choice"]), (tuned, by_name["baseline-markov-2"])]
    if arguments.practice:
        learns = {"style": "action", "sessions": arguments.few, "epochs": 1.0}
        plain = experiment.run(Arm(f"fine-tuned-{arguments.few}", learns=learns))
        practice = str(arguments.practice)
        practised = experiment.run(Arm(f"practised-{arguments.few}", learns=learns, model=practice))
        rows += [plain, practised]
        wanted.append((practised, plain))
    write("people-board", board(rows))
    write("people-pairs", pairs(wanted))
    write("people-pairs-target", pairs(wanted, rule="target"))


if __name__ == "__main__":
    main()
