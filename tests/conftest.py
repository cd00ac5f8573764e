"""Makes `tests/support` importable everywhere (`from loopback import Loopback`); the browser of all tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

# The same examples every time: a change is judged by what it changes. `--hypothesis-profile=default` looks for
# new ones, and `make fuzz-page` does so by coverage.
# Without a deadline: on a busy machine any example can take long. Tests of linear time measure CPU time.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")

# What verbs print is the same in any terminal. Set before the console is made, for it asks once.
os.environ["COLUMNS"] = "200"
for _setting in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
    os.environ.pop(_setting, None)

sys.path.insert(0, str(Path(__file__).parent / "support"))

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium, one for the tests of a file; without one the test is skipped.

    While it is open an event loop runs in this thread, so it must be gone before other files are tested.
    """
    from browser import open_chromium, skip_without_browser

    skip_without_browser()
    with open_chromium() as browser:
        yield browser
