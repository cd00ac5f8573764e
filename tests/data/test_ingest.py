"""The frame around every source: one session at a time, refusals counted, nothing written on an error."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from facsim.data import Card, DataSet, IngestReport, page_processing, session_builder
from facsim.data.ingest import write_source
from facsim.data.session_builder import clean_text, is_html
from facsim.data.sources import SOURCES, RawSession, RawStep, SessionRefused, open_source
from facsim.page import element_at, simplify
from facsim.page.element_lookup import elements_at
from facsim.schema import Action, Page
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


SHOP_PAGE = "<h1>Page {0}</h1>" + "".join(f"<p><a href=/{i} id=x{i}>Item {i}</a></p>" for i in range(8))


def shuffled_sessions(pages: int, sessions: int) -> list[RawSession]:
    """Sessions that jump between pages, with many targets on each; some are refused."""
    rng = random.Random(3)
    found = []
    for number in range(sessions):
        steps = [
            RawStep(
                SHOP_PAGE.format(rng.randrange(pages)),
                Action.click(None),
                selector=rng.choice(("#x{0}", "p:nth-of-type({0}) a", "a[href='/{0}']", "#none{0}")).format(
                    rng.randrange(1, 8)
                ),
                url=f"/{number}",
            )
            for _ in range(6)
        ]
        if number % 7 == 3:
            steps.insert(4, RawStep("no page", Action.click(None)))
        found.append(RawSession(f"s{number}", f"u{number % 5}", steps, where=f"row {number}"))
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_each_raw_page_is_simplified_and_searched_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simplified: list[str] = []
    searched: list[int] = []

    def counted(html: str, **options: Any) -> Page:
        simplified.append(html)
        return simplify(html, **options)

    def counted_search(html: str, selectors: list[str], *, page: Page) -> Any:
        searched.append(len(selectors))
        return elements_at(html, selectors, page=page)

    monkeypatch.setattr(page_processing, "simplify", counted)
    monkeypatch.setattr(page_processing, "elements_at", counted_search)
    write_source(Given(*shuffled_sessions(pages=5, sessions=40)), "x", tmp_path / "d")
    assert len(simplified) == len(set(simplified)) == 5
    assert len(searched) == 5 and max(searched) > 10
    data = DataSet.open(tmp_path / "d")
    steps = shuffled_sessions(pages=5, sessions=40)[0].steps
    for raw, step_ in zip(steps, data.session("s0").steps, strict=True):
        assert raw.selector is not None
        found = None if "#none" in raw.selector else element_at(raw.html, raw.selector)
        assert step_.action.name == (found and found.name)


@pytest.mark.parametrize(("characters", "steps"), [(1, 50_000), (2_000, 50_000), (32_000_000, 5)])
def test_chunks_and_workers_do_not_change_a_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, characters: int, steps: int
) -> None:
    sessions = shuffled_sessions(pages=9, sessions=30)
    write_source(Given(*sessions), "x", tmp_path / "one")
    whole = contents(tmp_path / "one")
    assert {"card.json", "ingest.json", "pages.parquet", "steps.parquet"} <= set(whole)
    monkeypatch.setattr(session_builder, "CHUNK_CHARACTERS", characters)
    monkeypatch.setattr(session_builder, "CHUNK_STEPS", steps)
    write_source(Given(*sessions), "x", tmp_path / "chunks")
    assert contents(tmp_path / "chunks") == whole
    if characters == 2_000:
        write_source(Given(*sessions), "x", tmp_path / "workers", workers=2)
        assert contents(tmp_path / "workers") == whole


def test_a_page_of_a_refused_session_is_stored_by_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_builder, "CHUNK_CHARACTERS", 1)
    page = RawStep(SHOP_PAGE.format(1), Action.click(None), selector="#x1")
    bad = RawSession("bad", "u", [page, RawStep("no page", Action.click(None))])
    write_source(Given(bad, RawSession("good", "u", [page])), "x", tmp_path / "d")
    data = DataSet.open(tmp_path / "d")
    step_ = data.session("good").steps[0]
    assert step_.action.name in data.page(step_.page_id)


def test_the_report_of_a_source_stays_in_order_with_the_refusals(tmp_path: Path) -> None:
    class Reporting(Given):
        def sessions(self, report: IngestReport, progress: Progress) -> Iterator[RawSession]:
            yield RawSession("a", "u", [RawStep("no page", Action.click(None))], where="row 1")
            report.refuse("of the source", "row 2")
            yield RawSession("b", "u", [step()])

    with pytest.raises(InputError, match=r"row 1, step 0: page is not HTML"):
        write_source(Reporting(), "x", tmp_path / "d", strict=True)
    report = write_source(Reporting(), "x", tmp_path / "d")
    assert list(report.refused) == ["page is not HTML", "of the source"]


def test_a_limit_reads_no_further(tmp_path: Path) -> None:
    sessions = shuffled_sessions(pages=3, sessions=6)
    source = Given(*sessions[:3], RuntimeError("read beyond the limit"))
    report = write_source(source, "x", tmp_path / "d", limit=3)
    assert report.written["sessions"] == 3 and report.read_counts == {"sessions": 3}


def test_a_recipe_reaches_the_simplifier(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text('names: {"#x": special.link}\n')
    raw = RawStep("<p>1</p><a href=/x id=x>X</a>", Action.click(None), selector="#x")
    write_source(Given(RawSession("s", "u", [raw])), "x", tmp_path / "d", recipe=tmp_path / "recipe.yaml")
    assert DataSet.open(tmp_path / "d").session("s").steps[0].action.name == "special.link"


def test_every_named_source_can_be_loaded(tmp_path: Path) -> None:
    for name in ("miniwob", "opera", "rrweb", "playwright"):
        with pytest.raises(InputError):
            open_source(name, tmp_path / "nothing-here")
    assert list(SOURCES) == ["miniwob", "opera", "csv", "jsonl", "parquet", "rrweb", "playwright"]


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


def test_the_pages_of_a_long_session_wait_compressed(tmp_path: Path) -> None:
    """A session with 80 pages of a megabyte, as a long recording has them."""
    filler = "<!-- " + "long recordings have large pages; " * 30_000 + "-->"

    def steps() -> Iterator[RawStep]:
        for number in range(80):
            html = f"{filler}<p>{number}</p><a href=/x id=x>X</a>"
            yield RawStep(html, Action.click(None), selector="#x")

    tracemalloc.start()
    try:
        write_source(Given(RawSession("s", "u", steps())), "x", tmp_path / "d")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30_000_000
    data = DataSet.open(tmp_path / "d")
    assert len(data.steps) == 80
    assert data.steps["action_name"].unique().to_list() == ["x"]
