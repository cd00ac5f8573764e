"""The command line in a process with a hub of its own: huggingface_hub reads its settings when it is imported."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from in_process_cli import completed

TOKEN = "hf_planted0123456789"


def _settle(settings: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name.startswith("HF_")]:
        del os.environ[name]
    os.environ.update(settings)


def _called(arguments: tuple[str, ...], token: str | None) -> subprocess.CompletedProcess[str]:
    os.environ.pop("HF_TOKEN", None)
    if token:
        os.environ["HF_TOKEN"] = token
    return completed(*arguments)


@contextmanager
def facsim_with_hub(address: str, home: Path) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """A function that runs a verb as somebody with a token, or with none.

    Args:
        address: of the hub.
        home: the folder of huggingface_hub's cache.
    """
    settings = {
        "HF_ENDPOINT": address,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "COLUMNS": "400",
    }
    with ProcessPoolExecutor(1, get_context("spawn"), _settle, (settings,)) as process:

        def call(*arguments: object, token: str | None = TOKEN) -> subprocess.CompletedProcess[str]:
            return process.submit(_called, tuple(map(str, arguments)), token).result(120)

        yield call
