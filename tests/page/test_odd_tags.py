"""Tag names that no standard knows, with characters that mean something to CSS or look like other tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser

from facsim.page import simplify
from facsim.page.element_lookup import element_at

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ODD_TAGS = (
    "l¹", "É", "xİ", "é-é", "日本", "a·b", "x\u00a0y", "x\u2028y", "🛒", "a\u200bb", "x\ufeff", "a\x01", "b\x0b", "a\x1cb",
    "a.b", "a#b", "a:b", "svg:a", "a[b]", "a*b", "a+b", "a,b", "a(b)", "a\\b", "a\\41", "a|b", "a~b", "a!b", "a$b", "a%",
    "a&b", "a&amp;b", "a;b", "a@b", "a^b", "a`b", "a{b}", 'a"b', "a'b", "a=b", "a_b", "a--b", "a-", "h7", "x1",
    "a<b", "a<", "a<iframe", "a<template", "a<noscript", "a<!--", "a<script", "a-->", "a]]", "a?",
)  # fmt: skip
"""As written in a page, from the first character up to the white space after it."""


def page_with(tag: str) -> str:
    """Each element with an odd tag, or in one, is beside others; each has a text of its own."""
    return (
        f"<p><{tag} onclick=x>one</{tag}> <{tag} ><a href=/2>two</a> <button>three</button></{tag}>"
        f"<i><{tag} tabindex=0>four</{tag}></i></p><a href=/5>five</a>"
    )


@pytest.mark.parametrize("tag", ODD_TAGS)
def test_a_locator_finds_its_node_whatever_the_tags_above_it(tag: str) -> None:
    html = page_with(tag)
    document = LexborHTMLParser(html.encode(), options=LexborDocumentOptions.WO_EVENTS)
    elements = simplify(html).elements
    assert len(elements) >= 3
    for element in elements:
        (node,) = document.css(element.locator)
        assert node.text().split()[0] == element.text
        found = element_at(html, element.locator)
        assert found == element


def test_chromium_finds_the_same_nodes(chromium: Browser) -> None:
    tab = chromium.new_page()
    wrong = {}
    for tag in ODD_TAGS:
        html = page_with(tag)
        tab.set_content(html)
        for element in simplify(html).elements:
            texts = tab.evaluate(
                "locator => [...document.querySelectorAll(locator)].map(node => node.textContent.split(' ')[0])",
                element.locator,
            )
            if texts != [element.text]:
                wrong[tag] = (element.locator, texts)
    tab.close()
    assert wrong == {}
