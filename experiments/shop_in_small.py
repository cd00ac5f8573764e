"""The paper in small, on the shop: what fine-tuning on people's actions gives, with controls.

    python experiments/shop_in_small.py [--learned 400] [--limit 150] [--work build/shop_in_small]
    python experiments/shop_in_small.py --model smollm2 --work build/shop_smollm2 [--learned 100] [--limit 50]
    [--curve]

With `tiny` it writes its tables into docs/research/results.md, with another model it prints them. Every arm
trains once and predicts once; a script that was stopped resumes.
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


def with_shuffled_rationales(data: DataSet, out: Path, seed: int) -> Path:
    """A copy of the data set in which each rationale belongs to another step, drawn from all of them."""
    if out.exists():
        return out
    rationales = [step.rationale for session in data for step in session.steps]
    random.Random(seed).shuffle(rationales)
    left = iter(rationales)
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
    parser.add_argument("--learned", type=int, help="train on at most this many sessions")
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--limit", type=int, help="test on at most this many sessions")
    parser.add_argument("--curve", type=int, nargs="*", default=CURVE)
    parser.add_argument("--model", default="tiny", help="the base model: tiny or smollm2, for example")
    arguments = parser.parse_args()
    work: Path = arguments.work
    folder = work / "data"
    data = DataSet.open(folder) if folder.exists() else sample(arguments.sessions, arguments.seed, folder)
    experiment = Experiment(data, work, limit=arguments.limit)
    model: str = arguments.model
    preset = "tiny" if model == "tiny" else "small"
    learns = {
        "preset": preset,
        "style": "action",
        "sessions": arguments.learned,
        "epochs": arguments.epochs,
    }
    prompt = {} if model == "tiny" else {"style": "action", "pages": "changes"}
    output = write if model == "tiny" else _print

    rows = [
        experiment.run(Arm(spec.strip(":").replace(":", "-"), spec))
        for spec in (ORACLE, *BASELINES, "choice")
    ]
    prompted = experiment.run(Arm("prompt-only", f"local:{model}", prompt=prompt))
    actions = experiment.run(Arm("fine-tuned", learns=learns, model=model))
    stranger = experiment.run(Arm("without-persona", learns=learns | {"persona": False}, model=model))
    rationales = experiment.run(Arm("with-reasons", learns=learns | {"style": "think"}, model=model))
    shuffled = experiment.run(
        Arm(
            "shuffled-reasons",
            learns=learns | {"style": "think"},
            model=model,
            data=with_shuffled_rationales(data, work / "shuffled", arguments.seed),
        )
    )
    counts = {f"fine-tuned-{count}": count for count in arguments.curve if count != arguments.learned}
    curve = [actions]
    curve += [
        experiment.run(Arm(name, learns=learns | {"sessions": count}, model=model))
        for name, count in counts.items()
    ]
    curve.sort(key=lambda run: experiment.sessions_learned(run.name))
    most = curve[-1]

    trained = [prompted, actions, stranger, rationales, shuffled]
    by_name = {run.name: run for run in rows}
    best_trivial = max((by_name[spec.replace(":", "-")] for spec in BASELINES), key=_accuracy)
    output("shop-board", board([*rows, *trained, *([most] if most is not actions else [])]))
    output(
        "shop-pairs",
        pairs(
            [
                (most, prompted),
                (most, best_trivial),
                (most, by_name["baseline-markov-2"]),
                (most, by_name["choice"]),
                (actions, stranger),
                (rationales, actions),
                (rationales, shuffled),
            ]
        ),
    )
    output("shop-shares", shares([prompted, most, rationales, by_name["oracle"]]))
    output("shop-errors", errors([prompted, most, rationales]))
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
    output("shop-curve", "\n".join(lines))


def _print(mark: str, text: str) -> None:
    print(f"\n## {mark}\n\n{text}", flush=True)


def _accuracy(run: Run) -> float:
    return run.metrics["accuracy"].value


def _likelihood(run: Run) -> str:
    found = run.cases()["log_probability"].drop_nulls()
    return f"{found.mean():.2f}" if len(found) else "none"


if __name__ == "__main__":
    main()
