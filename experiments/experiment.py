"""Shared code of the experiments in docs/research/results.md: arms are trained and asked once.

An experiment is a list of arms on one data set. All that is done stays in its work folder, so that a script
that was stopped goes on where it was, and a table can be drawn again without a model.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facsim import DataSet, evaluate, leaderboard
from facsim.data.splits import SplitBy
from facsim.evaluation import Run
from facsim.metrics import Comparison, Rule, compare_runs, holm
from facsim.predict import load_predictor
from facsim.predict.local.options import Decoding
from facsim.predict.protocol import Predictor
from facsim.prompt import PromptConfig
from facsim.train import SftConfig, TrainingReport, train_sft
from facsim.util.progress import Progress

RESAMPLES = 100_000
"""Permutations of a paired test: with fewer, nothing could be below 0.001 after the correction."""

DOC = Path(__file__).resolve().parents[1] / "docs" / "research" / "results.md"


@dataclass(frozen=True)
class Arm:
    """One row of an experiment.

    Attributes:
        name: of its run and its checkpoint.
        spec: the predictor, if it is not trained here.
        learns: settings of `SftConfig`, if it is; the preset is `tiny` unless they name one.
        data: what it trains on, if that is not what it is tested on.
        prompt: settings of `PromptConfig` for a model that is not trained here.
        decoding: of local models. By default the answer is the most probable of all possible actions, as that
            of the choice model and the oracle is.
        model: what training starts from: `tiny`, a folder, or the name of an earlier arm.
    """

    name: str
    spec: str | None = None
    learns: Mapping[str, object] = field(default_factory=dict)
    data: Path | None = None
    model: str = "tiny"
    prompt: Mapping[str, Any] = field(default_factory=dict)
    decoding: Decoding = "candidates"


class Experiment:
    """Arms on one data set, in one work folder.

    Args:
        data: what every arm is tested on.
        work: where checkpoints and runs are kept.
        split_by: how the data set is split.
        limit: most test sessions, drawn at random; the same ones for every arm.
    """

    def __init__(
        self, data: DataSet, work: Path, *, split_by: SplitBy = "user", limit: int | None = None
    ) -> None:
        self.data, self.work, self.split_by, self.limit = data, work, split_by, limit

    def run(self, arm: Arm) -> Run:
        """Train the arm unless it is trained; predict what is not predicted yet."""
        began = time.process_time()
        spec = arm.spec or f"local:{self._trained(arm)}"
        predictor: Predictor | str = spec
        if spec.startswith("local:"):
            prompt = PromptConfig(**arm.prompt) if arm.prompt else None
            predictor = load_predictor(spec, prompt=prompt, decoding=arm.decoding)
        run = evaluate(
            self.data,
            predictor,
            run_dir=self.work / "runs" / arm.name,
            split_by=self.split_by,
            limit=self.limit,
            resume=True,
        )
        print(f"{arm.name}: {run.metrics['accuracy']}  {time.process_time() - began:.0f} CPU s", flush=True)
        return run

    def checkpoint(self, name: str) -> Path:
        """Where an arm's checkpoint is."""
        return self.work / "models" / name

    def sessions_learned(self, name: str) -> int:
        """From how many sessions an arm learned."""
        return int(TrainingReport.read(self.checkpoint(name)).examples["sessions"])

    def _trained(self, arm: Arm) -> Path:
        out = self.checkpoint(arm.name)
        if not (out / "training.json").exists():
            model = self.checkpoint(arm.model) if self.checkpoint(arm.model).is_dir() else arm.model
            config = SftConfig.of(
                arm.data or self.data.path,
                str(model),
                out,
                split_by=self.split_by,
                **{"preset": "tiny", **arm.learns},
            )
            train_sft(config, resume=out.exists(), progress=_lines(arm.name))
        return out


def _lines(name: str) -> Progress:
    last = [time.monotonic()]

    def progress(done: int, total: int | None, note: str = "") -> None:
        if time.monotonic() - last[0] > 30:
            last[0] = time.monotonic()
            print(f"{name}: {done} of {total} {note}", flush=True)

    return progress


def board(runs: Sequence[Run]) -> str:
    """The leaderboard as Markdown."""
    return leaderboard(runs).to_markdown()


