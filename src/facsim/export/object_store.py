"""Data sets, runs and checkpoints to and from object stores and other places that fsspec knows.

A copy is complete once its last file is there: `card.json` of a data set, `config.json` of a run or a
checkpoint. Stores write single objects atomically, so a copy that was interrupted is no copy yet, and the
next `push` writes it anew. What is complete is never changed: a new version gets a new address.
"""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath
from typing import Final

from facsim.data import DataSet
from facsim.evaluation import Run
from facsim.export.folder_kinds import CHECKPOINT_FILES, DATA_SET_FILES, is_checkpoint, is_data_set
from facsim.util.errors import ConfigError, FacsimError
from facsim.util.progress import Progress, no_progress
from facsim.util.store_addresses import open_store

_LAST_FILES: Final = ("card.json", "config.json")
"""The files that complete a copy, by kind of folder."""


def push_to_store(folder: Path, url: str, *, progress: Progress = no_progress) -> str:
    """Copy a data set, a run or a checkpoint to a store.

    Args:
        folder: what to copy.
        url: where its files go, such as `s3://bucket/data/shop`. Credentials come from the environment.
        progress: called with the bytes copied.

    Returns:
        The address.

    Raises:
        ConfigError: if the folder holds none of these, there is a complete copy at the address already, or
            the store cannot be written.
    """
    files = _files_of(folder)
    last = next(name for name in _LAST_FILES if name in files)
    total = sum((folder / name).stat().st_size for name in files)
    with open_store(url) as (store, root):
        for name in _LAST_FILES:
            if store.exists(f"{root}/{name}"):
                raise ConfigError(
                    f"{url}: holds a complete copy already ({name}). A copy is never changed: give another "
                    "address"
                )
        done = 0
        for name in [*(name for name in files if name != last), last]:
            target = f"{root}/{name}"
            store.makedirs(target.rpartition("/")[0], exist_ok=True)
            store.put_file(str(folder / name), target)
            done += (folder / name).stat().st_size
            progress(done, total, "bytes")
    return url.rstrip("/")


def pull_from_store(url: str, out: Path, *, progress: Progress = no_progress) -> Path:
    """Copy a data set, a run or a checkpoint from a store, whole or not at all.

    Args:
        url: the address given to `push`.
        out: the folder to make; it must not exist.
        progress: called with the bytes copied.

    Returns:
        The folder.

    Raises:
        ConfigError: if the folder exists, there is no complete copy at the address, what is there is broken,
            or the store cannot be read.
    """
    if out.exists():
        raise ConfigError(f"{out} exists. Choose another --out, or remove it")
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with open_store(url) as (store, root):
            sizes = {
                str(path)[len(root) + 1 :]: int(entry["size"] or 0)
                for path, entry in store.find(root, detail=True).items()
            }
            if not any(name in sizes for name in _LAST_FILES):
                raise ConfigError(f"{url}: no complete copy: neither {' nor '.join(_LAST_FILES)} is there")
            done = 0
            for name, size in sizes.items():
                relative = PurePosixPath(name)
                # An object's name may be anything: `data//etc/passwd` would be an absolute path here.
                is_plain = relative.as_posix() == name and not relative.is_absolute()
                if not is_plain or ".." in relative.parts or "\\" in name:
                    raise ConfigError(f"{url}: has a file of the name {name!r}, which no copy has")
                target = partial / name
                target.parent.mkdir(parents=True, exist_ok=True)
                store.get_file(f"{root}/{name}", str(target))
                done += size
                progress(done, sum(sizes.values()), "bytes")
        _files_of(partial)
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        if isinstance(error, FacsimError):
            raise ConfigError(str(error).replace(str(partial), url)) from None
        raise
    partial.rename(out)
    return out


def _files_of(folder: Path) -> list[str]:
    """The files of a data set, a run or a checkpoint, relative to its folder; it is checked.

    Raises:
        ConfigError: if the folder holds none of these.
        InputError: if a file is broken.
    """
    if is_data_set(folder):
        DataSet.open(folder)  # what is broken is not copied
        patterns: tuple[str, ...] = DATA_SET_FILES
    elif is_checkpoint(folder):
        patterns = CHECKPOINT_FILES
    elif (folder / "config.json").is_file():
        Run.open(folder)
        patterns = ("**/*",)
    else:
        raise ConfigError(
            f"{folder} holds neither a data set (card.json) nor a run or a checkpoint (config.json)"
        )
    found = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    names = sorted(path.relative_to(folder).as_posix() for path in found)
    return [name for name in names if not any(part.startswith(".") for part in PurePosixPath(name).parts)]
