"""Compare simulated shoppers with published figures of real ones, and fit the coefficients that are fitted.

    python benchmarks/calibrate_shop.py [--sessions 4000] [--seed 1000] [--timelines FOLDER]
    python benchmarks/calibrate_shop.py --fit [--rounds 12] [--sessions 800]

Without `--fit` the published coefficients are measured on a fresh seed. With it the fitted ones are changed
by stochastic approximation, round after round on the same sessions (common random numbers), and what to write
into `coefficients.py` is printed. OPeRA's timelines are compared if their folder is there.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
from scipy import stats

from facsim.shop.catalogue import Catalogue
from facsim.shop.shoppers import COEFFICIENTS, Coefficients, Policy, Population
from facsim.shop.shoppers.pauses import PAUSES
from facsim.shop.shoppers.session_statistics import Figure, distance, figures, simulate_counts, transitions
from facsim.shop.storefront.store import Storefront

TARGETS = {
    "actions": 7.25,
    "searches": 2.82,
    "filters": 0.33,
    "purchases": 0.139,
    "skew": 3.0,
    "oracle_macro": 0.5,
}
"""ShopCART's published figures (7.25 actions, 2.82 searches, fewer than a seventh as many filters, 13.9%
purchases); OPeRA's skew of lengths (p90 22 over median 7, about 3); and how predictable people should be."""

TIMELINES = Path(__file__).resolve().parents[2] / "shared" / "data" / "opera_timelines"

OPERA = {
    "INPUT": "search",
    "search": "search",
    "suggested_term": "search",
    "product_link": "product",
    "product_option": "option",
    "review": "reviews",
    "filter": "filter",
    "page_related": "page",
    "cart_side_bar": "cart",
    "cart_page_select": "cart",
    "quantity": "cart",
    "purchase": "purchase",
    "nav_bar": "other",
    "other": "other",
}
"""OPeRA's click type -> our class. Typing and the click that submits it are one search."""

AIMS = {
    "search": ("search",),
    "narrow": ("filter",),
    "more": ("page",),
    "look": ("product",),
    "choose": ("option",),
    "reviews": ("reviews",),
    "buy": ("purchase",),
    "cart": ("cart",),
    "other": ("other",),
    "leave": ("leave",),
}
"""Aim -> classes of OPeRA whose pauses are used for it."""


def _people(
    name: str,
) -> tuple[Callable[[Coefficients], float], Callable[[Coefficients, float], Coefficients]]:
    def put(old: Coefficients, value: float) -> Coefficients:
        return replace(old, people=replace(old.people, **{name: value}))

    return lambda old: getattr(old.people, name), put


def _shift(aim: str, page: str, *others: str) -> tuple[Callable, Callable]:
    def put(old: Coefficients, value: float) -> Coefficients:
        return old.shifted(aim, value - getattr(old.aims[aim], page), page, *others)

    return lambda old: getattr(old.aims[aim], page), put


FITTED = (
    # coefficient, figure, how to read and write it, step for one unit of relative error
    ("people.stamina_median", "actions", *_people("stamina_median"), 3.0),
    ("people.stamina_spread", "skew", *_people("stamina_spread"), 0.8),
    ("people.threshold", "purchases", *_people("threshold"), -1.0),
    (
        "aims.search (results, product, cart)",
        "searches",
        *_shift("search", "results", "product", "cart"),
        1.2,
    ),
    ("aims.narrow (results)", "filters", *_shift("narrow", "results"), 0.8),
    (
        "sharpness",
        "oracle_macro",
        lambda old: old.sharpness,
        lambda old, value: replace(old, sharpness=value),
        1.5,
    ),
)


def measure(store: Storefront, coefficients: Coefficients, sessions: int, seed: int):
    """Figures and sessions of a population."""
    population = Population(store.catalogue, seed, coefficients)
    found = list(simulate_counts(store, Policy(coefficients), population, sessions, seed=seed))
    return figures(found), found


