"""The shop's data sets: what they hold, that they repeat, that they are whole or not there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from facsim.data import DataSet
from facsim.data.audit import audit
from facsim.page import CategoryRules, simplify
from facsim.shop import DESIGNS, sample
from facsim.shop.shoppers import Choice
from facsim.shop.shoppers.session_simulator import DecisionPoint
from facsim.shop.simulation import CommonRandomNumbers, ShopSimulation
from facsim.util.errors import ConfigError

FILES = ("sessions.parquet", "steps.parquet", "pages.parquet", "card.json")
# Few sessions at a time, so that every worker gets some of them soon. Worker processes run this, too.
SMALL_CHUNKS = "from facsim.shop import sampling\nsampling._CHUNK = 4\n"


def test_every_action_is_possible_where_it_was_done(shop_data: DataSet) -> None:
    for session in shop_data:
        for step in session.steps:
            page = shop_data.page(step.page_id)
            assert step.truth is not None
            for action in (step.action, step.truth.best):
                if action.type == "terminate":
                    continue
                assert action.name in page, (session.session_id, step.url)
                element = page.by_name[action.name or ""]
                assert element.is_typable == (action.type == "type_and_submit")
                assert "disabled" not in element.states


def test_visits_begin_at_the_front_page_and_end_with_an_order_or_leaving(shop_data: DataSet) -> None:
    ends = set()
    for session in shop_data:
        assert session.steps[0].url == "https://shop.facsim.example/"
        *earlier, last = session.steps
        ends.add(session.outcome)
        assert (last.action.type == "terminate") == (session.outcome == "terminate")
        assert all(step.action.type != "terminate" for step in earlier)
        if session.outcome == "purchase":
            assert last.action.name is not None and "place_order" in last.action.name
            assert last.category == "purchase"
        times = [step.elapsed for step in session.steps]
        assert times == sorted(times) and times[0] > 0
        first = session.steps[0]
        for step in session.steps:
            assert step.rationale and step.rationale_source == "simulated"
            passed = (step.timestamp - first.timestamp).total_seconds()
            assert passed == pytest.approx(step.elapsed - first.elapsed)
    assert ends == {"purchase", "terminate"}


def test_visits_side_by_side_are_those_of_one_after_another() -> None:
    simulation = ShopSimulation(7, 120)
    sessions = [(simulation.shopper(number), CommonRandomNumbers(7, number).choose) for number in range(8)]
    seen: list[list[tuple[DecisionPoint, Choice]]] = [[] for _ in sessions]
    for taken in simulation.simulate_batch(sessions):
        for place, point, choice in taken:
            seen[place].append((point, choice))
    assert len({len(pages) for pages in seen}) > 2
    for (shopper, _), pages in zip(sessions, seen, strict=True):
        assert pages == list(simulation.simulate(shopper, CommonRandomNumbers(7, shopper.number).choose))


def test_people_come_back_as_themselves(shop_data: DataSet) -> None:
    personas: dict[str, set[tuple[str | None, str | None]]] = {}
    for session in shop_data:
        personas.setdefault(session.user_id, set()).add((session.persona, session.persona_fields))
        assert session.intent
        fields = json.loads(session.persona_fields or "")
        assert fields["name"] in (session.persona or "")
        assert not {"stamina", "threshold"} & set(fields)
    assert len(personas) < 0.8 * len(shop_data)
    assert all(len(known) == 1 for known in personas.values())


def test_categories_are_what_the_rules_say_of_the_whole_page(shop_data: DataSet) -> None:
    """Sampling shows the rules one element; the page may have no more to say."""
    rules = CategoryRules.default()
    for session in list(shop_data)[:60]:
        for step in session.steps:
            page = shop_data.page(step.page_id)
            element = page.by_name.get(step.action.name or "")
            href = (element.href if element else None) or ""
            if href.startswith("/product/") and urlsplit(href).path == urlsplit(step.url or "").path:
                assert step.category == "other", "options and reviews are of the same product"
                continue
            assert step.category == rules.category(step.action, page, step.url), step


def test_raw_pages_simplify_to_the_stored_ones(shop_data: DataSet) -> None:
    for page_id in list(shop_data.pages)[::25]:
        raw = shop_data.pages.raw_html(page_id)
        assert raw is not None and "<script" in raw
        assert simplify(raw).html == shop_data.page(page_id).html


def test_the_audit_finds_nothing_that_would_spoil_a_result(shop_data: DataSet) -> None:
    some = shop_data.select(shop_data.session_ids[:24])
    assert [finding for finding in audit(some).findings if finding.severity == "error"] == []


def test_the_card_says_what_made_it(shop_data: DataSet, tmp_path: Path) -> None:
    card = shop_data.card
    assert card.source == card.name == "shop"
    shop = card.settings["shop"]
    assert card.settings == {"sessions": 120, "seed": 7, "variant": "standard", "shop": shop}
    other = sample(4, 7, tmp_path / "other", variant="no_ratings")
    assert other.card.name == "shop-no_ratings"
    assert other.card.settings["variant"] == "no_ratings"
    assert other.card.settings["shop"] == shop


def test_the_same_people_come_to_every_design(tmp_path: Path) -> None:
    one = sample(6, 7, tmp_path / "one")
    two = sample(6, 7, tmp_path / "two", variant="no_ratings")
    facts = [("user_id", "persona", "intent"), ("user_id", "persona", "intent")]
    assert one.sessions.select(facts[0]).equals(two.sessions.select(facts[1]))
    assert one.content_hash != two.content_hash


def test_same_seed_same_bytes_on_any_number_of_workers_and_hash_seeds(tmp_path: Path) -> None:
    def sampled(name: str, workers: int, hash_seed: str) -> Path:
        script = (
            f"{SMALL_CHUNKS}if __name__ == '__main__':\n"
            f"    sampling.sample(12, 3, {str(tmp_path / name)!r}, workers={workers})"
        )
        (tmp_path / f"{name}.py").write_text(script, encoding="utf-8")
        subprocess.run(
            [sys.executable, str(tmp_path / f"{name}.py")],
            check=True,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
        )
        return tmp_path / name

    one, two = sampled("one", 1, "1"), sampled("two", 2, "2")
    for file in FILES:
        assert (one / file).read_bytes() == (two / file).read_bytes(), file
    assert DataSet.open(one).session_ids[0] == "shop-3-000000"


def test_progress_and_bad_options(tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    sample(3, 0, tmp_path / "a", progress=lambda done, total, note="": seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    with pytest.raises(ConfigError, match="at least 1"):
        sample(0, 0, tmp_path / "b")
    with pytest.raises(ConfigError, match="exists"):
        sample(1, 0, tmp_path / "a")
    with pytest.raises(ConfigError, match="unknown design 'shiny': expected one of standard"):
        sample(1, 0, tmp_path / "c", variant="shiny")
    assert set(DESIGNS) >= {"standard", "few_filters", "popular_first", "no_ratings", "long_checkout"}


def test_a_killed_sampler_leaves_the_old_data_set_and_the_next_one_tidies_up(tmp_path: Path) -> None:
    old = sample(2, 0, tmp_path / "data")
    script = (
        f"{SMALL_CHUNKS}def say(done, total, note=''): print(done, flush=True)\n"
        f"sampling.sample(5000, 1, {str(tmp_path / 'data')!r}, overwrite=True, progress=say)"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"1\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert DataSet.open(tmp_path / "data").content_hash == old.content_hash
    assert len(list(tmp_path.iterdir())) == 2, "the dead one's folder"
    new = sample(2, 1, tmp_path / "data", overwrite=True)
    assert new.content_hash != old.content_hash
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_an_interrupted_sampler_leaves_nothing(tmp_path: Path) -> None:
    script = (
        f"{SMALL_CHUNKS}if __name__ == '__main__':\n"
        "    def say(done, total, note=''): print(done, flush=True)\n"
        f"    sampling.sample(5000, 1, {str(tmp_path / 'data')!r}, workers=2, progress=say)"
    )
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "script.py")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stdout.readline() == b"1\n"
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    process.communicate(timeout=120)
    assert time.monotonic() - began < 100
    assert [path.name for path in tmp_path.iterdir()] == ["script.py"]
