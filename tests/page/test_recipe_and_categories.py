from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from facsim.cli.simplify import command as simplify_verb
from facsim.page import CategoryRules, Recipe, read_page, simplify
from facsim.schema import Action
from facsim.util.errors import ConfigError

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
        ("drop: 3", "line 1, field drop: 3: expected a list"),
        ("drop: .ad", "line 1, field drop: '.ad': expected a list"),
        ("\n\ndrop: #banner", "line 3, field drop: None: expected a list.*Quote selectors that begin with #"),
        ("drop: [a]\nnope: []", "line 2, field nope: no such field. Known fields: url, interactable, drop"),
        ("drop: [a]\nname: {}", "line 2, field name: no such field; did you mean names?"),
        (
            "categories:\n - category: x\n   tpye: click",
            "line 3, field categories.0.tpye: .*did you mean type?",
        ),
        ("categories:\n - {name: x}", "line 2, field categories.0.category: is missing"),
        ("names: [", "line 1: not YAML"),
        ("drop: [#banner]", "not YAML.*Quote"),
        ("drop: [*]", "not YAML.*Quote"),
        ("- a", "line 1: .*expected `key: value` lines"),
        (
            "names:\n  a: Search box",
            "line 2?1?, field names: 'Search box' is not a name.*did you mean search_box",
        ),
        ("names: {a: '!!'}", "is not a name: expected lower-case words, joined by _ and .$"),
        ("names: {'a::before': x}", "'a::before' is not a CSS selector"),
        ("keep: [a, 'b[[']", "line 1, field keep: 'b[[' is not a CSS selector"),
        ("names:\n  a: x\n  b: y\n  a: z", "line 4: 'a' is in line 2 already"),
        ("categories: [{category: x, name: '('}]", "'(' is not a regular expression"),
        ("url: '('", "'(' is not a regular expression"),
        ("sites: [{drop: [a]}]", "recipe 1 has no url"),
    ],
)
def test_a_broken_recipe_says_where_and_what_to_do(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        Recipe.read(file)
    found = str(caught.value)
    assert found.startswith(str(file))
    plain = re.escape(message).replace(r"\.\*", ".*").replace(r"\$", "$").replace(r"2\?1\?", "[12]")
    assert re.search(plain, found), found


def test_a_missing_recipe_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        Recipe.read(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="contains no recipes"):
        Recipe.read(tmp_path)
    assert Recipe.read(_written(tmp_path, "# nothing yet")) == Recipe()
    with pytest.raises(ValidationError, match=r"a\[\["):
        Recipe(drop=("a[[",))


def test_what_looks_hidden_can_be_kept() -> None:
    html = "<div hidden class=m><a href=1>Kept</a></div><p aria-hidden=true class=m>words</p><div hidden><a class=m href=2>x</a></div>"
    page = simplify(html, recipe=Recipe(keep=(".m",)))
    assert [element.name for element in page.elements] == ["kept"]
    assert "words" in page.html
    assert simplify(html, recipe=Recipe(keep=(".m",), drop=(".m",))).elements == ()


def test_several_matches_of_a_named_selector_are_numbered() -> None:
    page = simplify(
        "<a href=1 class=b>One</a><a href=2 class=b>Two</a>", recipe=Recipe(names={".b": "menu.entry"})
    )
    assert [element.name for element in page.elements] == ["menu.entry", "menu.entry_2"]


def test_of_a_folder_the_recipe_whose_url_fits_is_taken(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(
        "url: ^https://one\\.example/\nnames: {input: box}\n"
        "categories: [{category: filter, name: ^box$}, {category: purchase, name: ^box$, url: pay}]",
        encoding="utf-8",
    )
    (tmp_path / "two.yml").write_text("url: two\\.example\ninteractable: [b]", encoding="utf-8")
    recipe = Recipe.read(tmp_path)

    def names(url: str | None) -> list[str]:
        return [element.name for element in simplify("<input><b>Go</b>", url=url, recipe=recipe).elements]

    assert names("https://one.example/a") == ["box"]
    assert names("https://two.example/a") == ["input", "go"]
    assert names("https://three.example/") == names(None) == ["input"]
    rules = CategoryRules.default().with_recipe(recipe)
    click = Action.click("box")
    assert rules.category(click, None, "https://one.example/") == "filter"
    assert rules.category(click, None, "https://two.example/pay") == "purchase"
    assert rules.category(click, None, "https://two.example/") == "other"
    assert rules.category(click, None) == "other"
    (tmp_path / "three.yaml").write_text("drop: [a]", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"three\.yaml: has no url"):
        Recipe.read(tmp_path)


def test_saved_pages_have_no_address_to_choose_by(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("url: one", encoding="utf-8")
    (tmp_path / "page.html").write_text("<p>x", encoding="utf-8")
    with pytest.raises(ConfigError, match="give the file of one site"):
        simplify_verb(tmp_path / "page.html", recipe=tmp_path)


def test_one_recipe_alone_holds_whatever_its_url_says() -> None:
    recipe = Recipe(url="one\\.example", names={"input": "box"})
    for url in (None, "https://one.example/", "http://127.0.0.1/saved"):
        assert [element.name for element in simplify("<input>", url=url, recipe=recipe).elements] == ["box"]


def test_the_example_of_the_docs_does_what_they_say(tmp_path: Path) -> None:
    docs = (Path(__file__).resolve().parents[2] / "docs/your-data/recipes.md").read_text(encoding="utf-8")
    html, recipe, before, after = (
        re.findall(rf"```{language}\n(.*?)```", docs, re.DOTALL)[place]
        for language, place in (("html", 0), ("yaml", 0), ("text", 0), ("text", 1))
    )
    file = _written(tmp_path, recipe)
    assert [element.name for element in simplify(html).elements] == before.split()
    page = simplify(html, recipe=Recipe.read(file))
    rules = CategoryRules.default().with_recipe(Recipe.read(file))
    found = [
        f"{element.name} {rules.category(Action.click(element.name), page)}" for element in page.elements
    ]
    assert found == [" ".join(line.split()) for line in after.splitlines()]


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
