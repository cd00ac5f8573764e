"""The viewer in a real Chromium: used with keys alone, at two widths, and full of hostile content."""

from __future__ import annotations

import importlib.resources
import importlib.util
import io
import json
import re
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from payloads import EVIL, PAYLOADS
from viewing import HOME, RESULTS, served, write_data, write_run
from watched_viewer import DESK, PHONE, watched

from facsim.schema import Action, Prediction, Session, Step, Truth

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_a_session_is_replayed_with_keys_alone(chromium: Browser, viewer: str) -> None:
    from playwright.sync_api import expect

    with watched(chromium, viewer) as view:
        page = view.page
        view.open("/?outcome=purchase")
        page.keyboard.press("/")
        page.keyboard.type("sturdy")
        page.keyboard.press("Enter")
        page.wait_for_url("**q=sturdy**")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.innerText") == "s03"
        page.keyboard.press("Enter")
        page.wait_for_url("**/session?**")
        assert view.step == "Step 2 / 3"
        page.evaluate("window.same = true")
        page.keyboard.press("ArrowRight")
        expect(page.locator(".where")).to_contain_text("3 / 3")
        assert "step=3" in page.url
        assert "Leave the site" in page.locator(".did").inner_text()
        page.keyboard.press("Home")
        expect(page.locator(".where")).to_contain_text("1 / 3")
        page.keyboard.press("ArrowLeft")  # there is none before
        page.keyboard.press("]")
        expect(page.locator("h1")).to_have_text("s06")
        assert view.step == "Step 2 / 3"  # where the search found it
        page.keyboard.press("n")
        expect(page.locator("[data-names]")).to_have_text("Hide names")
        assert page.evaluate("window.same"), "the page was loaded anew"
        page.go_back()
        page.go_back()
        expect(page.locator("h1")).to_have_text("s03")
        assert "1 /" in view.step
        page.keyboard.press("u")
        page.wait_for_selector("[data-row]")
        assert "q=sturdy" in page.url and "outcome=purchase" in page.url
        assert view.faults == []


def test_every_control_is_reached_and_shows_that_it_is(chromium: Browser, viewer: str) -> None:
    with watched(chromium, viewer) as view:
        view.open("/session?id=s03&step=2")
        # Noted by the page itself: focus leaves a frame some time after the key was pressed.
        view.page.evaluate(
            """() => { window.reached = []; document.addEventListener("focusin", ({ target }) => {
            const ring = getComputedStyle(target).outlineStyle !== "none" || target.matches("iframe");
            reached.push([target.tagName, target.innerText?.slice(0, 30).trim() ?? "", ring]); }); }"""
        )
        for _ in range(150):
            view.page.keyboard.press("Tab")
            found = view.page.evaluate("reached")
            if any(text == "JSON" for _, text, _ in found):
                break
        assert [each for each in found if not each[2]] == [], "no ring around these"
        reached = {text for _, text, _ in found}
        assert {"Skip to content", "← All sessions", "→", "Show names", "JSON", "Next →"} <= reached


def test_the_acted_element_is_in_view_and_a_model_s_on_demand(chromium: Browser, viewer: str) -> None:
    with watched(chromium, viewer) as view:
        page = view.page
        view.open("/session?id=s03&step=2")
        frame = page.frame_locator("iframe")
        for flag in ("person", "run-1", "best"):
            if flag != "person":
                page.locator(f"[data-goto={flag}]").first.click()
                page.wait_for_timeout(200)
            box, inside = frame.locator(f"#{flag}").bounding_box(), page.locator("iframe").bounding_box()
            assert box and inside
            assert inside["y"] <= box["y"] <= inside["y"] + inside["height"] - 20, flag
        assert view.faults == []


