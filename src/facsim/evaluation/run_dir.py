"""Run folders: where a run may be written, and leaving nothing behind if it never started."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from facsim.util.errors import ConfigError
from facsim.util.files import LOCK_FILE, FolderLock
from facsim.util.remote_files import holds_file
from facsim.util.store_addresses import as_url, require_folder

RUNS_DIR = Path("runs")
"""The folder for runs that are given none."""


def run_name(spec: str) -> str:
    """A folder name for a spec string.

    >>> run_name("baseline:markov-2"), run_name("openai:gpt-4.1"), run_name("choice:runs/choice/choice/")
    ('baseline-markov-2', 'openai-gpt-4.1', 'choice-choice')
    >>> run_name("endpoint:http://127.0.0.1:8000/v1#org/My Model")
    'endpoint-My-Model'
    """
    kind, _, rest = spec.partition(":")
    last = rest.rpartition("#")[2].rstrip("/").rpartition("/")[2]
    safe = re.sub(r"[^\w.-]+", "-", last).strip("-.")
    return f"{kind}-{safe}" if safe else kind


def check_run_dir(run_dir: Path) -> None:
    """Check that a folder is free for a run or already holds one.

    Raises:
        ConfigError: if it is a file, is on an object store, or has files that are not a run.
    """
    require_folder(run_dir, "a run is written")
    if not run_dir.exists():
        return
    if not run_dir.is_dir():
        raise ConfigError(f"{run_dir} is a file. Choose a folder for the run")
    held = {file.name for file in run_dir.iterdir() if not file.name.startswith(".")}
    if held and "config.json" not in held:
        raise ConfigError(f"{run_dir} exists and is not a run. Choose another folder")


def holds_run(place: Path) -> bool:
    """Whether a folder, or an address on a store, holds a run, and no data set.

    Raises:
        ConfigError: if a store cannot be read.
    """
    url = as_url(place)
    if url is not None:
        return holds_file(url, "config.json") and not holds_file(url, "card.json")
    return (place / "config.json").is_file() and not (place / "card.json").exists()


@contextmanager
def locked_run_dir(run_dir: Path) -> Iterator[None]:
    """Hold a run folder for writing. It is created, and removed again if it ends without an answer.

    Raises:
        ConfigError: if it cannot be created, or another process is writing it.
    """
    existed = run_dir.exists()
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{run_dir} cannot be created: {error.strerror}") from None
    with FolderLock(run_dir):
        try:
            yield
        finally:
            if not existed:
                _remove_without_answers(run_dir)


def _remove_without_answers(run_dir: Path) -> None:
    """Remove a run without answers, unless its folder also holds something else, such as a fitted model."""
    with suppress(OSError):
        answers = run_dir / "predictions.jsonl"
        own = {run_dir / name for name in (LOCK_FILE, "config.json", "predictions.jsonl")}
        if not set(run_dir.iterdir()) <= own or (answers.exists() and answers.stat().st_size):
            return
        for file in own:
            file.unlink(missing_ok=True)
        run_dir.rmdir()
