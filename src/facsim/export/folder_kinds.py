"""What a folder holds, and which files of it are copied."""

from __future__ import annotations

from pathlib import Path
from typing import Final

# A work folder, a lock or raw notes beside these files stay where they are.
DATA_SET_FILES: Final = (
    "*.parquet", "card.json", "ingest.md", "README.md", "LICENSE*",
    "rollout.json",  # names the sessions that failed before their first step, which fidelity counts
    "rollout.md",
)  # fmt: skip
CHECKPOINT_FILES: Final = (
    "*.json", "*.jinja", "*.txt", "*.model", "model*.safetensors", "README.md", "LICENSE*", "training.svg",
    "training.png",
)  # fmt: skip


def is_data_set(folder: Path) -> bool:
    """Whether a folder holds a data set, which may still be broken."""
    return (folder / "card.json").is_file()


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder holds a model."""
    return (folder / "config.json").is_file() and any(folder.glob("model*.safetensors"))
