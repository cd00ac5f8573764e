"""Shadow roots and frames, read where a person sees them."""

from __future__ import annotations

import pytest
from cpu_time import cpu_limit
from selectolax.lexbor import LexborHTMLParser

from facsim.page import simplify

CARD = """
<x-card><template shadowrootmode="open"><style>a{}</style>
  <section aria-label="Card"><slot name=title>fallback</slot><p>by <slot>none</slot></p><button>Buy</button>
  <template><a href=9>not shown</a></template></section></template>
  <a href=1>Maker</a><a slot=title href=2>Title</a><a slot=nowhere href=3>Nowhere</a></x-card><a href=4>After</a>
"""


def located(html: str) -> dict[str, str]:
    return {element.name: element.locator for element in simplify(html).elements}


def test_shadow_roots_are_read_in_place_with_what_fills_their_slots() -> None:
    host = "html > body:nth-of-type(1) > x-card:nth-of-type(1)"
    assert located(CARD) == {
        "card.title": f"{host} > a:nth-of-type(2)",
        "card.maker": f"{host} > a:nth-of-type(1)",
        "card.buy": f"{host} >>> :host > section:nth-of-type(1) > button:nth-of-type(1)",
        "after": "html > body:nth-of-type(1) > a:nth-of-type(1)",
    }
    html = simplify(CARD).html
    assert '<section aria-label="Card"><a name="card.title" href="2">Title</a>\n<p>by <a' in html
    for gone in ("fallback", "none", "Nowhere", "not shown", "facsim-", "slot", "style"):
        assert gone not in html


def test_a_slot_passed_on_to_an_inner_component() -> None:
    html = (
        "<x-a><template shadowrootmode=open><y-b><template shadowrootmode=closed><i><slot></slot></i></template>"
        "<slot name=z></slot></y-b></template><p slot=z><a href=1>Deep</a></p></x-a>"
    )
    assert located(html) == {
        "deep": "html > body:nth-of-type(1) > x-a:nth-of-type(1) > p:nth-of-type(1) > a:nth-of-type(1)"
    }


def test_only_the_first_root_of_a_host_counts_and_slots_may_stay_as_they_are() -> None:
    root = "<template shadowrootmode=open><a href={0}>A{0}</a><slot><a href=2>Given</a></slot></template>"
    assert list(located(f"<div>{root.format(1)} {root.format(3)}</div>")) == ["a1", "given"]


@pytest.mark.parametrize(
    ("host", "has"), [("x-a", 1), ("div", 1), ("span", 1), ("li", 0), ("label", 0), ("math", 0)]
)
def test_a_root_of_what_cannot_host_one_is_a_template(host: str, has: int) -> None:
    root = f"<{host}><template shadowrootmode=open><a href=1>In</a></template></{host}><a href=2>After</a>"
    assert list(located(root)) == ["in", "after"][1 - has :]


def test_frames_with_a_document_of_their_own_are_read_in_place() -> None:
    html = (
        '<iframe src=x><a href=0>fallback</a></iframe><iframe title=Payment srcdoc="<title>Frame</title><form>'
        "<input aria-label='Card number'><script>'<a href=2>'</script><iframe srcdoc='<a href=1>Inner</a>'></iframe>"
        '">fallback</iframe><a href=2>After</a>'
    )
    frame = "html > body:nth-of-type(1) > iframe:nth-of-type(2) >>> html > body:nth-of-type(1) > form:nth-of-type(1)"
    assert located(html) == {
        "payment.card_number": f"{frame} > input:nth-of-type(1)",
        "payment.inner": f"{frame} > iframe:nth-of-type(1) >>> html > body:nth-of-type(1) > a:nth-of-type(1)",
        "after": "html > body:nth-of-type(1) > a:nth-of-type(1)",
    }
    simplified = simplify(html).html
    assert "fallback" not in simplified
    assert "iframe" not in simplified
    assert "<title>" not in simplified


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<a<iframe srcdoc=x>", "</a<iframe>"),
        ("<x<iframe><y<iframe srcdoc>", ""),
        ("<!--<iframe srcdoc='<a href=9>'></iframe>-->", "<?<iframe srcdoc=x></iframe>"),
        ("<p title='<iframe srcdoc=x></iframe>'>", "</p>"),
        ("<p <iframe <iframe srcdoc=x>", "</p>"),
        ("<style><iframe srcdoc=x></iframe></style>", "<script>'<iframe srcdoc=x></iframe>'</script>"),
        ("<math><iframe srcdoc='<a href=9>'></iframe></math>", "<svg><iframe srcdoc=x></iframe></svg>"),
        ("<iframe src=x><iframe srcdoc=x></iframe>", "<iframe srcdoc=''></iframe>"),
        (
            "<template><iframe srcdoc=x></iframe></template>",
            "<noscript><iframe srcdoc=x></iframe></noscript>",
        ),
    ],
)
def test_a_document_goes_into_its_own_frame_whatever_looks_like_one(before: str, after: str) -> None:
    frames = "<i><iframe srcdoc='<a href=1>One</a>'></iframe></i><b><IFRAME SRCDOC='<a href=2>Two</a>'></IFRAME></b>"
    html = f"{before}{frames}{after}{frames.replace('One', 'Three').replace('Two', 'Four')}"
    elements = simplify(html).elements
    assert [element.text for element in elements] == ["One", "Two", "Three", "Four"]
    document = LexborHTMLParser(html.encode())
    for element in elements:
        frame, _, inner = element.locator.partition(" >>> ")
        (node,) = document.css(frame)
        assert inner == "html > body:nth-of-type(1) > a:nth-of-type(1)"
        assert element.text in (node.attributes["srcdoc"] or "")


def test_attributes_that_make_roots_and_frames_may_be_in_capitals() -> None:
    root = (
        "<X-A><TEMPLATE SHADOWROOTMODE=OPEN><slot></slot><a href=1>In</a></TEMPLATE><a href=2>Given</a></X-A>"
    )
    assert list(located(root)) == ["given", "in"]
    assert list(located("<IFRAME SRCDOC='<a href=1>In</a>'></IFRAME>")) == ["in"]


def test_templates_and_frames_without_a_document_stay_out() -> None:
    assert located("<template><a href=1>x</a></template><iframe src=/x></iframe><p shadowrootmode>") == {}


def test_ids_are_those_of_their_own_root() -> None:
    field = "<x-f><template shadowrootmode=open><label for=i>{0}</label><input id=i></template></x-f>"
    assert list(located(field.format("Name") + field.format("Town"))) == ["name", "town"]


def test_hostile_roots_and_frames_take_no_minutes() -> None:
    with cpu_limit(20):
        simplify("<x-a><template shadowrootmode=open><slot>" * 3_000 + "<a href=1>x</a>")
        simplify("<x-a><template shadowrootmode=open><slot></slot></template><b>y</b></x-a>" * 6_000)
        simplify(
            "<x-a><template shadowrootmode=open>"
            + "<slot></slot>" * 5_000
            + "</template>"
            + "<b>y</b>" * 5_000
        )
        simplify('<iframe srcdoc="<a href=1>x</a>">' * 3_000)
        simplify('<iframe srcdoc="<a href=1>x</a>"></iframe>' * 3_000)
