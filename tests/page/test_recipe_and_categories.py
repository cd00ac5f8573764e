from __future__ import annotations

from pathlib import Path

import pytest

from facsim.page import CategoryRules, Recipe, read_page, simplify
from facsim.schema import Action, ConfigError

PAGE = (
    "<div class=swatch>Red</div><div id=banner><a href=1>Cookies</a></div><input id=box>"
    "<ul><li><a href='/p/1'>Blue mug</a> $5 <button>Buy now</button></li></ul>"
)


def test_a_recipe_adds_drops_and_names(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(
        "interactable: ['div.swatch']\ndrop: ['#banner']\nnames: {'#box': search_input}\n"
        "categories: [{category: colour, name: ^red$}]\n",
        encoding="utf-8",
    )
    recipe = Recipe.read(file)
    page = simplify(PAGE, recipe=recipe)
    assert [element.name for element in page.elements] == [
        "red",
        "search_input",
        "blue_mug.view_product",
        "blue_mug.buy_now",
    ]
    rules = CategoryRules.default().with_recipe(recipe)
    assert rules.category(Action.click("red"), page) == "colour"
    assert rules.category(Action.click("blue_mug.buy_now"), page) == "purchase"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("drop: 3", "field drop"),
        ("nope: []", "field nope"),
        ("names: [", "not YAML"),
        ("categories: [{category: x, name: '('}]", "regular expression"),
    ],
)
def test_a_broken_recipe_says_where(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as caught:
        Recipe.read(file)
    assert str(file) in str(caught.value)


def test_a_missing_recipe_and_a_broken_selector(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        Recipe.read(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match=r"a\[\["):
        simplify(PAGE, recipe=Recipe(drop=("a[[",)))


LINK = '<a name="{0}" href="{1}">x</a>'
CLICKS = [
    ("search_results.karcher_k1700.view_product", "", "product_click"),
    ("search_results.karcher_k1700.view_product_2", "", "product_click"),
    ("search_results.karcher_k1700.image", "/dp/B01", "product_click"),
    ("similar.mug", "https://shop.example/products/blue-mug?v=1", "product_click"),
    ("refinements.customer_reviews.4_stars_up", "/s?r=4", "filter"),
    ("sort_by.price_low_to_high", "/s", "filter"),
    ("filters.brand.bosch", "/products/all?brand=b", "filter"),
    ("clear_all_filters", "", "filter"),
    ("header.search.go", "", "search"),
    ("did_you_mean.pressure_washer", "", "search"),
    ("buy_box.buy_now", "", "purchase"),
    ("cart.proceed_to_checkout", "", "purchase"),
    ("place_order", "", "purchase"),
    ("add_to_cart", "", "other"),
    ("navigation.kitchen", "/c/kitchen", "other"),
    ("research_papers", "", "other"),
    ("checkout_our_deals", "/deals", "purchase"),
]


@pytest.mark.parametrize(("name", "href", "category"), CLICKS)
def test_categories_of_clicks(name: str, href: str, category: str) -> None:
    page = read_page(LINK.format(name, href))
    assert CategoryRules.default().category(Action.click(name), page) == category


def test_categories_of_other_actions() -> None:
    rules = CategoryRules.default()
    assert rules.category(Action.terminate(), None) == "terminate"
    assert rules.category(Action.type_and_submit("nav_bar.search_input", "mug"), None) == "search"
    assert rules.category(Action.type_and_submit("search", "mug"), None) == "search"
    assert rules.category(Action.type_and_submit(None, "mug"), None) == "search"
    assert rules.category(Action.type_and_submit("delivery.email_address", "a@b"), None) == "other"
    assert rules.category(Action.type_and_submit("refinements.price.min", "5"), None) == "filter"
    assert rules.category(Action.click(None), None) == "other"


def test_rules_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(
        "rules: [{category: leave, type: terminate}, {category: start, url: '/$'}]", encoding="utf-8"
    )
    rules = CategoryRules.read(file)
    assert rules.category(Action.terminate(), None) == "leave"
    assert rules.category(Action.click("x"), None, url="https://shop.example/") == "start"
    assert rules.category(Action.click("x"), None) == "other"
    with pytest.raises(ConfigError, match="field rules"):
        CategoryRules.read(_written(tmp_path, "[]"))


def _written(folder: Path, text: str) -> Path:
    file = folder / "other.yaml"
    file.write_text(text, encoding="utf-8")
    return file
