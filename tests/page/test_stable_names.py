"""Names stay what they are when other parts of the page come, go or move, and no two look the same."""

from __future__ import annotations

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.page import simplify
from facsim.page.looks import look
from facsim.page.words import MAX_PART, slug


def by_address(html: str) -> dict[str, str]:
    """Names by where the links (or `name`d fields) lead; every part below has addresses of its own."""
    return {element.href or "": element.name for element in simplify(html).elements if element.href}


_NOISE = st.sampled_from(["", ' class="css-1x9f3a"', ' id="r4nd0m"', ' data-v-7f="1"'])
_PARTS = [
    '<header{0}><a href="/home">Shop</a><form role=search><input name=q></form><a href="/cart">Cart (3)</a></header>',
    '<nav{0} aria-label="Departments"><ul><li><a href="/d/1">Garden</a><li><a href="/d/2">Tools</a></ul></nav>',
    '<aside{0}><h2>Refine</h2><fieldset><legend>Brand</legend><a href="/b/1">Bosch (12)</a><a href="/b/2">Kärcher</a>'
    "</fieldset></aside>",
    '<section{0}><h2>Results</h2><div><a href="/p/1">Blue mug</a><b>$5</b><a href="/buy/1">Add</a></div>'
    '<div><a href="/p/2">Red mug</a><b>$6</b><a href="/buy/2">Add</a></div></section>',
    '<section{0}><h2>Also bought</h2><ul><li><a href="/p/3">Cup</a><i>$2</i><a href="/buy/3">Add</a></ul></section>',
    '<table{0}><caption>Orders</caption><tr><td><a href="/o/1">Open</a><td>No 17<tr><td><a href="/o/2">Open</a>'
    "<td>No 18</table>",
    '<div{0} class=ad><h3>Advertisement</h3><p>Sale!</p><a href="/sale">Go</a></div>',
    '<footer{0}><a href="/terms">Terms</a> <a href="/help">Help</a></footer>',
    "<p{0}>Some words</p>",
]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(_PARTS), _NOISE), unique_by=lambda part: part[0], min_size=1, max_size=9
    ),
    st.lists(
        st.tuples(st.sampled_from(_PARTS), _NOISE), unique_by=lambda part: part[0], min_size=1, max_size=9
    ),
)
def test_parts_may_come_go_and_move(ones: list[tuple[str, str]], others: list[tuple[str, str]]) -> None:
    names = [by_address("".join(part.format(noise) for part, noise in parts)) for parts in (ones, others)]
    for address in names[0].keys() & names[1].keys():
        assert names[0][address] == names[1][address]


_TITLES = st.lists(
    st.text(st.characters(categories=("L", "N", "Zs", "P", "M", "Cf")), min_size=1, max_size=70).filter(slug),
    min_size=2,
    max_size=6,
    unique=True,
)


@settings(max_examples=150, deadline=None)
@given(_TITLES)
def test_order_changes_the_name_of_no_card_with_a_title_of_its_own(titles: list[str]) -> None:
    cards = {
        address: f'<div><a href="/{address}">{title}</a><b>$5</b></div>'
        for address, title in enumerate(titles)
    }
    looks = [look(slug(title)) for title in titles]
    alone = {f"/{at}" for at, seen in enumerate(looks) if looks.count(seen) == 1}
    first = by_address("<main>" + "".join(cards.values()) + "</main>")
    second = by_address("<main>" + "".join(reversed(cards.values())) + "</main>")
    assert {at: first[at] for at in alone} == {at: second[at] for at in alone}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(max_size=8), min_size=1, max_size=8))
def test_no_two_names_look_the_same(texts: list[str]) -> None:
    html = "".join(f"<a href=1>{text.replace('<', '')}</a>" for text in texts)
    names = [element.name for element in simplify(html).elements]
    assert len({look(name) for name in names}) == len(names)
    for name in names:
        assert unicodedata.is_normalized("NFKC", name)
        assert name == name.casefold()
        assert not any(
            unicodedata.category(character) in ("Cf", "Cc", "Zs", "Zl", "Zp") for character in name
        )


def names(html: str) -> list[str]:
    return [element.name for element in simplify(html).elements]


def test_letters_of_other_scripts_do_not_pass_for_latin_ones() -> None:
    assert names("<a href=1>cart</a><a href=2>\u0441art</a><a href=3>\u0441\u0430rt 2</a>") == [
        "cart",
        "\u0441art_3",
        "\u0441\u0430rt_2",
    ]


def test_what_is_not_drawn_is_no_difference() -> None:
    same = ["cart", "ca\u3164rt", "ca\ufe0frt", "\u202ecart", "c\u034fart", "ca\u00adrt", "\ufb01ne", "fine"]
    assert names("".join(f"<a href=1>{text}</a>" for text in same)) == [
        *("cart", "cart_2", "cart_3", "cart_4", "cart_5", "cart_6"),
        *("fine", "fine_2"),
    ]


def test_long_titles_that_differ_at_the_end_need_no_numbers() -> None:
    title = "a title of very many words " * 9
    found = names("".join(f"<a href=1>{title}{colour}</a>" for colour in ("dark blue", "red")))
    assert found == [
        "a_title_of_very_many_words_a_title_words_dark_blue",
        "a_title_of_very_many_words_a_title_many_words_red",
    ]
    assert max(map(len, found)) <= MAX_PART


def test_generated_field_names_do_not_count() -> None:
    html = "<input name=field_8f3a21><input name=q1093847><input name=coupon_2>"
    assert names(html) == ["input", "input_2", "coupon_2"]
