"""The bit-parallel edit distance is the table of the textbook."""

from cpu_time import cpu_limit
from hypothesis import given
from hypothesis import strategies as st

from facsim.metrics.cases import case, example
from facsim.metrics.text_similarity import edit_distance, edit_similarity, query_similarity, token_f1

TEXTS = st.one_of(
    st.text("ab c", max_size=12), st.text(max_size=80), st.text("abcd", min_size=60, max_size=140)
)


def textbook(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


@given(TEXTS, TEXTS)
def test_edit_distance(a, b):
    assert edit_distance(a, b) == textbook(a, b)


@given(TEXTS, TEXTS)
def test_similarities_are_symmetric_and_between_0_and_1(a, b):
    for measure in (edit_similarity, token_f1):
        assert 0 <= measure(a, b) <= 1
        assert measure(a, b) == measure(b, a)
        assert measure(a, a) == 1


def test_case_and_space_do_not_count():
    assert edit_similarity("Red  Shoes ", "red shoes") == token_f1("Red  Shoes ", "red shoes") == 1


def test_nothing_typed_is_unlike_something():
    assert edit_similarity("", "hat") == token_f1("", "hat") == 0
    assert edit_similarity("", " ") == token_f1("", " ") == 1


def test_a_megabyte_of_answer_costs_little():
    with cpu_limit(5):
        assert edit_distance("red running shoes", "x" * 1_000_000) == 1_000_000


def test_masked_texts_are_not_compared():
    cases = example(case("type box hats", "type box hat"), case("type box ***", "type box hat"))
    assert query_similarity(cases).value() == 0.75
