"""What style sheets hide, checked against Chromium's computed styles."""

from __future__ import annotations

import random
from typing import Any

import pytest
from cpu_time import cpu_limit
from selectolax.lexbor import LexborHTMLParser

from facsim.data.sources.style_rules import StyleRules
from facsim.data.sources.style_sheets import hidden_values, mark_styles


def hidden(
    html: str, css: str, *, width: float = 1280, media: str = "", shown: str | None = None
) -> set[str]:
    """The ids of the elements that are marked as hidden, or are in one."""
    rules = StyleRules.read([(css, media)], width)
    marked = mark_styles(html, rules, shown=shown) if rules else html
    return set(hidden_values(marked, "id"))


BOX = '<div id="a" class="x y"><p id="b" class="z">t<i id="c" class="v">i</i></p></div>'

CASES = {
    "a class": (".z{display:none}", {"b", "c"}),
    "an id against a class": (".z{display:none} #b{display:block}", set()),
    "the later of equals": (".z{display:none} p.z{color:red} .z{display:block}", set()),
    "important": (".z{display:none!important} #b{display:block}", {"b", "c"}),
    "a comment in a selector": (".z /* } .q{ */ {display:none}", {"b", "c"}),
    "a string with braces": ('.q{content:"}{"} .z{display:none}', {"b", "c"}),
    "a list": (".q, .x > .z , i{display:none}", {"b", "c"}),
    "visibility": (".x{visibility:hidden}", {"a", "b", "c"}),
    "visible inside hidden": (".x{visibility:hidden} .v{visibility:visible}", set()),
    "hover": (".z:hover{display:none}", set()),
    "a pseudo-element": (".z::before{display:none}", set()),
    "not": (".z:not(.open){display:none}", {"b", "c"}),
    "keyframes": ("@keyframes k{from{display:none}} .q{display:none}", set()),
    "no number": (
        "@media (min-width:1.2.3px){.z{display:none}} @media (min-width:.px){.z{display:none}}",
        set(),
    ),
    "a number": ("@media (min-width:.5px) and (max-width:1280.5px){.z{display:none}}", {"b", "c"}),
    "spaces around important": (".z{ display : none  ! important  }", {"b", "c"}),
    "a narrow window": ("@media (max-width:600px){.z{display:none}}", set()),
    "a wide window": ("@media screen and (min-width: 60em){.z{display:none}}", {"b", "c"}),
    "print": ("@media print{.z{display:none}}", set()),
    "screen or print": ("@media print, screen{.z{display:none}}", {"b", "c"}),
    "what is not known": ("@media (prefers-contrast: more){.z{display:none}}", set()),
    "nested conditions": ("@supports (display:grid){@media all{.z{display:none}}}", {"b", "c"}),
    "a layer is weaker": ("@layer a{.z{display:none}} .z{display:block}", set()),
    "several declarations": (".z{color:red;display:none;display:flex;margin:0}", set()),
    "no end": (".z{display:none", set()),
    "an import before": ('@import url("x.css"); .z{display:none}', {"b", "c"}),
    "nonsense": ("}}{{;;.z{display:none}", set()),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_hidden(name: str) -> None:
    css, expected = CASES[name]
    assert hidden(BOX, css) == expected


def test_media_of_the_sheet_inline_styles_and_hidden() -> None:
    assert hidden(BOX, ".z{display:none}", media="print") == set()
    assert hidden(BOX.replace('id="b"', 'id="b" style="display:flex"'), ".z{display:none}") == set()
    flex = mark_styles(
        '<p hidden class="z">x</p><b class="q">',
        StyleRules.read([(".z{display:flex}.q{display:none}", "")], 9),
    )
    assert '<p hidden="" class="z" data-facsim-visible="true">' in flex


def test_what_was_acted_on_is_shown_with_what_is_around_it() -> None:
    assert hidden(BOX, ".x,.v{display:none}", shown="#b") == {"c"}


def test_large_sheets_take_linear_time() -> None:
    css = "".join(f".c{number} .d{number}{{display:none}}" for number in range(50_000))
    with cpu_limit(10):
        assert hidden(BOX, css + "/*" * 100_000) == set()
        assert hidden(BOX, ".z{display:none}" + "{" * 200_000) == {"b", "c"}


@pytest.mark.parametrize(
    ("css", "media"),
    [(".z{display:none" + " " * 50_000 + "x}", ""), (".z{display:none}", "a" + " " * 50_000 + "b")],
)
def test_spaces_take_linear_time(css: str, media: str) -> None:
    with cpu_limit(2):
        assert hidden(BOX, css, media=media) == set()


def test_the_cascade_is_that_of_chromium(chromium: Any) -> None:
    """Random sheets over random trees: every element's visibility is the browser's."""
    chance = random.Random(7)
    selectors = [
        ".a",
        ".b",
        ".c",
        "p",
        "i",
        ".a .b",
        ".a > .c",
        "p.b",
        "#n3",
        "#n5",
        ":not(.a)",
        ".a.b",
        ".b + .c",
        "p ~ i",
    ]
    values = [
        "display:none",
        "display:block",
        "display:flex",
        "visibility:hidden",
        "visibility:visible",
        "color:red",
    ]
    tab = chromium.new_page(viewport={"width": 800, "height": 600})
    for _ in range(60):
        rules = [
            f"{chance.choice(selectors)}{{{chance.choice(values)}{chance.choice(['', '', ' !important'])}}}"
            for _ in range(chance.randint(1, 9))
        ]
        css = "".join(
            f"@media ({chance.choice(['min', 'max'])}-width:{chance.choice([600, 900])}px){{{rule}}}"
            if chance.random() < 0.3
            else rule
            for rule in rules
        )
        html, depth = "", []
        for number in range(9):
            tag = chance.choice(["div", "b", "i"])
            html += f'<{tag} id="n{number}" class="{" ".join(chance.sample("abc", chance.randint(0, 2)))}">t'
            depth.append(tag)
            while depth and chance.random() < 0.5:
                html += f"</{depth.pop()}>"
        html += "".join(f"</{tag}>" for tag in reversed(depth))
        tab.set_content(f"<!doctype html><style>{css}</style><main>{html}</main>")
        seen = tab.evaluate(
            "() => [...document.querySelectorAll('main [id]')]"
            ".filter(e => ![...e.querySelectorAll('*'), e].some(x => x.checkVisibility({visibilityProperty: true})))"
            ".map(e => e.id)"
        )
        found = hidden(f"<main>{html}</main>", css, width=800)
        assert found == set(seen), (css, html)


def listening(html: str, css: str) -> dict[str, str]:
    """By id, how elements are marked as listening for clicks."""
    rules = StyleRules.read([(css, "")], 1280)
    document = LexborHTMLParser(mark_styles(html, rules) if rules else html)
    return {
        node.attributes["id"] or "": node.attributes.get("role") or "onclick"
        for node in document.css("[id][onclick], [id][role]")
    }


POINTER = ".p{cursor:pointer}"
LISTENING = {
    "the outermost": ('<div id="a" class="p"><p id="b" class="p">x</p></div>', POINTER, {"a": "onclick"}),
    "not in a link": ('<a href="/"><p id="b" class="p">x</p></a>', POINTER, {}),
    "not a control": ('<button id="b" class="p">x</button>', POINTER, {}),
    "overruled": ('<p id="b" class="p q">x</p>', f"{POINTER} .q.p{{cursor:default}}", {}),
    "overruled inline": ('<p id="b" class="p" style="cursor:auto">x</p>', POINTER, {}),
    "a state of the moment": ('<p id="b" class="p">x</p>', ".p:hover{cursor:pointer}", {}),
    "a card": (
        '<div id="a" class="p" tabindex="0"><b>Title</b><button class="p">Done</button></div>',
        POINTER,
        {"a": "button"},
    ),
    "a wrapper without text": (
        '<div id="a" class="p" tabindex="0"> <button class="p">Done</button></div>',
        POINTER,
        {},
    ),
    "a card in a card": (
        '<div id="o" class="p"><div id="a" class="p" tabindex="0">x<button>Done</button></div></div>',
        POINTER,
        {"o": "onclick", "a": "button"},
    ),
}


@pytest.mark.parametrize("name", LISTENING)
def test_what_listens_for_clicks(name: str) -> None:
    html, css, expected = LISTENING[name]
    assert listening(html, css) == expected
