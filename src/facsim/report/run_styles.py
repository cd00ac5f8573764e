"""The letter and colour of each run: the same in the report, in its figures and in the viewer.

Letters follow the ranking by exact match, so that they do not depend on the order in which runs are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Final

from facsim.evaluation import Run
from facsim.predict import BASELINES, ORACLE
from facsim.report.palette import ORACLE_COLOUR, REST, RUN_COLOURS
from facsim.util.errors import InputError

ORACLE_LETTER: Final = "◆"


@dataclass(frozen=True, slots=True)
class RunStyle:
    """How a run is drawn.

    Attributes:
        letter: A for the best run, then B, …, Z, AA; `◆` for the oracle.
        css: the class that colours it: `r-0` to `r-7`, `r-rest` or `r-oracle`.
        colours: for a light and for a dark background.
    """

    letter: str
    css: str
    colours: tuple[str, str]


ORACLE_STYLE: Final = RunStyle(ORACLE_LETTER, "r-oracle", ORACLE_COLOUR)


def run_styles(runs: Mapping[str, Run]) -> dict[str, RunStyle]:
    """The style of each run, by its label, in display order: the oracle, then the runs by accuracy.

    Runs that are not scored yet, or whose metrics.json cannot be read, come last in the given order, trivial
    baselines after the others.

    Args:
        runs: the runs by label.
    """
    oracles = {name for name, run in runs.items() if run.predictor == ORACLE}
    accuracy = {name: _accuracy(run) for name, run in runs.items() if name not in oracles}
    scored = sorted((-value, name) for name, value in accuracy.items() if value is not None)
    unscored = [name for name, value in accuracy.items() if value is None]
    unscored.sort(key=lambda name: runs[name].predictor in BASELINES)
    ranked = [*(name for _, name in scored), *unscored]
    styles = dict.fromkeys(sorted(oracles), ORACLE_STYLE)
    return styles | {name: style_at(place) for place, name in enumerate(ranked)}


def style_at(place: int) -> RunStyle:
    """The style of the run at a place of the ranking, from 0; runs beyond the colours are grey."""
    if place < len(RUN_COLOURS):
        return RunStyle(run_letter(place), f"r-{place}", RUN_COLOURS[place])
    return RunStyle(run_letter(place), "r-rest", REST)


def run_letter(place: int) -> str:
    """The letter at a place: A, B, …, Z, AA, AB and so on.

    >>> [run_letter(place) for place in (0, 25, 26, 27, 701, 702)]
    ['A', 'Z', 'AA', 'AB', 'ZZ', 'AAA']
    """
    rest, last = divmod(place, len(ascii_uppercase))
    return (run_letter(rest - 1) if rest else "") + ascii_uppercase[last]


def _accuracy(run: Run) -> float | None:
    try:
        return run.metrics["accuracy"].value
    except (InputError, KeyError):
        return None
