"""Makes `tests/support` importable everywhere (`from loopback import Loopback`); the browser of all tests."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

# The same examples every time: a change is judged by what it changes. `--hypothesis-profile=default` looks for
# new ones, and `make fuzz-page` does so by coverage.
# Without a deadline: on a busy machine any example can take long. Tests of linear time measure CPU time.
settings.register_profile("fixed", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("fixed")
# Nor do examples depend on the modules that happen to be loaded: Hypothesis would read the constants of each, which
# also takes 14 seconds of every worker.
providers._get_local_constants = lambda: providers._local_constants

# What verbs print is the same in any terminal. Set before the console is made, for it asks once.
os.environ["COLUMNS"] = "200"
for _setting in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
    os.environ.pop(_setting, None)

# Several tests run at once, so each has one thread: more would wait for each other. Set before NumPy and torch
# are loaded.
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")
# Programs that tests start use the bytecode of those before.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

sys.path.insert(0, str(Path(__file__).parent / "support"))

if TYPE_CHECKING:
    from playwright.sync_api import Browser


LONG_FILES = (
    "tests/predict/local/test_predictor.py",
    "tests/rollout/test_browser_rollout.py",
    "tests/rollout/test_rollout.py",
    "tests/train/test_sft.py",
    "tests/view/test_browser_view.py",
    "tests/view/test_running_rollout_view.py",
    "tests/record/test_faults.py",
    "tests/train/test_faults.py",
    "tests/predict/endpoint/test_hostile_servers.py",
    "tests/rationale/test_synthesize.py",
    "tests/shop/test_sampling.py",
    "tests/export/test_remote_reading.py",
    "tests/test_docs.py",
    "tests/test_docs_python.py",
    "tests/shop/test_leaks.py",
    "tests/shop/test_effect.py",
    "tests/record/test_record_pages.py",
    "tests/rollout/test_rollout_cli.py",
    "tests/test_notebook_example.py",
    "tests/fidelity/test_ab.py",
    "tests/fidelity/test_compare_populations.py",
    "tests/shop/test_browser_shop.py",
    "tests/test_package.py",
    "tests/evaluation/test_kill.py",
)
"""Files that take longest; they go first, so that no worker is left with one of them at the end."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from walking over all imported modules again and again.

    torch, transformers and the collected tests are millions of objects that stay to the end. Walking over them
    took a tenth of the time of the tests.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    root = Path(__file__).resolve().parents[1]
    order = {root / name: place for place, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium, one for the tests of a file; without one the test is skipped.

    While it is open an event loop runs in this thread, so it must be gone before other files are tested.
    """
    from browser import open_chromium, skip_without_browser

    skip_without_browser()
    with open_chromium() as browser:
        yield browser
