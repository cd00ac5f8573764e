"""A running shop, and a browser whose person takes part in a study of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
from browser import skip_without_browser
from recorded_browser import RecordedBrowser, recorded_browser, study_of
from running_shop import RunningShop, running_shop
from small_site import SmallSite

from facsim.record.recording import Recording
from facsim.shop.simulation import ShopSimulation

if TYPE_CHECKING:
    from playwright.sync_api import Playwright


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    skip_without_browser()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[RunningShop]:
    with running_shop(ShopSimulation(11, 50).store, tmp_path_factory.mktemp("shop")) as running:
        yield running


@pytest.fixture
def browser(playwright: Playwright, shop: RunningShop, tmp_path: Path) -> Iterator[RecordedBrowser]:
    """Consent is given; the queue is delivered when the test asks for it."""
    study = study_of(shop.address, purchase_urls=("*/order",))
    recording = Recording(study, tmp_path / "data")
    with ExitStack() as stack:
        stack.callback(recording.store.close)
        port = stack.enter_context(recording.collector(0))
        opened = stack.enter_context(recorded_browser(playwright, recording, port, tmp_path / "profile"))
        opened.consent()
        yield opened


@pytest.fixture
def recording(site: SmallSite, tmp_path: Path) -> Iterator[Recording]:
    """A study of the test's site."""
    made = Recording(study_of(site.address), tmp_path / "data")
    yield made
    made.store.close()
