"""The shop in a real browser: sessions driven by element names, the keyboard alone, no scripts at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from facsim.page import simplify
from facsim.shop.simulation import CommonRandomNumbers, ShopSimulation
from facsim.shop.storefront import DESIGNS, Storefront

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
from running_shop import RunningShop, running_shop

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SEED, LONGEST = 11, 15
KEY = "a-key-that-the-test-chose"


@pytest.fixture(scope="module")
def standard(tmp_path_factory) -> Iterator[RunningShop]:
    with running_shop(ShopSimulation(SEED, 50).store, tmp_path_factory.mktemp("shop")) as shop:
        yield shop


@dataclass
class Tab:
    """A browser's tab, and what went on in it."""

    page: Page
    faults: list[str] = field(default_factory=list)


@contextmanager
def tab(browser: Browser, shop: RunningShop, **options: Any) -> Iterator[Tab]:
    """A fresh visitor. Errors, and requests to anywhere but the shop, are faults."""
    with browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options}) as context:
        opened = Tab(context.new_page())
        failed: list[str] = []
        page = opened.page

        page.on(
            "console",
            lambda line: opened.faults.append(line.text) if line.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: opened.faults.append(str(error)))
        page.on(
            "request", lambda one: None if one.url.startswith(shop.address) else opened.faults.append(one.url)
        )
        page.on("requestfailed", lambda one: failed.append(f"{one.failure}: {one.url}"))
        yield opened
    # Who goes on before all pictures have come does not wait for the rest.
    assert not opened.faults + [fault for fault in failed if "ERR_ABORTED" not in fault]


def replay(simulation: ShopSimulation, number: int, browser: Browser, shop: RunningShop) -> int | None:
    """Live one session in the browser as it was lived in process; how many steps it took, None if it is long."""
    shopper, random_numbers = simulation.shopper(number), CommonRandomNumbers(SEED, number)
    points, point = [], simulation.begin(shopper)
    while True:
        choice = random_numbers.choose(point)
        points.append((point, choice))
        if point.ends_with(choice):
            break
        if len(points) > LONGEST:
            return None
        point = simulation.after(point, choice, shopper)
    with tab(browser, shop) as opened:
        page = opened.page
        shop.visitors.put(KEY, shopper.visitor)
        page.context.add_cookies([{"name": "shop_visitor", "value": KEY, "url": shop.address}])
        served = page.goto(shop.address + shopper.address).body()
        for point, choice in points:
            assert served == point.rendered.html.encode(), point.view.address
            action = point.action(choice)
            if action is None:
                break
            assert choice.action_index is not None
            name = simulation.store.named(point.rendered).names[choice.action_index]
            element = page.locator(simplify(served).by_name[name].locator)
            if "#" in action.address and action.address.partition("#")[0] == point.view.address:
                element.click()
                continue
            with page.expect_navigation() as following:
                if choice.text is None:
                    element.click()
                else:
                    element.fill(choice.text)
                    element.press("Enter")
            served = following.value.body()
        else:
            end, visitor = simulation.store.follow(action, point.visitor)
            assert served == simulation.store.open(end, visitor).html.encode()
            assert page.locator("h1").inner_text() == "Thank you, your order is placed"
    return len(points)


def replay_some(design: str, count: int, browser: Browser, folder) -> tuple[int, int]:
    """Replay sessions until `count` are done; how many, and their steps in all."""
    simulation = ShopSimulation(SEED, 50, design)
    done = steps = number = 0
    with running_shop(simulation.store, folder) as shop:
        while done < count:
            length = replay(simulation, number, browser, shop)
            number += 1
            done += length is not None
            steps += length or 0
    return done, steps


def test_visits_are_the_same_in_the_browser_as_in_process(chromium, tmp_path):
    done, steps = replay_some("standard", 3, chromium, tmp_path)
    assert done == 3 and steps > 6


@pytest.mark.slow
@pytest.mark.parametrize("design", sorted(DESIGNS))
def test_visits_to_every_design_are_the_same_in_the_browser(chromium, tmp_path, design):
    assert replay_some(design, 4, chromium, tmp_path)[0] == 4


