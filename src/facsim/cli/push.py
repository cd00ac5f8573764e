"""`facsim push`: a data set, a run or a checkpoint to the Hugging Face hub or an object store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def command(folder: Path, target: str, *, public: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Upload a data set or a checkpoint to the Hugging Face hub, or these and runs to an object store.

    On the hub, a new repository is private. The token comes from HF_TOKEN or from `hf auth login`. On a
    store, a copy is complete once its last file is there, and is never changed. Recorded sessions are
    personal data: publish none without the consent of the people in them.

    Args:
        folder: The folder of the data set, run or checkpoint.
        target: OWNER/NAME on the hub, or an address such as s3://bucket/data/shop.
        public: Make a new repository public.
    """
    from facsim.cli.console import console, progress_bar
    from facsim.export import is_url, push, push_to_store

    if is_url(target):
        with progress_bar("Uploading") as progress:
            address = push_to_store(folder, target, progress=progress)
    else:
        address = push(folder, target, private=not public)
    console.print(f"Uploaded: {address}", highlight=False, markup=False)
