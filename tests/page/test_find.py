"""A selector leads to the element that a click on its node reaches."""

from __future__ import annotations

import pytest

from facsim.page import simplify
from facsim.page.element_lookup import element_at
from facsim.util.errors import ConfigError

HTML = (
    '<main><p id="words">Mugs</p><a class="card" href="/p/1"><img src="m.png" alt="Blue mug"><b>new</b></a>'
    '<form><input id="q" aria-label="Search"><button><span class="icon">Go</span></button></form></main>'
)
SHADOW = (
    '<x-cart><template shadowrootmode="open"><button><i class="plus">Add</i></button></template></x-cart>'
)
FRAME = '<iframe srcdoc="&lt;a id=deep href=/x&gt;&lt;b&gt;Deep&lt;/b&gt;&lt;/a&gt;"></iframe><a id="a" href="/y">Y</a>'


@pytest.mark.parametrize(
    ("html", "selector", "text"),
    [
        (HTML, "#q", "Search"),
        (HTML, ".card", "Blue mug new"),
        (HTML, ".card b", "Blue mug new"),
        (HTML, "span.icon", "Go"),
        (HTML, "html > body:nth-of-type(1) > main:nth-of-type(1) > form > button > span", "Go"),
        (SHADOW, "i.plus", "Add"),
        (FRAME, "#deep b", "Deep"),
        (FRAME, "#a", "Y"),
    ],
)
def test_it_is_the_element_that_a_click_reaches(html, selector, text):
    found = element_at(html, selector)
    assert found is not None
    assert found.text.split() == text.split()
    assert found == simplify(html).by_name[found.name]


@pytest.mark.parametrize("html", [HTML, SHADOW, FRAME])
def test_locators_find_their_elements(html):
    page = simplify(html)
    assert page.elements
    for element in page.elements:
        assert element_at(html, element.locator, page=page) is element
        assert element_at(html, f"{element.locator} > b:nth-of-type(1)", page=page) is element


def test_odd_documents():
    html = """<html><head><script>1</script><title>t</title></head><body><!-- c --><style>a{}</style>
      <p>1<p>2 <a href=/1>one</a> <x-card><a href=/2>two</a></x-card><svg><a href=/3>three</a></svg>
      <noscript><a href=/no>no</a></noscript><table><tr><td><button>four</button></td></tr></table>
      <a:b><a href=/5>five</a></a:b><template><a href=/t>t</a></template><input name=q></body></html>"""
    page = simplify(html)
    assert len(page.elements) == 5
    for element in page.elements:
        assert element_at(html, element.locator.replace(":nth-of-type(1)", ":first-of-type")) == element
        assert element_at(html, element.locator, page=page) is element


def test_a_selector_that_begins_with_a_locator_leads_inside():
    html = '<div tabindex="0"><p>Card</p></div><details open><summary>More</summary><a href="/x"><i class="x">X</i></a></details>'
    card = simplify(html).elements[0].locator
    assert element_at(html, f"{card} ~ details i.x").text == "X"
    assert element_at(html, "html > body:nth-of-type(1) > details:nth-of-type(1) .x").text == "X"


@pytest.mark.parametrize("selector", ["#words", "html >>> :host > button:nth-of-type(1)"])
def test_nothing_to_act_on(selector):
    assert element_at(HTML, selector) is None


def test_no_node():
    with pytest.raises(LookupError, match="#nowhere"):
        element_at(HTML, "#nowhere")


def test_what_is_no_selector_is_refused():
    with pytest.raises(ConfigError, match=r"'a\[' is not a CSS selector"):
        element_at(HTML, "a[")
