"""Write a log with the columns that examples/own-log.yaml maps: simulated sessions in the embedded shop.

python examples/sample_log.py clicks.jsonl [--sessions 200] [--seed 3]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from facsim import simplify
from facsim.shop import sample

EVENTS = {"type_and_submit": "search", "terminate": "leave", "click": "tap"}


def write_log(file: Path, sessions: int, seed: int) -> int:
    """Write one JSON line per step and return how many there are."""
    rows = 0
    with tempfile.TemporaryDirectory() as folder, file.open("w", encoding="utf-8") as out:
        data = sample(sessions, seed, Path(folder) / "shop")
        for session in data:
            for step in session.steps:
                html = data.pages.raw_html(step.page_id)
                name = step.action.name
                row = {
                    "visit": session.session_id,
                    "customer": session.user_id,
                    "at": step.timestamp.isoformat(),
                    "html": html,
                    "event": EVENTS[step.action.type],
                    "css": name and simplify(html).by_name[name].locator,
                    "typed": step.action.text,
                    "url": step.url,
                    "kind": step.category,
                    "result": "bought" if session.outcome == "purchase" else "left",
                    "about": session.persona,
                }
                out.write(json.dumps(row) + "\n")
                rows += 1
    return rows


def main() -> None:
    """Parse the command line and write the log."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--seed", type=int, default=3)
    arguments = parser.parse_args()
    rows = write_log(arguments.file, arguments.sessions, arguments.seed)
    print(f"{arguments.file}: {rows} steps of {arguments.sessions} sessions")


if __name__ == "__main__":
    main()
