"""BM25 ranks worked by hand, and grades of rationales of known quality."""

from dataclasses import replace

import pytest
from teaching import HOME, PRODUCT, RESULTS, whole_visit, written

from facsim.page import read_page
from facsim.rationale import grade_rationales
from facsim.rationale.grading import Bm25Ranker
from facsim.util.errors import ConfigError

PAGE = read_page(
    '<a name="red.kettle" href="/1">Red kettle</a><a name="blue.kettle" href="/2">Blue kettle</a>'
    '<a name="tea" href="/3">Green tea</a>'
)


@pytest.mark.parametrize(
    ("rationale", "name", "recall", "reciprocal"),
    [
        ("I like the red one.", "red.kettle", 1.0, 1.0),
        ("I need a kettle.", "red.kettle", 0.5, (1 + 1 / 2) / 2),
        ("I need a kettle.", "tea", 0.0, 1 / 3),
        ("I am in the mood.", "tea", 1 / 3, (1 + 1 / 2 + 1 / 3) / 3),
        ("", "tea", 1 / 3, (1 + 1 / 2 + 1 / 3) / 3),
        ("Blue, not red kettles!", "tea", 0.0, 1 / 3),
    ],
)
def test_ranks_by_hand(rationale, name, recall, reciprocal):
    assert Bm25Ranker(PAGE).grade(rationale, name) == pytest.approx((recall, reciprocal))


def test_picture_and_title_of_one_product_are_one():
    page = read_page(
        '<ul><li><a name="r.tea.image" href="/1"><img alt="Tea"></a><a name="r.tea.view" href="/1">Tea</a></li>'
        '<li><a name="r.pot.image" href="/2"><img alt="Pot"></a><a name="r.pot.view" href="/2">Pot</a></li></ul>'
    )
    assert page.by_name["r.tea.image"].equivalents == ("r.tea.view",), "else this test tests nothing"
    reader = Bm25Ranker(page)
    assert len(reader) == 2
    assert (
        reader.grade("I want tea.", "r.tea.image") == reader.grade("I want tea.", "r.tea.view") == (1.0, 1.0)
    )


TELLING = ("I type kettle.", "The Brewly Gooseneck is for me.", "I see all reviews first.", "I leave.")
EMPTY = ("Hm.", "Hm.", "Hm.", "Hm.")


def taught(folder, data, texts):
    sessions = [
        replace(
            session,
            steps=tuple(
                replace(step, rationale=text, rationale_source="synthetic")
                for step, text in zip(session.steps, texts, strict=True)
            ),
        )
        for session in data
    ]
    return written(folder, sessions, pages=(HOME, RESULTS, PRODUCT))


def test_telling_rationales_beat_empty_ones_and_shuffled_ones(tmp_path):
    data = written(tmp_path / "a", [whole_visit(n, TELLING) for n in range(8)])
    grades = grade_rationales(data, taught(tmp_path / "b", data, EMPTY))
    assert (grades.clicks, grades.sessions) == (16, 8)
    assert list(grades.kinds) == ["true", "teacher", "shuffled"]
    assert grades.kinds["true"].recall.value == 1.0
    assert grades.kinds["teacher"].recall.value == pytest.approx(0.5), "two elements on each page"
    better = grade_rationales(data, taught(tmp_path / "c", data, TELLING))
    assert better.kinds["teacher"] == better.kinds["true"]
    assert "| teacher | 100.0" in better.to_markdown()
    assert list(better.gains) == ["true", "teacher"]


def test_shuffled_rationales_come_from_other_sessions(tmp_path):
    data = written(tmp_path / "a", [whole_visit(n, TELLING) for n in range(8)])
    grades = grade_rationales(data)
    assert list(grades.kinds) == ["true", "shuffled"]
    assert grades.gains["true"].recall.value == pytest.approx(
        grades.kinds["true"].recall.value - grades.kinds["shuffled"].recall.value
    )


def test_without_rationales_there_is_nothing_to_grade(tmp_path):
    data = written(tmp_path / "a", [whole_visit(n) for n in range(3)])
    with pytest.raises(ConfigError, match="there are 0 in 0"):
        grade_rationales(data)


def test_synthetic_rationales_are_no_truth(tmp_path):
    data = written(tmp_path / "a", [whole_visit(n, TELLING) for n in range(3)])
    with pytest.raises(ConfigError, match="human or simulated"):
        grade_rationales(taught(tmp_path / "b", data, TELLING))
