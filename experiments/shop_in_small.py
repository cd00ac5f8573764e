"""The paper in small, on the shop: what fine-tuning on people's actions gives, with controls.

    python experiments/shop_in_small.py [--learned 400] [--limit 150] [--work build/shop_in_small]

Writes its tables into docs/research/results.md.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import replace
from pathlib import Path

from experiment import Arm, Experiment, board, errors, pairs, shares, write
from facsim import DataSet, DataSetWriter
from facsim.evaluation import Run
from facsim.predict import BASELINES, ORACLE
from facsim.shop import sample

CURVE = (50, 100, 200, 400, 800, 1600)
"""Training sessions of the learning curve, beside `--learned`; the train part may have fewer."""


def with_shuffled_reasons(data: DataSet, out: Path, seed: int) -> Path:
    """A copy of the data set in which each reason belongs to another step, drawn from all of them."""
    if out.exists():
        return out
    reasons = [step.rationale for session in data for step in session.steps]
    random.Random(seed).shuffle(reasons)
    left = iter(reasons)
    with DataSetWriter(out, data.card) as writer:
        writer.copy_pages(data.pages)
        for session in data:
            steps = tuple(replace(step, rationale=next(left)) for step in session.steps)
            writer.add_session(replace(session, steps=steps))
    return out


def main() -> None:
    """Train, ask, and write the tables."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("build/shop_in_small"))
    parser.add_argument("--learned", type=int, help="learn from so many sessions at most")
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--limit", type=int, help="test on so many sessions at most")
    parser.add_argument("--curve", type=int, nargs="*", default=CURVE)
    arguments = parser.parse_args()
    work: Path = arguments.work
    folder = work / "data"
    data = DataSet.open(folder) if folder.exists() else sample(arguments.sessions, arguments.seed, folder)
    experiment = Experiment(data, work, limit=arguments.limit)
    learns = {"style": "action", "sessions": arguments.learned, "epochs": arguments.epochs}

    rows = [
        experiment.run(Arm(spec.strip(":").replace(":", "-"), spec))
        for spec in (ORACLE, *BASELINES, "choice")
    ]
    prompted = experiment.run(Arm("prompt-only", "local:tiny"))
    actions = experiment.run(Arm("fine-tuned", learns=learns))
    stranger = experiment.run(Arm("without-persona", learns=learns | {"persona": False}))
    reasons = experiment.run(Arm("with-reasons", learns=learns | {"style": "think"}))
    shuffled = experiment.run(
        Arm(
            "shuffled-reasons",
            learns=learns | {"style": "think"},
            data=with_shuffled_reasons(data, work / "shuffled", arguments.seed),
        )
    )
    counts = {f"fine-tuned-{count}": count for count in arguments.curve if count != arguments.learned}
    curve = [actions]
    curve += [
        experiment.run(Arm(name, learns=learns | {"sessions": count})) for name, count in counts.items()
    ]
    curve.sort(key=lambda run: experiment.sessions_learned(run.name))
    most = curve[-1]

    trained = [prompted, actions, stranger, reasons, shuffled]
    by_name = {run.name: run for run in rows}
    best_trivial = max((by_name[spec.replace(":", "-")] for spec in BASELINES), key=_accuracy)
    write("shop-board", board([*rows, *trained, *([most] if most is not actions else [])]))
    write(
        "shop-pairs",
        pairs(
            [
                (most, prompted),
                (most, best_trivial),
                (most, by_name["baseline-markov-2"]),
                (most, by_name["choice"]),
                (actions, stranger),
                (reasons, actions),
                (reasons, shuffled),
            ]
        ),
    )
    write("shop-shares", shares([prompted, most, reasons, by_name["oracle"]]))
    write("shop-errors", errors([prompted, most, reasons]))
    lines = [
        "| training sessions | accuracy, macro [95%] | micro | log-likelihood a step |",
        "|---:|---:|---:|---:|",
    ]
    for run in curve:
        metrics = run.metrics
        macro = metrics["accuracy"]
        lines.append(
            f"| {experiment.sessions_learned(run.name):,} "
            f"| {100 * macro.value:.1f} [{100 * macro.low:.1f}, {100 * macro.high:.1f}] "
            f"| {100 * metrics['accuracy_micro'].value:.1f} | {_likelihood(run)} |"
        )
    write("shop-curve", "\n".join(lines))


def _accuracy(run: Run) -> float:
    return run.metrics["accuracy"].value


def _likelihood(run: Run) -> str:
    found = run.cases()["log_probability"].drop_nulls()
    return f"{found.mean():.2f}" if len(found) else "none"


if __name__ == "__main__":
    main()
