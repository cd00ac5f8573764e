"""A page that is too long is said shorter first, then thinned evenly; names are whole and structure holds."""

from __future__ import annotations

import time

from facsim.page import names_in, read_page
from facsim.prompt.page_fitting import SHORT, PageFitter
from facsim.prompt.templates import CUT_MARK


def fit(html: str, limit: int) -> str:
    return PageFitter(html).to(limit)


def listed(count: int) -> str:
    cards = "".join(
        f'<li><a name="results.item_{n}" href="/item/{n}?from=search&amp;page=1">Item {n}</a> <b>${n}.00</b></li>\n'
        for n in range(count)
    )
    return f'<form><input name="search" value="tea"></form><ul>\n{cards}</ul>'


def test_links_lose_their_href_before_anything_else_goes():
    html = listed(20)
    fitted = fit(html, len(html) - 1)
    assert "href" not in fitted
    assert CUT_MARK not in fitted
    assert names_in(fitted) == names_in(html)
    assert read_page(fitted).by_name["results.item_7"].text == "Item 7"


def test_texts_are_cut_to_one_length_before_elements_go():
    texts = ["short", "some words and more words " * 4, "another long text of many words " * 40]
    html = "".join(f'<p title="{text}"><a name="n{n}">{text}</a></p>' for n, text in enumerate(texts))
    fitted = fit(html, 600)
    assert names_in(fitted) == ["n0", "n1", "n2"]
    assert CUT_MARK not in fitted
    shown = [element.text for element in read_page(fitted).elements]
    assert shown[:2] == [text.strip() for text in texts[:2]]
    assert shown[2].startswith("another long text") and shown[2].endswith("…")
    assert len(fitted) > 560


def test_texts_end_between_words_and_entities():
    html = f'<a name="a">{"fish &amp; chips &amp; peas " * 20}</a><a name="b">b</a>'
    for limit in range(90, 160):
        fitted = fit(html, limit)
        assert fitted.count("&") == fitted.count("&amp;")
    word = "x" * 200
    assert f"{'x' * (SHORT - 1)}…" in fit(f"<p>{word}</p>", 60)


def test_names_are_never_cut():
    name = "very.long." + "name_" * 40
    html = f'<a name="{name}" title="{"long " * 60}">text</a>'
    assert names_in(fit(html, 400)) == [name]
    assert fit(html, 100) == CUT_MARK


def test_lists_lose_their_last_elements_evenly():
    html = "".join(f'<section aria-label="{part}">{listed(30)}</section>' for part in "abc")
    html = html.replace("<form>", '<form role="search">')
    fitted = fit(html, 2_500)
    lists = [part.count("<li>") for part in fitted.split("<section")[1:]]
    assert max(lists) - min(lists) <= 1
    assert min(lists) > 5
    assert fitted.count(CUT_MARK) == 3
    assert fitted.count("<b>$0.00</b>") == 3


def test_what_is_left_out_is_marked_where_it_was():
    fitted = fit(listed(40), 500)
    assert fitted.endswith(f"</li>\n{CUT_MARK}</ul>")
    assert "<form><input" in fitted


def test_rows_keep_their_cells_and_controls_outlast_links():
    rows = "".join(
        f'<tr><td>{n}</td><td>Row {n}</td><td>x</td><td>y</td><td><a name="row_{n}.edit">Edit</a></td></tr>'
        for n in range(50)
    )
    fields = "".join(
        f'<div>Field {n} <input name="field_{n}"></div>' if n % 2 else f'<p><a name="help_{n}">?</a></p>'
        for n in range(50)
    )
    fitted = fit(f'<table>{rows}</table><form>{fields}<button name="save">Save</button></form>', 1_200)
    kept = names_in(fitted)
    assert "save" in kept
    assert fitted.count("</td></tr>") == fitted.count("<tr><td>") == sum("row_" in name for name in kept)
    assert sum("field_" in name for name in kept) > 2 * sum("help_" in name for name in kept)


def test_the_chosen_option_stays():
    options = "".join(f"<option{' selected' if n == 150 else ''}>Country {n}</option>" for n in range(200))
    fitted = fit(f'<select name="country">{options}</select>', 300)
    country = read_page(fitted).by_name["country"]
    assert country.options[0] == "Country 0"
    assert country.value == "Country 150"


def test_the_matter_of_a_page_outlasts_what_is_around_it():
    links = "".join(f'<li><a name="menu.{n}">Department {n}</a></li>' for n in range(20))
    cards = "".join(f'<li><a name="card.{n}">Thing {n}</a> <b>$1</b></li>' for n in range(20))
    menu = f"<ul>{links}</ul>"
    for around in (f"<header>{menu}</header>", f"<nav>{menu}</nav>", f"<div><aside>{menu}</aside></div>"):
        html = f'{around}<main><article><header><a name="by">By</a></header><ul>{cards}</ul></article></main>'
        kept = names_in(fit(html, len(html) * 2 // 3))
        menus, things = (sum(name.startswith(part) for name in kept) for part in ("menu", "card"))
        assert 0 < menus < 6 <= 15 < things
        assert "by" in kept


def test_the_footer_of_the_page_goes_first():
    html = (
        f'<main>{listed(20)}<article><footer><a name="reply">Reply</a></footer></article></main>'
        '<footer><a name="help">Help</a></footer>'
    )
    whole = len(fit(html, len(html) - 1))
    fitted = fit(html, whole - 1)
    assert set(names_in(html)) - set(names_in(fitted)) == {"help"}
    assert fitted.endswith(f"</main>{CUT_MARK}")


def test_shopping_page_keeps_a_card_whole(shopping):
    html = shopping.past[1].page.html
    fitted = fit(html, 420)
    assert names_in(fitted)[:3] == ["search_input", "cart", "search_results"]
    assert "pagination.2" in names_in(fitted)
    for card in fitted.split("<li")[1:]:
        assert ".00</span></li>" in card


def test_time_grows_with_the_page():
    def seconds(count: int) -> float:
        html = listed(count)
        begun = time.process_time()
        PageFitter(html).to(len(html) // 3)
        return time.process_time() - begun

    small = min(seconds(1_000) for _ in range(3))
    assert min(seconds(10_000) for _ in range(3)) < 25 * small
