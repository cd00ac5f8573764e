"""Checks that work is resumed with the settings that it was started with, and names those that differ."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from facsim.util.errors import ConfigError


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING: Final = _Missing()
"""The value of a setting that is absent."""

_SHOWN_CHARACTERS = 80


def setting_differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """The settings in which two nested mappings differ, as (dotted key, old value, new value).

    >>> setting_differences({"seed": 0, "prompt": {"style": "think"}}, {"seed": 0, "prompt": {}})
    [('prompt.style', 'think', nothing), ('prompt', nothing, {})]
    """
    flat_old, flat_new = _flatten(old), _flatten(new)
    keys = [*flat_old, *(key for key in flat_new if key not in flat_old)]
    pairs = ((key, flat_old.get(key, MISSING), flat_new.get(key, MISSING)) for key in keys)
    return [(key, before, after) for key, before, after in pairs if before != after]


def check_same_settings(
    folder: Path, old: Mapping[str, Any], new: Mapping[str, Any], *, ignore: Collection[str] = ()
) -> None:
    """Check that work in a folder continues with the settings that it was started with.

    Args:
        folder: the folder of the work.
        old: the settings that it was started with.
        new: the settings now.
        ignore: dotted keys of settings that may differ.

    Raises:
        ConfigError: if it does not, with each setting that differs and both of its values.
    """
    found = [change for change in setting_differences(old, new) if change[0] not in ignore]
    if found:
        listed = "\n".join(
            f"  {key}: {_short(before)} before, {_short(now)} now" for key, before, now in found
        )
        raise ConfigError(
            f"{folder} was started with other settings:\n{listed}\n"
            "Use the settings that it was started with, or another folder"
        )


def _flatten(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        if isinstance(value, Mapping) and value:
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 3]}…"
