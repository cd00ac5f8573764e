"""Pages that nobody would write: never a crash, never a hang, names always unique."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from cpu_time import cpu_limit
from hypothesis import given, settings
from hypothesis import strategies as st
from page_properties import Hostile, check, check_reading, hostile
from selectolax.lexbor import LexborHTMLParser

from facsim.page import read_page, simplify
from facsim.page.decode import decode
from facsim.page.preprocess import MAX_DEPTH, check_size_of_parts
from facsim.util.errors import InputError


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=120))
def test_pages_made_up_to_be_hard(choices: bytes) -> None:
    check(hostile(b"\x40" + choices))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=4, max_size=40), min_size=1, max_size=6))
def test_whole_cards_and_lists_of_them(choices: list[bytes]) -> None:
    """Decisions 11 to 13 of the generator: cards, and the same again."""
    drawn = b"".join(
        bytes((11 + byte % 3 if place % 3 == 0 else byte) for place, byte in enumerate(one))
        for one in choices
    )
    check(hostile(b"\x40\x00\x00" + drawn))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    check(Hostile(text))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(raw: bytes) -> None:
    check(Hostile(raw))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80))
def test_reading_any_page_as_a_simplified_one(choices: bytes) -> None:
    page = hostile(b"\x40\x00\x00" + choices).html
    assert isinstance(page, str)
    check_reading(page)


@pytest.mark.parametrize(
    ("name", "html", "elements"),
    [
        ("nested divs", "<div>" * 10_000 + "<a href=1>x", 1),
        ("nested listeners", "<div onclick=x>text" * 10_000, 1),
        ("nested links and sections", "<section aria-label=s><a href=1>x</a>" * 5_000, 5_000),
        ("nested lists", "<ul><li><a href=1>x</a>" * 4_000, 4_000),
        ("nested headings", "<div><h2>x</h2><a href=1>y</a>" * 4_000, 4_000),
        ("nested buttons", "<div role=button>ab" * 5_000, None),
        ("siblings", "<li><a href=1>x" * 20_000, 20_000),
        ("options", "<select>" + "<option>x" * 20_000, 20_001),
        ("headings", "<h2>a</h2>" * 20_000 + "<a href=1>b", 1),
        ("one label for all", "<p id=l>" + "word " * 20_000 + "</p>" + "<a href=1 aria-labelledby=l>x</a>" * 3_000, 3_000),
        ("attributes of a megabyte", f'<a href="{"x" * 1_000_000}" title="{"y " * 500_000}">z</a>', 1),
        ("duplicate ids", "<a id=x href=1>x</a>" * 5_000, 5_000),
        ("unclosed comments", "<a href=1>x</a>" + "<!--" * 20_000, 1),
        ("comments in text", "<a href=1>x</a><p>" + "word <!---->" * 800_000, 1),
    ],
)  # fmt: skip
def test_large_pages_take_linear_time(name: str, html: str, elements: int | None) -> None:
    with cpu_limit(20):
        page = simplify(html)
        found = page.elements
        read = read_page(page.html).elements
    assert elements is None or len(found) == elements
    assert len({element.name for element in found}) == len(found) == len(read)


def test_time_grows_with_size_and_not_faster() -> None:
    card = "<li><h3><a href='/p/{0}'>Thing {0}</a></h3><p>Some text on it, $5</p><button>Add</button></li>"

    def seconds(cards: int) -> float:
        html = "<ul>" + "".join(card.format(number) for number in range(cards)) + "</ul>"
        best = float("inf")
        for _ in range(3):
            began = time.process_time()
            assert len(simplify(html).elements) == 2 * cards
            best = min(best, time.process_time() - began)
        return best

    assert seconds(4_000) < 8 * 3 * seconds(500)


def test_too_deep_is_refused_before_it_takes_minutes() -> None:
    with cpu_limit(5):
        for html in ("<div>" * 200_000, "<div>" * 100_000 + "</div>" * 100_000, "<x-a>" * 100_000):
            with pytest.raises(InputError, match="nested deeper"):
                simplify(html)
    assert MAX_DEPTH >= 10_000


@pytest.mark.parametrize(
    "part",
    [
        '<div title="<">',
        "<DIV>x",
        "<div\n>",
        "<a-very-long-name-of-an-element>",
        "<div></x>",
        "<svg><div></svg><div>",
        "<svg><div/></svg>",
        "<svg><p><x-a/></svg>",
        "<svg><title><x-a/></svg>",
    ],
)
def test_no_spelling_hides_the_depth(part: str) -> None:
    with pytest.raises(InputError, match="nested deeper"):
        check_size_of_parts(part * (MAX_DEPTH + 1))


@pytest.mark.parametrize("start", ["<svg>", "<math>"])
@pytest.mark.parametrize("part", ["<a>", "<input>", "<g>"])
def test_what_nests_only_in_drawings_is_counted_there(start: str, part: str) -> None:
    with pytest.raises(InputError, match="nested deeper"):
        check_size_of_parts(start + part * (MAX_DEPTH + 1))


@pytest.mark.parametrize(
    "start", ["<div><svg></div>", "<g><svg></g>", "<a><svg></a>", "<svg><p>", "<svg></svg>"]
)
def test_tags_close_themselves_in_drawings_only(start: str) -> None:
    with pytest.raises(InputError, match="nested deeper"):
        check_size_of_parts(start + "<path/>" * (MAX_DEPTH + 1))
    check_size_of_parts("<svg>" + "<path/>" * (MAX_DEPTH + 1))


def test_looking_for_depth_takes_time_with_the_size_alone() -> None:
    with cpu_limit(5):
        check_size_of_parts("<svg>" + "<g>" * (MAX_DEPTH - 10) + "<x-a><x-b></x-a>" * 100_000)


@pytest.mark.parametrize(
    "part",
    [
        "<p>a",
        "<div></div>",
        "<DIV></div >",
        "<li><img><br>",
        '<svg><path d="M0"/><use/></svg>',
        "<!-- < -->",
        "1 < 2 ",
    ],
)
def test_long_pages_are_not_taken_for_deep_ones(part: str) -> None:
    check_size_of_parts(part * (MAX_DEPTH + 1))


def test_too_many_attributes_are_refused_before_they_take_minutes() -> None:
    with cpu_limit(5), pytest.raises(InputError, match="attributes"):
        simplify("<a href=1 " + " ".join(f"a{number}=1" for number in range(200_000)) + ">x</a>")


def test_pictures_inside_svg_do_not_count_as_depth() -> None:
    icon = "<svg><path d='M0'/><g><circle r='1'/></g></svg>"
    assert len(simplify("<ul>" + f"<li><a href=1>{icon}x</a>" * 15_000).elements) == 15_000


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("<a href=1>Kärcher".encode(), "Kärcher"),
        (b"\xef\xbb\xbf<a href=1>K\xc3\xa4rcher", "Kärcher"),
        ("<a href=1>Kärcher".encode("utf-16"), "Kärcher"),
        ("\ufeff<a href=1>Kärcher".encode("utf-16-be"), "Kärcher"),
        ("<meta charset=iso-8859-1><a href=1>Kärcher".encode("latin-1"), "Kärcher"),
        ("<meta charset='shift_jis'><a href=1>日本".encode("shift_jis"), "日本"),
        ("<a href=1>Kärcher – 5".encode("cp1252"), "Kärcher – 5"),
        ("<meta charset=nonsense><a href=1>Kärcher".encode(), "Kärcher"),
        ("<meta charset=utf-16><a href=1>Kärcher".encode(), "Kärcher"),
        (b"<meta charset=utf-8><a href=1>bad \xff", "bad \ufffd"),
        (b"\0<a\0 href=1>x\0y", "xy"),
    ],
)
def test_encodings(raw: bytes, text: str) -> None:
    elements = simplify(raw).elements
    assert [element.text for element in elements] == [text] or (b"\0<a" in raw and len(elements) <= 1)


@pytest.mark.parametrize("raw", [b"%PDF-1.7", b"\x89PNG\r\n", b"PK\x03\x04", b"\x1f\x8b\x08"])
def test_files_that_are_no_pages_are_refused_by_kind(raw: bytes) -> None:
    with pytest.raises(InputError, match="expected an HTML page"):
        simplify(raw)


@pytest.mark.parametrize("html", ["", " ", "plain words", '{"a": "<b>"}', "a\ud800b", "\0"])
def test_text_that_is_no_html_gives_a_page_without_elements(html: str) -> None:
    assert simplify(html).elements == ()
    assert decode(html) == html


def test_links_in_links_and_buttons_in_buttons_are_read_alike_by_any_parser() -> None:
    frame = "<a href=1>out <iframe srcdoc='<a href=2>in</a><button>b <i>'></iframe><button>c</button></a>"
    slots = "<x-b><template shadowrootmode=open><button>Buy <slot></slot></button></template><button>now</button></x-b>"
    table = "<a href=3>x<table><tr><td><a href=4>y</a></table></a>"
    for html in (frame, slots, table):
        page = simplify(html)
        again = read_page(LexborHTMLParser(page.html).html or "")
        assert again.elements == tuple(replace(element, locator="") for element in page.elements)
        assert len(page.elements) > 1
    inner = next(element for element in simplify(frame).elements if element.href == "2")
    assert (inner.tag, inner.role, inner.text) == ("span", "link", "in")


def test_nothing_in_a_formula_is_named_after_what_has_no_end_tag_there() -> None:
    after = "<a href=1>x</a><input name=q>"
    assert [e.name for e in simplify(f"<math><mi></mi><input><input></math>{after}").elements] == [
        "x",
        "search_input",
    ]
    # HTML within a formula is HTML.
    html = "<math><mtext><br><input name=a><input name=b></mtext></math>"
    assert [e.name for e in simplify(html).elements] == ["a", "b"]
    # What is in a drawing is not written, and takes no name from others.
    assert [e.name for e in simplify("<svg><a href=1>x</a></svg><a href=1>x</a>").elements] == ["x"]
