"""Write the tables of docs/research/shop.md: the leaderboard with the oracle, and the effects of designs.

    python benchmarks/shop_docs.py [--sessions 2000] [--effect-sessions 5000] [--workers 2] [--work FOLDER]
        [--effects-only]

It runs the commands that are shown above the tables.
"""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from facsim import evaluate, leaderboard
from facsim.predict import BASELINES, ORACLE
from facsim.shop import DESIGNS, DesignEffect, sample
from facsim.shop.effect import compare_designs, simulate

DOC = Path(__file__).resolve().parents[1] / "docs" / "research" / "shop.md"
SEED = 0


def replaced(text: str, mark: str, table: str) -> str:
    """The text with a table between the comments `MARK: begin` and `MARK: end`."""
    pattern = rf"(<!-- {mark}: begin -->\n).*?(<!-- {mark}: end -->)"
    changed, count = re.subn(pattern, lambda found: f"{found[1]}{table}\n{found[2]}", text, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"{DOC}: no place for the table {mark}")
    return changed


def board_of(sessions: int, workers: int, work: Path) -> str:
    """Every predictor and the oracle on a fresh sample."""
    data = sample(sessions, SEED, work / "data", workers=workers, overwrite=True)
    shutil.rmtree(work / "runs", ignore_errors=True)
    specs = [ORACLE, *BASELINES, "choice"]
    runs = []
    for spec in specs:
        name = spec.strip(":").replace(":", "-")
        runs.append(evaluate(data, spec, run_dir=work / "runs" / name))
        print(f"{spec}: {runs[-1].metrics['accuracy']}", flush=True)
    commands = [
        f"facsim shop sample --sessions {sessions} --seed {SEED} --out data/shop",
        f"facsim evaluate data/shop {ORACLE} {' '.join(BASELINES)} choice",
        "facsim report runs/* --format md",
    ]
    return "\n".join(["```sh", *commands, "```", "", leaderboard(runs).to_markdown()])


def effects_of(found: Iterable[DesignEffect]) -> str:
    """One row per design: its effect, with the 95% interval."""
    units = {"conversion": (100, 2), "searches": (1, 3), "length": (1, 3), "revenue": (0.01, 2)}
    lines: list[str] = []
    for one in found:
        cells = []
        for measure, (unit, digits) in units.items():
            effect = one.effects[measure]
            low, middle, high = (
                f"{unit * value:+.{digits}f}" for value in (effect.low, effect.difference, effect.high)
            )
            cells.append(f"{middle} [{low}, {high}]")
        if not lines:
            lines = [
                f"{one.sessions:,} sessions in each design (`facsim shop effect standard DESIGN "
                f"--sessions {one.sessions} --seed {one.seed}`), differences from `standard`:",
                "",
                "| design | conversion, points | searches per session | actions per session "
                "| revenue per session, $ |",
                "|---|---:|---:|---:|---:|",
                "| standard itself | "
                + " | ".join(
                    f"{units[measure][0] * one.effects[measure].a:.{units[measure][1]}f}" for measure in units
                )
                + " |",
            ]
        lines.append(f"| `{one.b}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--effect-sessions", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path("build/shop"))
    parser.add_argument("--effects-only", action="store_true", help="leave the leaderboard as it is")
    arguments = parser.parse_args()
    if not arguments.effects_only:
        board = board_of(arguments.sessions, arguments.workers, arguments.work)
        DOC.write_text(replaced(DOC.read_text(encoding="utf-8"), "leaderboard", board), encoding="utf-8")
    sessions = {}
    for name in DESIGNS:
        sessions[name] = simulate(
            name, sessions=arguments.effect_sessions, seed=SEED, workers=arguments.workers
        )
        print(f"{name}: {sessions[name].seconds:.0f} s", flush=True)
    standard = sessions.pop("standard")
    effects = [compare_designs(standard, others) for others in sessions.values()]
    text = replaced(DOC.read_text(encoding="utf-8"), "effect", effects_of(effects))
    DOC.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
