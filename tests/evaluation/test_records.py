import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facsim.evaluation.records import PROBABILITY_FLOOR, call_failed, page_facts, probability_facts
from facsim.page import read_page
from facsim.schema import MASKED_TEXT, Action, Element, Page, Prediction

PICTURE, TITLE, OTHER = (
    Element("card.picture", "a", "link", equivalents=("card.title",)),
    Element("card.title", "a", "link"),
    Element("card.other", "a", "link"),
)
PAGE = Page("<p>", lambda: (PICTURE, TITLE, OTHER))
CLICK = Action.click("card.title")


def facts(truth: Action, predicted: Action | None, **more: object) -> dict:
    return page_facts(PAGE, truth, Prediction(predicted, **more))


@pytest.mark.parametrize(
    ("truth", "predicted", "on_page", "same_destination", "reachable"),
    [
        (CLICK, CLICK, True, False, True),
        (CLICK, Action.click("card.picture"), True, True, True),
        (Action.click("card.picture"), CLICK, True, True, True),
        (CLICK, Action.click("card.other"), True, False, True),
        (CLICK, Action.click("invented"), False, False, True),
        (CLICK, Action.click(None), False, False, True),
        (CLICK, Action.terminate(), None, False, True),
        (CLICK, None, None, False, True),
        (Action.click(None), CLICK, True, False, False),
        (Action.click(None), Action.click(None), False, False, False),
        (Action.click("gone"), Action.click("gone"), False, False, False),
        (Action.terminate(), Action.terminate(), None, False, True),
        (Action.terminate(), CLICK, True, False, True),
        (Action.type_and_submit("card.title", "x"), CLICK, True, False, True),
    ],
)
def test_page_facts(
    truth: Action, predicted: Action | None, on_page: bool | None, same_destination: bool, reachable: bool
) -> None:
    assert facts(truth, predicted) == {
        "on_page": on_page,
        "same_destination": same_destination,
        "reachable": reachable,
        "shown": reachable,
    }


def test_shown_is_what_the_prompt_held() -> None:
    assert facts(CLICK, CLICK, shown=frozenset({"card.title"}))["shown"]
    assert not facts(CLICK, CLICK, shown=frozenset({"card.other"}))["shown"]
    assert not facts(CLICK, CLICK, shown=frozenset())["shown"]
    assert not facts(Action.click("gone"), CLICK, shown=frozenset({"gone"}))["shown"]
    assert facts(Action.terminate(), CLICK, shown=frozenset())["shown"]


def test_a_failed_call_is_not_an_unreadable_answer() -> None:
    assert call_failed(Prediction(None, error="503"))
    assert not call_failed(Prediction(None, parse="failed", answer="well…"))
    assert not call_failed(Prediction(None, parse="failed", answer="", error="cut off"))
    assert not call_failed(Prediction(CLICK))


def test_probability_of_the_true_action() -> None:
    other = Action.click("card.other")
    prediction = Prediction(CLICK, probabilities={CLICK: 0.5, other: 0.3, Action.terminate(): 0.1})
    assert probability_facts(other, prediction) == {
        "log_probability": pytest.approx(math.log(0.3)),
        "rank": 2,
        "confidence": 0.5,
    }
    unlisted = probability_facts(Action.click("card.picture"), prediction)
    assert unlisted == {"log_probability": math.log(PROBABILITY_FLOOR), "rank": None, "confidence": 0.5}
    assert set(probability_facts(CLICK, Prediction(CLICK)).values()) == {None}
    assert probability_facts(CLICK, Prediction(None, probabilities={CLICK: 0.4}))["confidence"] is None


def test_texts_that_the_exact_rule_holds_equal_are_one_action() -> None:
    composed, decomposed, padded = (
        Action.type_and_submit("q", text) for text in ("caf\u00e9", "cafe\u0301", " caf\u00e9 ")
    )
    prediction = Prediction(composed, probabilities={composed: 0.2, decomposed: 0.3, CLICK: 0.4})
    found = probability_facts(padded, prediction)
    assert found == {
        "log_probability": pytest.approx(math.log(0.5)),
        "rank": 1,
        "confidence": pytest.approx(0.5),
    }


def test_ties_count_against() -> None:
    uniform = {Action.click(f"e{i}"): 0.25 for i in range(4)}
    prediction = Prediction(Action.click("e0"), probabilities=uniform)
    assert probability_facts(Action.click("e0"), prediction)["rank"] == 4


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0, 1.2, allow_nan=False), min_size=1), st.data()
)
def test_facts_are_always_in_range(raw: dict[str, float], data: st.DataObject) -> None:
    probabilities = {Action.click(name): mass for name, mass in raw.items()}
    truth = Action.click(data.draw(st.sampled_from("abcdefgh")))
    prediction = Prediction(Action.click(max(raw, key=lambda name: raw[name])), probabilities=probabilities)
    found = probability_facts(truth, prediction)
    assert math.log(PROBABILITY_FLOOR) <= found["log_probability"] <= 0
    assert 0 <= found["confidence"] <= 1
    if truth in probabilities:
        better = sum(mass > probabilities[truth] for mass in raw.values())
        assert better < found["rank"] <= len(raw)
    else:
        assert found["rank"] is None


def test_facts_of_a_stored_page() -> None:
    page = read_page('<a name="x" href="/1">one</a>')
    assert page_facts(page, Action.click("x"), Prediction(Action.click("y")))["on_page"] is False
    assert replace(Prediction(None), answer="z").answer == "z"


def test_any_text_is_the_true_one_where_the_recorder_masked_it():
    truth = Action.type_and_submit("name", MASKED_TEXT)
    ada, bob, other = (
        Action.type_and_submit("name", "Ada"),
        Action.type_and_submit("name", "Bob"),
        Action.type_and_submit("city", "Bath"),
    )
    prediction = Prediction(ada, probabilities={ada: 0.3, bob: 0.2, other: 0.4, CLICK: 0.1})
    found = probability_facts(truth, prediction, log_probability=-9.0)
    assert found == {
        "log_probability": pytest.approx(math.log(0.5)),
        "rank": 1,
        "confidence": pytest.approx(0.5),
    }
    assert probability_facts(truth, Prediction(ada), log_probability=-9.0)["log_probability"] is None
