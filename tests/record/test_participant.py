"""What participants can do: read, agree, answer, pause, have things forgotten, delete; and the lab's browser."""

from __future__ import annotations

import json
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import CHROMIUM, FLAGS
from recorded_browser import RecordedBrowser, close, recorded_browser, study_of, wait_for_recorder
from small_site import SmallSite, small_site

from facsim.data import DataSet
from facsim.record import Recording, Study, export_extension, record
from facsim.record.extension_package import EXTENSION_ID
from facsim.util.errors import ConfigError

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

PAGE = '<!doctype html><title>Shop</title><button id="a">Add</button><button id="b">Buy</button><a href="/next">Next</a>'


@pytest.fixture(scope="module")
def site() -> Iterator[SmallSite]:
    with small_site(
        {"/": PAGE, "/next": "<!doctype html><title>Next</title><button>Last</button>"}
    ) as running:
        yield running


@pytest.fixture
def recording(site: SmallSite, tmp_path: Path) -> Iterator[Recording]:
    questions = ("Your age?", "Your job?")
    study = study_of(site.address, start=f"{site.address}/", rationale_share=1.0, persona_questions=questions)
    made = Recording(study, tmp_path / "data")
    yield made
    made.store.close()


def test_consent_persona_and_rationales(
    playwright: Playwright, site: SmallSite, recording: Recording, tmp_path: Path
) -> None:
    with (
        recording.collector(0) as port,
        recorded_browser(playwright, recording, port, tmp_path / "profile") as browser,
    ):
        before = browser.context.new_page()
        before.goto(site.address)
        before.click("#a")  # without consent
        before.wait_for_timeout(300)
        assert before.locator("facsim-recording").count() == 0
        before.close()
        consent = browser.context.new_page()
        consent.goto(f"chrome-extension://{EXTENSION_ID}/consent.html")
        for text in (
            "Shopping",
            "Test University",
            "test@example.org",
            site.address,
            "We test the recorder.",
        ):
            assert text in consent.inner_text("main")
        consent.fill("#participant", "p7")
        consent.click("button.main")
        assert "Please tick the box" in consent.inner_text("#problem")
        consent.check("#agree")
        consent.locator("#questions input").first.fill("34")
        consent.fill("#intent", "A gift")
        with browser.context.expect_page() as opened:
            consent.click("button.main")
        page = opened.value  # the study's start
        wait_for_recorder(page)
        page.click("#a")
        frame = wait_for_question(browser, page)
        assert "You clicked “Add”." in frame.inner_text("body")
        frame.fill("#answer", "It was the cheapest.")
        frame.click("button.main")
        page.wait_for_timeout(500)
        assert not [one for one in page.frames if "question.html" in one.url]
        page.click("#b")
        frame = wait_for_question(browser, page)
        frame.click("#skip")
        page.wait_for_timeout(300)
        close(page)
        browser.wait_until_delivered()
    assert recording.write() is not None
    (session,) = DataSet.open(recording.out)
    assert (session.user_id, session.persona, session.intent) == ("p7", "Your age? 34", "A gift")
    assert [(step.action.name, step.rationale, step.rationale_source) for step in session.steps] == [
        ("add", "It was the cheapest.", "human"),
        ("buy", None, None),
        (None, None, None),
    ]


def wait_for_question(browser: RecordedBrowser, page: object) -> object:
    for _ in range(100):
        for frame in page.frames:
            if "question.html" in frame.url and frame.locator("#what").inner_text():
                return frame
        page.wait_for_timeout(100)
    raise AssertionError("no question was asked")


def test_forget_and_delete(
    playwright: Playwright, site: SmallSite, recording: Recording, tmp_path: Path
) -> None:
    object.__setattr__(recording, "study", study_of(site.address))
    with (
        recording.collector(0) as port,
        recorded_browser(playwright, recording, port, tmp_path / "profile") as browser,
    ):
        browser.consent()
        page = browser.open(site.address)
        page.click("#a")
        browser.wait_until_delivered()
        assert recording.store.count("action") == 1
        popup = browser.popup()
        popup.click("#forget")
        popup.wait_for_selector("#said:text-is('Forgotten.')")
        assert recording.store.count("action") == 0
        page.click("#b")
        browser.wait_until_delivered()
        assert recording.store.count("action") == 1
        popup.on("dialog", lambda dialog: dialog.accept())
        popup.click("#delete")
        popup.wait_for_selector("#said:text-is('Everything is deleted.')")
        assert recording.store.count() == 0
        page.click("#a")
        page.wait_for_timeout(300)
        left = browser.in_worker(
            "async () => Object.keys(await chrome.storage.local.get(null)).filter(k => k.startsWith('q/'))"
        )
        assert left == []
    assert recording.store.count() == 0


