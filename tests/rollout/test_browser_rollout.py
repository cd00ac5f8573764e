"""The loop in a real browser: the shop as in process, and sites that misbehave."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import subprocess
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM
from hostile_site import HostileSite, hostile_site

from facsim.data import DataSet
from facsim.rollout import BrowserOptions, Rollout, SimulatedPerson, rollout
from facsim.schema import Action, Page, Prediction, SessionSoFar, Step
from facsim.shop import sample
from facsim.util.errors import ConfigError
from facsim.util.progress import no_progress

pytestmark = pytest.mark.skipif(
    not CHROMIUM or not importlib.util.find_spec("playwright"), reason="no Chromium or no Playwright here"
)

QUICK = BrowserOptions(quiet_seconds=0.15, page_seconds=6)
NOT_SIMULATED = ("rationale", "rationale_source", "timestamp", "elapsed")


@pytest.fixture(scope="module")
def site() -> Iterator[HostileSite]:
    with hostile_site() as running:
        yield running


def assert_same_as_sample(sampled: DataSet, rolled: Rollout) -> None:
    left, right = (data.steps.drop(NOT_SIMULATED) for data in (sampled, rolled.data))
    for name in left.columns:
        assert left[name].equals(right[name], null_equal=True), name
    assert sampled.sessions["outcome"].equals(rolled.data.sessions["outcome"])


def shop_in_browser(sessions: int, seed: int, folder: Path) -> None:
    sampled = sample(sessions, seed, folder / "sampled")
    rolled = rollout(
        "shop",
        "oracle:",
        sessions=sessions,
        seed=seed,
        out=folder / "rolled",
        browser=BrowserOptions(quiet_seconds=0.15, page_seconds=60),
        progress=no_progress,
    )
    assert not rolled.failures
    assert_same_as_sample(sampled, rolled)


def test_the_shop_in_the_browser_gives_the_sessions_of_shop_sample(tmp_path: Path) -> None:
    shop_in_browser(2, 5, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_two_hundred_sessions_in_the_browser_are_those_of_shop_sample(tmp_path: Path) -> None:
    shop_in_browser(200, 9, tmp_path)


class Script:
    """Clicks the element with a text, or types into it, step by step; then leaves."""

    spec, concurrency = "script", 1

    def __init__(self, *steps: str | tuple[str, str] | Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.steps = list(steps)
        self.seen: list[str] = []
        self.asked = 0

    def settings(self):
        return {}

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        self.asked += 1
        lines = [line.text for line in so_far.page.outline.lines if line.heading]
        self.seen.append(lines[0] if lines else "")
        if not self.steps:
            return Prediction(Action.terminate())
        step = self.steps.pop(0)
        text, typed = step if isinstance(step, tuple) else (step, None)
        names = [
            element.name
            for element in so_far.page.elements
            if text in (element.text, element.name.rpartition(".")[2])
        ]
        name = names[0] if names else text
        return Prediction(Action.click(name) if typed is None else Action.type_and_submit(name, typed))

    async def close(self) -> None:
        pass


def visit(
    site: HostileSite, out: Path, *steps, kind: type[Script] = Script, options: BrowserOptions = QUICK, **more
) -> tuple[Rollout, Script]:
    script = kind(*steps)
    people = [SimulatedPerson("s", "u", persona="Somebody", intent="to look around")]
    url = more.pop("url", site.address + "/")
    rolled = rollout(
        url, script, sessions=1, people=people, out=out, browser=options, progress=no_progress, **more
    )
    return rolled, script


class Scripts:
    """Each session has a script of its own."""

    spec, concurrency = "scripts", 1

    def __init__(self, scripts: dict[str, Script]) -> None:
        self._scripts = scripts

    def settings(self):
        return {}

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        return await self._scripts[so_far.session_id].predict(so_far)

    async def close(self) -> None:
        pass


class SlowWhenItVanishes(Script):
    """Thinks for longer than the element stays."""

    async def predict(self, so_far):
        prediction = await super().predict(so_far)
        if self.seen[-1] == "Vanish":
            await asyncio.sleep(2)
        return prediction


class Visits:
    """Sessions in one browser, which takes longest to start.

    Attributes:
        scripts: by session id, with what they saw.
        rolled: the rollout.
    """

    def __init__(self, site: HostileSite, out: Path) -> None:
        self.scripts = {
            "tabs": Script("Plain", "Home", "New tab", "Home", "Confirm", "Go on", "Home", "Download"),
            "shown": Script("Hidden", "Menu", ("Name", "new name"), "Agree"),
            "tricks": Script("Tricks", "Visible"),
            "listens": Script("Hidden", "Tile", "Home", "Hidden", "red_shoe"),
            "slow": Script("Wait", ("Query", "tea"), "Home"),
            "frames": Script("Frames", "Beside", "Home"),
            "shadow": Script("Shadow", ("Inner", "tea"), "Home", "Shadow", "Deep"),
            "vanish": SlowWhenItVanishes("Vanish", "Fading"),
        }
        self.rolled = rollout(
            site.address + "/",
            Scripts(self.scripts),
            sessions=len(self.scripts),
            people=[SimulatedPerson(name, name) for name in self.scripts],
            out=out,
            browser=BrowserOptions(quiet_seconds=0.15, page_seconds=40),
            progress=no_progress,
        )
        report = json.loads(failure_of(out))
        self._rows = {row["session_id"]: row for row in report["sessions"]}

    def seen(self, name: str) -> list[str]:
        """The headings of the pages of a session."""
        return self.scripts[name].seen

    def steps(self, name: str) -> Sequence[Step]:
        return self.rolled.data.session(name).steps

    def page(self, name: str, step: int) -> Page:
        return self.rolled.data.page(self.steps(name)[step].page_id)

    def failures(self, name: str) -> list[tuple[str, str]]:
        """Kind and message of what went wrong in a session that the person ended by leaving."""
        assert self._rows[name]["end"] == "terminate"
        return [(one["kind"], one["message"]) for one in self._rows[name].get("failures", ())]


@pytest.fixture(scope="module")
def visits(site: HostileSite, tmp_path_factory: pytest.TempPathFactory) -> Visits:
    return Visits(site, tmp_path_factory.mktemp("visits") / "out")


def failure_of(out: Path) -> str:
    return (out / "rollout.json").read_text()


def test_links_tabs_dialogs_and_downloads(site: HostileSite, visits: Visits) -> None:
    assert visits.seen("tabs") == [
        "Home",
        "Plain",
        "Home",
        "Plain",
        "Home",
        "Confirm",
        "Plain",
        "Home",
        "Home",
    ]
    assert not visits.failures("tabs")
    assert visits.rolled.data.session("tabs").site == "127.0.0.1"
    assert visits.steps("tabs")[1].url == f"{site.address}/plain"


def test_the_page_is_what_the_browser_shows(visits: Visits) -> None:
    pages = [visits.page("shown", step) for step in range(len(visits.steps("shown")))]
    shut, opened, typed, agreed = pages[1:5]
    texts = [{element.text for element in page.elements} for page in pages]
    assert "Inside" not in texts[1] and "Inside" in texts[2]
    values = [
        next(element.value for element in page.elements if element.text == "Name" or "name" in element.name)
        for page in (shut, opened, typed, agreed)
    ]
    assert values == ["old", "old", "new name", "new name"]
    assert [element.states for element in agreed.elements if "agree" in element.name] == [
        frozenset({"checked"})
    ]
    assert visits.seen("tricks") == ["Home", "Tricks", "Tricks"]


def test_what_only_listens_for_clicks_is_clicked(visits: Visits) -> None:
    assert visits.seen("listens") == ["Home", "Hidden", "Plain", "Home", "Hidden", "Plain"]


def test_a_page_that_is_never_quiet_is_taken_as_it_is(site: HostileSite, tmp_path: Path) -> None:
    options = BrowserOptions(quiet_seconds=0.1, page_seconds=1.5)
    rolled, script = visit(site, tmp_path / "a", "Never quiet", "Leave", options=options)
    assert script.seen == ["Home", "Never", "Plain"] and rolled.ends == {"terminate": 1}


@pytest.mark.parametrize(
    ("link", "message"),
    [("Hang", "does not respond"), ("Alerts", "one dialog after another|does not respond")],
)
def test_a_page_that_hangs_ends_its_session_only(
    site: HostileSite, tmp_path: Path, link: str, message: str
) -> None:
    options = BrowserOptions(quiet_seconds=0.1, page_seconds=1.5)
    rolled, _ = visit(site, tmp_path / "a", link, options=options)
    assert rolled.ends == {"site": 1}
    (session,) = rolled.data
    assert session.censored and session.outcome is None and len(session.steps) == 1
    import re

    assert re.search(message, failure_of(tmp_path / "a"))


def test_what_cannot_be_reached_is_counted(site: HostileSite, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("facsim.rollout.browser_environment._ACTION_SECONDS", 4.0)
    rolled, script = visit(site, tmp_path / "a", "Gone", "Vanishing", "Staying", "Nonsense")
    assert rolled.ends == {"failed": 1}
    assert rolled.failures == {"not_possible": 2, "not_on_page": 1}
    assert "intercepts pointer events" in failure_of(tmp_path / "a")
    # An endless redirect leads nowhere; the person stays where they were, or the session ends.
    rolled, script = visit(site, tmp_path / "b", "Loop")
    assert rolled.ends in ({"site": 1}, {"terminate": 1})
    assert script.seen[0] == "Home"


def test_nothing_leaves_the_list_of_hosts(site: HostileSite, tmp_path: Path) -> None:
    rolled, script = visit(
        site, tmp_path / "a", "Outside", "Redirect outside", "Away", "File", "Data", "Evil", "Leak"
    )
    assert set(script.seen) == {"Home", "Away"}
    assert not any("evil" in request for request in site.requests)
    for step in rolled.data.session("s").steps:
        assert step.url.startswith(site.address)
        html = rolled.data.page(step.page_id).html
        assert "root:" not in html and "data</h1>" not in html
    # Another port of this machine is another host.
    with hostile_site() as other:
        people = [SimulatedPerson("s", "u")]
        script = Script()
        here = BrowserOptions(quiet_seconds=0.1, page_seconds=3)
        rolled = rollout(
            site.address.replace("127.0.0.1", "localhost") + "/",
            script,
            sessions=1,
            people=people,
            out=tmp_path / "b",
            browser=here,
            progress=no_progress,
        )
        assert rolled.ends == {"terminate": 1} and not other.requests


def test_nothing_is_paid_outside_loopback(site: HostileSite, tmp_path: Path, monkeypatch) -> None:
    # The site is on loopback; the rule for other hosts is made to apply.
    monkeypatch.setattr("facsim.rollout.browser_pool.is_loopback", lambda host: False)
    posts = "POST " + site.address.removeprefix("http://") + " /checkout/confirm"
    options = BrowserOptions(quiet_seconds=0.1, page_seconds=6, rate=50)
    for number, step in enumerate(("Place your order", ("Card", "4111"))):
        rolled, _ = visit(site, tmp_path / str(number), "Pay page", step, options=options)
        assert rolled.ends == {"purchase": 1} and site.requests[posts] == 0
        assert rolled.data.session("s").outcome == "purchase"
    allowed = BrowserOptions(
        quiet_seconds=0.1, page_seconds=6, rate=50, allow_purchase=(site.address.removeprefix("http://"),)
    )
    rolled, _ = visit(site, tmp_path / "allowed", "Pay page", "Place your order", options=allowed)
    assert rolled.ends == {"purchase": 1} and site.requests[posts] == 1


def test_actions_keep_to_the_rate_of_the_host(site: HostileSite, tmp_path: Path) -> None:
    import time

    options = BrowserOptions(quiet_seconds=0.05, page_seconds=6, rate=1.0)
    began = time.monotonic()
    visit(site, tmp_path / "a", "Plain", "Home", "Plain", options=options)
    assert time.monotonic() - began > 3


def kill_browser() -> None:
    """Kill the Chromium that this process started."""

    def children(pid: object, words: str) -> list[int]:
        command = ["pgrep", "-P", str(pid), "-f", words]
        return [
            int(found) for found in subprocess.run(command, capture_output=True, text=True).stdout.split()
        ]

    browsers = [
        pid for driver in children(os.getpid(), "playwright|node") for pid in children(driver, "chrom")
    ]
    assert browsers, "no browser of this process"
    for pid in browsers:
        os.kill(pid, signal.SIGKILL)


def test_a_killed_browser_is_replaced_and_nothing_asked_twice(site: HostileSite, tmp_path: Path) -> None:
    class Killer(Script):
        async def predict(self, so_far):
            if self.asked == 1:
                kill_browser()
                await asyncio.sleep(0.5)
            return await super().predict(so_far)

    rolled, script = visit(site, tmp_path / "a", "Plain", "Home", kind=Killer)
    assert rolled.ends == {"terminate": 1} and script.asked == rolled.answers == 3
    assert [step.action.type for step in rolled.data.session("s").steps] == ["click", "click", "terminate"]


def test_an_order_is_placed_once_even_if_the_browser_dies(site: HostileSite, tmp_path: Path) -> None:
    posts = "POST " + site.address.removeprefix("http://") + " /checkout/confirm"
    before = site.requests[posts]
    site.on_post = kill_browser
    try:
        rolled, script = visit(site, tmp_path / "a", "Pay page", "Place your order")
    finally:
        site.on_post = None
    assert site.requests[posts] == before + 1
    assert rolled.ends == {"purchase": 1} and script.asked == 2


def test_a_login_is_taken_from_a_storage_state(site: HostileSite, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text(
        '{"cookies": [{"name": "login", "value": "anna", "domain": "127.0.0.1", "path": "/", "expires": -1,'
        ' "httpOnly": false, "secure": false, "sameSite": "Lax"}], "origins": []}'
    )
    options = BrowserOptions(quiet_seconds=0.1, page_seconds=6, storage_state=state)
    rolled, _ = visit(site, tmp_path / "a", "Plain", options=options)
    assert rolled.ends == {"terminate": 1} and site.cookies["login=anna"] >= 2


def test_a_slow_server_is_waited_for(site: HostileSite, visits: Visits) -> None:
    assert visits.seen("slow") == ["Home", "Wait", "Late", "Home"] and not visits.failures("slow")
    assert sum(count for asked, count in site.requests.items() if asked.endswith(" /late")) == 1


def test_frames_and_closed_shadow_roots_are_left_out_and_nothing_breaks(visits: Visits) -> None:
    assert visits.seen("frames") == ["Home", "Frames", "Plain", "Home"] and not visits.failures("frames")
    assert [element.text for element in visits.page("frames", 1).elements] == ["Beside"]


def test_open_shadow_roots_are_read_and_acted_in(site: HostileSite, visits: Visits) -> None:
    assert visits.seen("shadow") == ["Home", "Shadow", "Plain", "Home", "Shadow", "Plain"]
    assert not visits.failures("shadow")
    assert visits.steps("shadow")[2].url == f"{site.address}/plain?q=tea"


def test_an_element_that_goes_before_it_is_acted_on_is_counted(visits: Visits) -> None:
    ((kind, message),) = visits.failures("vanish")
    assert kind == "not_possible" and "is not on the page any more" in message


def test_bad_options_are_explained(site: HostileSite, tmp_path: Path) -> None:
    for options, message in (
        ({"allow_hosts": ("http://x/",)}, "host 'http://x/': expected a host such as"),
        ({"allow_hosts": ("*",)}, "expected a host such as"),
        ({"storage_state": tmp_path / "none.json"}, r"none\.json: no such file"),
        ({"rate": 0.0}, "rate 0.0: expected more than 0"),
    ):
        with pytest.raises(ConfigError, match=message):
            visit(site, tmp_path / "out", options=BrowserOptions(**options))
    with pytest.raises(ConfigError, match="say who goes there with --people"):
        rollout(site.address, Script(), sessions=1, out=tmp_path / "out", progress=no_progress)
    with pytest.raises(ConfigError, match="use concurrency, not workers"):
        visit(site, tmp_path / "out", workers=2)
    with pytest.raises(ConfigError, match="knows the shoppers of the embedded shop only"):
        rollout(
            site.address,
            "oracle:",
            sessions=1,
            people=[SimulatedPerson("s", "u")],
            out=tmp_path / "out",
            progress=no_progress,
        )
    rolled, _ = visit(site, tmp_path / "closed", url="http://127.0.0.1:9/", options=QUICK)
    assert rolled.ends == {"site": 1} and len(rolled.data) == 0
