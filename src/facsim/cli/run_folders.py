"""The run folders among what a shell pattern such as `runs/*` gives; anything else is skipped with a note."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def existing_runs(folders: Sequence[Path]) -> list[Path]:
    """The folders that hold a run. A note on standard error names each one that does not.

    A path that does not exist, and a folder given alone, stay: opening them tells what is wrong.
    """
    from facsim.cli.console import errors

    kept = [folder for folder in folders if not folder.exists() or (folder / "config.json").exists()]
    if not kept:
        return list(folders)
    for folder in folders:
        if folder not in kept:
            errors.print(f"{folder}: not a run, skipped", style="yellow", highlight=False, markup=False)
    return kept
