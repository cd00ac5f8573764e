"""The shop's data sets: what they hold, that they repeat, that they look like shopping."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from facsim.data import DataSet
from facsim.schema import ConfigError
from facsim.shop import sample

SESSIONS = 150
FILES = ("sessions.parquet", "steps.parquet", "pages.parquet", "card.json")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    return sample(SESSIONS, 7, tmp_path_factory.mktemp("shop") / "data")


def test_every_action_is_possible_where_it_was_done(data: DataSet) -> None:
    for session in data:
        for step in session.steps:
            page = data.page(step.page_id)
            if step.action.type == "terminate":
                continue
            assert step.action.name in page, (session.session_id, step.url)
            element = page.by_name[step.action.name]
            assert element.is_typable == (step.action.type == "type_and_submit")
            assert "disabled" not in element.states


def test_sessions_begin_at_home_and_end_with_purchase_or_leaving(data: DataSet) -> None:
    for session in data:
        first, last = session.steps[0], session.steps[-1]
        assert first.url == "https://shop.facsim.example/"
        assert first.action.type in ("type_and_submit", "click")
        bought = last.action.name in ("buy_now", "place_order")
        assert session.outcome == ("purchase" if bought else "terminate")
        assert last.category == session.outcome
        assert [step.action.type for step in session.steps].count("terminate") == (not bought)
        times = [step.elapsed for step in session.steps]
        assert times == sorted(times) and times[0] > 0
        assert all(step.rationale and step.rationale_source == "simulated" for step in session.steps)


def test_it_looks_like_shopping(data: DataSet) -> None:
    steps = [step for session in data for step in session.steps]
    lengths = sorted(len(session.steps) for session in data)
    searches = sum(step.action.type == "type_and_submit" for step in steps)
    categories = Counter(step.category for step in steps)
    purchases = sum(session.outcome == "purchase" for session in data)
    assert 5.5 < len(steps) / SESSIONS < 9.5
    assert lengths[SESSIONS // 2] < len(steps) / SESSIONS  # right-skewed
    assert lengths[int(0.95 * SESSIONS)] > 15
    assert 2.0 < searches / SESSIONS < 3.8
    assert 0.07 < purchases / SESSIONS < 0.22
    assert categories["search"] > 4 * categories["filter"] > 0
    assert set(categories) == {"search", "filter", "product_click", "purchase", "terminate", "other"}
    queries = [step.action.text for step in steps if step.action.text]
    assert len(set(queries)) > 100
    assert any(step.action.name.startswith("did_you_mean.") for step in steps if step.action.name)


def test_the_intent_says_what_is_wanted_but_not_what_is_chosen(data: DataSet) -> None:
    clicked = 0
    for session in data:
        assert session.intent and session.persona
        for step in session.steps:
            if step.category == "product_click":
                clicked += 1
                element = data.page(step.page_id).by_name[step.action.name or ""]
                assert element.text.lower() not in session.intent.lower()
    assert clicked > SESSIONS
    # Of the products that people look at most are of the kind that they say they look for.
    kinds = [
        (step.action.name or "", (session.intent or "").removeprefix("I am looking for a ").split(" for ")[0])
        for session in data
        for step in session.steps
        if step.category == "product_click"
    ]
    assert sum(kind.replace(" ", "_") in name for name, kind in kinds) > 0.6 * len(kinds)


def test_same_seed_same_bytes_on_any_number_of_workers(tmp_path: Path) -> None:
    one = sample(50, 3, tmp_path / "one")
    two = sample(50, 3, tmp_path / "two", workers=2)
    assert one.content_hash == two.content_hash
    for file in FILES:
        assert (one.path / file).read_bytes() == (two.path / file).read_bytes(), file
    assert sample(50, 4, tmp_path / "other").content_hash != one.content_hash


def test_raw_pages_simplify_to_the_stored_ones(data: DataSet) -> None:
    from facsim.page import simplify

    for page_id in list(data.pages)[::25]:
        raw = data.pages.raw_html(page_id)
        assert raw is not None and "<script" in raw
        assert simplify(raw).html == data.page(page_id).html


def test_progress_and_bad_options(tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    sample(3, 0, tmp_path / "a", progress=lambda done, total, note="": seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    with pytest.raises(ConfigError, match="at least 1"):
        sample(0, 0, tmp_path / "b")
    with pytest.raises(ConfigError, match="exists"):
        sample(1, 0, tmp_path / "a")
