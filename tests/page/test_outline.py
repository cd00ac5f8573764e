"""What a person reads on a page: every element once, every word, in order."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.page import read_page, simplify
from facsim.schema import OutlineLine

PIECES = st.sampled_from(
    [
        "<div>", "</div>", "<p>", "</p>", "<h2>", "</h2>", "<ul>", "<li>", "</li>", "</ul>", "<b>", "</b>", "<a>",
        "</a>", "<table><tr><td>", "</td></tr></table>", "<select><option>o", "</select>", "<textarea>t</textarea>",
        "<img alt='picture'>", "<br>", "<title>t</title>", "<svg><title>s</title></svg>", " ", "word", "two words",
    ]
)  # fmt: skip
NAMED = st.builds(
    lambda tag, number: f'<{tag} name="n{number}">',
    st.sampled_from(["a", "button", "div", "input", "h3"]),
    st.integers(0, 9),
)


def test_lines_are_what_is_read_from_top_to_bottom() -> None:
    page = read_page(
        "<html><head><title>All the shoes</title></head><body><header><a name='home' href='/'>Home</a></header>"
        "<h1>12 <em>shoes</em></h1><ul><li><a name='one.image' href='/1'><img alt='Red shoe'></a>"
        "<h3><a name='one.view' href='/1'>Red shoe</a></h3><div>4.4 stars</div>$35 <del>$40</del></li></ul>"
        "<div name='box'>Box <button name='box.in'>In</button> it</div>"
        "<select name='size'><option>S<option>M</select><p>The end</body></html>"
    )
    assert page.outline.title == "All the shoes"
    assert page.outline.lines == (
        OutlineLine("", "home"),
        OutlineLine("12 shoes", heading=True),
        OutlineLine("", "one.image"),
        OutlineLine("", "one.view", heading=True),
        OutlineLine("4.4 stars"),
        OutlineLine("$35 $40"),
        OutlineLine("", "box"),
        OutlineLine("Box"),
        OutlineLine("", "box.in"),
        OutlineLine("it"),
        OutlineLine("", "size"),
        OutlineLine("The end"),
    )


def test_the_outline_of_a_raw_page_is_that_of_the_simplified_one() -> None:
    page = simplify(
        "<title>T</title><script>x</script><h1>Shoes</h1><a href=/a>Red</a> $3<button>Buy</button>"
    )
    assert page.outline == read_page(page.html).outline
    assert page.outline.title == "T"
    assert [line.name for line in page.outline.lines if line.name] == [one.name for one in page.elements]


def test_options_with_names_are_lines() -> None:
    page = simplify("<label>Size <select id=s><option>Small<option selected>Large</select></label> in stock")
    assert [line.name or line.text for line in page.outline.lines] == [
        "Size",
        "size",
        *(one.name for one in page.elements if one.role == "option"),
        "in stock",
    ]


@settings(deadline=None)
@given(st.lists(st.one_of(PIECES, NAMED), max_size=40))
def test_every_element_is_one_line(pieces: list[str]) -> None:
    page = read_page("".join(pieces))
    named = [line.name for line in page.outline.lines if line.name]
    assert sorted(named) == sorted(page.by_name)
    for line in page.outline.lines:
        assert bool(line.text) != bool(line.name)
        assert line.text == " ".join(line.text.split())


def test_time_grows_with_the_page_alone() -> None:
    def seconds(size: int) -> float:
        html = "<div>" * 200 + "<p>word <a name='x'>y</a><b>" * size
        begin = time.process_time()
        assert read_page(html).outline.lines
        return time.process_time() - begin

    seconds(10)
    assert seconds(4_000) < 12 * max(seconds(1_000), 0.01)