@pytest.mark.parametrize(("size", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone"])
def test_axe_finds_nothing(chromium: Browser, viewer: str, size: dict[str, int], scheme: str) -> None:
    if not importlib.util.find_spec("axe_playwright_python"):
        pytest.skip("axe is not installed (pip install axe-playwright-python)")
    axe = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    with watched(chromium, viewer, size, color_scheme=scheme, bypass_csp=True) as view:
        for path in (
            "/",
            "/session?id=s03&step=2",
            "/prompt?id=s03&step=2&run=A",
            "/nowhere",
        ):
            view.open(path)
            view.page.evaluate(axe)
            found = view.page.evaluate("axe.run(document, {iframes: false})")
            told = [(fault["id"], fault["nodes"][0]["html"][:200]) for fault in found["violations"]]
            assert told == [], f"{path}: {json.dumps(told, indent=1)}"
            assert not view.overflows(), path


def test_the_theme_is_chosen_and_kept(chromium: Browser, viewer: str) -> None:
    with watched(chromium, viewer, color_scheme="light") as view:
        view.open("/session?id=s03&step=2")
        before = view.page.evaluate("getComputedStyle(document.body).backgroundColor")
        view.page.get_by_role("button", name="Use dark colours").click()
        after = view.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert before != after
        view.open("/")
        assert view.page.evaluate("getComputedStyle(document.body).backgroundColor") == after
        assert view.faults == []


def test_it_works_without_scripts(chromium: Browser, viewer: str) -> None:
    with watched(chromium, viewer, java_script_enabled=False) as view:
        view.open("/")
        view.page.locator("[name=q]").fill("sturdy")
        view.page.get_by_role("button", name="Show").click()
        view.page.get_by_role("link", name="s02").click()
        view.page.get_by_label("Next step").click()
        assert view.step == "Step 3 / 3"


def test_a_step_is_drawn_as_a_picture(chromium: Browser, viewer: str) -> None:
    with watched(chromium, viewer) as view:
        drawn = view.page.request.get(f"{viewer}/step.png?id=s03&step=2")
        assert drawn.status == 200 and drawn.headers["content-type"] == "image/png"
        width, height = struct.unpack(">II", drawn.body()[16:24])
        assert width == 1600 and 1000 <= height <= 3000
        assert len(set(io.BytesIO(drawn.body()).read())) > 200, "an empty picture"


# ---- hostile content --------------------------------------------------------------------------------------


def hostile_session(number: int, payload: str) -> tuple[Session, list[str]]:
    """A session that has a payload wherever a text can stand."""
    name = f"{payload[:200]}.{number}"
    truth = Truth(0.1, 0.5, Action.type_and_submit(name, payload), 1.0)
    common: dict[str, Any] = {
        "rationale": payload,
        "rationale_source": "human",
        "url": payload,
        "truth": truth,
        "category": payload[:60],
        "elapsed": 1.0,
    }
    steps = (
        Step("", Action.type_and_submit("search_input", payload), **common),
        Step("", Action.click(name), **common),
        Step("", Action.terminate(), **common),
    )
    quoted = name.replace("&", "&amp;").replace('"', "&quot;")
    page = f'{payload}<a name="{quoted}" href="javascript:{payload[:50].replace(chr(34), "")}">{payload[:100]}</a>'
    pages = [HOME.replace("Welcome", payload), page, RESULTS.replace("Mug number 3<", f"{payload}<")]
    session = Session(
        f"{number}{payload[:3000]}",
        payload,
        steps,
        persona=payload,
        intent=payload,
        outcome="terminate",
        site=payload,
        persona_fields=json.dumps({"name": payload}),
    )
    return session, pages


def hostile_answer(session: Session, step: int) -> Prediction:
    payload = session.user_id
    if step == 2:
        return Prediction(None, parse="failed", answer=payload, error=payload, rationale=payload)
    predicted = Action.type_and_submit(session.steps[1].action.name, payload)
    return Prediction(
        predicted, rationale=payload, parse="lenient", answer=payload, probabilities={predicted: 1}
    )


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    folder = tmp_path_factory.mktemp("hostile")
    data = write_data(folder / "data", [hostile_session(n, payload) for n, payload in enumerate(PAYLOADS)])
    odd = folder / "<img src=x onerror=alert(1)>{{7*7}}"
    runs = [write_run(path, data, hostile_answer).path for path in (odd, folder / '"onfocus="alert(1)')]
    with served(data.path, runs) as address:
        yield address, [session.session_id for session in data]


@pytest.mark.parametrize("part", range(4))
def test_nothing_hostile_runs_loads_or_breaks_the_layout(
    chromium: Browser, hostile: tuple[str, list[str]], part: int
) -> None:
    address, ids = hostile
    assert len(ids) == len(PAYLOADS) == 50
    with watched(chromium, address, PHONE if part % 2 else DESK) as view:
        view.open("/" if part < 2 else "/?page=2")
        assert not view.overflows()
        for number in range(part, 50, 4):
            view.open(f"/session?{urlencode({'id': ids[number], 'step': number % 3 + 1})}")
            assert view.step == f"Step {number % 3 + 1} / 3"
            assert view.page.evaluate("window.PWNED") is None
            assert not view.overflows(), f"payload {number}"
            shown = view.page.locator(".did").bounding_box()
            assert shown and shown["width"] > 250 and shown["x"] >= 0
            assert view.faults == [], f"payload {number}: {view.faults}"
        prompted = (0, 5, 38, 46)[part]
        view.open(f"/prompt?{urlencode({'id': ids[prompted], 'step': 1})}")
        assert view.page.locator("pre").count() > 1
        assert not view.overflows()
        assert view.faults == []


def test_hostile_texts_are_shown_as_they_are(chromium: Browser, hostile: tuple[str, list[str]]) -> None:
    address, _ = hostile
    with watched(chromium, address) as view:
        view.open("/?q=PWNED&page=1")
        assert view.page.locator("[data-row]").count() == sum(
            "pwned" in payload.lower() for payload in PAYLOADS
        )
        view.open("/?q=%7B%7B+7*7")
        assert "{{ 7*7 }} {% raw %}" in view.page.locator(".about").first.inner_text()
        view.page.locator("[data-row]").first.click()
        view.page.wait_for_url("**/session?**")
        assert "{{ 7*7 }}" in view.page.locator(".did").inner_text()
        assert "{{7*7}}" in view.page.locator(".legend").inner_text()
        assert view.faults == []


def test_another_site_cannot_read_or_frame_the_viewer(chromium: Browser, viewer: str) -> None:
    port = int(re.findall(r":(\d+)", viewer)[0])
    with watched(chromium, viewer) as view:
        page = view.page
        page.route(
            f"http://{EVIL}/**",
            lambda route: route.fulfill(body="<title>evil</title>", content_type="text/html"),
        )
        page.goto(f"http://{EVIL}/")
        read = page.evaluate(
            "address => fetch(address).then(answer => answer.text()).catch(error => 'refused')", f"{viewer}/"
        )
        assert read == "refused"
        framed = page.evaluate(
            """address => new Promise(done => { const frame = document.createElement("iframe"); frame.src = address;
            frame.onload = () => done(frame.contentDocument === null); document.body.append(frame); })""",
            f"{viewer}/",
        )
        assert framed  # an error page of the browser, which this site cannot look into
        inside = [frame for frame in page.frames if frame != page.main_frame]
        assert all("sessions" not in (frame.content() if not frame.is_detached() else "") for frame in inside)
    assert port
