"""Locates the tables of OPeRA in a local folder of Parquet files or on the hub."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from facsim.util.errors import ConfigError, InputError

Kind = Literal["action", "session", "user"]

COLUMNS = (
    "session_id",
    "action_id",
    "timestamp",
    "action_type",
    "click_type",
    "semantic_id",
    "mouse_position",
    "element_meta",
    "url",
    "window_size",
    "page_meta",
    "simplified_html",
    "rationale",
    "products",
    "input_text",
    "image",
)
"""The columns of an action table as released."""

_KINDS: dict[str, Kind] = {
    "action": "action",
    "actions": "action",
    "session": "session",
    "sessions": "session",
    "user": "user",
    "users": "user",
}
_SPLITS = ("train", "test")
_NOT_READ = frozenset({"full", "image", "images"})
_HUB_ID = re.compile(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@([A-Za-z0-9][\w./-]*))?")
_DEEPEST = 4
"""Maximum folder depth to search; the hub's layout has two levels."""
_HUB_PATTERNS = ("*filtered*action*.parquet", "*filtered*session*.parquet", "*filtered*user*.parquet")
_EXPECTED = (
    "Parquet files with the table and the split in their path, as on the hub: "
    "OPeRA_filtered/action/train-00000-of-00010.parquet or filtered_action/train-*.parquet"
)


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file that belongs to one of the filtered tables."""

    kind: Kind
    split: str | None
    file: Path


def is_hub_id(path: str) -> bool:
    """Whether `path` is a hub data set, `OWNER/NAME` or `OWNER/NAME@REVISION`, rather than a local path."""
    return bool(_HUB_ID.fullmatch(path)) and ".." not in path and not Path(path).exists()


def download(hub_id: str) -> Path:
    """Download the filtered tables of a hub data set, or find them in the local hub cache.

    Raises:
        ConfigError: if `huggingface_hub` is not installed.
        InputError: if the hub cannot be reached or has no such data set.
    """
    try:
        from huggingface_hub import snapshot_download  # noqa: PLC0415 - an extra
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError  # noqa: PLC0415
    except ImportError:
        raise ConfigError(
            f"{hub_id} is not a local folder, and reading from the hub needs the package huggingface_hub: "
            "pip install 'facsim[hub]'. Or give the path of a folder with the Parquet files"
        ) from None
    found = _HUB_ID.fullmatch(hub_id)
    assert found
    remedy = "Check the name and the network, or give a local folder with its Parquet files"
    try:
        return Path(
            snapshot_download(
                found[1], revision=found[2], repo_type="dataset", allow_patterns=list(_HUB_PATTERNS)
            )
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"cannot be fetched from the hub: {reason}", file=hub_id, remedy=remedy) from None


def table_files(folder: Path) -> list[TableFile]:
    """Return the files of the filtered tables under `folder`, recognised by words in their paths.

    Raises:
        InputError: if the folder does not exist or contains no action table.
    """
    if not folder.is_dir():
        raise InputError(
            "no such folder",
            file=folder,
            expected="a folder of Parquet files, or a data set of the hub such as NEU-HAI/OPeRA",
        )
    found = [table for file in _parquet_files(folder) if (table := _table_of(folder, file))]
    if not any(table.kind == "action" for table in found):
        raise InputError("folder contains no filtered action table", file=folder, expected=_EXPECTED)
    return found


def _parquet_files(folder: Path) -> list[Path]:
    """Parquet files at most `_DEEPEST` folders below, sorted. Skips hidden folders and symbolic links."""
    found: list[Path] = []
    for place, folders, files in os.walk(folder):
        here = Path(place)
        depth = len(here.relative_to(folder).parts)
        folders[:] = [name for name in folders if not name.startswith(".")] if depth < _DEEPEST else []
        found += [here / name for name in files if name.endswith(".parquet") and (here / name).is_file()]
    return sorted(found)


def _table_of(folder: Path, file: Path) -> TableFile | None:
    # The file name is more specific than its parent folders, so the last match wins.
    words = _words([folder.name, *file.relative_to(folder).parts])
    inside = _words(file.relative_to(folder).parts)
    if _NOT_READ & set(inside):
        return None
    kinds = [_KINDS[word] for word in words if word in _KINDS]
    splits = [word for word in inside if word in _SPLITS]
    return TableFile(kinds[-1], splits[-1] if splits else None, file) if kinds else None


def _words(parts: Sequence[str]) -> list[str]:
    return [word for part in parts for word in re.split(r"[^a-z0-9]+", part.lower()) if word]
