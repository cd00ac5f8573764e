"""The choice model on sessions whose rule is known, and on pages that are odd."""

import asyncio
import json
import math
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facsim.data import Card, DataSet, DataSetWriter, replay
from facsim.page import read_page
from facsim.predict import Predictor, Trainable, load_predictor
from facsim.predict.choice import ChoiceModel, ChoicePredictor
from facsim.predict.choice.choice_rates import ChoiceRates, SituationBatch
from facsim.predict.choice.conditional_logit import fit_conditional_logit, raw_scores, stack_choice_sets
from facsim.predict.choice.intent import read_intent
from facsim.predict.choice.model import build_symbol_table
from facsim.predict.choice.page_table import STATIC, read_page_table, template_of
from facsim.predict.choice.text_model import TextModel
from facsim.predict.markov import MarkovTwo
from facsim.schema import Action, PastStep, Prediction, Session, SessionSoFar, Step
from facsim.util.errors import ConfigError, FacsimError, InputError
from facsim.util.progress import no_progress

ADJECTIVES = ["red", "blue", "tiny", "large", "steel", "glass", "wooden", "quiet"]
THINGS = ["kettle", "pan", "lamp", "chair", "desk", "clock", "mirror", "basket"]


def shop_page(products: list[tuple[str, int]]) -> str:
    cards = "".join(
        f'<li><a name="results.{title.replace(" ", "_")}.view">{title}</a> <a name="results.{title.replace(" ", "_")}.price">${price}</a></li>'
        for title, price in products
    )
    return f'<input type="search" name="search_input"><a name="help">Help</a><ul>{cards}</ul>'


def shoppers(folder: Path, sessions: int, seed: int, rule: str) -> DataSet:
    """People who search the product they want, and then click on it, or on the lowest price."""
    draw = random.Random(seed)
    with DataSetWriter(folder, Card(name="made", source="jsonl", origin="a test")) as writer:
        for number in range(sessions):
            titles = draw.sample([f"{adjective} {thing}" for adjective in ADJECTIVES for thing in THINGS], 6)
            prices = draw.sample(range(5, 500), 6)
            products = list(zip(titles, prices, strict=True))
            wanted, _ = draw.choice(products)
            if rule == "cheapest":
                cheapest = min(products, key=lambda product: product[1])[0]
                chosen = f"results.{cheapest.replace(' ', '_')}.price"
            else:
                chosen = f"results.{wanted.replace(' ', '_')}.view"
            home, results = writer.add_page(shop_page([])), writer.add_page(shop_page(products))
            steps = (
                Step(home, Action.type_and_submit("search_input", wanted)),
                Step(results, Action.click(chosen)),
                Step(results, Action.terminate()),
            )
            writer.add_session(
                Session(f"s{number}", f"u{number // 2}", steps, intent=f"I would like a {wanted}, please.")
            )
    return DataSet.open(folder)


