"""What is done to the text of a page before it is parsed: only where it is a tag."""

from __future__ import annotations

import pytest

from facsim.page import simplify

AFTER = "<a href=1>One</a><noscript><a href=2>Two</a></noscript><a href=3>Three</a>"


@pytest.mark.parametrize(
    "before",
    [
        "",
        "<p title='<noscript>'>",
        '<p data-x="<noscript><img></noscript>">',
        "<p data-x='<noscript>' data-y='</noscript>'>",
        '<p class="a>b" title="<noscript>">',
        "<p title = '<!--'>",
        "<p title='<script>'>",
        "<p title=it's>",
        "<p title=>",
        '<p title=a"b <noscript>',
        "<p a'b>",
        "<p <noscript>",
        "<x<noscript>",
        "<x<!-->",
        "</x<noscript>",
        "</p title='<noscript>'>",
        "1 < 2 <",
        "<!-- <p title=' -->",
        "<!doctype html><?a b?>",
        "<script>if (a < '<noscript>') b = '<p title=\"'</script>",
        "<textarea><noscript><p title='</textarea>",
        "<template title='<noscript>'></template>",
        "<TEMPLATE\nshadowrootmode=none title='>'></TEMPLATE>",
    ],
)
def test_nothing_is_left_in_noscript_and_nothing_else_is_lost(before: str) -> None:
    found = {element.href: element.text for element in simplify(before + AFTER).elements if element.href}
    assert found == {"1": "One", "3": "Three"}


def test_a_root_in_an_attribute_or_a_tag_is_none() -> None:
    label = "<template shadowrootmode=open>"
    html = f"<x<template shadowrootmode=open><a href=1 aria-label='{label}'>x</a>"
    (element,) = simplify(html).elements
    assert element.text == label
    assert "x\\<template:nth-of-type(1)" in element.locator
    root = "<x-a><template title='<noscript>' shadowrootmode=open><a href=1>In</a></template></x-a>"
    assert [element.text for element in simplify(root).elements] == ["In"]
