"""Where a checkpoint is: in a folder, in the catalogue, on the hub, or in the package."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from facsim.lm import hub, model_catalog
from facsim.util.errors import ConfigError
from facsim.util.store_addresses import as_url, check_address

TINY: Final = "tiny"
"""The name of the base model that comes with the package."""


def find_checkpoint(source: str | Path) -> Path:
    """Return the folder that a path, a hub id, a name of the catalogue or `tiny` means.

    A model that is not on this machine yet is downloaded once: one of the catalogue into Facsim's cache, one
    of the hub into the hub's own cache. Only safetensors and text files are downloaded from the hub.

    Args:
        source: any of these, with or without `local:` before it.

    Raises:
        ConfigError: if there is no such folder and no such model, or it cannot be downloaded.
    """
    name = str(source).removeprefix("local:") if isinstance(source, str) else source
    if name == TINY:
        return Path(__file__).parent / TINY
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if url := as_url(name):
        check_address(url)
        raise ConfigError(
            f"{url}: a model is loaded from a folder. Copy it first: facsim pull {url} --out FOLDER"
        )
    if folder.exists():
        raise ConfigError(f"{folder} is a file. Give the folder of a checkpoint")
    if isinstance(name, str) and name in model_catalog.CATALOG:
        return model_catalog.get_model(name)
    if isinstance(name, Path) or not hub.is_hub_id(name):
        known = ", ".join((TINY, *model_catalog.CATALOG))
        raise ConfigError(
            f"{name!s}: no such folder. Expected the folder of a checkpoint, a model of the Hugging Face hub "
            f"such as Qwen/Qwen2.5-0.5B-Instruct, or one of {known}"
        )
    return hub.download(name)
