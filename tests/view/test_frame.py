"""The page as it is drawn: nothing of a page but its words gets into the frame."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payloads import EVIL, PAYLOADS

from facsim.view.page_frame import LONGEST_TEXT, MOST_NODES, ElementHighlight, frame_document, title_of

TAGS = {"html", "head", "meta", "title", "style", "body", "div", "span", "br"}
ATTRIBUTES = {"class", "title", "id", "lang", "charset", "nonce"}
PIECES = st.sampled_from(
    [
        *PAYLOADS[:43],
        "<a name='a.b' href=/x>",
        "<input name=i value='",
        '"',
        ">",
        "</div>",
        "<td>",
        "<option>",
        "\0",
        "&lt;",
    ]
)


class Reader(HTMLParser):
    """What a document consists of."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.classes: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.classes += [value or "" for name, value in attrs if name == "class"]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in ("br", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "title"):
            self.text += data


def drawn(html: str, *marks: ElementHighlight) -> Reader:
    return Reader(frame_document(html, marks, nonce="n", theme="auto", show_names=False))


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
@pytest.mark.parametrize("start", ['<html data-simplified="1"><body>', ""])
def test_no_payload_gets_through(payload: str, start: str) -> None:
    read = drawn(
        f"{start}{payload}<a name='x'>end</a>", ElementHighlight(payload, "person", "person", payload)
    )
    assert read.tags <= TAGS
    assert read.attributes <= ATTRIBUTES
    assert read.open == []


@given(st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join), st.text(max_size=20))
def test_a_frame_consists_of_our_own_tags_whatever_the_page(html: str, name: str) -> None:
    read = drawn(html, ElementHighlight(name, "person", "person", name))
    assert read.tags <= TAGS
    assert read.attributes <= ATTRIBUTES
    assert read.open == []
    assert all(re.fullmatch(r"[a-z0-9 -]*", found) for found in read.classes)
    assert set(read.ids) <= {"person"}


def test_words_are_kept_in_order_and_unseen_parts_are_not() -> None:
    read = drawn(
        "<html><head><title>T</title></head><body><h1>One &amp; two</h1><script>no</script><p>three <b>four</b></p>"
        "<style>no</style><input name=q placeholder='find it'><input type=hidden value=secret>"
        "<textarea name=t>five</textarea><img alt=six src=x><select name=s><option>seven</select></body></html>"
    )
    assert read.text == "One & twothree fourfind itfivesixseven"


def test_marks_are_drawn_at_the_first_element_of_a_name_only() -> None:
    html = '<a name="x.y">1</a><a name="x.y">2</a><button name="b">3</button>'
    marks = [
        ElementHighlight("x.y", "person", "person", "person"),
        ElementHighlight("x.y", "run-0", "r-0", "A"),
        ElementHighlight("b", "run-1", "r-1", "B"),
        ElementHighlight("not.there", "run-2", "r-2", "C"),
    ]
    read = drawn(html, *marks)
    assert read.ids == ["person", "run-0", "run-1"]
    assert [found for found in read.classes if "marked" in found] == [
        "link e marked rings2 ring1-person ring2-r-0",
        "button e marked rings1 ring1-r-1",
    ]


def test_more_than_three_marks_share_three_rings_and_keep_their_flags() -> None:
    marks = [ElementHighlight("b", f"run-{n}", f"r-{n}", "ABCDE"[n]) for n in range(5)]
    read = drawn('<button name="b">3</button>', *marks)
    assert read.ids == [f"run-{n}" for n in range(5)]
    assert "button e marked rings3 ring1-r-0 ring2-r-1 ring3-r-2" in read.classes


def test_states_of_controls_are_drawn() -> None:
    read = drawn(
        '<input type="checkbox" name="c" checked><option name="o" selected>x</option><a name="a" aria-current="page">y</a>'
    )
    looks = " | ".join(read.classes)
    for look in ("tick checkbox is-checked e", "option is-selected e", "link is-current e"):
        assert look in looks


def test_what_is_without_measure_is_cut_and_says_so() -> None:
    long = drawn(f"<p>{'x' * (LONGEST_TEXT + 5)}</p>")
    assert long.text == "x" * LONGEST_TEXT + "… 5 more characters"
    many = drawn("<br>" * (MOST_NODES + 10))
    assert many.text.endswith("too long to draw.")
    deep = drawn("<div>" * 5_000 + "deep")
    assert "deep" in deep.text


def test_a_page_too_deep_to_read_says_so() -> None:
    assert "cannot be drawn" in drawn("<div>" * 30_000).text


def test_titles_are_read() -> None:
    assert title_of("<html><head><title> A  shop </title></head></html>") == "A shop"
    assert title_of("<p>none</p>") == title_of("") == ""


def test_no_address_of_a_page_is_passed_on() -> None:
    for payload in PAYLOADS[:43]:
        document = frame_document(f"<body>{payload}", [], nonce="n", theme="auto", show_names=True)
        assert not re.search(rf"<[^>]*{re.escape(EVIL)}[^>]*>", document)
