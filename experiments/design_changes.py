"""Do simulated people react to a change of a site as the shop's people do? Every pair of designs, with truth.

    python experiments/design_changes.py [--work build/design_changes]

The true effects come from the shop's simulation (`facsim shop effect`), those of predictors from rollouts of
the same people in every design. It writes its tables into docs/research/design-changes.md. What is done stays
in the work folder, so a script that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from experiment import write
from facsim import DataSet, DataSetWriter
from facsim.fidelity import FidelityReport, measure_fidelity
from facsim.fidelity.paired_effects import ChangeEffect, paired_effects
from facsim.fidelity.session_measures import session_measures
from facsim.predict.choice import ChoiceModel
from facsim.prompt import PromptConfig
from facsim.rollout import rollout
from facsim.shop import DESIGNS, sample
from facsim.shop.effect import DesignEffect, DesignOutcomes, Effect, compare_designs, simulate
from facsim.train import SftConfig, train_sft

SESSIONS = {
    "oracle:": 300,
    "baseline:markov-2": 300,
    "choice": 120,
    "fine-tuned": 60,
    "local:tiny": 60,
}
"""Rollouts of each predictor in each design. `fine-tuned` is `local:tiny` after training on the shop."""

CHANGES = list(combinations(DESIGNS, 2))
"""Every pair of designs: what changes from the first to the second."""

UNITS = {"conversion": 100.0, "searches": 1.0, "length": 1.0, "revenue": 0.01}
"""The measures, and the factor of the unit in which they are printed."""

DOC = Path(__file__).resolve().parents[1] / "docs" / "research" / "design-changes.md"
TRUTH_SESSIONS = 3_000
SAMPLE = 600
SEED = 0


def truth(work: Path, design: str) -> DesignOutcomes:
    """The measured sessions of the shop's own people in a design."""
    file = work / "truth" / f"{design}.json"
    if not file.exists():
        found = simulate(design, sessions=TRUTH_SESSIONS, seed=SEED)
        file.parent.mkdir(parents=True, exist_ok=True)
        fields = {"users": found.users, "values": found.values.tolist(), "seconds": found.seconds}
        file.write_text(json.dumps({"design": design, "seed": SEED, **fields}))
    fields = json.loads(file.read_text())
    return DesignOutcomes(
        design, fields["seed"], tuple(fields["users"]), np.array(fields["values"]), fields["seconds"]
    )


