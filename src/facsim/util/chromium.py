"""Where this machine has Chromium."""

from __future__ import annotations

import shutil
from typing import Final

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome-for-testing", "google-chrome")


def find_chromium(*others: str) -> str | None:
    """The path of Chromium, or of a browser built from it; None if there is none.

    Args:
        others: names of further programs, which are looked for last.
    """
    return next(filter(None, map(shutil.which, (*_NAMES, *others))), None)
