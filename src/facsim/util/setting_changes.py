"""Name the settings that differ between a run on disk and the one that would resume it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def changed_settings(
    before: Mapping[str, Any], now: Mapping[str, Any], *, ignore: Collection[str] = ()
) -> str:
    """The settings that differ, as `name (before → now)` separated by commas; empty if none does.

    >>> changed_settings({"seed": 0, "epochs": 1}, {"seed": 0, "epochs": 2})
    'epochs (1 → 2)'
    """
    return ", ".join(
        f"{name} ({before.get(name)!r} → {now.get(name)!r})"
        for name in sorted({*before, *now} - {*ignore})
        if before.get(name) != now.get(name)
    )
