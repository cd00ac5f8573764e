"""Words of texts, and what misspelt ones were meant to be."""

from __future__ import annotations

from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from facsim.shop.catalogue.spelling import LONGEST_WORD, MOST_WORDS, Speller, distance, words_of

short = st.text(alphabet="abc", max_size=6)


def _reference(left: str, right: str) -> int:
    """Optimal string alignment by its recursive definition."""

    @cache
    def d(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        best = min(d(i - 1, j) + 1, d(i, j - 1) + 1, d(i - 1, j - 1) + (left[i - 1] != right[j - 1]))
        if i > 1 and j > 1 and left[i - 1] == right[j - 2] and left[i - 2] == right[j - 1]:
            best = min(best, d(i - 2, j - 2) + 1)
        return best

    return d(len(left), len(right))


@given(left=short, right=short, limit=st.integers(0, 6))
def test_distance_is_the_optimal_alignment(left: str, right: str, limit: int) -> None:
    assert distance(left, right, limit) == min(_reference(left, right), limit + 1)


@given(text=st.text(max_size=500))
def test_words_are_few_short_and_different(text: str) -> None:
    words = words_of(text)
    assert len(words) == len(set(words)) <= MOST_WORDS
    assert all(0 < len(word) <= LONGEST_WORD and '"' not in word and "\0" not in word for word in words)
    assert words_of(" ".join(words)) == words


def test_stop_words_count_only_where_there_is_nothing_else() -> None:
    assert words_of("a knife for the kitchen") == ("knife", "kitchen")
    assert words_of("for the") == ("for", "the")
    assert words_of("") == ()


def test_common_words_are_meant_more_often() -> None:
    speller = Speller({"table": 100, "cable": 1000, "stable": 1, "fable": 900})
    assert speller.meant("tabel") == "table"  # the first letter is seldom wrong
    assert speller.meant("xable") == "cable"
    assert speller.meant("table") == ""
    assert speller.meant("elephant") == ""
    assert speller.meant("ab") == ""


@given(place=st.integers(0, 9), data=st.data())
def test_one_slip_in_a_longer_word_is_found(place: int, data: st.DataObject) -> None:
    word = "headphones"
    letter = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz"))
    slips = [
        word[:place] + word[place + 1 :],
        word[:place] + letter + word[place:],
        word[:place] + letter + word[place + 1 :],
    ]
    speller = Speller({word: 5, "headboard": 7, "microphone": 9})
    for slip in slips:
        assert speller.meant(slip) in {word, ""}
        assert slip == word or speller.meant(slip) == word
