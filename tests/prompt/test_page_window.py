"""Cuts fall between elements, stay within the limit, keep names, and take one pass."""

from __future__ import annotations

import gzip
import html as html_entities
import json
import random
from itertools import islice
from pathlib import Path

import pytest
from cpu_time import cpu_limit
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from facsim.page import read_page
from facsim.prompt.page_fitting import PageFitter
from facsim.prompt.page_window import cut_from_top, window_around
from facsim.prompt.templates import CUT_MARK

_TEXT = st.text(alphabet="ab <>&\"'é\n=/-!", max_size=12)
_BOXES = st.sampled_from(["div", "ul", "section", "main"])
_CONTAINERS = st.sampled_from(["div", "ul", "section", "form", "main"])
_LEAVES = st.sampled_from(["a", "button", "span", "textarea", "b"])
_VOIDS = st.sampled_from(["input", "br", "img"])


def _attributes(name: str | None, extra: str) -> str:
    written = f' name="{html_entities.escape(name)}"' if name else ""
    return written + (f' title="{html_entities.escape(extra)}"' if extra else "")


@st.composite
def _element(draw: st.DrawFn, depth: int = 0, in_form: bool = False) -> list[object]:
    name = draw(st.none() | st.text(alphabet="abc.&\"'>é=", min_size=1, max_size=4))
    # HTML has no form in a form: a parser drops the inner one, so no simplified page has it.
    containers = _BOXES if in_form else _CONTAINERS
    kinds = [_LEAVES, _VOIDS] + ([containers] if depth < 4 else [])
    kind = draw(st.sampled_from(range(len(kinds))))
    tag = draw(kinds[kind])
    inner = _element(depth + 1, in_form or tag == "form")
    children = draw(st.lists(inner, max_size=4)) if kind == 2 else []
    return [tag, kind, name, draw(_TEXT), draw(_TEXT), children]


def _written(element: list[object], names: list[str]) -> str:
    tag, kind, name, extra, text, children = element
    if name is not None:  # unique on its page, as names are
        name = f"{name}.{len(names)}"
        names.append(name)
    start = f"<{tag}{_attributes(name, extra)}>"
    if kind == 1:
        return start
    inner = "".join(_written(child, names) for child in children)
    return f"{start}{html_entities.escape(text)}{inner}</{tag}>"


