"""Where a checkpoint is: a folder, a model of the hub, or the one that comes with the package."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from facsim.util.errors import ConfigError

TINY: Final = "tiny"
"""The name of the base model that comes with the package."""
FILES: Final = ("*.json", "*.jinja", "*.txt", "*.model", "model*.safetensors")
"""Patterns of the files that a checkpoint consists of."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")


def find_checkpoint(source: str | Path) -> Path:
    """The folder that `PATH`, `HUB_ID`, `tiny`, or any of them after `local:`, means.

    A model of the hub is downloaded once, into the hub's own cache; safetensors and texts only.

    Raises:
        ConfigError: if there is no such folder and no such model, or the hub cannot be reached.
    """
    name = str(source).removeprefix("local:") if isinstance(source, str) else source
    if name == TINY:
        return Path(__file__).parent / TINY
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise ConfigError(f"{folder} is a file. Give the folder of a checkpoint")
    if isinstance(name, Path) or not _HUB_ID.fullmatch(name):
        raise ConfigError(
            f"{name!s}: no such folder. Expected the folder of a checkpoint, a model of the Hugging Face hub "
            f"such as Qwen/Qwen2.5-0.5B-Instruct, or {TINY}"
        )
    return _download(name)


def _download(name: str) -> Path:
    try:
        from huggingface_hub import snapshot_download  # noqa: PLC0415
        from huggingface_hub.errors import (  # noqa: PLC0415
            GatedRepoError,
            HfHubHTTPError,
            LocalEntryNotFoundError,
            RepositoryNotFoundError,
        )
    except ImportError:
        raise ConfigError(
            f"{name}: no such folder, and a model of the hub needs the package huggingface_hub. "
            "Install it: pip install 'facsim[local]'"
        ) from None
    try:
        return Path(snapshot_download(name, allow_patterns=list(FILES)))
    except GatedRepoError:
        raise ConfigError(
            f"{name}: its owners ask for consent. Give it on https://huggingface.co/{name}, then log in: "
            "hf auth login"
        ) from None
    except RepositoryNotFoundError:
        raise ConfigError(
            f"{name}: neither a folder here nor a model of the Hugging Face hub that you may read. "
            "Look for a misprint; for a private model log in: hf auth login"
        ) from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError):
        raise ConfigError(
            f"{name}: no such folder here, and the Hugging Face hub cannot be reached. Connect to the "
            f"network; or download the model where there is one (hf download {name} --local-dir FOLDER) and "
            "give local:FOLDER"
        ) from None