def test_an_exported_extension_asks_for_the_code(
    playwright: Playwright, site: SmallSite, tmp_path: Path
) -> None:
    study = study_of(site.address)
    file = export_extension(study, tmp_path / "extension.zip")
    assert export_extension(study, tmp_path / "again.zip").read_bytes() == file.read_bytes()
    with pytest.raises(ConfigError, match="exists"):
        export_extension(study, file)
    with zipfile.ZipFile(file) as packed:
        names = packed.namelist()
        config = json.loads(packed.read("facsim-recorder/config.json"))
        manifest = json.loads(packed.read("facsim-recorder/manifest.json"))
    assert config["token"] is None
    assert manifest["content_scripts"][0]["matches"] == [f"{site.address}/*"]
    assert not [name for name in names if "token" in name]


def test_the_browser_of_a_lab(playwright: Playwright, site: SmallSite, tmp_path: Path) -> None:
    """`--browser`: Chromium with a clean profile, the collector, and the data set when it is closed."""
    stop = threading.Event()
    lines: list[str] = []
    reports: list[object] = []
    study = study_of(site.address, port=free_port())
    flags = [*FLAGS, "--headless=new", "--remote-debugging-port=0"]

    def run() -> None:
        reports.append(
            record(
                study,
                tmp_path / "data",
                browser=True,
                participant="p9",
                browser_flags=flags,
                stop=stop,
                announce=lines.append,
            )
        )

    thread = threading.Thread(target=run)
    thread.start()
    try:
        port = debugging_port(tmp_path / "data.recording")
        browser = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
        opened = RecordedBrowser(browser.contexts[0], None)
        opened.consent("p9")
        page = opened.open(site.address)
        page.click("#a")
        page.click("#b")
        page.wait_for_timeout(300)
        browser.new_browser_cdp_session().send("Browser.close")
    finally:
        thread.join(60)
        stop.set()
        thread.join(60)
    assert reports and reports[0] is not None, lines
    (session,) = DataSet.open(tmp_path / "data")
    assert session.user_id == "p9"
    assert [step.action.name for step in session.steps][:2] == ["add", "buy"]
    assert session.outcome == "terminate"
    assert not list((tmp_path / "data.recording").glob("profile-*"))


def free_port() -> int:
    from facsim.util.localhost import bind_localhost

    with bind_localhost(0) as listener:
        return int(listener.getsockname()[1])


def debugging_port(folder: Path) -> int:
    import time

    for _ in range(600):
        for file in folder.glob("profile-*/DevToolsActivePort"):
            lines = file.read_text().splitlines()
            if lines:
                return int(lines[0])
        time.sleep(0.1)
    raise AssertionError("Chromium did not start")


def test_a_study_says_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    text = "title: T\nresearcher: R\ncontact: C\npurpose: P\nsites: [{site}]\n"
    file.write_text(text.format(site="https://shop.example"))
    assert Study.read(file).sites == ("https://shop.example/*",)
    for site in ("<all_urls>", '"*://*/*"', "shop.example", "file:///etc/*", "https://*/*"):
        file.write_text(text.format(site=site))
        with pytest.raises(ConfigError, match="not the address of a site"):
            Study.read(file)
    file.write_text(text.format(site="https://shop.example") + "start: https://other.example/\n")
    with pytest.raises(ConfigError, match="not on one of the sites"):
        Study.read(file)


@pytest.mark.parametrize(
    ("site", "url", "covered"),
    [
        ("https://shop.example/*", "https://shop.example/cart?x=1#y", True),
        ("https://shop.example/*", "http://shop.example/", False),
        ("https://shop.example/*", "https://shop.example.evil.example/", False),
        ("https://shop.example/*", "https://evil.example/?https://shop.example/", False),
        ("https://*.shop.example/*", "https://www.shop.example/", True),
        ("https://*.shop.example/*", "https://shop.example/", True),
        ("https://*.shop.example/*", "https://notshop.example/", False),
        ("https://shop.example/shop/*", "https://shop.example/account", False),
        ("http://127.0.0.1:8000/*", "http://127.0.0.1:8000/search?q=a", True),
        ("http://127.0.0.1:8000/*", "http://127.0.0.1:8001/", False),
        ("https://shop.example/*", "https://shop.example:8443/", True),
        ("https://shop.example/*", "https://user@shop.example/", True),
        ("https://shop.example/*", "https://[broken", False),
    ],
)
def test_which_addresses_a_site_covers(site: str, url: str, covered: bool) -> None:
    assert study_of(site).covers(url) is covered


def test_without_a_display_the_lab_says_so(
    site: SmallSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not CHROMIUM:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match="needs a display"):
        record(study_of(site.address, port=free_port()), tmp_path / "data", browser=True)
    assert not list((tmp_path / "data.recording").glob("profile-*"))
