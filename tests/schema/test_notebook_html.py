"""What notebooks show of the nouns: everything, and nothing that runs or loads."""

from __future__ import annotations

import doctest
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hostile import HUGE, PAYLOADS, render
from hypothesis import given
from hypothesis import strategies as st

from facsim.page import read_page
from facsim.schema import Action, Element, Page, Session, Step
from facsim.util import notebook_html
from facsim.util.display_text import one_line
from facsim.util.errors import ConfigError

ALLOWED = {"div", "strong", "span", "table", "thead", "tbody", "tr", "th", "td"}


class Tags(HTMLParser):
    """The tags and attributes that a piece of HTML has, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def sessions() -> Iterator[Session]:
    steps = (
        Step(
            "p0",
            Action.type_and_submit("search_input", "red shoes"),
            "search",
            "I need shoes",
            "human",
            elapsed=4.2,
        ),
        Step("p1", Action.click("results.first"), "product_click", elapsed=64.0),
        Step("p1", Action.click(None)),
        Step("p2", Action.terminate(), "terminate"),
    )
    yield Session("s1", "u1", steps, persona="Nora, 71", intent="shoes under $35 or $40", outcome="terminate")
    yield Session("s2", "u2", (Step("p", Action.terminate()),))
    yield Session("s3", "u3", ())
    many = tuple(Step("p", Action.click(f"item_{number}")) for number in range(500))
    yield Session("s4", "u4", many)


@pytest.mark.parametrize("session", list(sessions()), ids=lambda session: session.session_id)
def test_a_session_shows_its_steps(session: Session) -> None:
    shown = Tags(session._repr_html_())
    assert shown.tags <= ALLOWED
    assert shown.attributes <= {"class", "style", "dir"}
    assert not shown.open
    for step in session.steps[: notebook_html.MOST_ROWS]:
        assert (step.action.name or "") in shown.text
        assert (step.rationale or "") in shown.text
    if len(session.steps) > notebook_html.MOST_ROWS:
        assert f"… and {len(session.steps) - notebook_html.MOST_ROWS} more steps" in shown.text
        assert f"item_{notebook_html.MOST_ROWS}" not in shown.text


def test_what_a_session_lacks_is_no_column() -> None:
    first, second, *_ = (session._repr_html_() for session in sessions())
    assert "rationale</th>" in first
    assert "rationale</th>" not in second
    assert "“red shoes”" in first
    assert "(no name on the page)" in first
    assert "I need shoes (human)" in first


def test_mathjax_leaves_prices_alone() -> None:
    assert 'class="facsim tex2jax_ignore mathjax_ignore"' in next(sessions())._repr_html_()


def test_a_session_as_tables() -> None:
    session = Session(
        "s",
        "u",
        (
            Step("p", Action.click("a"), timestamp=datetime(2026, 1, 2, tzinfo=UTC), elapsed=1.5),
            Step("p", Action.terminate()),
        ),
    )
    table = session.to_polars()
    assert table["step"].to_list() == [0, 1]
    assert table["action_type"].to_list() == ["click", "terminate"]
    assert table["action_name"].to_list() == ["a", None]
    assert table["elapsed"].to_list() == [1.5, None]
    assert session.to_pandas()["action_name"].tolist()[0] == "a"
    assert Session("s", "u", ()).to_polars().columns == table.columns


def test_a_page_shows_what_stands_on_it() -> None:
    page = read_page(
        "<html><head><title>Two &amp; shoes</title></head><body><h1>Results</h1>"
        '<ul><li><a name="r.a" href="/a"><img alt="Picture"> Red <b>shoe</b></a> <span>$35</span> or $40</li>'
        '<li><button name="r.b" disabled>Buy</button></li></ul>'
        '<input name="q" value="sho" aria-label="Search"></body></html>'
    )
    shown = Tags(page._repr_html_())
    assert shown.tags <= ALLOWED
    assert not shown.open
    for text in ("Two & shoes", "Results", "Picture Red shoe", "$35 or $40", "Buy", "r.b", "Search [sho]"):
        assert text in shown.text
    table = page.to_polars()
    assert table["name"].to_list() == ["r.a", "r.b", "q"]
    assert table["states"].to_list() == [[], ["disabled"], []]
    assert page.to_pandas().shape == table.shape


def test_a_page_with_nothing_on_it() -> None:
    assert "nothing to read" in read_page("")._repr_html_()
    assert read_page("").to_polars().is_empty()


def test_a_page_without_an_outline_shows_its_elements() -> None:
    page = Page("<p>", lambda: (Element("a.b", "a", "link", "There"),))
    assert "There" in page._repr_html_()
    assert "a.b" in page._repr_html_()


def test_without_pandas_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match="pip install pandas"):
        next(sessions()).to_pandas()


def hostile_session(text: str) -> Session:
    actions = (Action.click(text), Action.type_and_submit(text, text))
    steps = tuple(Step("p", action, text, text, "human", url=text) for action in actions)
    return Session(text, text, steps, persona=text, intent=text, site=text)


def hostile_page(text: str) -> Page:
    element = Element(text, text, text, text, text, text, (text,), frozenset({text}), text, (text,))
    return Page(text, lambda: (element,))


def test_hostile_texts_do_nothing_in_a_browser(chromium) -> None:
    drawn = [hostile_session(text)._repr_html_() + hostile_page(text)._repr_html_() for text in PAYLOADS]
    drawn += [read_page(text)._repr_html_() for text in PAYLOADS]
    page, loaded = render(chromium, "".join(drawn))
    assert loaded == []
    assert page.locator("script, iframe, img, svg, a, style, link, form, object, video, input").count() == 0
    # Nothing is wider than the page, however long its words.
    assert page.evaluate("document.documentElement.scrollWidth") <= 900
    page.close()


@pytest.mark.parametrize("text", PAYLOADS, ids=range(len(PAYLOADS)))
def test_hostile_texts_are_text(text: str) -> None:
    for html in (
        hostile_session(text)._repr_html_(),
        hostile_page(text)._repr_html_(),
        read_page(text)._repr_html_(),
    ):
        shown = Tags(html)
        assert shown.tags <= ALLOWED
        assert shown.attributes <= {"class", "style", "dir"}
        assert not shown.open
        assert len(html) < 40_000
        html.encode()


@given(st.text())
def test_plain_is_one_line_that_does_nothing(text: str) -> None:
    shown = one_line(text)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]", shown)
    shown.encode()
    assert one_line(shown) == shown


@given(st.text(), st.integers(1, 50))
def test_plain_is_no_longer_than_allowed(text: str, limit: int) -> None:
    assert len(one_line(text, limit)) <= limit


def test_plain_reads_no_more_than_it_shows() -> None:
    assert one_line(HUGE, 10) == "x" * 9 + "…"
    assert one_line("a  \n b", 10) == "a b"


def test_the_examples_hold() -> None:
    for module in (sys.modules["facsim.util.display_text"], notebook_html):
        assert doctest.testmod(module).failed == 0
