"""What parsers would take apart or leave out is written otherwise, so that all of them read the same elements."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

import pytest
from page_properties import Hostile, check, hostile, named_nodes

from facsim.page import simplify
from facsim.page.nesting import NEUTRAL, NO_SCOPES, allowed_tag

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TAG_WORDS = """
    a abbr address article b blockquote body br button caption center code col dd details dialog div dl dt em fieldset
    figcaption font footer form h1 h2 h6 hr image img input label legend li map marquee math menu mi mtext nav nobr
    object ol optgroup option p pre q rp rt ruby section select small span strong summary svg table tbody td textarea
    th thead tr u ul video x-card
"""
TAGS = TAG_WORDS.split()
BETWEEN = (
    "{}", "<object>{}</object>", "<marquee>{}</marquee>", "<math><mtext>{}</mtext></math>", "<math>{}</math>",
    "<x-a><template shadowrootmode=open>{}</template></x-a>", "<table><tr><td>{}</table>", "<center>{}</center>",
    "<button>{}</button>", "<iframe srcdoc='{}'></iframe>",
)  # fmt: skip
READ = """
pages => pages.map(html => {
  const page = new DOMParser().parseFromString(html, "text/html");
  return [...page.querySelectorAll("[name]")].map(node => {
    let around = 0;
    for (let above = node.parentElement; above; above = above.parentElement) around += above.hasAttribute("name");
    return [node.localName, node.getAttribute("name"), around];
  });
})
"""


@pytest.mark.parametrize(
    ("html", "written"),
    [
        ("<select><object><select>", '<select name="combobox"><span name="combobox_2" role="combobox"></span></select>'),
        ("<p role=link>a<object><a href=1>b<div>c</div>d<ul><li>e</ul></a></object></p>",
         '<p name="a_b_c_d_e" role="link">a<a name="b_c_d_e" href="1">bcde</a></p>'),
        ("<h3>a<b><h2>b<a href=1>c</a></h2></b></h3>", '<h3>ab<a name="b_c.c" href="1">c</a></h3>'),
        ("<math><td onclick=x>a</td></math>", '<span name="td" role="generic">a</span>'),
        ("<ul><li>a<center><ul><li>b</ul></center></ul>", "<ul><li>a<ul><li>b</li></ul></li></ul>"),
    ],
)  # fmt: skip
def test_tags_are_written_where_they_mean_what_they_did(html: str, written: str) -> None:
    body = simplify(html).html.split("<body>")[1].removesuffix("</body></html>")
    assert body.replace("\n", "") == written
    check(Hostile(html))


def nested(count: int) -> Iterator[str]:
    """Pages with a tag in another. A sample: of all of them (`TAGS` twice, `BETWEEN`) it would take minutes."""
    pairs = list(itertools.product(TAGS, TAGS, BETWEEN))
    for outer, inner, between in random.Random(3).sample(pairs, count):
        content = f"<{inner} role=link>x<i role=link>y</i></{inner}>z"
        inside = between.format(escape(content) if "srcdoc" in between else content)
        yield f"<{outer} role=link>w<a href=1>{inside}v</a></{outer}>"


def made_up(count: int) -> Iterator[str]:
    """Pages that nobody would write."""
    numbers = random.Random(3)
    for _ in range(count):
        page = hostile(b"\x40\x00\x00" + numbers.randbytes(150))
        assert isinstance(page.html, str)
        yield page.html


def test_any_tag_in_any_other_with_anything_between_is_read_alike_by_any_parser() -> None:
    for html in nested(2_000):
        check(Hostile(html))


def test_chromium_reads_the_elements_that_were_written(chromium: Browser) -> None:
    pages = [
        simplify(html).html.encode("utf-8", "replace").decode() for html in (*nested(500), *made_up(500))
    ]
    tab = chromium.new_page()
    read = tab.evaluate(READ, pages)
    tab.close()
    for page, elements in zip(pages, read, strict=True):
        assert [tuple(element) for element in elements] == named_nodes(page)


@pytest.mark.parametrize("tag", ["p", "a", "button", "select", "form", "li", "dd", "h2", "option", "nobr"])
def test_what_may_not_stand_in_itself_is_not_ended_by_itself(tag: str) -> None:
    written, inside = allowed_tag(NO_SCOPES, tag)
    assert written == tag
    assert allowed_tag(inside, tag)[0] == NEUTRAL
    assert allowed_tag(inside, "x-card")[0] == "x-card"
