"""`facsim push`: a data set or a checkpoint to the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def command(folder: Path, repo_id: str, *, public: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Upload a data set or a checkpoint to a repository of the Hugging Face hub.

    A new repository is private. The token comes from HF_TOKEN or from `hf auth login`. Recorded sessions are
    personal data: publish none without the consent of the people in them.

    Args:
        folder: The data set's or the checkpoint's folder.
        repo_id: OWNER/NAME.
        public: Make a new repository public.
    """
    from facsim.cli.console import console
    from facsim.export import push

    console.print(f"Uploaded: {push(folder, repo_id, private=not public)}", highlight=False, markup=False)
