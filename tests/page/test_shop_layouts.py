"""Layouts of real shops, reduced: what a person would call each element, and the text that is kept."""

from __future__ import annotations

from facsim.page import condense, element_at, simplify


def names(html: str | bytes) -> list[str]:
    return [element.name for element in simplify(html).elements]


def by_text(html: str) -> dict[str, str]:
    return {element.text: element.name for element in simplify(html).elements}


def twice(card: str, *pairs: tuple[str, str]) -> str:
    """A card, and the same with other words."""
    other = card
    for one, two in pairs:
        other = other.replace(one, two)
    return card + other


# Cards and rows


def test_a_brand_above_the_title_does_not_name_the_card():
    card = (
        '<div><a href="/t/1"><img alt="Norwood Oak desk"></a><div><h5>Norwood</h5><h2><a href="/t/1">Oak desk</a></h2>'
        '<a href="/t/1#reviews">86</a> <a href="/t/1">$180.50</a></div></div>'
    )
    page = f"<h1>Desks</h1><div>{twice(card, ('Oak', 'Pine'), ('Norwood', 'Fjell'), ('/t/1', '/t/2'))}</div>"
    assert names(page) == [
        f"{title}.{part}"
        for title in ("oak_desk", "pine_desk")
        for part in ("image", "view_product", "reviews", "price")
    ]


def test_options_before_the_title_belong_to_the_card():
    options = "".join(
        f'<a href="/t/1{n}" role="button" aria-label="{colour}"></a>'
        for n, colour in enumerate(("Sand", "Slate", "Rust", "Moss"))
    )
    card = (
        f'<div><a href="/t/1"><img alt="Oak desk"></a>{options}<h2><a href="/t/1">Oak desk</a></h2> '
        '<a href="/t/1#r">86</a> <b>$180.50</b></div>'
    )
    found = names(f"<h1>Desks</h1><div>{twice(card, ('Oak', 'Pine'), ('/t/1', '/t/2'))}</div>")
    assert [name for name in found if name.startswith("pine_desk.")] == [
        "pine_desk.image",
        "pine_desk.sand",
        "pine_desk.slate",
        "pine_desk.rust",
        "pine_desk.moss",
        "pine_desk.view_product",
        "pine_desk.reviews",
    ]


def test_a_card_may_lead_to_many_places():
    card = (
        '<div><a href="/t/1"><img alt="Oak desk"></a><a href="/t/1"><b>Oak desk</b></a> from <a href="/b/n">Norwood</a> '
        '$180.50 and <a href="/freight">freight</a> <a href="/t/1?buy">Buy it</a> <a href="/list?1">Keep</a></div>'
    )
    found = names(f"<div>{twice(card, ('Oak', 'Pine'), ('/t/1', '/t/2'), ('Norwood', 'Fjell'))}</div>")
    assert found[:6] == [
        f"oak_desk.{part}" for part in ("image", "view_product", "norwood", "freight", "buy_it", "keep")
    ]
    assert {name.partition(".")[0] for name in found} == {"oak_desk", "pine_desk"}


def test_rows_of_a_cart_are_groups():
    row = (
        '<div><label><input type="checkbox" checked><i></i></label><a href="/t/1?i"><img alt="Oak desk"></a>'
        '<ul><li><a href="/t/1?t">Oak desk</a></li></ul><b>$180.50</b> <a href="/gifts">Wrap it</a> '
        "<label>Pieces: <select><option>1<option>2</select></label><button>Remove</button>"
        '<a href="/send/1">Send</a></div>'
    )
    page = f"<h1>Cart</h1><form><div>{twice(row, ('Oak', 'Pine'), ('/t/1', '/t/2'))}</div></form>"
    found = names(page)
    assert "oak_desk.pieces" in found
    assert "pine_desk.remove" in found
    assert {name.partition(".")[0] for name in found} == {"oak_desk", "pine_desk"}


