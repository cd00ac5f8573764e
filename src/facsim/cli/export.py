"""`facsim export`: a run as an Inspect log, a data set as rows for TRL or verl."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

_ROWS = "Rows for training"


def command(
    source: Path,
    *,
    to: Literal["inspect", "trl-messages", "trl-prompt", "verl"],
    out: Path,
    part: Annotated[Literal["train", "validation", "test", "all"], Parameter(group=_ROWS)] = "train",
    split_by: Annotated[Literal["user", "session", "official", "time"], Parameter(group=_ROWS)] = "user",
    seed: Annotated[int, Parameter(group=_ROWS)] = 0,
    style: Annotated[Literal["action", "rationale", "think", "two_turn"], Parameter(group=_ROWS)] = "action",
    budget_tokens: Annotated[int, Parameter(group=_ROWS)] = 40_000,
) -> None:
    """Write a run or a data set in another tool's format.

    Args:
        source: A run's folder for `inspect`, a data set's folder for the others.
        to: `inspect`: a JSON log of inspect_ai. `trl-messages`: a row per session, for SFTTrainer with
            assistant_only_loss. `trl-prompt`: a row per step with prompt and completion. `verl`: a row per
            step with the true action as ground truth.
        out: The file to write: `.json` for `inspect`, `.parquet` for the others.
        part: Which part of the split.
        split_by: How the data set is split.
        seed: Seed of the split.
        style: Form of the answer.
        budget_tokens: Most tokens of a prompt.
    """
    from facsim.cli.console import console, progress_bar
    from facsim.data import DataSet
    from facsim.evaluation import Run
    from facsim.export import write_inspect_log, write_training_rows
    from facsim.prompt import PromptConfig

    if to == "inspect":
        write_inspect_log(Run.open(source), out)
        console.print(f"Wrote {out}. Open it with: inspect view", highlight=False, markup=False)
        return
    with progress_bar("Writing rows") as progress:
        written = write_training_rows(
            DataSet.open(source),
            out,
            to,
            part=part,
            split_by=split_by,
            seed=seed,
            prompt=PromptConfig(style=style, budget_tokens=budget_tokens),
            progress=progress,
        )
    unnamed = f" {written.unnamed:,} steps have a target without a name." if written.unnamed else ""
    console.print(f"Wrote {written.rows:,} rows to {out}.{unnamed}", highlight=False, markup=False)
