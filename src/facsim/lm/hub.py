"""Checkpoints of the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from facsim.util.errors import ConfigError

FILES: Final = ("*.json", "*.jinja", "*.txt", "*.model", "model*.safetensors")
"""Patterns of the files that a checkpoint consists of."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")


class HubUnreachableError(ConfigError):
    """The hub does not answer, and its cache on this machine does not have the model."""


def is_hub_id(name: str) -> bool:
    """Whether a text has the form of a model id, such as `Qwen/Qwen2.5-0.5B-Instruct`."""
    return _HUB_ID.fullmatch(name) is not None


def download(name: str, into: Path | None = None) -> Path:
    """Return the folder of a model of the hub, downloading what is missing there.

    Args:
        name: the model's id.
        into: a folder to download to, where an interrupted download resumes; the hub's own cache if None.

    Raises:
        HubUnreachableError: if the hub cannot be reached and its cache does not have the model.
        ConfigError: if there is no such model or it may not be read, or huggingface_hub is not installed.
    """
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
        return Path(snapshot_download(name, allow_patterns=list(FILES), local_dir=into))
    except GatedRepoError:
        raise ConfigError(
            f"{name}: its owners require you to accept their terms. Do so on https://huggingface.co/{name}, "
            "then log in: hf auth login"
        ) from None
    except RepositoryNotFoundError:
        raise ConfigError(
            f"{name}: neither a folder here nor a model of the Hugging Face hub that you may read. "
            "Check the spelling; for a private model log in: hf auth login"
        ) from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError):
        raise HubUnreachableError(
            f"{name}: no such folder here, and the Hugging Face hub cannot be reached. Connect to the "
            f"network; or download the model on a machine that is connected (hf download {name} "
            "--local-dir FOLDER) and give local:FOLDER"
        ) from None
