"""Names of stored pages, ours or another tool's."""

from __future__ import annotations

import pytest

from facsim.page import names_in, read_page, simplify


@pytest.mark.parametrize(
    "html",
    [
        '<a name="cart">Cart</a><a name="kettle">Kettle</a><input name="search">',
        simplify('<form><input type="search" id="q"></form><a href="/a">A & "B"</a><a href="/b">C</a>').html,
        '<p>name="ghost"</p><a data-name="ghost" name="cart">x</a>',
        '<meta name="m"><map name="map"></map><iframe name="i"></iframe><a name="">x</a><a name="a">x</a>',
        '<template><a name="t">x</a></template><noscript><a name="n">x</a></noscript><a name="a&amp;b">x</a>',
        '<!-- <a name="c"> --><script>"<a name=\\"s\\">"</script><textarea name="t"><a name="in"></textarea>',
    ],
)
def test_names_are_those_of_the_elements(html: str) -> None:
    assert names_in(html) == list(read_page(html).by_name)


def test_repeated_names_are_shown() -> None:
    assert names_in('<a name="x">1</a><b><a name="y">2</a></b><a name="x">3</a>') == ["x", "y", "x"]