@st.composite
def pages(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A well-formed simplified page and the names on it in document order."""
    names: list[str] = []
    html = "".join(_written(element, names) for element in draw(st.lists(_element(), max_size=8)))
    return html, names


def names_of(html: str) -> list[str]:
    return [
        node.attributes["name"] for node in LexborHTMLParser(html).css("[name]") if node.attributes["name"]
    ]


@given(pages(), st.integers(0, 400))
def test_cut_from_top_is_a_prefix_of_the_page_with_its_names(page, limit):
    html, names = page
    cut = cut_from_top(html, limit)
    if len(html) <= limit:
        assert cut == html
        return
    assert len(cut) <= max(limit, len(CUT_MARK))
    kept, mark, end_tags = cut.rpartition(CUT_MARK)
    assert mark and html.startswith(kept)
    assert end_tags.replace("</", "").replace(">", "").replace("/", "").isalpha() or not end_tags
    assert names_of(cut) == names[: len(names_of(cut))]


@given(pages(), st.integers(0, 400))
def test_what_is_cut_parses_to_the_beginning_of_the_page(page, limit):
    html, _ = page
    cut = cut_from_top(html, limit)
    text = LexborHTMLParser(cut).text() if cut else ""
    assert (LexborHTMLParser(html).text() if html else "").startswith(text)


@given(pages(), st.integers(60, 400), st.data())
def test_window_holds_the_element_and_stays_within_the_limit(page, limit, data):
    html, names = page
    if not names:
        return
    name = data.draw(st.sampled_from(names))
    window = window_around(html, name, limit)
    if window is None:
        return
    assert len(window) <= limit
    found = names_of(window)
    assert name in found
    # Ancestors are opened again, so names stay in document order and each comes once.
    order = [names.index(each) for each in found]
    assert order == sorted(set(order))


def paths(html: str) -> dict[str, list[str]]:
    """Of every named element the tags that it is in."""
    found = {}
    for node in LexborHTMLParser(html).css("[name]") if html else ():
        path, at = [], node
        while at is not None:
            path.append(at.tag)
            at = at.parent
        found[node.attributes["name"]] = path
    return found


@given(pages(), st.integers(0, 500))
def test_a_fitted_page_has_whole_names_in_order_where_they_were(page, limit):
    html, names = page
    fitted = PageFitter(html).to(limit)
    if len(html) <= limit:
        assert fitted == html
        return
    assert len(fitted) <= max(limit, len(CUT_MARK))
    order = [names.index(name) for name in names_of(fitted)]
    assert order == sorted(set(order))
    before = paths(html)
    assert all(before[name] == path for name, path in paths(fitted).items())


def test_no_element_is_shown_without_its_content():
    html = '<ul><li><a name="one">First</a></li><li><a name="two">Second</a></li></ul>'
    for limit in range(len(html)):
        cut = read_page(cut_from_top(html, limit))
        assert all(element.text for element in cut.elements)


def test_cut_closes_what_is_open(shopping):
    cut = cut_from_top(shopping.past[1].page.html, 420)
    assert cut.endswith(f"<span>$89.00</span></li>{CUT_MARK}</ul>")
    assert "search_results.karcher_k2.view_product" in read_page(cut)
    assert "search_results.sun_joe" not in read_page(cut)


def test_window_keeps_ancestors_and_neighbours(shopping):
    window = window_around(shopping.past[1].page.html, "search_results.sun_joe.view_product", 420)
    page = read_page(window)
    assert {"search_results", "search_results.sun_joe", "search_results.sun_joe.view_product"} <= set(
        page.by_name
    )
    assert "$139.00" in window
    assert window.count(CUT_MARK) == 2


def test_window_of_an_element_at_either_end_uses_the_room_on_the_other_side():
    rows = [f'<a name="n{i}">row {i}</a>' for i in range(100)]
    html = "".join(rows)
    for name in ("n0", "n50", "n99"):
        window = window_around(html, name, 500)
        assert name in read_page(window)
        assert len(window) > 500 - 2 * len(CUT_MARK) - len(rows[-1])
    assert window_around(html, "n0", 500).count(CUT_MARK) == 1


def test_window_around_a_long_element_is_its_beginning():
    html = "<p>before</p>" + '<div name="card">' + "<b>x</b>" * 200 + "</div>"
    window = window_around(html, "card", 200)
    assert window.startswith(f'{CUT_MARK}<div name="card"><b>x</b>')
    assert window.endswith(f"{CUT_MARK}</div>")


def test_no_window_without_the_element():
    html = '<a name="one">First</a>' * 20
    assert window_around(html, "absent", 100) is None


@pytest.mark.parametrize(
    "attributes",
    ["name=plain", "name='plain'", 'title="a name=\'other\'" name="plain"', 'data-name="x" NAME="plain"'],
)
def test_names_are_found_however_they_are_written(attributes):
    html = "<p>filler</p>" * 20 + f"<a {attributes}>link</a>"
    assert "link" in window_around(html, "plain", 100)


def test_raw_text_is_not_read_as_tags():
    html = '<textarea name="note"><a name="fake"></textarea><p>more</p>' + "<b>x</b>" * 20
    assert window_around(html, "fake", 100) is None
    assert cut_from_top(html, 64).startswith('<textarea name="note"><a name="fake"></textarea>' + CUT_MARK)


REAL = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "miniwob_flight" / "steps.jsonl.gz"


@pytest.mark.skipif(not REAL.is_file(), reason="needs ../shared/data/miniwob_flight")
def test_real_pages_keep_their_names_whatever_the_cut():
    chosen = random.Random(0)
    with gzip.open(REAL, "rt", encoding="utf-8") as lines:
        for line in islice(lines, 0, 400, 8):
            for step in json.loads(line)["steps"]:
                html, names = step["page"], names_of(step["page"])
                limit, name = chosen.randrange(50, max(60, len(html))), chosen.choice(names)
                kept = names_of(cut_from_top(html, limit))
                assert kept == names[: len(kept)]
                fitted = PageFitter(html).to(limit)
                assert len(fitted) <= limit or fitted == html
                assert set(names_of(fitted)) <= set(names)
                window = window_around(html, name, limit)
                assert window is None or (
                    name in names_of(window) and (len(window) <= limit or window == html)
                )


HOSTILE = {
    "open angle brackets": "<a " * 300_000,
    "unclosed comments": "<!--" * 250_000,
    "quotes": "<a b=\"<a b='" * 80_000,
    "equals": "<a " + "=" * 900_000,
    "end tags": "</a" * 300_000,
    "nested": "<div>" * 30_000,
    "nested and closed": "<div>" * 20_000 + "</div>" * 20_000,
    "text": "x" * 1_000_000,
    "not HTML": "\x00\xff<>< / >" * 100_000,
    "stray end tags": "<i>" * 20_000 + "</b>" * 60_000,
    "names": "<a name='x' " * 80_000,
}


@pytest.mark.parametrize("html", HOSTILE.values(), ids=HOSTILE.keys())
def test_anything_long_is_cut_in_linear_time(html):
    with cpu_limit(15):
        fitter = PageFitter(html)
        for limit in (100, len(html) // 2, len(html) - 1):
            assert len(cut_from_top(html, limit)) <= limit
            window_around(html, "absent", limit)
            assert len(fitter.to(limit)) <= limit
