"""The reference tables of docs/reference/metrics.md, made from the registry.

`python -m facsim.metrics.reference docs/reference/metrics.md` updates the file; a test
fails when it is stale.
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

from facsim.metrics.registry import METRICS
from facsim.util.errors import InputError

BEGIN = "<!-- {group}: made from facsim.metrics.METRICS by `python -m facsim.metrics.reference` -->"
END = "<!-- end -->"


def tables() -> dict[str, str]:
    """One Markdown table per group of metrics, by group."""
    made = {}
    for group, definitions in groupby(METRICS.values(), key=lambda definition: definition.group):
        rows = ["| name | what it is | unit | better | source |", "|---|---|---|---|---|"]
        rows += [
            f"| `{one.name}` | {one.meaning} | {one.unit} | {one.better or ''} | {one.source} |"
            for one in definitions
        ]
        made[group] = "\n".join(rows)
    return made


def updated(text: str) -> str:
    """The text with every reference table as the registry says.

    Raises:
        InputError: if the text lacks the place of a table.
    """
    for group, table in tables().items():
        begin = BEGIN.format(group=group)
        head, found, tail = text.partition(begin)
        if not found or END not in tail:
            raise InputError(f"no place for the metrics of {group!r}", expected=f"{begin} … {END}")
        text = f"{head}{begin}\n{table}\n{END}{tail.partition(END)[2]}"
    return text


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")
