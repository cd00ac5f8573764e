"""Random tables of test cases, with every column and every oddity in use."""

import numpy as np
import polars as pl
import pytest

from facsim.metrics import cases_table

TYPES = ("click", "type_and_submit", "terminate")
NAMES = ("search", "results.a", "results.b", "cart.buy", None)
TEXTS = ("shoes", "Shoes", " shoes ", "red  shoes", "", "caf\u00e9", "cafe\u0301", "STRASSE", "stra\u00dfe")
CATEGORIES = ("search", "filter", "purchase", "other", None)


def _action(rng, side, categories):
    kind = TYPES[rng.choice(3, p=(0.5, 0.3, 0.2))]
    row = {f"{side}_type": kind, f"{side}_category": categories[rng.integers(len(categories))]}
    if kind != "terminate":
        row[f"{side}_name"] = NAMES[rng.integers(len(NAMES))]
    if kind == "type_and_submit":
        row[f"{side}_text"] = TEXTS[rng.integers(len(TEXTS))]
    return row


def make_table(seed=0, sessions=12, *, categories=CATEGORIES, probabilities=True):
    rng = np.random.default_rng(seed)
    rows = []
    for session in range(sessions):
        length = int(rng.geometric(0.25))
        outcome = (None, "purchase", "terminate")[rng.integers(3)]
        for step in range(length):
            row = {
                "session_id": f"s{session:04d}",
                "user_id": f"u{session // 3}",
                "step": step + 1,
                "is_last": step == length - 1,
                "outcome": outcome,
                **_action(rng, "true", categories),
            }
            chance = rng.random()
            if chance < 0.35:
                row |= {key.replace("true", "pred"): row[key] for key in row if key.startswith("true")}
            elif chance < 0.9:
                row |= _action(rng, "pred", categories)
            else:
                row |= {"parse": "failed", "failed": chance > 0.95}
            if row.get("pred_type") in ("click", "type_and_submit"):
                row["on_page"] = bool(rng.random() < 0.9)
                row["parse"] = "lenient" if rng.random() < 0.1 else "strict"
            row["same_destination"] = bool(rng.random() < 0.1)
            row["reachable"] = row["true_type"] == "terminate" or row.get("true_name") is not None
            row["shown"] = bool(row["reachable"] and rng.random() < 0.9)
            if probabilities and rng.random() < 0.9:
                row["log_probability"] = float(np.log(rng.uniform(0.01, 1)))
                row["rank"] = int(rng.geometric(0.3))
                row["confidence"] = round(float(rng.random()), 1)
            row |= {"input_tokens": int(rng.integers(5000)), "seconds": float(rng.gamma(2))}
            row["cost"] = float(rng.gamma(2)) if rng.random() < 0.5 else None
            rows.append(row)
    return cases_table(rows)


@pytest.fixture(scope="session")
def table():
    """`table(seed, sessions, ...)` makes one."""
    return make_table


@pytest.fixture(scope="session")
def one_case():
    """A table of one case."""

    def make(**columns):
        return cases_table([{"session_id": "a", "step": 1, "true_type": "terminate", **columns}])

    return make


@pytest.fixture(scope="session")
def shuffled():
    """The rows in another order."""

    def shuffle(cases: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
        return cases.sample(fraction=1, shuffle=True, seed=seed)

    return shuffle
