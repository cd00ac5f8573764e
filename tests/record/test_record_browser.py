"""Real Chromium on the shop: what the person did is what the data set says."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

from recorded_browser import RecordedBrowser, close
from running_shop import RunningShop
from viewing import served

from facsim import build_report, evaluate
from facsim.data import DataSet
from facsim.data.audit import audit
from facsim.page import simplify


def test_a_visit_becomes_a_session(browser: RecordedBrowser, shop: RunningShop, tmp_path: Path) -> None:
    page = browser.open(shop.address)
    names_live = [element.name for element in simplify(page.content()).elements]
    page.get_by_role("searchbox").first.click()
    page.keyboard.type("work shoes", delay=5)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search**")
    link = page.locator("main a[href^='/product/']").filter(has_text=re.compile("[a-z]")).first
    title = link.inner_text()
    link.click()
    page.wait_for_url("**/product/**")
    page.go_back()
    page.wait_for_url("**/search**")
    close(page)
    browser.wait_until_delivered()

    assert browser.recording.write() is not None
    data = DataSet.open(browser.recording.out)
    (session,) = data
    typed, clicked, left = session.steps
    assert (session.user_id, session.intent, session.outcome) == ("p1", "Buy shoes", "terminate")
    assert not session.censored
    assert typed.action.type == "type_and_submit"
    assert (typed.action.text, typed.submitted) == ("work shoes", True)
    first = data.page(typed.page_id)
    assert [element.name for element in first.elements] == names_live
    assert first.by_name[typed.action.name].role == "searchbox"
    assert clicked.action.type == "click"
    assert data.page(clicked.page_id).by_name[clicked.action.name].text == title
    assert left.action.type == "terminate"
    assert [step.url.removeprefix(shop.address).partition("?")[0] for step in session.steps] == [
        "/",
        "/search",
        "/search",
    ]
    found = audit(data)
    assert not found.failed, found.findings
    assert not [finding for finding in found.findings if "name" in finding.check]

    run = evaluate(data, "baseline:always-terminate", part="all", run_dir=tmp_path / "run")
    assert run.metrics["accuracy"].value == 0.5  # of the two steps after the first
    assert "always-terminate" in build_report([run]).to_html()
    with served(browser.recording.out, [tmp_path / "run"]) as address:
        shown = urlopen(f"{address}/session?{urlencode({'id': session.session_id})}").read().decode()
    assert "work shoes" in shown
