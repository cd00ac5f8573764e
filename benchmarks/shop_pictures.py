"""Take the pictures of the shop for the docs: every kind of page, at desk and phone width.

    python benchmarks/shop_pictures.py [docs/pictures]

Needs the extras `web` and `browser`, pillow (which matplotlib brings), and a Chromium on the path.
"""

from __future__ import annotations

import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browser import open_chromium  # noqa: E402
from PIL import Image  # noqa: E402
from running_shop import running_shop  # noqa: E402

from facsim.shop.catalogue import Catalogue  # noqa: E402
from facsim.shop.storefront import DESIGNS, Storefront  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

SEED = 7
SIZES = {"desk": (1440, 1100), "phone": (390, 844)}
LARGEST = 150_000


def tour(page: Page, store: Storefront, start: str) -> Iterator[str]:
    """Visit one page of each kind; its name each time it is shown."""
    products = store.catalogue.products
    shown = next(one for one in products if len(one.sizes) > 2 and len(one.colours) > 2 and one.rating >= 4)
    page.goto(start)
    yield "home"
    page.goto(f"{start}/search?q=coffee+grinder&brand=&rating=4")
    yield "results"
    page.goto(f"{start}/product/{shown.id}")
    yield "product"
    page.get_by_role("button", name="Add to cart").click()
    page.goto(start)
    page.locator("main section", has_text="Popular today").locator("h3 a").first.click()
    page.get_by_role("button", name="Add to cart").click()
    yield "cart"
    page.get_by_role("link", name="Proceed to checkout").click()
    yield "checkout"
    page.get_by_role("button", name="Place order").click()
    yield "order"
    page.goto(f"{start}/departments")
    yield "info"


def main() -> None:
    """Write `shop-PAGE-SIZE.png` into a folder."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "pictures"
    store = Storefront(Catalogue(SEED), DESIGNS["standard"])
    with (
        tempfile.TemporaryDirectory() as kept,
        running_shop(store, Path(kept)) as shop,
        open_chromium() as browser,
    ):
        for size, (width, height) in SIZES.items():
            with browser.new_context(viewport={"width": width, "height": height}) as context:
                page = context.new_page()
                for name in tour(page, store, shop.address):
                    page.wait_for_load_state("networkidle")
                    path = folder / f"shop-{name}-{size}.png"
                    picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
                    picture.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
                    assert path.stat().st_size < LARGEST, f"{path} is too large for the docs"
                    print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


if __name__ == "__main__":
    main()
