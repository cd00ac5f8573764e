"""`facsim pull`: a data set, a run or a checkpoint from the Hugging Face hub or an object store."""

from __future__ import annotations

from pathlib import Path
from typing import Literal


def command(
    source: str, *, out: Path, kind: Literal["dataset", "model"] = "dataset", revision: str | None = None
) -> None:
    """Download a data set, a run or a checkpoint that `facsim push` uploaded.

    Args:
        source: OWNER/NAME on the hub, or an address such as s3://bucket/data/shop.
        out: The folder to make.
        kind: What the repository on the hub holds.
        revision: A branch, a tag or a commit on the hub. Default: the newest.
    """
    from facsim.cli.console import console, progress_bar
    from facsim.export import is_url, pull, pull_from_store

    if is_url(source):
        with progress_bar("Downloading") as progress:
            folder = pull_from_store(source, out, progress=progress)
    else:
        folder = pull(source, out, repo_type=kind, revision=revision)
    console.print(f"Downloaded {source} to {folder}", highlight=False, markup=False)
