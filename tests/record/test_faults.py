"""Faults and attacks: nothing recorded is lost, and nothing false gets in."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from recorded_browser import (
    RecordedBrowser,
    close,
    processes_of,
    recorded_browser,
    stored_labels,
)
from small_site import SmallSite, small_site

from facsim.data import DataSet
from facsim.record.extension_package import EXTENSION_ID
from facsim.record.recording import Recording

if TYPE_CHECKING:
    from playwright.sync_api import Page, Playwright

BUTTONS = "".join(f'<button id="b{number}">Button {number}</button>' for number in range(60))
HIDING = {
    "display": "none",
    "visibility": "hidden",
    "opacity": "0",
    "transform": "scale(0)",
    "clip-path": "inset(50%)",
}
HOSTILE = f"""<!doctype html><title>Hostile</title><button id="real">Real</button><a href="/" id="link">Link</a><input id="field">
<script>
  const attack = async () => {{
    const done = [];
    const attempt = async (name, act) => {{ try {{ done.push([name, await act()]); }} catch (error) {{ done.push([name, 'refused']); }} }};
    for (let i = 0; i < 5; i++) {{
      real.click();
      real.dispatchEvent(new PointerEvent('pointerdown', {{bubbles: true, composed: true}}));
      real.dispatchEvent(new MouseEvent('click', {{bubbles: true, composed: true, detail: 1}}));
      field.value = 'forged';
      field.dispatchEvent(new InputEvent('input', {{bubbles: true}}));
      field.dispatchEvent(new KeyboardEvent('keydown', {{key: 'Enter', bubbles: true}}));
    }}
    await attempt('message', () => new Promise((resolve, reject) => {{
      if (!window.chrome?.runtime?.sendMessage) return reject();
      chrome.runtime.sendMessage('{EXTENSION_ID}', {{what: 'document', doc: 'x'}}, answer =>
        chrome.runtime.lastError ? reject() : resolve(answer));
    }}));
    window.postMessage({{what: 'state', state: {{consented: false}}}}, '*');
    await attempt('globals', async () => {{ if (window.facsim) return 'visible'; throw 0; }});
    for (const headers of [{{}}, {{'Content-Type': 'application/json'}}, {{Authorization: 'Bearer x', 'Content-Type': 'application/json'}}])
      await attempt('fetch', async () => (await fetch(COLLECTOR + '/events', {{method: 'POST', headers, body: BODY}})).status);
    await attempt('no-cors', async () => {{ await fetch(COLLECTOR + '/events', {{method: 'POST', mode: 'no-cors', body: BODY}}); throw 0; }});
    navigator.sendBeacon(COLLECTOR + '/events', BODY);
    await attempt('config', async () => (await fetch('chrome-extension://{EXTENSION_ID}/config.json')).text());
    const frame = document.createElement('iframe');
    frame.src = 'chrome-extension://{EXTENSION_ID}/question.html#' + 'a'.repeat(24);
    document.body.append(frame);
    document.querySelector('facsim-recording')?.remove();
    return done;
  }};
</script>"""


@pytest.fixture(scope="module")
def site() -> Iterator[SmallSite]:
    row = "A row of a very long page. " * 25
    large = "".join(f"<p class='r{number}'>{number} {row}</p>" for number in range(15_000))
    pages = {
        "/": f"<!doctype html><title>Buttons</title>{BUTTONS}",
        "/large": f"<!doctype html><title>Large</title>{BUTTONS}{large}",
    }
    with small_site(pages | {"/hostile": HOSTILE}) as running:
        yield running


@contextmanager
def consenting_browser(
    playwright: Playwright, recording: Recording, tmp_path: Path
) -> Iterator[RecordedBrowser]:
    """A browser whose person takes part, and its collector."""
    with (
        recording.collector(0) as port,
        recorded_browser(playwright, recording, port, tmp_path / "profile") as browser,
    ):
        browser.consent()
        yield browser


def kill_worker(browser: RecordedBrowser, popup: Page) -> None:
    """Stop the extension's service worker at once."""
    session = browser.context.new_cdp_session(popup)
    session.send("ServiceWorker.enable")
    session.send("ServiceWorker.stopAllWorkers")
    session.detach()


def test_the_service_worker_may_die_at_any_point(
    playwright: Playwright, site: SmallSite, recording: Recording, tmp_path: Path
) -> None:
    with consenting_browser(playwright, recording, tmp_path) as browser:
        page, popup = browser.open(site.address), browser.popup()
        for number in range(8):
            if number % 2:
                kill_worker(browser, popup)
            page.click(f"#b{number}")
            if not number % 2:
                kill_worker(browser, popup)
        browser.wait_until_delivered(40)
        assert stored_labels(recording) == [f"Button {number}" for number in range(8)]


