import pytest
from hypothesis import given
from hypothesis import strategies as st

from facsim.shop.shoppers.coefficients import Slips
from facsim.shop.shoppers.queries import _misspelt, _typos


def test_wordings_are_about_the_needs_and_each_there_once(population):
    for number in range(100):
        shopper = population.shopper(number, 100)
        texts = [wording.text for wording in shopper.wordings]
        typed = texts + [typo.text for wording in shopper.wordings for typo in wording.typos]
        assert len(typed) == len(set(typed))
        assert {wording.need for wording in shopper.wordings} == set(range(len(shopper.needs)))
        for wording in shopper.wordings:
            need = shopper.needs[wording.need]
            assert wording.text == " ".join(wording.text.lower().split())
            assert any(name.lower() in wording.text for name in (need.kind.name, *need.kind.words))
            assert wording.right + sum(typo.chance for typo in wording.typos) == pytest.approx(1)
            assert wording.right >= 0.5


def test_people_differ_in_how_often_they_misspell(population):
    chances = [1 - population.shopper(number, 100).wordings[0].right for number in range(100)]
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
    assert _typos("tv", person, Slips(), set()) == ()
    free = _typos("coffee grinder", person, Slips(), set())
    kept = _typos("coffee grinder", person, Slips(), {free[0].text})
    assert len({typo.text for typo in free}) == len(free) >= 3
    assert free[0].text not in {typo.text for typo in kept}
    assert sum(typo.chance for typo in kept) == pytest.approx(sum(typo.chance for typo in free))
