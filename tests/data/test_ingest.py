"""The frame around every source: one session at a time, refusals counted, nothing written on an error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from facsim.data import Card, DataSet, IngestReport
from facsim.data.ingest import write_source
from facsim.data.session_builder import clean_text, is_html
from facsim.data.sources import SOURCES, RawSession, RawStep, SessionRefused, open_source
from facsim.page import simplify
from facsim.schema import Action
from facsim.util.errors import InputError
from facsim.util.progress import Progress

PAGE = '<a name="cart">Cart</a>'


class Given:
    """A source of one's own: the sessions that a test gives."""

    name = "given"

    def __init__(self, *sessions: RawSession | BaseException) -> None:
        self.given = sessions

    def card(self) -> Card:
        return Card(name="given", source="given", origin="a test", licence="CC0", settings={"seed": 1})

    def sessions(self, report: IngestReport, progress: Progress) -> Iterator[RawSession]:
        for number, session in enumerate(self.given):
            progress(number, len(self.given))
            report.count_read("sessions")
            if isinstance(session, BaseException):
                raise session
            yield session


def step(action: Action | None = None, html: str = PAGE) -> RawStep:
    return RawStep(html, action or Action.click("cart"), simplified=True)


def test_a_source_of_ones_own(tmp_path: Path) -> None:
    source = Given(RawSession("s", "u", [step(), step(Action.terminate())], persona="P", outcome="terminate"))
    report = write_source(source, "memory", tmp_path / "d")
    data = DataSet.open(tmp_path / "d")
    session = data.session("s")
    assert (session.source, session.persona, session.outcome) == ("given", "P", "terminate")
    assert (data.card.licence, data.card.settings) == ("CC0", {"seed": 1})
    assert report.written == {"sessions": 1, "steps": 2, "pages": 1, "users": 1}


def test_steps_may_be_a_generator_that_refuses(tmp_path: Path) -> None:
    def steps() -> Iterator[RawStep]:
        yield step(html=PAGE + "<p>only in the refused session</p>")
        raise SessionRefused("half of it is missing", "row 7")

    report = write_source(
        Given(RawSession("bad", "u", steps()), RawSession("good", "u", [step()])), "x", tmp_path / "d"
    )
    data = DataSet.open(tmp_path / "d")
    assert data.session_ids == ("good",)
    assert len(data.pages) == 1, "pages of a refused session are not stored"
    assert report.refused["half of it is missing"].examples == ["row 7"]


def test_a_session_id_used_twice_is_refused(tmp_path: Path) -> None:
    report = write_source(Given(*[RawSession("s", "u", [step()])] * 2), "x", tmp_path / "d")
    assert report.refused["session id was used before"].count == 1


def test_ids_that_are_empty_after_cleaning_are_refused(tmp_path: Path) -> None:
    sessions = [
        RawSession("\0", "u", [step()]),
        RawSession("s1", "", [step()]),
        RawSession("s2", "u", [step()]),
    ]
    report = write_source(Given(*sessions), "x", tmp_path / "d")
    assert sorted(report.refused) == ["session id is empty", "user id is empty"]


def test_broken_input_leaves_nothing(tmp_path: Path) -> None:
    source = Given(RawSession("s", "u", [step()]), InputError("breaks off", file="log"))
    with pytest.raises(InputError, match="log: breaks off"):
        write_source(source, "x", tmp_path / "d")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_ingest_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_source(Given(RawSession("s", "u", [step()]), KeyboardInterrupt()), "x", tmp_path / "d")
    assert list(tmp_path.iterdir()) == []


def test_a_source_without_sessions_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no session that can be used"):
        write_source(Given(), "x", tmp_path / "d")


def test_raw_pages_are_simplified_once_in_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counted(html: str, **options: object) -> object:
        calls.append(html)
        return simplify(html)

    monkeypatch.setattr("facsim.data.ingest.simplify", counted)
    raw = RawStep("<p>1</p><a href=/x id=x>X</a>", Action.click(None), selector="#x")
    write_source(Given(RawSession("s", "u", [raw] * 5)), "x", tmp_path / "d")
    assert len(calls) == 1
    assert [one.action.name for one in DataSet.open(tmp_path / "d").session("s").steps] == ["x"] * 5


def test_a_recipe_reaches_the_simplifier(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text('names: {"#x": special.link}\n')
    raw = RawStep("<p>1</p><a href=/x id=x>X</a>", Action.click(None), selector="#x")
    write_source(Given(RawSession("s", "u", [raw])), "x", tmp_path / "d", recipe=tmp_path / "recipe.yaml")
    assert DataSet.open(tmp_path / "d").session("s").steps[0].action.name == "special.link"


def test_every_named_source_can_be_loaded(tmp_path: Path) -> None:
    for name in ("miniwob", "opera"):
        with pytest.raises(InputError):
            open_source(name, tmp_path / "nothing-here")
    assert list(SOURCES) == ["miniwob", "opera", "jsonl", "parquet"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p>x</p>", True),
        ("hello <b>you</b>", True),
        ("[skip] <a href=x>y</a>", True),
        ("  \ufeff{} <p>", True),
        ("1 < 2 > 0", False),
        ("", False),
        ("<>", False),
        ('["<p>"]', False),
        ("PK\x03\x04<a>", False),
    ],
)
def test_what_counts_as_html(text: str, expected: bool) -> None:
    assert is_html(text) is expected


def test_clean_text_gives_the_same_object_when_there_is_nothing_to_do() -> None:
    for text in ("", "plain", "naïve \U0001f600"):
        assert clean_text(text) is text
    assert clean_text("a\0\ud83d\ude00\ud800b") == "a\U0001f600\ufffdb"


def test_report_keeps_few_examples_and_escapes_tables() -> None:
    report = IngestReport("given", "x")
    for number in range(9):
        report.repair("a | b", f"row {number}")
    assert len(report.repaired["a | b"].examples) == 5
    assert "| a \\| b | 9 |" in report.to_markdown()
