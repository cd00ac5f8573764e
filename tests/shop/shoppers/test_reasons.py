from random import Random

import pytest

from facsim.shop.shoppers import reason
from facsim.shop.shoppers.rationales import _phrases


@pytest.fixture(scope="module")
def given_reasons(visits):
    return [
        (
            shopper,
            moment,
            reason(Random(f"{shopper.number}:{step}"), moment.choice, moment.view, moment.memory, shopper),
        )
        for shopper, moments in visits
        for step, moment in enumerate(moments)
    ]


def test_reasons_have_8_to_30_words_in_the_first_person_or_of_the_thing(given_reasons):
    for _, _, text in given_reasons:
        assert 8 <= len(text.split()) <= 30, text
        assert "{" not in text and "“”" not in text and not text[0].islower() and text[-1] in ".?!", text


def test_reasons_vary(given_reasons):
    texts = [text for _, _, text in given_reasons]
    assert len(set(texts)) / len(texts) > 0.7
    leaving = {text for _, moment, text in given_reasons if moment.choice.act is None}
    assert len(leaving) > 10


def test_every_choice_of_a_page_could_be_explained(visits):
    rng = Random(1)
    for shopper, moments in visits[:25]:
        for moment in moments:
            for choice in moment.choices:
                text = reason(rng, choice, moment.view, moment.memory, shopper)
                assert 8 <= len(text.split()) <= 30, text


def test_reasons_quote_the_query_as_meant_and_prices_as_shown(given_reasons):
    quoted = 0
    for _, moment, text in given_reasons:
        if moment.choice.text is not None and "“" in text:
            quoted += 1
            assert f"“{moment.choice.meant}”" in text
        if "$" in text and moment.choice.aim == "look":
            cards = (*moment.view.cards, *(line.card for line in moment.view.lines))
            shown = {f"${card.price / 100:,.2f}".removesuffix(".00") for card in cards}
            assert any(price in text for price in shown), text
    assert quoted > 50


def test_reasons_follow_the_deciding_term(visits):
    choice, moment, shopper = next(
        (moment.choice, moment, shopper)
        for shopper, moments in visits
        for moment in moments
        if moment.choice.aim == "look" and moment.view.kind == "results"
    )
    told = {
        term: [
            reason(
                Random(seed),
                choice._replace(terms={**choice.terms, term: 9.0}),
                moment.view,
                moment.memory,
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
