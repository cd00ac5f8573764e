"""The source `csv`: tables as people have them, and pages in files beside the log."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from facsim.data import DataSet, IngestReport
from facsim.data.ingest import ingest
from facsim.data.sources.csv_rows import UNDECODED, csv_format, csv_rows
from facsim.data.sources.xpath import css_of_xpath
from facsim.schema import Action
from facsim.util.errors import ConfigError, InputError

PAGE = '<html><body>\n<h1>Käse, "best"; 5€</h1>\n<a id=buy href="/b">Buy\tnow</a><input id=q placeholder=Search></body></html>'
HEADER = ("visit", "who", "at", "event", "css", "typed", "html")
ROWS = (
    ("v1", "anna", "2025-03-01 10:00:00", "type", "#q", "käse; alt, neu", PAGE),
    ("v1", "anna", "2025-03-01 10:00:09", "tap", "#buy", "", PAGE),
    ("v2", "", "2025-03-01 11:00:00", "tap", "a", "", PAGE),
)
MAPPING: dict[str, Any] = {
    "name": "table",
    "origin": "a test",
    "session": "visit",
    "user": "who",
    "time": "at",
    "page": {"column": "html", "kind": "raw"},
    "action": {
        "type": {"column": "event", "values": {"type": "input", "tap": "click"}},
        "target": {"selector": "css"},
        "text": "typed",
    },
}


def table(rows: Any = ROWS, delimiter: str = ",", header: Any = HEADER, end: str = "\r\n") -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


Run = Callable[..., tuple[DataSet, IngestReport]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def _run(
        content: bytes | str, mapping: dict[str, Any] | None = None, name: str = "log.csv", **options: Any
    ) -> tuple[DataSet, IngestReport]:
        log = tmp_path / name
        log.write_bytes(content.encode() if isinstance(content, str) else content)
        (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(MAPPING | (mapping or {})))
        out = tmp_path / "out"
        report = ingest("csv", log, out, mapping=tmp_path / "mapping.yaml", overwrite=True, **options)
        return DataSet.open(out), report

    return _run


def expected(data: DataSet) -> None:
    first, second = data.session("v1"), data.session("v2")
    assert [step.action for step in first.steps] == [
        Action.type_and_submit("search", "käse; alt, neu"),
        Action.click("buy_now"),
    ]
    assert (first.user_id, second.user_id) == ("anna", "session v2")
    assert [step.elapsed for step in first.steps] == [0, 9]
    assert data.pages.raw_html(first.steps[0].page_id) == PAGE


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiters_and_quoted_line_breaks(run: Run, delimiter: str, end: str) -> None:
    data, report = run(table(delimiter=delimiter, end=end))
    expected(data)
    assert report.read_counts == {"files": 1, "rows": 3, "sessions": 2}
    assert report.noted["session without a user: counted as a person of its own"].count == 1
    assert report.repaired == {}


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + table().encode(),
        table().encode("utf-16"),
        codecs.BOM_UTF16_BE + table().encode("utf-16-be"),
        table().encode("cp1252"),
        gzip.compress(table().encode()),
    ],
    ids=["utf-8 with BOM", "utf-16", "utf-16 big end", "cp1252", "gzip"],
)
def test_encodings(run: Run, content: bytes) -> None:
    data, report = run(content)
    expected(data)
    guessed = "file is not UTF-8: read as Windows-1252. Set csv.encoding if it is another"
    assert (guessed in report.noted) == (content == table().encode("cp1252"))


def test_what_the_mapping_says_of_the_file_counts(run: Run) -> None:
    text = table(header=(*HEADER[:-1], "a;b;c;d;e;f;g;h"), delimiter=",")
    mapping = {"page": {"column": "a;b;c;d;e;f;g;h", "kind": "raw"}, "csv": {"delimiter": ","}}
    expected(run(text, mapping)[0])
    expected(run(table().encode("mac-roman"), {"csv": {"encoding": "mac-roman"}})[0])
    with pytest.raises(InputError, match="no such encoding: 'klingon'"):
        run(table(), {"csv": {"encoding": "klingon"}})
    for not_of_text in ("hex", "rot13", "undefined", "utf-8\0"):
        with pytest.raises(InputError, match="no such encoding: "):
            run(table(), {"csv": {"encoding": not_of_text}})
    with pytest.raises(ConfigError, match="delimiter must be one character"):
        run(table(), {"csv": {"delimiter": "::"}})


def test_bytes_that_are_not_of_the_encoding_are_noted(run: Run) -> None:
    _, report = run(table().encode("cp1252"), {"csv": {"encoding": "utf-8"}})
    assert report.noted[UNDECODED].count == 3
    assert report.noted[UNDECODED].examples[0] == "log.csv, line 2"
    assert UNDECODED not in run(table())[1].noted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: has no header"),
        ("a,b,a\n", "column 'a' occurs twice"),
        (table() + "v3,x,y,z,1,2,3,4\n", r"line 11: has 8 cells, the header 7"),
        (table() + 'v3,"never closed\n', "line 11: not CSV: unexpected end of data"),
        (table(header=("x", *HEADER[1:])), "no column 'visit', which the mapping gives for session"),
        (table(rows=()), "holds no rows"),
    ],
)
def test_broken_tables(run: Run, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(text)


def test_short_rows_are_filled_with_nulls_and_counted(run: Run) -> None:
    header, rows = (*HEADER, "kind"), [(*ROWS[1], "checkout"), ROWS[2]]
    data, report = run(table(rows, header=header), {"category": "kind"})
    assert report.repaired["row has fewer cells than the header: the rest is null"].count == 1
    assert data.session("v1").steps[0].category == "checkout"


def test_places_are_lines_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(table(), newline="")
    form = csv_format(tmp_path / "log.csv")
    assert [row.where for row in csv_rows(tmp_path / "log.csv", form)] == [
        f"log.csv, line {line}" for line in (2, 5, 8)
    ]


def test_several_files_with_different_delimiters(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "a.csv").write_text(table(ROWS[:2]), newline="")
    (folder / "b.tsv").write_text(table(ROWS[2:], delimiter="\t"), newline="")
    (tmp_path / "mapping.yaml").write_text(yaml.safe_dump(MAPPING))
    ingest("csv", folder, tmp_path / "out", mapping=tmp_path / "mapping.yaml")
    expected(DataSet.open(tmp_path / "out"))


def test_an_exact_duplicate_row_is_dropped(run: Run) -> None:
    _, report = run(table((*ROWS, ROWS[1])))
    assert report.repaired["row equals another one, time included: left out"].count == 1


class TestPagesInFiles:
    MAPPING: ClassVar[dict[str, Any]] = {"page": {"file": "snapshot", "folder": "pages", "kind": "raw"}}

    def rows(self, *names: str) -> str:
        return table([(*ROWS[1][:-1], name) for name in names], header=(*HEADER[:-1], "snapshot"))

    def test_plain_and_gzip(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "pages" / "deep").mkdir(parents=True)
        (tmp_path / "pages" / "1.html").write_text(PAGE)
        (tmp_path / "pages" / "deep" / "2.html.gz").write_bytes(gzip.compress(PAGE.encode()))
        data, _ = run(self.rows("1.html", "deep/2.html.gz"), self.MAPPING)
        assert [step.action.name for step in data.session("v1").steps] == ["buy_now", "buy_now"]

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("none.html", "no such page file"),
            ("../secret.html", "page file is outside of its folder"),
            ("/etc/hostname", "page file is outside of its folder"),
            ("link.html", "page file is outside of its folder"),
            ("a\0b", "page file"),
            ("broken.gz", "page file cannot be read"),
            ("", "page is null"),
        ],
    )
    def test_files_that_cannot_be_used_refuse_the_session(
        self, run: Run, tmp_path: Path, name: str, kind: str
    ) -> None:
        (tmp_path / "pages").mkdir()
        (tmp_path / "secret.html").write_text(PAGE)
        (tmp_path / "pages" / "link.html").symlink_to(tmp_path / "secret.html")
        (tmp_path / "pages" / "broken.gz").write_bytes(gzip.compress(PAGE.encode())[:40])
        (tmp_path / "pages" / "1.html").write_text(PAGE)
        good = ("good", *ROWS[1][1:-1], "1.html")
        text = table([(*ROWS[1][:-1], name), good], header=(*HEADER[:-1], "snapshot"))
        data, report = run(text, self.MAPPING)
        assert data.session_ids == ("good",)
        assert [found for found in report.refused if kind in found]


@pytest.mark.parametrize(
    ("path", "css"),
    [
        ("/html/body/div[2]/a[1]", "html > body > div:nth-of-type(2) > a:nth-of-type(1)"),
        ("//*[@id='q']", '*[id="q"]'),
        ('//*[@id="x"]/ul/li[3]//a', '*[id="x"] > ul > li:nth-of-type(3) a'),
        ("/HTML[1]/BODY[1]/*[2]", "html:nth-of-type(1) > body:nth-of-type(1) > *:nth-child(2)"),
        ("//a[starts-with(@href, '/p/') and @title]", 'a[href^="/p/"][title]'),
        ("//li[last()]", "li:last-of-type"),
        ("xpath=//button[@type='submit']", 'button[type="submit"]'),
        ("//a[@class='x'][2]", None),
        ("//a[text()='Buy']", None),
        ("(//a)[2]", None),
        ("//a/..", None),
        ("//a[position()<3]", None),
        ("", None),
        ("//a[", None),
    ],
)
def test_xpath_as_css(path: str, css: str | None) -> None:
    assert css_of_xpath(path) == css
