"""`facsim pull`: a data set or a checkpoint from the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path
from typing import Literal


def command(
    repo_id: str, *, out: Path, kind: Literal["dataset", "model"] = "dataset", revision: str | None = None
) -> None:
    """Download a data set or a checkpoint that `facsim push` uploaded.

    Args:
        repo_id: OWNER/NAME.
        out: The folder to make.
        kind: What the repository holds.
        revision: A branch, a tag or a commit. Default: the newest.
    """
    from facsim.cli.console import console
    from facsim.export import pull

    folder = pull(repo_id, out, repo_type=kind, revision=revision)
    console.print(f"Downloaded {repo_id} to {folder}", highlight=False, markup=False)