def test_a_killed_browser_and_an_absent_collector_lose_nothing(
    playwright: Playwright, site: SmallSite, recording: Recording, tmp_path: Path
) -> None:
    profile = tmp_path / "profile"
    collector = ExitStack()
    port = collector.enter_context(recording.collector(0))
    with recorded_browser(playwright, recording, port, profile) as browser:
        browser.consent()
        page = browser.open(site.address)
        page.click("#b0")
        browser.wait_until_delivered()
        collector.close()
        for number in range(1, 6):
            page.click(f"#b{number}")
        page.wait_for_timeout(1500)
        waiting = browser.in_worker(
            "async () => ({n: (await (await import('./queue.js')).keys()).length,"
            " ...await chrome.storage.session.get('problem')})"
        )
        for process in processes_of(profile):
            os.kill(process, signal.SIGKILL)
    assert waiting["n"] >= 5
    assert "collector does not answer" in waiting["problem"]
    with (
        recording.collector(port),
        recorded_browser(playwright, recording, port, profile) as again,
    ):
        again.wait_until_delivered(40)
    assert stored_labels(recording) == [f"Button {number}" for number in range(6)]
    assert recording.write() is not None
    (session,) = DataSet.open(recording.out)
    assert session.censored


@pytest.mark.slow
def test_haste_size_and_a_clock_set_back(
    playwright: Playwright, site: SmallSite, recording: Recording, tmp_path: Path
) -> None:
    with consenting_browser(playwright, recording, tmp_path) as browser:
        page = browser.open(site.address)
        centres = page.evaluate(
            "[...document.querySelectorAll('button')].map(b => { const r = b.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })"
        )
        session = browser.context.new_cdp_session(page)
        started = time.monotonic()
        for place in range(50):
            x, y = centres[place]
            for kind in ("mousePressed", "mouseReleased"):
                session.send(
                    "Input.dispatchMouseEvent",
                    {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1},
                )
        haste = time.monotonic() - started
        # As if an hour had passed before the clock was set back by it.
        browser.in_worker("() => chrome.storage.local.set({clock: Date.now() + 3600000})")
        page.goto(f"{site.address}/large", wait_until="commit", timeout=60_000)
        page.wait_for_selector("facsim-recording", state="attached", timeout=60_000)
        page.click("#b7", timeout=60_000)
        page.click("#b8", timeout=60_000)
        close(page)
        browser.wait_until_delivered(60)
        assert stored_labels(recording) == [
            *(f"Button {number}" for number in range(50)),
            "Button 7",
            "Button 8",
        ], haste
    stored = list(recording.store.events(recording.store.installations()[0]))
    assert (
        len(recording.store.html(next(one.page for one in reversed(stored) if one.event.kind == "action")))
        > 8_000_000
    )
    assert recording.write() is not None
    (session,) = DataSet.open(recording.out)
    times = [step.elapsed for step in session.steps]
    assert times == sorted(times)
    assert times[-1] < 600  # an hour that did not pass is not counted


def test_a_hostile_page_gets_nothing_in(
    playwright: Playwright, site: SmallSite, recording: Recording, tmp_path: Path
) -> None:
    with (
        recording.collector(0) as port,
        recorded_browser(playwright, recording, port, tmp_path / "profile") as browser,
    ):
        browser.consent()
        page = browser.open(f"{site.address}/hostile")
        before = recording.store.count()
        body = '{"installation": "' + "ab" * 12 + '", "events": []}'
        script = f"window.COLLECTOR = 'http://127.0.0.1:{port}'; window.BODY = '{body}'"
        page.evaluate(script)
        done = page.evaluate("attack()")
        assert {answer for _, answer in done} == {"refused"}, done
        page.wait_for_timeout(500)
        assert recording.token not in page.content()
        page.click("#real")
        page.wait_for_selector("facsim-recording", state="attached")  # the mark is back
        # Nor do styles of the page hide it.
        for name, value in HIDING.items():
            page.add_style_tag(content=f"facsim-recording {{ {name}: {value} !important }}")
            page.evaluate(
                "([name, value]) => document.querySelector('facsim-recording').style.setProperty(name, value, 'important')",
                [name, value],
            )
            computed = page.evaluate(
                "name => getComputedStyle(document.querySelector('facsim-recording')).getPropertyValue(name)",
                name,
            )
            assert computed != value, name
        browser.wait_until_delivered()
        assert stored_labels(recording) == ["Real"]
        assert recording.store.installations() == [recording.store.installations()[0]]
        assert recording.store.count() > before
        assert recording.store.count("rationale") == 0