FOCUSED = """nodes => {
  const node = nodes.find(node => node === document.activeElement);
  if (!node) return "elsewhere";
  const ring = getComputedStyle(node).outlineStyle, glow = getComputedStyle(node.form ?? node).boxShadow;
  return ring === "none" && glow === "none" ? "unseen" : "seen";
}"""


def tab_to(page: Page, role: str, name: str, limit: int = 160) -> None:
    """Press Tab until something has the focus. It must be seen to have it."""
    targets = page.get_by_role(role, name=name)
    for _ in range(limit):
        page.keyboard.press("Tab")
        if (found := targets.evaluate_all(FOCUSED)) != "elsewhere":
            assert found == "seen", name
            return
    raise AssertionError(f"{name} is not reached by the keyboard")


@pytest.mark.parametrize("width", [1440, 390])
def test_a_purchase_by_keyboard_alone(chromium, standard, width):
    with tab(chromium, standard, viewport={"width": width, "height": 844}) as opened:
        page = opened.page
        page.goto(standard.address)
        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to content")
        assert skip.evaluate("node => node === document.activeElement")
        assert skip.bounding_box()["y"] >= 0
        tab_to(page, "searchbox", "Search the shop")
        page.keyboard.type("coffee grinder")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        title = page.locator("main h3 a").first.inner_text()
        tab_to(page, "link", title)
        for role, name, heading in (
            ("", "", title),
            ("button", "Add to cart", "Your cart"),
            ("link", "Proceed to checkout", "Checkout"),
            ("button", "Place order", "Thank you, your order is placed"),
        ):
            if name:
                tab_to(page, role, name)
            with page.expect_navigation():
                page.keyboard.press("Enter")
            assert page.locator("h1").inner_text() == heading


def test_a_purchase_without_scripts(chromium, standard):
    with tab(chromium, standard, java_script_enabled=False) as opened:
        page = opened.page
        page.goto(standard.address)
        page.get_by_role("searchbox").fill("water bottle")
        page.get_by_role("button", name="Search").click()
        page.locator("main h3 a").first.click()
        page.get_by_role("button", name="Add to cart").click()
        page.get_by_role("button", name="Increase quantity").click()
        page.get_by_role("link", name="Proceed to checkout").click()
        page.get_by_role("button", name="Place order").click()
        assert page.locator("h1").inner_text() == "Thank you, your order is placed"
        assert "Quantity: 2" in page.locator("main").inner_text()


def test_suggestions_come_while_typing(chromium, standard):
    with tab(chromium, standard) as opened:
        page = opened.page
        page.goto(standard.address)
        page.locator("#q").press_sequentially("coff", delay=30)
        page.wait_for_selector("#suggestions option", state="attached")
        texts = page.locator("#suggestions option").evaluate_all("nodes => nodes.map(node => node.value)")
        assert texts and all("coff" in text for text in texts)


@pytest.mark.parametrize("width", [1440, 390])
def test_no_page_is_wider_than_the_screen(chromium, standard, width):
    store: Storefront = ShopSimulation(SEED, 50).store
    product = next(one for one in store.catalogue.products if len(one.sizes) > 1 and len(one.colours) > 1)
    with tab(chromium, standard, viewport={"width": width, "height": 844}) as opened:
        page = opened.page
        for address in (
            "/",
            "/search?q=coffee",
            "/search?q=zzzz",
            f"/product/{product.id}",
            "/cart",
            "/departments",
        ):
            page.goto(standard.address + address)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, address
            small = page.evaluate(
                "[...document.querySelectorAll('main a, main button')].filter(node => {"
                " const box = node.getBoundingClientRect(); return box.width && (box.height < 16 || box.width < 16);"
                "}).length"
            )
            assert small == 0, address


def test_a_page_without_results_uses_the_whole_width(chromium, standard):
    share = (
        "document.querySelector('[class^=found_]').getBoundingClientRect().width"
        " / document.querySelector('[class^=split_]').getBoundingClientRect().width"
    )
    with tab(chromium, standard, viewport={"width": 1200, "height": 844}) as opened:
        page = opened.page
        page.goto(standard.address + "/search?q=zzzz")
        assert page.get_by_text("Nothing was found").is_visible()
        assert page.evaluate(share) == 1
        page.goto(standard.address + "/search?q=coffee")  # beside the filters
        assert 0.6 < page.evaluate(share) < 0.9
