from random import Random

import pytest

from facsim.shop.shoppers import rationale_for
from facsim.shop.shoppers.rationales import _phrases


@pytest.fixture(scope="module")
def given_rationales(sessions):
    return [
        (
            shopper,
            point,
            rationale_for(
                Random(f"{shopper.number}:{step}"), point.choice, point.view, point.memory, shopper
            ),
        )
        for shopper, points in sessions
        for step, point in enumerate(points)
    ]


def test_rationales_have_8_to_30_words_in_the_first_person_or_of_the_thing(given_rationales):
    for _, _, text in given_rationales:
        assert 8 <= len(text.split()) <= 30, text
        assert "{" not in text and "“”" not in text and not text[0].islower() and text[-1] in ".?!", text


def test_rationales_vary(given_rationales):
    texts = [text for _, _, text in given_rationales]
    assert len(set(texts)) / len(texts) > 0.7
    leaving = {text for _, point, text in given_rationales if point.choice.action_index is None}
    assert len(leaving) > 10


def test_every_choice_of_a_page_could_be_explained(sessions):
    rng = Random(1)
    for shopper, points in sessions[:25]:
        for point in points:
            for choice in point.choices:
                text = rationale_for(rng, choice, point.view, point.memory, shopper)
                assert 8 <= len(text.split()) <= 30, text


def test_rationales_quote_the_query_as_meant_and_prices_as_shown(given_rationales):
    quoted = 0
    for _, point, text in given_rationales:
        if point.choice.text is not None and "“" in text:
            quoted += 1
            assert f"“{point.choice.meant}”" in text
        if "$" in text and point.choice.aim == "look":
            cards = (*point.view.cards, *(line.card for line in point.view.lines))
            shown = {f"${card.price / 100:,.2f}".removesuffix(".00") for card in cards}
            assert any(price in text for price in shown), text
    assert quoted > 50


def test_rationales_follow_the_deciding_term(sessions):
    choice, point, shopper = next(
        (point.choice, point, shopper)
        for shopper, points in sessions
        for point in points
        if point.choice.aim == "look" and point.view.kind == "results"
    )
    told = {
        term: [
            rationale_for(
                Random(seed),
                choice._replace(terms={**choice.terms, term: 9.0}),
                point.view,
                point.memory,
                shopper,
            )
            for seed in range(60)
        ]
        for term in ("rating", "price")
    }
    assert sum("stars" in text for text in told["rating"]) > 40
    assert sum("$" in text for text in told["price"]) > 40


def test_every_aim_has_words_for_any_reason():
    phrases = _phrases()
    from typing import get_args

    from facsim.shop.shoppers.coefficients import Aim

    assert set(phrases) == {*get_args(Aim), "slip"}
    assert all(by_term.get("any") for by_term in phrases.values())