def test_parts_of_a_card_are_no_cards():
    card = (
        '<div><a href="/t/1"><img alt="Oak desk"></a><div><p><a href="/t/1">Oak desk</a></p><div>before 210 '
        '<a href="/t/1">More</a> <a href="/buy?p=1">$180.50</a></div><div>with tax <a href="/freight">plus freight</a></div>'
        "</div></div>"
    )
    found = names(f"<div>{twice(card, ('Oak', 'Pine'), ('/t/1', '/t/2'))}</div>")
    assert found[1:3] == ["oak_desk.view_product", "oak_desk.more"]
    assert {name.partition(".")[0] for name in found} == {"oak_desk", "pine_desk"}


def test_a_review_count_does_not_name_a_card():
    card = (
        '<li><a href="/t/1" title="Oak desk"><img alt="Oak desk"><div aria-hidden="true">Oak desk</div></a>'
        '<a href="/t/1#r" title="Oak desk"><i></i><span>86</span></a> <a href="/t/1">$180.50</a></li>'
    )
    found = names(f"<h2>Seen with</h2><ol>{twice(card, ('Oak', 'Pine'), ('/t/1', '/t/2'))}</ol>")
    assert found[0] == "seen_with.oak_desk.view_product"
    assert all(name.startswith(("seen_with.oak_desk.", "seen_with.pine_desk.")) for name in found)


def test_an_item_with_several_headings_is_not_called_by_the_first():
    page = (
        '<nav><ul><li><div><h3>Garden</h3><a href="/p">Plants</a></div>'
        '<div><h3>Kitchen</h3><a href="/k">Knives</a> <a href="/b">Bowls</a></div></li></ul></nav>'
        '<ul><li><ul><li><h3>Material</h3><a href="/o">Oak</a></li><li><h3>State</h3><a href="/n">Used</a></li></ul></li></ul>'
    )
    assert names(page) == [
        "navigation.garden.plants",
        "navigation.kitchen.knives",
        "navigation.kitchen.bowls",
        "material.oak",
        "state.used",
    ]


def test_links_that_run_scripts_are_no_common_destination():
    page = (
        "<div><h4>Height</h4><div><ul>"
        + "".join(
            f'<li><a href="javascript:void(0)">{word} <span>({n})</span></a></li>'
            for word, n in (("Low", 12), ("High", 3))
        )
        + "</ul></div></div><div><h4>Finish</h4><div><ul>"
        + "".join(
            f'<li><a href="javascript:;">{word} <span>({n})</span></a></li>'
            for word, n in (("Oiled", 5), ("Raw", 9))
        )
        + "</ul></div></div>"
    )
    assert names(page) == ["height.low", "height.high", "finish.oiled", "finish.raw"]


# What names a group


def test_a_status_message_names_no_group():
    page = (
        '<section><h3>Questions</h3><div><div role="alert"><h4>Please reload</h4></div>'
        '<div><a href="/q">Does it fold?</a><button>Answer</button></div></div></section>'
        '<div><div role="status"><h4>Not saved</h4></div><div><a href="/d">Desk planner</a><button>Order</button></div></div>'
    )
    assert names(page) == ["questions.does_it_fold", "questions.answer", "desk_planner", "order"]


def test_a_result_count_names_no_group():
    page = (
        '<main><h2>25-48 of over 900 results for "desk"</h2><label>Order by <select><option>Price</select></label>'
        "<button>Narrow</button></main>"
    )
    assert [name for name in names(page) if "price" not in name] == ["results.order_by", "results.narrow"]


# What changes while the thing stays


def test_tracking_tokens_in_addresses_are_no_words():
    page = (
        '<a href="/norwood-desk/dp/x1/ref=sr_1_7?q=1">Oak</a> <a href="/fjell-desk/dp/x2/ref=sr_1_8?q=1">Oak</a>'
        '<a href="/o/show/ref=b_o02?id=7">Open</a> <a href="/o/show/ref=b_o03?id=8">Open</a>'
    )
    found = names(page)
    assert found == ["oak_norwood_desk", "oak_fjell_desk", "open", "open_2"]