def fit(sessions: int, seed: int, rounds: int) -> Coefficients:
    """Robbins-Monro: each fitted coefficient follows the relative error of the figure that it governs.

    The result is the mean over the second half of the rounds (Polyak and Ruppert).
    """
    coefficients, store = COEFFICIENTS, Storefront(Catalogue(seed))
    kept: list[list[float]] = []
    for number in range(rounds):
        found, _ = measure(store, coefficients, sessions, seed)
        gain = 1.0 / (1 + number / 4)
        line = []
        for _, figure, get, put, step in FITTED:
            error = math.log(TARGETS[figure] / max(1e-3, found[figure].value))
            line.append(f"{figure} {found[figure].value:.3f} ({get(coefficients):.3f})")
            coefficients = put(coefficients, get(coefficients) + gain * step * max(-0.5, min(0.5, error)))
        kept.append([get(coefficients) for _, _, get, _, _ in FITTED])
        print(f"round {number + 1}: " + ", ".join(line), flush=True)
    means = np.mean(kept[rounds // 2 :], axis=0)
    print("\nInto coefficients.py:")
    for (name, _, _, put, _), value in zip(FITTED, means, strict=True):
        coefficients = put(coefficients, float(value))
        print(f"  {name} = {value:.3f}")
    return coefficients


def opera(folder: Path):
    """Classes of each session's actions, and seconds before each action by class."""
    sequences, pauses = [], {}
    with gzip.open(folder / "timelines.jsonl.gz", "rt") as lines:
        for line in lines:
            classes = []
            for kind, seconds in acts_of(json.loads(line)["events"]):
                classes.append(kind)
                if seconds is not None:
                    pauses.setdefault(kind, []).append(seconds)
            if classes:
                sequences.append(["end" if kind == "leave" else kind for kind in classes])
    return sequences, pauses


def acts_of(events: list[dict]):
    """Class of each action of a session and the seconds since the action before it (None for the first).

    Scrolling, tabs and navigation are no actions. Typing and the suggestion or button that submits it are one
    search, and a double click is one click. A session without a purchase ends in leaving, at its last event.
    """
    kind, last, at, typing = "", None, 0.0, False
    for event in events:
        at = datetime.fromisoformat(event["timestamp"]).timestamp()
        if event["action_type"] not in ("click", "input"):
            continue
        raw = event["click_type"] if event["action_type"] == "click" else "INPUT"
        submits = typing and OPERA[raw] == "search" and raw != "INPUT"
        double = OPERA[raw] == kind and last is not None and at - last < 0.5
        typing, kind = raw == "INPUT", OPERA[raw]
        if not submits and not double:
            yield kind, at - last if last is not None and at > last else None
        last = at
    if kind and kind != "purchase":
        yield "leave", at - last if last is not None and at > last else None


def compare_pauses(pauses: dict[str, list[float]]) -> float:
    """Print log-normal fits of OPeRA's pauses, and how far ours are from them; the mean distance."""
    print(
        "\nSeconds before an action | n | OPeRA median | fitted mean, deviation of log | ours | KS distance"
    )
    distances, weights = [], []
    for aim, classes in AIMS.items():
        seconds = np.array([value for name in classes for value in pauses.get(name, ()) if value < 1800])
        logs = np.log(seconds)
        mean, deviation = PAUSES[aim]
        away = stats.kstest(logs, "norm", args=(mean, deviation)).statistic
        distances.append(away)
        weights.append(len(seconds))
        print(
            f"  {aim:8} {len(seconds):5} {np.median(seconds):8.1f}   "
            f"({logs.mean():.2f}, {logs.std():.2f})   ({mean:.2f}, {deviation:.2f})   {away:.3f}"
        )
    return float(np.average(distances, weights=weights))


def print_transitions(ours, theirs, away: dict[str, float]) -> None:
    """Both tables side by side, in percent."""
    columns = ["search", "product", "option", "reviews", "filter", "page", "cart", "other", "purchase", "end"]
    print("\nTransitions in percent, OPeRA / ours | " + " | ".join(columns) + " | total variation")
    for row in ("start", *columns[:-2]):
        one, other = theirs.get(row), ours.get(row)
        if one and other:
            cells = (
                f"{100 * one[key] / one.total():3.0f}/{100 * other[key] / other.total():3.0f}"
                for key in columns
            )
            print(f"  {row:8} " + "  ".join(cells) + f"  {away[row]:.2f} (n {one.total()}, {other.total()})")
    print(f"  all rows, weighted by OPeRA's counts: {away['all']:.3f}")


def main() -> None:
    """Measure or fit, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--timelines", type=Path, default=TIMELINES)
    options = parser.parse_args()
    coefficients = COEFFICIENTS
    began = time.process_time()
    if options.fit:
        coefficients = fit(options.sessions or 800, options.seed - 1, options.rounds)
    sessions = options.sessions or 4000
    found, all_sessions = measure(Storefront(Catalogue(options.seed)), coefficients, sessions, options.seed)
    results: dict[str, Figure | float] = dict(found)
    print(f"\n{sessions} sessions, seed {options.seed}, 95% intervals")
    for name, figure in found.items():
        target = f"   target {TARGETS[name]:g}" if name in TARGETS else ""
        print(f"  {name:22} {figure.value:7.3f} ± {figure.error:.3f}{target}")
    if options.timelines.exists():
        sequences, pauses = opera(options.timelines)
        theirs, ours = transitions(sequences), transitions(session.classes for session in all_sessions)
        away = distance(ours, theirs)
        print_transitions(ours, theirs, away)
        results["transitions"] = away["all"]
        runs = distance(
            transitions((session.classes for session in all_sessions), repeats=False),
            transitions(sequences, repeats=False),
        )
        print(f"  the same with runs of one class counted once: {runs['all']:.3f}")
        results["transitions_of_runs"] = runs["all"]
        results["pauses"] = compare_pauses(pauses)
    else:
        print(f"\nNo timelines in {options.timelines}: transitions and pauses are not compared.")
    values = {key: value.value if isinstance(value, Figure) else value for key, value in results.items()}
    print(
        "RESULT "
        + " ".join(f"{key}={value:.3f}" for key, value in values.items())
        + f" sessions={sessions} cpu_s={time.process_time() - began:.0f}"
    )


if __name__ == "__main__":
    main()
