import pytest
from hypothesis import given
from hypothesis import strategies as st

from facsim.shop.shoppers.coefficients import SlipCoefficients
from facsim.shop.shoppers.queries import _misspelt, _typos


def test_wordings_are_about_the_needs_and_each_there_once(population):
    for number in range(100):
        shopper = population.shopper(number, 100)
        texts = [query_text.text for query_text in shopper.query_texts]
        typed = texts + [typo.text for query_text in shopper.query_texts for typo in query_text.typos]
        assert len(typed) == len(set(typed))
        assert {query_text.need for query_text in shopper.query_texts} == set(range(len(shopper.needs)))
        for query_text in shopper.query_texts:
            need = shopper.needs[query_text.need]
            assert query_text.text == " ".join(query_text.text.lower().split())
            assert any(name.lower() in query_text.text for name in (need.kind.name, *need.kind.words))
            assert query_text.right + sum(typo.chance for typo in query_text.typos) == pytest.approx(1)
            assert query_text.right >= 0.5


def test_people_differ_in_how_often_they_misspell(population):
    chances = [1 - population.shopper(number, 100).query_texts[0].right for number in range(100)]
    assert min(chances) < 0.03 < 0.1 < max(chances)


@given(
    st.from_regex(r"[a-z]{4,12}( [a-z]{3,9}){0,3}", fullmatch=True),
    st.integers(0, 2**32 - 1),
    st.integers(0, 3),
)
def test_a_typo_changes_letters_but_not_the_first_of_a_word(text, draw, sort):
    places = [place for place in range(1, len(text) - 1) if text[place - 1 : place + 2].isalpha()]
    wrong = _misspelt(text, places[draw % len(places)], sort, draw)
    assert len(wrong) - len(text) == (0, -1, 1, 0)[sort]
    assert [word[0] for word in wrong.split()] == [word[0] for word in text.split()]
    if sort == 0:
        assert sorted(wrong) == sorted(text)


def test_typos_leave_alone_what_is_taken_and_short_words(population):
    person = population.person(0)
    assert _typos("tv", person, SlipCoefficients(), set()) == ()
    free = _typos("coffee grinder", person, SlipCoefficients(), set())
    kept = _typos("coffee grinder", person, SlipCoefficients(), {free[0].text})
    assert len({typo.text for typo in free}) == len(free) >= 3
    assert free[0].text not in {typo.text for typo in kept}
    assert sum(typo.chance for typo in kept) == pytest.approx(sum(typo.chance for typo in free))
