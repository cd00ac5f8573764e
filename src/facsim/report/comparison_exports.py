"""Paired comparisons as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict

from facsim.metrics import Comparison
from facsim.report.exports import spreadsheet_text
from facsim.util.display_text import one_line

_COLUMNS = (
    *("a", "b", "steps", "sessions", "rule", "cluster", "level", "accuracy_a", "accuracy_b"),
    *("difference", "difference_low", "difference_high", "only_a", "only_b"),
    *("mcnemar_p", "permutation_p", "adjusted_p"),
)


def comparisons_json(comparisons: Sequence[Comparison]) -> str:
    """The comparisons as a JSON array, with the fields of `Comparison`."""
    return json.dumps([asdict(found) for found in comparisons], ensure_ascii=False, indent=1) + "\n"


def comparisons_csv(comparisons: Sequence[Comparison]) -> str:
    """One comparison per line; shares between 0 and 1."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for found in comparisons:
        fields = asdict(found) | {
            "a": spreadsheet_text(one_line(found.a)),
            "b": spreadsheet_text(one_line(found.b)),
            "difference": found.difference.value,
            "difference_low": found.difference.low,
            "difference_high": found.difference.high,
        }
        writer.writerow(["" if fields[column] is None else fields[column] for column in _COLUMNS])
    return out.getvalue()
