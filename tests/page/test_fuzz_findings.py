"""What benchmarks/fuzz_page.py found, each as small as it could be made."""

from __future__ import annotations

import pytest
from page_properties import Hostile, check, check_reading

from facsim.page import Recipe, simplify

_ALL = Recipe(
    interactable=("div", "p"), drop=("h3",), names={"a": "link", "button": "cart.add", "[id]": "link_2"}
)
FINDINGS = {
    "a tag with a control character": ("<f\x1c><button >", None),
    "a tag with a vertical tab": ("<p\x0b<a href/>", None),
    "a link in a link by a table": ("<a href/>ẞ<table ><li><a href=>", None),
    "a heading in a heading, by a box": ("<h3><a href=1><h2><div ><h1>a</div><h3><", None),
    "a filled selectedcontent": (
        '<select><option><selectedcontent><iframe srcdoc="&lt;a href&gt">',
        None,
    ),
    "a selectedcontent with a name": (
        "<select role=group><selectedcontent role=link>a</selectedcontent><option>b<option selected>c<b role=link>d",
        None,
    ),
    "tags beyond ASCII": ("<l¹><input>", None),
    "a select in a select": ("<select><object><select>", None),
    "a select in a select, with all to act on": ("<select><object ><select>", _ALL),
    "a style on what claims to be simplified": ('<html data-simplified="1"><style>', None),
    "a frame in a tag": ("<a<iframe srcdoc><e><iframe></iframe><a href>", None),
    "frames in tags": (
        '<a><e<iframe ><m<iframe><iframe srcdoc="&lt;a &gt"></iframe><a><iframe srcdoc="&lt;a &gt">',
        _ALL,
    ),
    "a selector for everything": ("<p>x<a href=1>y", Recipe(names={"*": "x"})),
    "a tag that ends a comment": (
        '<iframe srcdoc="&lt;t&lt!&gt/&lt;a &gt&lt;footer &gt&lt;iframe srcdoc=&quot&&amp;lt;a &gt&quot&gt">',
        _ALL,
    ),
    "fields in a formula": ("<math><input ><input >", None),
    "a tag as a name": ("<xİ onclick></xİ><hrİ<input tabindex=0>", None),
    "a map that takes the focus": ("<map tabindex=0>", None),
    "a frame in a frame in a drawing": ('<svg><iframe><iframe srcdoc="&lt;select &gt">', None),
    "a link called like a letter that folding changes": ("<a href=1>ΐ</a><a href=2>ΐ</a><a href=3>ŉ", None),
}


@pytest.mark.parametrize("finding", FINDINGS)
def test_what_the_fuzzer_found(finding: str) -> None:
    html, recipe = FINDINGS[finding]
    check(Hostile(html, recipe))
    check(Hostile(html.encode(), recipe))
    check_reading(html)


def test_a_page_does_not_name_its_own_elements() -> None:
    html = (
        '<p data-facsim-name="a&#917569;b">x</p><a href=1 data-facsim-drop>y</a><b data-facsim-interactable>z'
    )
    assert [element.name for element in simplify(html).elements] == ["y"]