def test_prices_of_all_currencies_are_prices():
    amounts = ("￥18,050", "EUR 180,50", "R$ 180,50", "18 050 руб.", "Rs. 180", "180円", "-15% $59.49 $69.99")
    links = " ".join(f'<a href="/{place}">{amount}</a>' for place, amount in enumerate(amounts))
    assert names(f"<div><h2>Desks</h2>{links}</div>") == [
        "desks.price",
        *(f"desks.price_{number}" for number in range(2, len(amounts) + 1)),
    ]
    card = '<li><a href="/t/1">Oak desk</a> <a href="/t/1"><span>$180.50</span></a></li>'
    assert names(f"<ul>{twice(card, ('Oak', 'Pine'), ('/t/1', '/t/2'))}</ul>")[:2] == [
        "oak_desk.view_product",
        "oak_desk.price",
    ]
    for amount in ("￥18,050", "R$ 180,50", "Rs. 180", "1 805 ₽", "180 Kč"):
        card = f'<li><a href="/t/1">Oak desk</a> <span>{amount}</span></li>'
        assert (
            names(f"<ul>{twice(card, ('Oak', 'Pine'), ('/t/1', '/t/2'))}</ul>")[0] == "oak_desk.view_product"
        )


def test_counts_of_all_languages_are_left_out():
    page = (
        '<a href="/1">86 avis</a> <a href="/2">1.205 Bewertungen</a> <a href="/3">5.310 valoraciones</a>'
        '<a href="/4">1 205 отзывов</a> <a href="/5">86 レーティング</a> <a href="/6">Usado, 412 resultados</a>'
        '<a href="/7">12 answered questions</a> <a href="/8">Refurbished (2,310) Items</a>'
        '<div><h4>Assembly</h4><a href="#r"><i></i><span>(310)</span></a> <button>Add</button></div>'
    )
    assert names(page) == [
        "avis",
        "bewertungen",
        "valoraciones",
        "отзывов",
        "レーティング",
        "usado",
        "answered_questions",
        "refurbished",
        "assembly.reviews",
        "assembly.add",
    ]


def test_that_a_link_opens_a_window_is_no_part_of_its_name():
    card = '<li><div><a href="/t/1"><h3>Oak desk with drawer</h3><span>Opens in a new window or tab</span></a> $180.50</div></li>'
    page = f"<ul>{twice(card, ('Oak', 'Pine'), ('/t/1', '/t/2'))}</ul><footer><a href='/c'>Jobs <span>- opens in a new window</span></a></footer>"
    assert names(page) == [
        "oak_desk_with_drawer.view_product",
        "pine_desk_with_drawer.view_product",
        "footer.jobs",
    ]


def test_the_title_is_not_repeated_after_a_verb():
    card = (
        '<div><a href="/t/1"><span>Oak desk, 2 drawers</span></a> $180.50 '
        '<button aria-label="Put into cart - Oak desk, 2 drawers">Put</button><a href="/w/1">watch Oak desk, 2 drawers</a></div>'
    )
    found = names(f"<div>{twice(card, ('Oak', 'Pine'), ('/t/1', '/t/2'), ('/w/1', '/w/2'))}</div>")
    assert found[:3] == [f"oak_desk_2_drawers.{part}" for part in ("view_product", "put_into_cart", "watch")]


def test_variants_differ_in_the_words_in_which_their_titles_differ():
    title = "Norwood Sturdy Folding Desk with HIDDEN CABLES, 120 cm Home Office Writing Table"
    card = f'<div><a href="/t/1">{title}</a> $180.50 <button>Add</button></div>'
    page = (
        "<div>"
        + "".join(
            card.replace("120 cm", size).replace("/t/1", f"/t/{size[:3].strip()}")
            for size in ("120 cm", "140 cm", "90 cm")
        )
        + "</div>"
    )
    found = names(page)
    adds = [name for name in found if name.endswith(".add")]
    assert len(adds) == 3
    assert all(size in name for size, name in zip(("120_cm", "140_cm", "90_cm"), adds, strict=True))
    assert not any(name.endswith(("_2", "_3")) for name in found)


# What people see


def test_links_without_words_picture_or_size_come_last():
    page = (
        '<ul><li><button>Single</button><a href="javascript:void(0)"></a></li>'
        '<li><button>Double</button><a href="javascript:void(0)"></a></li></ul>'
        '<a href="/x"><span></span></a> <a href="/y"><i></i></a>'
    )
    assert names(page)[:2] == ["single", "double"]
    assert not any(name.endswith(("_2", "_3", "_4")) for name in names(page)[:2])


