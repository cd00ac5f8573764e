"""Recall and precision of `facsim scrub` on planted personal values (tests/data/scrub/held_out.yaml)."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from scrub_scoring import scored, table


def main() -> None:
    """Print the table, what went wrong, and the result line."""
    with TemporaryDirectory() as folder:
        score = scored(Path(folder), *map(Path, sys.argv[1:2]))
    print(table(score))
    for problem in score.problems:
        print(f"- {problem}")
    found = f"recall={score.recall():.3f} precision={score.precision():.3f}"
    print(f"RESULT planted={score.planted.total()} {found}")


if __name__ == "__main__":
    main()