def halves(data: DataSet) -> tuple[DataSet, DataSet]:
    """Two halves of the people: one to learn from, one to roll out."""
    users = sorted(set(data.sessions["user_id"]))
    np.random.default_rng(SEED).shuffle(users)
    learned = set(users[: len(users) // 2])
    rows = list(data.sessions.select("session_id", "user_id").iter_rows())
    return (
        data.select([session for session, user in rows if user in learned]),
        data.select([session for session, user in rows if user not in learned]),
    )


def produce(work: Path, spec: str, train: DataSet, people: DataSet) -> dict[str, DataSet]:
    """Rollouts of a predictor in every design, for the same people with the same random numbers."""
    name = spec.strip(":").replace(":", "-")
    predictor = spec
    if spec == "choice":
        saved = work / "choice"
        if not saved.exists():
            model = ChoiceModel()
            model.fit(train, seed=SEED)
            model.save(saved)
        predictor = f"choice:{saved}"
    elif spec == "fine-tuned":
        predictor = f"local:{fine_tuned(work, train)}"
    found = {}
    for design in DESIGNS:
        out = work / "rollouts" / name / design
        began = time.process_time()
        made = rollout(
            f"shop:{design}",
            predictor,
            sessions=SESSIONS[spec],
            out=out,
            people=people,
            train=train,
            seed=SEED + 1,
            prompt=PromptConfig(style="action") if spec == "local:tiny" else None,
            resume=out.with_name(f"{design}.rollout").exists(),
        )
        found[design] = made.data
        print(f"{spec} in {design}: {dict(made.ends)}, {time.process_time() - began:.0f} CPU s", flush=True)
    return found


def fine_tuned(work: Path, train: DataSet) -> Path:
    """The checkpoint of the small model trained on these sessions, one epoch."""
    out = work / "fine-tuned"
    if not (out / "training.json").exists():
        with DataSetWriter(work / "learned", train.card, overwrite=True) as writer:
            writer.copy_pages(train.pages)
            for session in train:
                writer.add_session(session)
        config = SftConfig.of(work / "learned", "tiny", out, preset="tiny", style="action", epochs=1.0)
        train_sft(config, resume=out.exists())
    return out


def true_table(true: Sequence[DesignEffect]) -> str:
    """The true effects of the changes of the standard design."""
    lines = [
        "| change | conversion, points | searches | actions | revenue, $ |",
        "|---|---:|---:|---:|---:|",
    ]
    for found in true:
        if found.a != "standard":
            continue
        cells = []
        for measure, unit in UNITS.items():
            one = found.effects[measure]
            mark = "**" if _known(one) else ""
            cells.append(f"{mark}{unit * one.difference:+.2f}{mark} ± {unit * 1.96 * one.error:.2f}")
        lines.append(f"| {found.b} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _known(one: Effect) -> bool:
    """Whether the direction of a true effect is known: its interval does not contain 0."""
    return abs(one.difference) > 1.96 * one.error


def agreement_table(
    true: Sequence[DesignEffect], predicted: Mapping[str, Sequence[Mapping[str, ChangeEffect]]]
) -> str:
    """How well the effects on predictors agree with the true ones, with the two trivial answers."""
    lines = [
        "| measure | who | direction right | slope | correlation | error | intervals with the truth |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for measure in UNITS:
        truths = [found.effects[measure] for found in true]
        known = np.array([_known(one) for one in truths])
        sizes = np.array([one.difference for one in truths])
        errors = np.array([one.error for one in truths])
        majority = np.sign(np.sign(sizes[known]).sum()) or 1.0
        right = int((np.sign(sizes[known]) == majority).sum())
        of = int(known.sum())
        lines.append(f"| {measure} | the majority's direction | {right} of {of} | | | | |")
        lines.append(f"| | no effect | 0 of {of} | 0.00 | | 1.00 | |")
        for spec, changes in predicted.items():
            found = [one.get(measure) for one in changes]
            if any(one is None for one in found):
                lines.append(f"| | `{spec}` | nothing bought, so nothing to see | | | | |")
                continue
            effects = [one for one in found if one is not None]
            size = np.array([one.difference.value for one in effects])
            hits = int((np.sign(size[known]) == np.sign(sizes[known])).sum())
            slope = float(size @ sizes / (sizes @ sizes))
            length = float(np.sqrt((size @ size) * (sizes @ sizes)))
            correlation = f"{size @ sizes / length:.2f}" if length else "-"
            error = float(np.sqrt(np.square(size - sizes).sum() / np.square(sizes).sum()))
            known_error = np.array([one.difference.high is not None for one in effects])
            ends = [(one.difference.low or 0.0, one.difference.high or 0.0) for one in effects]
            below, above = np.array(ends).T
            slack = 1.96 * errors
            inside = (below - slack <= sizes) & (sizes <= above + slack)
            covered = f"{int(inside[known_error].sum())} of {int(known_error.sum())}"
            lines.append(
                f"| | `{spec}` | {hits} of {of} | {slope:.2f} | {correlation} | {error:.2f} | {covered} |"
            )
    return "\n".join(lines)


def closeness_table(report: FidelityReport) -> str:
    """How close each predictor's population is to the shop's people, both in the standard design."""
    lines = ["| who | score [95%] | Holm p | sessions |", "|---|---:|---:|---:|"]
    names = [f"`{spec}`" for spec in SESSIONS] + [one.name for one in report.baselines]
    for name, one in zip(names, [*report.rollouts, *report.baselines], strict=True):
        score = one.score
        assert score is not None
        p = "" if one.adjusted_p is None else f"{one.adjusted_p:.3f}"
        lines.append(
            f"| {name} | {score.value:.2f} [{score.low:.2f}, {score.high:.2f}] | {p} | {one.sessions:,} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Simulate the truth, roll out, compare, and write the tables."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/design_changes"))
    work: Path = parser.parse_args().work
    outcomes = {design: truth(work, design) for design in DESIGNS}
    folder = work / "people"
    data = DataSet.open(folder) if folder.exists() else sample(SAMPLE, SEED, folder)
    train, people = halves(data)
    true = [compare_designs(outcomes[a], outcomes[b]) for a, b in CHANGES]
    predicted, standard = {}, []
    for spec in SESSIONS:
        produced = produce(work, spec, train, people)
        standard.append(produced["standard"])
        arms = {name: session_measures(found) for name, found in produced.items()}
        predicted[spec] = [{one.measure: one for one in paired_effects(arms[a], arms[b])} for a, b in CHANGES]
    write("truth", true_table(true), DOC)
    write("agreement", agreement_table(true, predicted), DOC)
    write("closeness", closeness_table(measure_fidelity(people, *standard, seed=SEED)), DOC)


if __name__ == "__main__":
    main()
