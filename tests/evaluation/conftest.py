"""A small shop's sessions, and a predictor that does what a test tells it."""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from random import Random

import pytest

sys.path.insert(0, str(Path(__file__).parent / "programs"))

from scripted import Scripted

from facsim.data import Card, DataSet, DataSetWriter
from facsim.evaluation import score
from facsim.schema import Action, Session, Step


def shop_page(seed: int) -> str:
    products = "".join(
        f'<li><a name="results.item_{seed}_{i}.title" href="/p/{i}">Item {seed} {i}</a></li>'
        for i in range(4)
    )
    return (
        f'<form><input type="search" name="search_input"></form><p>Página {seed}</p><ul>{products}</ul>'
        '<a name="pagination.next" href="?page=2">Next</a><button name="buy_now">Buy now</button>'
    )


def write_shop(path: Path, *, sessions: int = 30, seed: int = 0, lengths: range = range(1, 7)) -> DataSet:
    rng = Random(seed)
    with DataSetWriter(path, Card(name="tiny", source="jsonl", origin="made by a test")) as writer:
        for index in range(sessions):
            steps = []
            length = rng.choice(lengths)
            for step in range(length):
                number = rng.randrange(8)
                page_id = writer.add_page(shop_page(number))
                if step == length - 1:
                    action = Action.click("buy_now") if index % 3 == 0 else Action.terminate()
                    category = "purchase" if index % 3 == 0 else "terminate"
                elif step == 0:
                    action, category = Action.type_and_submit("search_input", f"wörd {number}"), "search"
                else:
                    action = Action.click(f"results.item_{number}_{rng.randrange(4)}.title")
                    category = "product_click"
                if index == 5 and step == 1:
                    action = Action.click(None)  # a recorded target without a name
                steps.append(Step(page_id, action, category, url="https://shop.example/"))
            writer.add_session(
                Session(
                    f"s{index:04d}",
                    f"u{index % 10}",
                    tuple(steps),
                    outcome="purchase" if index % 3 == 0 else "terminate",
                )
            )
    return DataSet.open(path)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    return write_shop(tmp_path_factory.mktemp("data") / "tiny")


@pytest.fixture
def scripted() -> Callable[..., Scripted]:
    return Scripted


@pytest.fixture(scope="session")
def make_shop() -> Callable[..., DataSet]:
    return write_shop


def by_case(lines: list[dict]) -> Mapping[tuple[str, int], dict]:
    """Records by (session, step), without the time that they took."""
    return {
        (line["session_id"], line["step"]): {key: value for key, value in line.items() if key != "seconds"}
        for line in lines
    }


@pytest.fixture(scope="session", name="by_case")
def by_case_fixture() -> Callable[[list[dict]], Mapping[tuple[str, int], dict]]:
    return by_case


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> int:
    """Runs are scored with few resamples: most tests are about what is asked, and intervals take longest."""
    resamples = 50
    # By name, the package's attribute `evaluate` is the function.
    monkeypatch.setattr(
        sys.modules["facsim.evaluation.evaluate"], "score", partial(score, resamples=resamples)
    )
    return resamples