def test_a_picture_link_hidden_from_screen_readers_has_a_name():
    card = (
        '<li><a class="pic" href="/t/1" aria-hidden="true" tabindex="-1"><img src="1.jpg" alt=""></a>'
        '<h3><a href="/t/1">Oak desk</a></h3> $180.50</li>'
    )
    page = f"<ul>{twice(card, ('Oak', 'Pine'), ('/t/1', '/t/2'))}</ul>"
    assert names(page)[:2] == ["oak_desk.image", "oak_desk.view_product"]
    found = element_at(page, "a.pic")
    assert found is not None
    assert found.name == "oak_desk.image"
    assert found.equivalents == ("oak_desk.view_product",)


def test_a_price_that_is_read_out_by_a_label_is_kept_once():
    page = (
        '<ul><li><a href="/t/1">Oak desk</a> <span role="img" aria-label="180 dollars and 50 cents">'
        '<span aria-hidden="true">$</span><span aria-hidden="true">180</span><span aria-hidden="true">.50</span></span></li>'
        '<li><a href="/t/2">Pine desk</a> <span aria-label="Now: 95 dollars"><span aria-hidden="true">$</span>'
        '<span aria-hidden="true">95</span></span></li></ul>'
    )
    page = simplify(page)
    assert "180 dollars and 50 cents" in page.html or "$180.50" in page.html
    assert "Now: 95 dollars" in page.html or "$95" in page.html


def test_a_labelled_picture_in_a_link_is_read():
    page = (
        '<div><h3>Oak desk</h3><a href="/t/1#reviews"><div role="img" aria-label="4.5 of 5 stars from 86 reviews"><i></i></div>'
        ' <span>86</span></a><a href="/t/1"><span aria-label="Rated 4.8 of 5"><i></i></span></a></div>'
    )
    texts = [element.text for element in simplify(page).elements]
    assert texts == ["4.5 of 5 stars from 86 reviews 86", "Rated 4.8 of 5"]


def test_bytes_that_are_utf_8_are_read_so_whatever_they_declare():
    page = (
        '<html><head><meta charset="ISO-8859-1"></head><body><a href="/s">Pâté à emporter</a></body></html>'
    )
    assert names(page.encode()) == ["pâté_à_emporter"]
    assert names(page.encode("latin-1")) == ["pâté_à_emporter"]


def test_what_a_closed_details_holds_cannot_be_reached():
    page = (
        "<details><summary>Care</summary><a href='/oil'>Oil it</a></details>"
        "<details open><summary>Size</summary><a href='/cm'>In cm</a></details>"
    )
    assert names(page) == ["care", "size", "size.in_cm"]


# Pages in prompts


def test_addresses_do_not_fill_the_prompt():
    tracking = (
        "crid=0A1B2C3D4E&amp;qid=1500000000&amp;sr=8-3&amp;pd_rd_r=00000000-1111-4222-8333-444444444444"
    )
    page = simplify(f'<ul><li><a href="/desk/dp/x1/ref=sr_1_3?{tracking}">Oak desk</a> $180.50</li></ul>')
    assert len(condense(page.html)) < 100
    assert page.elements[0].href is not None
    assert "qid=1500000000" in page.elements[0].href


def test_words_of_pictures_that_all_rows_share_are_no_title():
    row = (
        '<div><p>No. {0}</p><a href="/t/{0}">Front desk</a> <a href="/w/{0}"><img alt="Order with a note"></a>'
        '<select name="colour"></select><b>$89</b><button>Order</button></div>'
    )
    found = names(f"<div>{row.format('K1 oak')}{row.format('K2 pine')}</div>")
    assert {name.partition(".")[0] for name in found} == {"no_k1_oak", "no_k2_pine"}


