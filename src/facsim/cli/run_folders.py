"""The runs among what a shell pattern such as `runs/*` gives; anything else is skipped with a note."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def existing_runs(folders: Sequence[Path]) -> list[Path]:
    """The folders that hold a run with answers. A note on standard error names each one that does not.

    A path that does not exist, and a folder given alone, stay: opening them tells what is wrong.
    """
    from facsim.cli.console import errors

    problems = {folder: problem for folder in folders if (problem := _problem(folder)) is not None}
    if len(problems) == len(folders):
        return list(folders)
    for folder, problem in problems.items():
        errors.print(f"{folder}: {problem}, skipped", style="yellow", highlight=False, markup=False)
    return [folder for folder in folders if folder not in problems]


def _problem(folder: Path) -> str | None:
    """Why a folder cannot be read as a run; None if it can, or does not exist."""
    if not folder.exists():
        return None
    if not (folder / "config.json").exists():
        return "not a run"
    answers = folder / "predictions.jsonl"
    return None if answers.exists() and answers.stat().st_size else "a run without answers"