def hits(predictor: Predictor, data: DataSet) -> dict[int, float]:
    """Share of exact hits per step index."""
    found: dict[int, list[bool]] = {}
    for session in data:
        for so_far, step in replay(data, session):
            answer = asyncio.run(predictor.predict(so_far))
            found.setdefault(so_far.step, []).append(answer.action == step.action)
    return {step: sum(each) / len(each) for step, each in found.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("choice")


@pytest.fixture(scope="module")
def train(folder: Path) -> DataSet:
    return shoppers(folder / "train", 120, 1, "wanted")


@pytest.fixture(scope="module")
def model(train: DataSet) -> ChoiceModel:
    model = ChoiceModel()
    model.fit(train, seed=5)
    return model


@pytest.fixture(scope="module")
def test_data(folder: Path) -> DataSet:
    return shoppers(folder / "test", 40, 2, "wanted")


def ask(model: ChoicePredictor, html: str, *past: Action, intent: str | None = None) -> Prediction:
    page = read_page(html)
    steps = tuple(PastStep(page, action) for action in past)
    return asyncio.run(model.predict(SessionSoFar("x", page, steps, intent=intent)))


def test_learns_what_matches_the_intent_where_markov_cannot(
    model: ChoiceModel, train: DataSet, test_data: DataSet
) -> None:
    markov = MarkovTwo()
    markov.fit(train)
    learned, counted = hits(model, test_data), hits(markov, test_data)
    assert learned[1] > 0.9
    assert counted[1] < 0.5
    assert learned[2] == 1.0


def test_types_what_the_intent_says(model: ChoiceModel, test_data: DataSet) -> None:
    assert hits(model, test_data)[0] > 0.9


def test_learns_to_click_the_lowest_price(folder: Path) -> None:
    model = ChoiceModel()
    model.fit(shoppers(folder / "cheap", 120, 3, "cheapest"))
    assert hits(model, shoppers(folder / "cheap_test", 40, 4, "cheapest"))[1] > 0.85


def test_same_data_and_seed_same_model(model: ChoiceModel, train: DataSet, test_data: DataSet) -> None:
    again = ChoiceModel()
    again.fit(train, seed=5)
    for so_far in steps_of(test_data, 5):
        assert asyncio.run(again.predict(so_far)) == asyncio.run(model.predict(so_far))


def steps_of(data: DataSet, sessions: int) -> Iterator[SessionSoFar]:
    for session_id in data.session_ids[:sessions]:
        for so_far, _ in replay(data, data.session(session_id)):
            yield so_far


def test_the_answer_does_not_depend_on_what_was_asked_before(model: ChoiceModel, test_data: DataSet) -> None:
    steps = list(steps_of(test_data, 5))
    forward = [asyncio.run(model.predict(so_far)) for so_far in steps]
    backward = [asyncio.run(model.predict(so_far)) for so_far in reversed(steps)]
    assert forward == backward[::-1]


def test_target_probabilities_sum_to_one(model: ChoiceModel, test_data: DataSet) -> None:
    for so_far in steps_of(test_data, 10):
        answer = asyncio.run(model.predict(so_far))
        assert answer.probabilities is not None
        total = sum(answer.probabilities.values())
        assert total <= 1 + 1e-6
        shares = model._shares(model._reader.read(so_far))
        assert math.isclose(shares.sum(), 1, abs_tol=1e-6)
        typed = shares[model._reader.read(so_far).choice_set.kinds == 1].sum()
        assert total >= 1 - typed - 1e-6


@pytest.mark.parametrize("intent", [None, "", "a: b; c: d", "I want 3 é 漢字", "x" * 5000])
@pytest.mark.parametrize(
    "html", ["", "<p>No element</p>", '<a name="a.b.c.d">never seen</a><input name="q">']
)
def test_odd_pages_and_intents(model: ChoiceModel, html: str, intent: str | None) -> None:
    answer = ask(model, html, Action.click(None), Action.type_and_submit(None, ""), intent=intent)
    assert answer.action is not None
    assert answer.action.name is None or answer.action.name in read_page(html)
    if "name=" not in html:
        assert answer.action == Action.terminate()


def test_a_huge_page(model: ChoiceModel) -> None:
    html = "".join(f'<a name="results.product_{number}.view">Product {number}</a>' for number in range(5000))
    answer = ask(model, html, Action.click("results.product_7.view"), intent="product 4321")
    assert answer.probabilities is not None
    assert len(answer.probabilities) == 5001
    assert math.isclose(sum(answer.probabilities.values()), 1, abs_tol=1e-6)


def test_fields_of_the_intent_are_read_as_written() -> None:
    intent = read_intent("Departure City: San Diego; Passengers: 3; Note: 10:30")
    assert intent.fields == (("departure city", "san diego"), ("passengers", "3"), ("note", "10 30"))
    assert intent.raw_values == ("San Diego", "3", "10:30")
    assert read_intent(None).fields == ()
    assert read_intent("Buy a kettle.").fields == ()


def test_people_who_type_beginnings_are_predicted_to(tmp_path: Path) -> None:
    draw = random.Random(0)
    page_html = '<input name="from" aria-label="From city"><input name="to" aria-label="To city">'
    cities = ["Boston", "Denver", "Austin", "Dallas", "Phoenix", "Seattle", "Tampa", "Orlando"]
    with DataSetWriter(tmp_path / "d", Card(name="d", source="jsonl", origin="a test")) as writer:
        page = writer.add_page(page_html)
        for number in range(120):
            start, end = draw.sample(cities, 2)
            steps = tuple(
                Step(page, Action.type_and_submit(name, city[:4].lower()))
                for name, city in (("from", start), ("to", end))
            )
            writer.add_session(Session(f"s{number}", f"u{number}", steps, intent=f"From: {start}; To: {end}"))
    texts = TextModel()
    texts.fit(DataSet.open(tmp_path / "d"))
    so_far = SessionSoFar("x", read_page(page_html), intent="From: Chicago; To: Memphis")
    assert next(iter(texts.texts(so_far, "to"))) == "memp"
    assert next(iter(texts.texts(so_far, "from"))) == "chic"
    assert sum(texts.texts(so_far, "to").values()) <= 1


def test_kin_share_a_template_and_are_ranked_by_their_numbers() -> None:
    page = read_page(shop_page([("red pan", 30), ("blue pan", 10), ("tiny lamp", 20)]))
    assert template_of(page.by_name["results.red_pan.price"]) == "results.*.price"
    table = read_page_table(page)
    ranks = {
        element.name: table.static[row, STATIC.index("kin_number_rank")]
        for row, element in enumerate(table.elements)
        if element.name.endswith("price")
    }
    assert list(ranks.values()) == [2, 0, 1]


def test_saved_and_loaded_it_answers_the_same(model: ChoiceModel, test_data: DataSet, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    model.save(tmp_path / "model")  # Over itself.
    loaded = load_predictor(f"choice:{tmp_path / 'model'}")
    assert not isinstance(loaded, Trainable)
    for so_far in steps_of(test_data, 5):
        assert asyncio.run(loaded.predict(so_far)) == asyncio.run(model.predict(so_far))
    assert {file.name for file in (tmp_path / "model").iterdir()} == {
        "model.json",
        "elements.txt",
        "texts.txt",
    }


def test_saving_never_overwrites_something_else(model: ChoiceModel, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("keep")
    with pytest.raises(ConfigError, match="not a saved choice model"):
        model.save(tmp_path / "notes")
    assert (tmp_path / "notes" / "mine.txt").read_text() == "keep"


@pytest.mark.parametrize(
    "fault", ["missing", "not json", "other version", "null", "trees cut", "trees gone", "short"]
)
def test_a_broken_model_is_named(model: ChoiceModel, tmp_path: Path, fault: str) -> None:
    folder = tmp_path / "model"
    if fault != "missing":
        model.save(folder)
        file = folder / "model.json"
        stored = json.loads(file.read_text())
        if fault == "not json":
            file.write_text("pickle")
        elif fault == "other version":
            file.write_text(json.dumps(stored | {"version": 99}))
        elif fault == "null":
            file.write_text(json.dumps(stored | {"temperature": None}))
        elif fault == "short":
            file.write_text(json.dumps(stored | {"codes": stored["codes"][:-1]}))
        elif fault == "trees cut":
            trees = (folder / "elements.txt").read_text()
            (folder / "elements.txt").write_text(trees[: len(trees) // 2])
        else:
            (folder / "elements.txt").unlink()
    with pytest.raises(InputError, match="model"):
        ChoiceModel.load(folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", 0),
        ("temperature", -1),
        ("temperature", float("nan")),
        ("temperature", float("inf")),
        ("codes", [float("nan")]),
        ("contexts", [[10**30]]),
        ("texts", {"frequent": {"": {"x": 10**30}}, "key_counts": {}, "coverage": 0.5, "temperature": 1}),
        ("texts", {"frequent": {}, "key_counts": {}, "coverage": 2, "temperature": 1}),
        ("texts", {"frequent": {}, "key_counts": {}, "coverage": 0.5, "temperature": 0}),
    ],
    ids=str,
)
def test_a_saved_value_that_would_spoil_probabilities_is_named(
    model: ChoiceModel, tmp_path: Path, field: str, value: object
) -> None:
    model.save(tmp_path / "model")
    file = tmp_path / "model" / "model.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {field: value}))
    with pytest.raises(InputError, match=rf"model\.json, field {field}"):
        ChoiceModel.load(tmp_path / "model")


@pytest.mark.parametrize("name", ["model.json", "elements.txt"])
def test_a_pipe_in_a_model_folder_is_refused(model: ChoiceModel, tmp_path: Path, name: str) -> None:
    model.save(tmp_path / "model")
    (tmp_path / "model" / name).unlink()
    os.mkfifo(tmp_path / "model" / name)
    with pytest.raises(InputError, match=f"{name}.*not a regular file"):
        ChoiceModel.load(tmp_path / "model")


def test_nothing_to_learn_from(tmp_path: Path) -> None:
    with DataSetWriter(tmp_path / "d", Card(name="d", source="jsonl", origin="a test")) as writer:
        page = writer.add_page("<p>Nothing</p>")
        writer.add_session(Session("s", "u", (Step(page, Action.click(None)),)))
    model = ChoiceModel()
    model.fit(DataSet.open(tmp_path / "d"))
    assert ask(model, "").action == Action.terminate()
    model.save(tmp_path / "model")
    assert ask(ChoiceModel.load(tmp_path / "model"), "").action == Action.terminate()


def test_too_little_to_learn_from_is_named(tmp_path: Path) -> None:
    with DataSetWriter(tmp_path / "d", Card(name="d", source="jsonl", origin="a test")) as writer:
        page = writer.add_page('<a name="help">Help</a>')
        for number in range(3):
            writer.add_session(Session(f"s{number}", f"u{number}", (Step(page, Action.click("help")),)))
    with pytest.raises(FacsimError, match=r"3 training steps .* vary too little .* Train on more sessions"):
        ChoiceModel().fit(DataSet.open(tmp_path / "d"))


def test_a_single_typed_text_is_no_obstacle(tmp_path: Path) -> None:
    with DataSetWriter(tmp_path / "d", Card(name="d", source="jsonl", origin="a test")) as writer:
        page = writer.add_page(shop_page([("red kettle", 5), ("blue pan", 9)]))
        for number in range(60):
            first = Action.type_and_submit("search_input", "pan") if number == 0 else Action.click("help")
            writer.add_session(
                Session(
                    f"s{number}",
                    f"u{number}",
                    (Step(page, first), Step(page, Action.terminate())),
                    intent="a pan",
                )
            )
    model = ChoiceModel()
    model.fit(DataSet.open(tmp_path / "d"))
    assert model.parameters.booster is not None
    assert model.parameters.texts.booster is None
    assert ask(model, shop_page([])).action == Action.click("help")


REAL = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "miniwob_flight"


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.skipif(not REAL.exists(), reason="the recorded sessions of ../shared/data are not here")
def test_real_people(tmp_path: Path) -> None:
    """At least 78% of the targets, from the second step on, as a mean over sessions."""
    from facsim.data.ingest import ingest
    from facsim.data.splits import split

    ingest("miniwob", REAL, tmp_path / "flight")
    data = DataSet.open(tmp_path / "flight")
    model = ChoiceModel()
    model.fit(split(data, "train"))
    shares = []
    test = split(data, "test")
    for session in test:
        found = []
        for so_far, step in replay(test, session):
            if so_far.step:
                action = model.answer(so_far).action
                assert action is not None
                same = (action.type, action.name) == (step.action.type, step.action.name)
                found.append(same and step.action.name is not None)
        shares += [sum(found) / len(found)] if found else []
    assert sum(shares) / len(shares) >= 0.78


def test_held_out_steps_are_learned_from_once_they_have_said_how_many_trees() -> None:
    """Only held-out people were ever offered 2 and 3, and took 2."""
    usual, rare = np.array([[0], [1]], np.float32), np.array([[2], [3]], np.float32)
    data = stack_choice_sets([usual] * 400 + [usual, usual, rare] * 50)
    held_out = np.arange(len(data)) >= 400
    booster, temperature = fit_conditional_logit(
        data, held_out, features=("v",), categorical=(), rounds=40, seed=0
    )
    first, second = raw_scores(booster, rare)
    assert first > second
    assert 0.25 <= temperature <= 4


def test_settings_before_learning_name_no_seed(model: ChoiceModel) -> None:
    assert ChoiceModel().settings()["seed"] is None
    assert model.settings()["seed"] == 5


def test_rates_in_blocks_are_the_rates_of_all_steps_together(train: DataSet) -> None:
    model = ChoiceModel()
    model.parameters.symbols = build_symbol_table(train)
    examples = model._read(train, 0, no_progress)
    assert examples is not None
    batch, folds = SituationBatch.of(examples.steps), np.array(examples.folds)
    rates = ChoiceRates.fit(batch, np.array(examples.chosen), folds)
    for candidates in (1, 50, 10**9):
        blocks = [rates.of(block, folds[steps]) for steps, block in batch.blocks(candidates)]
        np.testing.assert_array_equal(np.concatenate(blocks), rates.of(batch, folds))


def test_rates_for_training_come_from_other_people(train: DataSet) -> None:
    """Were a person's own choice counted, its rate would be high wherever it was the only one."""
    model = ChoiceModel()
    model.parameters.symbols = build_symbol_table(train)
    examples = model._read(train, 0, no_progress)
    assert examples is not None
    batch, folds = SituationBatch.of(examples.steps), np.array(examples.folds)
    chosen = np.array(examples.chosen)
    rates = ChoiceRates.fit(batch, chosen, folds)
    steps = folds == 1
    others = ChoiceRates.fit(
        SituationBatch.of([step for step, kept in zip(examples.steps, steps, strict=True) if not kept]),
        _renumbered(examples, ~steps),
        folds[~steps],
    )
    mine = SituationBatch.of([step for step, kept in zip(examples.steps, steps, strict=True) if kept])
    np.testing.assert_allclose(rates.of(mine, folds[steps]), others.of(mine), rtol=1e-5, atol=1e-6)


def _renumbered(examples: Any, kept: Any) -> Any:
    """The chosen candidates of the kept steps, numbered among the kept steps alone."""
    sizes = np.array([len(symbols[0]) for symbols, _ in examples.steps])
    starts = np.cumsum([0, *sizes[:-1]])
    inside = np.array(examples.chosen) - starts
    kept_starts = np.cumsum([0, *sizes[kept][:-1]])
    return kept_starts + inside[kept]


SAVED_BEFORE = Path(__file__).parent / "artefacts" / "choice_v1"


def test_a_model_saved_by_an_earlier_version_answers_the_same() -> None:
    expected = json.loads((SAVED_BEFORE / "expected.json").read_text())
    loaded = ChoiceModel.load(SAVED_BEFORE)
    assert loaded.settings() == {"model": expected["fingerprint"]}
    past = [PastStep(read_page(html), Action(**action)) for html, action in expected["past"]]
    so_far = SessionSoFar("s", read_page(expected["page"]), tuple(past), intent=expected["intent"])
    found = loaded.answer(so_far).probabilities or {}
    stored = {Action(**action): share for action, share in expected["probabilities"]}
    assert list(found) == list(stored)
    assert list(found.values()) == pytest.approx(list(stored.values()), rel=1e-12)


def test_a_full_disk_is_named_and_leaves_nothing(model: ChoiceModel, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(FacsimError, match=r"cannot be saved.*another folder"):
        model.save(blocked / "model")
    assert list(tmp_path.iterdir()) == [blocked]