def pairs(wanted: Sequence[tuple[Run, Run]], rule: Rule = "exact") -> str:
    """Paired comparisons as Markdown, on the steps that both runs predicted; p-values are Holm-corrected."""
    found = [paired(a, b, rule) for a, b in wanted]
    adjusted = holm([one.permutation_p for one in found])
    lines = [
        "| A | B | A - B, points [95%] | only A right | only B right | p |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for (a, b), one, p in zip(wanted, found, adjusted, strict=True):
        difference = one.difference
        lines.append(
            f"| {a.name} | {b.name} | {100 * difference.value:+.1f} "
            f"[{100 * (difference.low or 0):+.1f}, {100 * (difference.high or 0):+.1f}] "
            f"| {one.only_a} | {one.only_b} | {_p(p)} |"
        )
    return "\n".join(lines)


def paired(a: Run, b: Run, rule: Rule = "exact") -> Comparison:
    """Compare two runs on their common steps.

    Unlike `facsim.compare`, this allows variants of one data set, with the same sessions and other intents or
    rationales: what people did is the same.
    """
    key = ["session_id", "step"]
    one, other = a.cases(), b.cases()
    return compare_runs(
        one.join(other.select(key), on=key, how="semi").sort(key),
        other.join(one.select(key), on=key, how="semi").sort(key),
        rule=rule,
        resamples=RESAMPLES,
    )


def summary(runs: Sequence[Run]) -> str:
    """The main metrics of runs as Markdown, also of runs on different steps."""
    names = {
        "accuracy": "exact",
        "accuracy_target": "type and target",
        "type_accuracy": "type",
        "exact_click": "click",
        "exact_type_and_submit": "type_and_submit",
        "exact_terminate": "terminate",
        "query_similarity": "text similarity",
        "nll": "nats per step",
        "calibration_error": "ECE",
    }
    lines = [f"| run | steps | {' | '.join(names.values())} |", "|---|" + "---:|" * (len(names) + 1)]
    for run in runs:
        found = [run.metrics.get(name) for name in names]
        cells = ["-" if one is None else str(one) for one in found]
        lines.append(f"| {run.name} | {run.cases().height} | {' | '.join(cells)} |")
    return "\n".join(lines)


def costs(experiment: Experiment, names: Sequence[str]) -> str:
    """What training and predicting took, as Markdown; from the reports and the recorded usage."""
    lines = [
        "| arm | sessions | tokens | trained tokens | steps | hours | device | predicting, s per step |",
        "|---|---:|---:|---:|---:|---:|---|---:|",
    ]
    for name in names:
        run = Run.open(experiment.work / "runs" / name)
        predicting = run.metrics.get("seconds_mean")
        cells = ["-"] * 6
        if (experiment.checkpoint(name) / "training.json").exists():
            report = TrainingReport.read(experiment.checkpoint(name))
            counts = (report.examples[key] for key in ("sessions", "tokens", "trained_tokens"))
            cells = [f"{count:,}" for count in (*counts, report.steps)]
            cells += [f"{report.seconds / 3600:.2f}", report.device]
        lines.append(f"| {name} | {' | '.join(cells)} | {'-' if predicting is None else predicting} |")
    return "\n".join(lines)


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def shares(runs: Sequence[Run]) -> str:
    """How often each run says each category of action, beside how often people do it."""
    people = runs[0].metrics.tables["categories"]
    names = [str(row["category"]) for row in people]
    lines = [f"| | {' | '.join(names)} |", "|---|" + "---:|" * len(names)]
    lines.append("| people | " + " | ".join(f"{100 * float(row['share']):.1f}" for row in people) + " |")
    for run in runs:
        said = {
            row["category"]: 100 * float(row["predicted_share"]) for row in run.metrics.tables["categories"]
        }
        lines.append(f"| {run.name} | " + " | ".join(f"{said.get(name, 0):.1f}" for name in names) + " |")
    return "\n".join(lines)


def errors(runs: Sequence[Run]) -> str:
    """Types of errors, as shares of a run's errors in %."""
    titles = {row["error"]: str(row["title"]) for row in runs[0].metrics.tables["errors"]}
    lines = [f"| | {' | '.join(titles.values())} |", "|---|" + "---:|" * len(titles)]
    for run in runs:
        found = {row["error"]: 100 * float(row["share_of_errors"]) for row in run.metrics.tables["errors"]}
        lines.append(f"| {run.name} | " + " | ".join(f"{found.get(one, 0):.1f}" for one in titles) + " |")
    return "\n".join(lines)


def write(mark: str, text: str, doc: Path = DOC) -> None:
    """Put text between the comments `MARK: begin` and `MARK: end` of a page of the docs."""
    pattern = rf"(<!-- {mark}: begin -->\n).*?(<!-- {mark}: end -->)"
    old = doc.read_text(encoding="utf-8")
    new, count = re.subn(pattern, lambda found: f"{found[1]}{text}\n{found[2]}", old, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"{doc}: no place for {mark}")
    doc.write_text(new, encoding="utf-8")