def test_a_heading_titles_the_cards_whose_titles_are_headings_of_its_rank():
    card = '<li><a href="/p/{0}"><img alt="{0}"></a><h3>{0}</h3><b>$5</b><button>Add</button></li>'
    cards = "".join(card.format(word) for word in ("Red kettle", "Blue kettle", "Green kettle"))
    page = f'<div><h3>Best sellers</h3><ul>{cards}</ul><h3>Help</h3><a href="/f">FAQ</a> <a href="/c">Contact</a></div>'
    found = names(page)
    assert found[:2] == ["best_sellers.red_kettle.view_product", "best_sellers.red_kettle.add"]
    assert found[4:6] == ["best_sellers.green_kettle.view_product", "best_sellers.green_kettle.add"]
    assert found[-2:] == ["help.faq", "help.contact"]


def test_a_card_that_is_a_button_has_the_name_of_its_group() -> None:
    cards = "".join(
        f"<li><div role=button tabindex=0><h2>{title}</h2><p>$ 3.00</p><button>Save</button></div></li>"
        for title in ("Red shoe", "Blue shoe")
    )
    assert names(f"<ul>{cards}</ul>") == ["red_shoe", "red_shoe.save", "blue_shoe", "blue_shoe.save"]


def test_picture_and_swatches_are_parts_of_the_product_that_has_the_price() -> None:
    colours = {"Red": ("Black", "Sand"), "Blue": ("Black", "Navy"), "Green": ("Olive", "Black")}
    items = "".join(
        f"<div class=item><div><div class=top><a href='/p/{title}'><img alt='{title} bag'></a>"
        f"<button>Quick view</button></div><div class=swatches>"
        + "".join(f"<a href='/i/{title}-{colour}.jpg'><img alt={colour}></a>" for colour in both)
        + f"</div></div><div><a href='/p/{title}'>{title} bag</a></div><p>$ 30.00</p></div>"
        for title, both in colours.items()
    )
    found = names(f"<div><h1>Bags</h1><div>{items}</div></div>")
    assert [name for name in found if name.endswith(("black", "sand", "navy", "olive"))] == [
        "red_bag.black", "red_bag.sand", "blue_bag.black", "blue_bag.navy", "green_bag.olive", "green_bag.black",
    ]  # fmt: skip


def test_a_row_of_links_is_not_called_by_its_first_one() -> None:
    rows = (("Music", "Books", "Films"), ("Games", "Tickets", "Flowers"))
    table = "".join(f"<tr>{''.join(f'<td><a href=/{x}>{x}</a></td>' for x in row)}</tr>" for row in rows)
    assert names(f"<section><h2>More shops</h2><table>{table}</table></section>") == [
        "more_shops.music", "more_shops.books", "more_shops.films",
        "more_shops.games", "more_shops.tickets", "more_shops.flowers",
    ]  # fmt: skip


def test_a_row_of_data_is_called_by_its_first_link() -> None:
    table = "".join(
        f"<tr><td><a href=/o/{one}>{one}</a></td><td><a href=/o/{one}/pdf>Invoice</a></td>"
        f"<td><a href=/o/{one}/track>Track</a></td></tr>"
        for one in ("Oak desk", "Pine desk")
    )
    assert names(f"<table>{table}</table>")[1::3] == ["oak_desk.invoice", "pine_desk.invoice"]


def test_a_branch_of_a_menu_with_prices_to_filter_by_is_no_product() -> None:
    entries = "".join(f"<li><a href=/lamps/{place}>Under ${10 * place}</a></li>" for place in range(1, 30))
    page = (
        f"<nav><ul><li><a href=/lamps>Lamps</a><ul>{entries}</ul></li><li><a href=/x>Rugs</a></li></ul></nav>"
    )
    assert names(page)[:2] == ["navigation.lamps.view", "navigation.lamps.under_10"]


def test_a_picture_with_the_beginning_of_several_titles_is_no_control() -> None:
    page = "".join(
        f'<div><a href="/hook-{size}"><img alt="Brass hook" src="{size}.png"></a>'
        f'<a href="/hook-{size}"><h3>Brass hook {size} cm</h3></a><span>${size}</span></div>'
        for size in (5, 7, 9)
    )
    assert names(page)[::2] == [f"brass_hook_{size}_cm.image" for size in (5, 7, 9)]
