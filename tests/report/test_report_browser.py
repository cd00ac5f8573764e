"""The page in a real Chromium: drawn, whole, safe, within its width, usable without a mouse or scripts."""

from __future__ import annotations

import importlib.util
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from reporting import HOSTILE, altered, hostile, varied

from facsim import Report, build_report
from facsim.evaluation import Run
from facsim.report.palette import RUN_COLOURS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Made = Callable[..., Run]
WIDTHS = (400, 1600)

NAMES = (
    "<img src=x onerror=window.hacked=1>",
    "\u202e{{7*7}}\u202c<script>window.hacked=1<⁄script>",
    '" onload="window.hacked=1' + "W" * 150,
)


@pytest.fixture(scope="module")
def report(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return build_report(varied(made, tmp_path_factory.mktemp("runs")), published="opera")


@pytest.fixture(scope="module")
def page_file(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report.save(tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture(scope="module")
def hostile_file(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    data = "</title><script>window.hacked=1</script>" + "\u202e" + "D" * 300
    runs = [
        altered(
            made(
                folder / name,
                right=lambda session, step, index=index: (session + step + index) % 3 != 0,
                spec=f"endpoint:{HOSTILE[index]}",
                sessions=len(HOSTILE),
                cost=0.01,
                data=data,
            ),
            hostile,
        )
        for index, name in enumerate(NAMES)
    ]
    return build_report(runs).save(folder / "report.html")


@contextmanager
def opened(chromium: Browser, file: Path, **options: object) -> Iterator[tuple[Page, list[str]]]:
    """The page, and everything that went wrong or left it."""
    context = chromium.new_context(**options)
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
    page.on(
        "request",
        lambda request: None if request.url == file.as_uri() else wrong.append(f"asked: {request.url}"),
    )
    page.goto(file.as_uri())
    try:
        yield page, wrong
    finally:
        context.close()


def overflow(page: Page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_drawn_and_loads_nothing(chromium: Browser, page_file: Path, width: int, scheme: str) -> None:
    with opened(chromium, page_file, viewport={"width": width, "height": 900}, color_scheme=scheme) as (
        page,
        wrong,
    ):
        assert overflow(page) == 0
        for details in page.locator("details").all():
            details.evaluate("one => one.open = true")
        assert overflow(page) == 0
        # Every chart has marks with an area, in the colour of its run.
        charts = page.locator("main svg:not(svg svg)")
        assert charts.count() > 60
        empty = charts.evaluate_all(
            """charts => charts.filter(chart => !chart.querySelector('circle, rect') ||
                [...chart.querySelectorAll('circle, rect')].some(mark => {
                    const box = mark.getBoundingClientRect();
                    return !(box.width > 0 && box.height > 0) || getComputedStyle(mark).fill === 'rgb(0, 0, 0)';
                })).length"""
        )
        assert empty == 0
        for text in ("Click", "Published, not measured here", "Examples: where runs differ", "ECE"):
            assert page.get_by_text(text).first.is_visible()
        dot = page.locator("tr.best .interval .dot").first.evaluate("dot => getComputedStyle(dot).fill")
        light, dark = (f"rgb({int(c[1:3], 16)}, {int(c[3:5], 16)}, {int(c[5:], 16)})" for c in RUN_COLOURS[0])
        assert dot == (light if scheme == "light" else dark)
        assert wrong == []


def test_nothing_is_cut_off_or_overlaps(chromium: Browser, page_file: Path) -> None:
    with opened(chromium, page_file, viewport={"width": 1600, "height": 900}) as (page, _):
        # The leaderboard needs no scrolling where there is room.
        room = page.locator("#leaderboard .scroll").first.evaluate("box => box.scrollWidth - box.clientWidth")
        assert room == 0
        marks = page.locator("#along .plot").first.evaluate(
            """plot => [...plot.querySelectorAll('.letter')].map(text => text.getBoundingClientRect())
                .map(box => [box.top, box.bottom])"""
        )
        marks.sort()
        assert all(above[1] <= below[0] + 3 for above, below in itertools.pairwise(marks))


def test_tables_sort_by_keyboard(chromium: Browser, page_file: Path) -> None:
    with opened(chromium, page_file, viewport={"width": 1600, "height": 900}) as (page, wrong):
        board = page.locator("#leaderboard table").first

        def column(index: int) -> list[float]:
            cells = board.locator(f"tbody tr td:nth-child({index})").all()
            return [float(cell.get_attribute("data-value") or "nan") for cell in cells]

        clicks = [head.inner_text() for head in board.locator("thead th").all()].index("Click") + 1
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.innerText") == "Click":
                break
        page.keyboard.press("Enter")
        assert column(clicks) == sorted(column(clicks), reverse=True)
        page.keyboard.press("Space")
        assert column(clicks) == sorted(column(clicks))
        head = board.locator("thead th").nth(clicks - 1)
        assert head.get_attribute("aria-sort") == "ascending"
        assert wrong == []


def test_the_theme_can_be_turned(chromium: Browser, page_file: Path) -> None:
    with opened(chromium, page_file, color_scheme="light") as (page, wrong):
        paper = "getComputedStyle(document.body).backgroundColor"
        assert page.evaluate(paper) == "rgb(255, 255, 255)"
        page.get_by_role("button", name="Dark / light").press("Enter")
        assert page.evaluate(paper) == "rgb(20, 23, 28)"
        page.emulate_media(media="print")
        assert page.evaluate(paper) == "rgb(255, 255, 255)"
        assert not page.locator("nav").is_visible()
        assert wrong == []


def test_marks_say_what_they_are(chromium: Browser, page_file: Path) -> None:
    with opened(chromium, page_file, viewport={"width": 1600, "height": 900}) as (page, wrong):
        page.get_by_role("link", name="Predicted shares", exact=True).click()
        page.locator("#shares .bar rect").first.hover()
        assert page.locator(".tip").inner_text().endswith("%")
        assert wrong == []


def test_it_can_be_read_without_scripts(chromium: Browser, page_file: Path) -> None:
    with opened(chromium, page_file, java_script_enabled=False) as (page, wrong):
        assert page.get_by_role("heading", level=1).is_visible()
        assert page.locator("#leaderboard td.main").first.is_visible()
        assert page.get_by_role("button", name="Dark / light").count() == 0
        page.locator("summary").first.click()
        assert wrong == []


@pytest.mark.parametrize("width", WIDTHS)
def test_hostile_text_stays_text(chromium: Browser, hostile_file: Path, width: int) -> None:
    with opened(chromium, hostile_file, viewport={"width": width, "height": 900}) as (page, wrong):
        for details in page.locator("details").all():
            details.evaluate("one => one.open = true")
        page.mouse.wheel(0, 2000)
        for place in page.locator("main [onmouseover], main [onfocus], main [onload]").all():
            pytest.fail(place.inner_html())
        assert page.evaluate("window.hacked") is None
        assert overflow(page) == 0
        assert page.locator("script").count() == 2 and page.locator("style").count() == 1
        assert page.locator("h1").count() == 1
        assert (
            page.locator("img, iframe, object, embed, video, form, base, link, math, noscript").count() == 0
        )
        links = page.locator("a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
        assert all(link.startswith(("#", "http://127.0.0.1:8421/session?id=")) for link in links)
        text = page.locator("body").inner_text()
        for told in ("{{ 7 * 7 }}", "<img src=x onerror=window.hacked=1>", "\\u202e", "<!-- not closed"):
            assert told in text
        assert not any(mark in text for mark in "\u202e\u2066\u2067\u061c\x07\x1b")
        assert page.locator("section").count() == 14
        assert page.locator("footer").is_visible()
        assert wrong == []


def test_the_policy_lets_nothing_in(chromium: Browser, page_file: Path) -> None:
    with opened(chromium, page_file) as (page, wrong):
        policy = page.locator("meta[http-equiv]").get_attribute("content")
        assert "unsafe" not in policy and policy.startswith("default-src 'none'")
        blocked: list[str | None] = []
        page.on("requestfailed", lambda request: blocked.append(request.failure))
        # Even what gets into the page by other ways is stopped there.
        page.evaluate(
            """() => { const script = document.createElement('script'); script.textContent = 'window.hacked = 1';
                document.body.append(script); const image = new Image(); image.src = 'https://example.com/x.png';
                document.body.append(image); }"""
        )
        assert page.evaluate("window.hacked") is None
        page.wait_for_timeout(200)
        assert blocked == ["csp"]
        told = [one for one in wrong if not one.startswith("asked: ")]
        assert told and all("Content Security Policy" in one for one in told)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility(chromium: Browser, page_file: Path, scheme: str) -> None:
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("axe-core is not installed (pip install axe-playwright-python)")
    axe = (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")
    with opened(chromium, page_file, viewport={"width": 1600, "height": 900}, color_scheme=scheme) as (
        page,
        _,
    ):
        page.evaluate(axe)
        result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        serious = [
            (one["id"], one["impact"], [node["html"][:160] for node in one["nodes"][:3]])
            for one in result["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == []


def test_sections_fold_and_links_open_them(chromium: Browser, page_file: Path) -> None:
    with opened(chromium, page_file, viewport={"width": 1440, "height": 900}) as (page, wrong):
        folded = page.evaluate("document.documentElement.scrollHeight")
        assert not page.locator("#errors figure").is_visible()
        page.get_by_role("link", name="Errors", exact=True).click()
        page.locator("#errors figure").wait_for()
        page.get_by_role("button", name="Open all").click()
        assert page.locator("details.section:not([open])").count() == 0
        assert page.evaluate("document.documentElement.scrollHeight") > 1.5 * folded
        # Headings have permalinks.
        link = page.get_by_role("link", name="Link to Errors")
        assert link.get_attribute("href") == "#errors"
        assert wrong == []


def test_trivial_baselines_fold_into_one_line(chromium: Browser, made: Made, tmp_path: Path) -> None:
    for name, spec, right in (
        ("model", "test:made", 30), ("trivial-1", "baseline:markov-1", 20),
        ("trivial-2", "baseline:markov-2", 12), ("trivial-3", "baseline:repeat-last", 4),
    ):  # fmt: skip
        made(tmp_path / name, right=lambda session, _, right=right: session < right, spec=spec)
    file = build_report(sorted(tmp_path.iterdir())).save(tmp_path / "report.html")
    with opened(chromium, file) as (page, wrong):
        assert page.locator("#leaderboard tbody tr").count() == 4
        table = page.locator("#where table").first
        names = [row.inner_text() for row in table.locator("tbody tr:visible th").all()]
        assert names == ["Amodel", "Btrivial-1"]
        line = table.get_by_role("button", name="2 more trivial baselines, accuracy 10.0 to 30.0%")
        line.click()
        assert table.locator("tbody tr:visible th").count() == 4
        # Sorting takes all rows and drops the fold.
        table.get_by_role("button", name="click").click()
        assert table.locator("tbody tr:visible th").count() == 4
        assert table.locator("tbody.fold").count() == 0
        assert wrong == []


def test_data_and_configurations_are_downloads(chromium: Browser, page_file: Path) -> None:
    with opened(chromium, page_file, accept_downloads=True) as (page, wrong):
        found = {}
        for name in ("CSV", "JSON"):
            with page.expect_download() as download:
                page.get_by_role("button", name=name, exact=True).click()
            found[name] = (download.value.suggested_filename, Path(download.value.path()).read_text("utf-8"))
        assert found["CSV"][0] == "report.csv" and found["CSV"][1].startswith(
            "run,predictor,table,key,metric"
        )
        report = json.loads(found["JSON"][1])
        assert report["headline"]["title"] == page.locator("h1").inner_text()
        page.get_by_role("button", name="Open all").click()
        with page.expect_download() as download:
            page.get_by_role("button", name="Download config.json").first.click()
        assert json.loads(Path(download.value.path()).read_text("utf-8"))["identity"]["predictor"]
        assert '"format_version": 1' not in page.locator("main").inner_text()
        assert wrong == []


def test_tables_and_commands_can_be_copied(chromium: Browser, page_file: Path) -> None:
    with opened(chromium, page_file, permissions=["clipboard-read", "clipboard-write"]) as (page, wrong):
        page.locator("#leaderboard button.copy").first.click()
        lines = page.evaluate("navigator.clipboard.readText()").splitlines()
        assert lines[0].split("\t")[1:3] == ["Run", "Accuracy"]
        assert len({line.count("\t") for line in lines}) == 1
        assert any("tuned\t66.7" in line for line in lines)
        page.locator("#contrasts button.copy").first.click()
        assert page.evaluate("navigator.clipboard.readText()").startswith("facsim view ")
        assert wrong == []


def test_replays_may_be_on_another_port(chromium: Browser, page_file: Path) -> None:
    with opened(chromium, page_file) as (page, wrong):
        link = page.locator("a[data-replay]").first
        before = link.get_attribute("href")
        page.locator("[data-viewer]").fill("http://localhost:9000")
        assert link.get_attribute("href") == before.replace("http://127.0.0.1:8421", "http://localhost:9000")
        page.locator("[data-viewer]").fill("javascript:alert(1)")
        assert link.get_attribute("href").startswith("http://localhost:9000/session?id=")
        assert wrong == []


def test_paper_holds_everything_within_its_width(chromium: Browser, page_file: Path) -> None:
    """A4 landscape with 12 mm margins is 1032 pixels wide."""
    with opened(chromium, page_file, viewport={"width": 1032, "height": 700}) as (page, wrong):
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("details.section:not([open])").count() == 0
        wide = page.evaluate(
            """[...document.querySelectorAll('main *')].filter(one => one.checkVisibility()
                && one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
                .map(one => `${one.closest('section')?.id} ${one.tagName} ${one.className}`)"""
        )
        assert wide == []
        overlapping = page.evaluate(
            """[...document.querySelectorAll('main table')].filter(one => one.checkVisibility())
                .map(table => table.getBoundingClientRect())
                .filter((one, place, all) => all.some((other, index) => index > place && other.top < one.bottom - 1
                    && other.left < one.right - 1 && one.left < other.right - 1 && other.bottom > one.top)).length"""
        )
        assert overlapping == 0
        assert wrong == []
