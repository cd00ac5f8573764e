"""Playwright traces: recorded by the installed Playwright in Chromium, and written by hand."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running_shop import running_shop

from facsim.data import DataSet, IngestReport
from facsim.data.ingest import ingest
from facsim.shop.simulation import ShopSimulation
from facsim.util.errors import ConfigError, InputError


def read(path: Path, out: Path, **options: Any) -> tuple[DataSet, IngestReport]:
    report = ingest("playwright", path, out, **options)
    return DataSet.open(out), report


def actions(data: DataSet) -> list[tuple[str, str | None, str | None]]:
    return data.steps.select("action_type", "action_name", "action_text").rows()


def test_a_trace_of_the_shop(chromium: Any, tmp_path: Path) -> None:
    """Search, a filter, a product and the cart, as `facsim shop serve` shows them."""
    with running_shop(ShopSimulation(11, 50).store, tmp_path) as shop:
        context = chromium.new_context()
        context.tracing.start(snapshots=True)
        tab = context.new_page()
        tab.goto(shop.address)
        tab.locator("#q").press_sequentially("ket")
        tab.locator("#q").fill("kettle")
        tab.locator("#q").press("Enter")
        tab.wait_for_url("**/search**")
        seen = tab.locator("main a").filter(has_text="stars").first
        seen.click()
        tab.wait_for_load_state()
        tab.get_by_role("searchbox").fill("mug")
        tab.get_by_role("button", name="Search").click()
        tab.wait_for_load_state()
        context.tracing.stop(path=tmp_path / "shop.zip")
        context.close()
    data, report = read(tmp_path / "shop.zip", tmp_path / "data")
    found = actions(data)
    assert [(kind, text) for kind, _, text in found] == [
        ("type_and_submit", "kettle"),
        ("click", None),
        ("type_and_submit", "mug"),
        ("click", None),
    ]
    names = [name for _, name, _ in found]
    assert names[0] == names[2]
    assert "search" in str(names[0])
    assert "stars" in str(names[1])
    for step in data.steps.iter_rows(named=True):
        assert step["action_name"] in data.pages.page(step["page_id"])
    assert data.steps["submitted"].to_list() == [True, None, False, None]
    assert "/search?q=kettle" in data.steps["url"][1]
    assert data.steps["elapsed"].is_sorted()
    session = data.sessions.row(0, named=True)
    assert (session["session_id"], session["site"], session["censored"]) == ("shop", "127.0.0.1", True)
    assert report.read_counts["navigations"] == 1
    assert not report.repaired
    assert not report.noted


PAGE = """<!doctype html><style>.menu{display:none}.menu.open{display:block}</style>
<form><label>Gift <input type=checkbox id=gift></label><textarea aria-label=Note id=note></textarea>
<select id=sort aria-label=Sort><option value=p>Price<option value=r>Rating</select></form>
<div class=menu><a href="#deep">Deep link</a></div><button id=open onclick="document.querySelector('.menu').classList.add('open')">Menu</button>
<shop-box><span>Slotted</span></shop-box><iframe srcdoc="<button>Pay</button>"></iframe>
<script>const root = document.querySelector('shop-box').attachShadow({mode: 'open'});
root.innerHTML = '<button>Inside</button><slot></slot>'</script>"""


def test_targets_in_frames_shadow_roots_and_lists(chromium: Any, tmp_path: Path) -> None:
    context = chromium.new_context()
    context.tracing.start(snapshots=True)
    tab = context.new_page()
    tab.set_content(PAGE)
    tab.check("#gift")
    tab.fill("#note", "For <b>you</b>")
    tab.select_option("#sort", label="Rating")
    tab.click("#open")
    tab.get_by_text("Deep link").click()
    tab.get_by_role("button", name="Inside").click()
    tab.frame_locator("iframe").get_by_role("button").click()
    tab.hover("#open")
    with pytest.raises(Exception, match="Timeout"):
        tab.click("#nowhere", timeout=50)
    tab.mouse.click(5, 5)
    tab.locator("#open").press("Enter")
    context.tracing.stop(path=tmp_path / "t.zip")
    context.close()
    data, report = read(tmp_path / "t.zip", tmp_path / "data")
    assert actions(data) == [
        ("click", "gift", None),
        ("type_and_submit", "note", "For <b>you</b>"),
        ("click", "sort.rating", None),
        ("click", "menu", None),
        ("click", "deep_link", None),
        ("click", "inside", None),
        ("click", "pay", None),
        ("click", None, None),
        ("click", "menu", None),
    ]
    pages = [data.pages.page(page_id) for page_id in data.steps["page_id"]]
    assert "deep_link" not in pages[3]
    assert "checked" in pages[1].by_name["gift"].states
    assert pages[2].by_name["note"].value == "For <b>you</b>"
    assert pages[4].by_name["sort"].value == "Rating"
    assert report.repaired["action that failed: left out"].count == 1
    assert report.noted["mouse or keyboard action without an element: kept without a target"].count == 1


def snapshot(call: str, phase: str, html: Any, **more: Any) -> dict[str, Any]:
    named = {"snapshotName": f"{phase}@{call}", "callId": call}
    base = {
        "frameId": "f",
        "pageId": "p",
        "frameUrl": "https://shop.example/",
        "isMainFrame": True,
        "html": html,
    }
    return {"type": "frame-snapshot", "snapshot": {**base, **named, **more}}


def call(
    number: int, method: str, *, error: bool = False, ended: bool = True, **params: Any
) -> list[dict[str, Any]]:
    start = {"type": "before", "callId": f"call@{number}", "startTime": number, "class": "Frame"}
    start |= {"method": method, "params": params, "wallTime": 1_700_000_000_000 + number * 1000}
    end = {"type": "after", "callId": f"call@{number}"} | ({"error": {"message": "no"}} if error else {})
    return [start, end] if ended else [start]


def trace(file: Path, *events: Any, **files: str) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        options = {"type": "context-options", "version": 6, "browserName": "chromium"}
        archive.writestr("trace.trace", "\n".join(json.dumps(event) for event in (options, *events)))
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return file


MARKED = ["HTML", {}, ["BODY", {}, ["BUTTON", {"__playwright_target__": "call@1"}, "Buy"]]]


def test_references_to_earlier_snapshots(tmp_path: Path) -> None:
    events = [
        snapshot(
            "call@1", "before", ["HTML", {}, ["BODY", {}, ["P", {}, "one"], ["A", {"href": "/x"}, "Go"]]]
        ),
        # Nodes in post-order: "one", P, "Go", A, BODY, HTML
        snapshot(
            "call@1",
            "input",
            [
                "HTML",
                {},
                ["BODY", {}, [[1, 1]], ["A", {"href": "/x", "__playwright_target__": "call@1"}, [[1, 2]]]],
            ],
        ),
        *call(1, "click", selector="a"),
        snapshot("call@2", "before", [[1, 3]]),
        snapshot("call@2", "input", [[3, 5]]),
        *call(2, "click", selector="a"),
    ]
    data, report = read(trace(tmp_path / "t.zip", *events), tmp_path / "data")
    assert actions(data) == [("click", "go", None), ("click", None, None)]
    assert [page.html.count("one") for page in map(data.pages.page, data.steps["page_id"])] == [1, 1]
    assert data.steps["timestamp"][1].timestamp() == 1_700_000_002
    assert report.noted["target without a name: kept, counted as unreachable"].count == 1


HOSTILE: dict[str, tuple[Any, str]] = {
    "a reference to itself": ([[0, 0]], "no page"),
    "a reference to what comes later": ([[-1, 0]], "no page"),
    "a reference to no node": ([[1, 999]], "no page"),
    "references that are none": ([["x", None]], "no page"),
    "no tree": ("HTML", "no snapshot"),
    "a tag that is none": (
        [
            "HTML",
            {},
            ["IMG onerror=x", {}, "x"],
            ["BUTTON", {"a b": "1", "__playwright_target__": "call@1"}, "Buy"],
        ],
        "buy",
    ),
    "attributes that are none": (
        ["HTML", {}, ["BUTTON", {"x": 1, "__playwright_target__": "call@1"}, None, 17, "Buy"]],
        "buy",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_snapshots(name: str, tmp_path: Path) -> None:
    html, result = HOSTILE[name]
    good = [snapshot("call@0", "before", ["HTML", {}, ["BODY", {}, "x"]])]
    good += [snapshot("call@1", "input", html), *call(1, "click")]
    more = [
        snapshot("call@2", "input", json.loads(json.dumps(MARKED).replace("call@1", "call@2"))),
        *call(2, "click"),
    ]
    file = trace(tmp_path / "t.zip", *good, *more)
    if result == "no page":
        with pytest.raises(InputError, match="page is not HTML"):
            read(file, tmp_path / "data")
        return
    data, report = read(file, tmp_path / "data")
    expected = [("click", "buy", None)] * (1 if result == "no snapshot" else 2)
    assert actions(data) == expected
    assert ("action without a snapshot of its page: left out" in report.repaired) == (result == "no snapshot")


def test_a_tree_that_grows_with_every_snapshot_is_refused(tmp_path: Path) -> None:
    """Each snapshot has the one before it twice: 2^40 texts."""
    events: list[Any] = [snapshot("call@0", "before", ["HTML", {}, "a lot of text" * 100])]
    nodes = 1
    for number in range(40):
        events.append(snapshot("call@0", f"x{number}", ["HTML", {}, [[1, nodes]], [[1, nodes]]]))
        nodes = 0
    events += [snapshot("call@1", "input", [[1, 0]]), *call(1, "click")]
    with pytest.raises(InputError, match="suspiciously large"):
        read(trace(tmp_path / "t.zip", *events), tmp_path / "data")


def test_calls_that_failed_or_did_not_end(tmp_path: Path) -> None:
    events = [
        snapshot("call@1", "input", MARKED),
        *call(1, "click"),
        snapshot("call@2", "before", MARKED),
        *call(2, "click", error=True),
        snapshot("call@3", "before", MARKED),
        *call(3, "click", ended=False),
        *call(4, "click"),
        *call(5, "waitForSelector"),
    ]
    data, report = read(trace(tmp_path / "t.zip", *events), tmp_path / "data")
    assert len(data.steps) == 1
    assert {kind: tally.count for kind, tally in report.repaired.items()} == {
        "action that failed: left out": 1,
        "action that has no end: left out": 1,
        "action without a snapshot of its page: left out": 1,
    }


def test_keys_and_texts_in_one_field_are_one_action(tmp_path: Path) -> None:
    def field(number: int) -> Any:
        return snapshot(
            f"call@{number}",
            "input",
            ["HTML", {}, ["INPUT", {"aria-label": "Q", "__playwright_target__": f"call@{number}"}]],
        )

    keyed = [
        ("type", {"text": "te"}),
        ("press", {"key": "x"}),
        ("press", {"key": "Backspace"}),
        ("press", {"key": "a"}),
    ]
    keyed += [("press", {"key": "Enter"}), ("press", {"key": "Tab"}), ("fill", {"value": "cup"})]
    events: list[Any] = []
    for number, (method, params) in enumerate(keyed, start=1):
        events += [field(number), *call(number, method, selector="#q", **params)]
    data, _ = read(trace(tmp_path / "t.zip", *events), tmp_path / "data")
    assert actions(data) == [("type_and_submit", "q", "tea"), ("type_and_submit", "q", "cup")]
    assert data.steps["submitted"].to_list() == [True, False]


def test_style_sheets_among_the_resources(tmp_path: Path) -> None:
    html = [
        "HTML",
        {},
        ["HEAD", {}, ["LINK", {"rel": "stylesheet", "href": "/s.css"}]],
        [
            "BODY",
            {},
            ["A", {"href": "/h", "class": "h"}, "Hidden"],
            ["BUTTON", {"__playwright_target__": ""}, "Buy"],
        ],
    ]
    resource = {
        "request": {"url": "https://shop.example/s.css"},
        "response": {"content": {"mimeType": "text/css", "_sha1": "abc.css"}},
    }
    network = json.dumps({"type": "resource-snapshot", "snapshot": resource})
    files = {"trace.network": network, "resources__abc.css": ".h{display:none}"}
    data, _ = read(
        trace(tmp_path / "t.zip", snapshot("call@1", "input", html), *call(1, "click"), **files),
        tmp_path / "data",
    )
    assert [one.name for one in data.pages.page(data.steps["page_id"][0]).elements] == ["buy"]


def bomb(file: Path) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("trace.trace", b" " * 100 * 2**20)


def torn(file: Path) -> None:
    trace(file, snapshot("call@1", "input", MARKED), *call(1, "click"))
    file.write_bytes(file.read_bytes()[:-30])


def damaged(file: Path) -> None:
    trace(file, snapshot("call@1", "input", MARKED), *call(1, "click"))
    content = bytearray(file.read_bytes())
    content[60:120] = b"\xff" * 60
    file.write_bytes(content)


NO_TRACES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a bomb": (bomb, "unpacks to more than 200 times its size"),
    "a cut archive": (torn, "cannot be read as a zip file"),
    "a damaged archive": (damaged, "cannot be read as a zip file"),
    "no archive": (lambda file: file.write_bytes(b"PK no"), "cannot be read as a zip file"),
    "an archive of other things": (lambda file: zipfile.ZipFile(file, "w").close(), "contains no"),
    "no actions": (trace, "trace without an action on a page"),
}


@pytest.mark.parametrize("name", NO_TRACES)
def test_what_is_no_trace_is_an_error(name: str, tmp_path: Path) -> None:
    write, problem = NO_TRACES[name]
    write(tmp_path / "t.zip")
    with pytest.raises(InputError, match=problem):
        read(tmp_path / "t.zip", tmp_path / "data")


def test_a_folder_of_traces(tmp_path: Path) -> None:
    folder = tmp_path / "traces"
    (folder / "a").mkdir(parents=True)
    for name in ("a/one.zip", "two.zip"):
        trace(folder / name, snapshot("call@1", "input", MARKED), *call(1, "click"))
    (folder / "bad.zip").write_bytes(b"no")
    data, report = read(folder, tmp_path / "data")
    assert data.sessions.select("session_id", "user_id").rows() == [
        ("a/one", "trace a/one"),
        ("two", "trace two"),
    ]
    assert sum(tally.count for kind, tally in report.refused.items() if "no trace" in kind) == 1
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="contains no traces"):
        read(tmp_path / "empty", tmp_path / "data2")
    with pytest.raises(ConfigError, match="takes no gap"):
        read(folder, tmp_path / "data2", gap=3)


def test_a_line_that_is_no_json_is_left_out(tmp_path: Path) -> None:
    file = trace(tmp_path / "t.zip", snapshot("call@1", "input", MARKED), *call(1, "click"))
    with zipfile.ZipFile(file) as archive:
        content = archive.read("trace.trace")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("trace.trace", content + b"\n[1]\n{torn")
    data, report = read(file, tmp_path / "data")
    assert len(data.steps) == 1
    assert report.repaired["line of a trace that is no JSON object: left out"].count == 2


def test_a_later_version_is_read_and_noted(tmp_path: Path) -> None:
    events = [
        {"type": "context-options", "version": 99},
        snapshot("call@1", "input", MARKED),
        *call(1, "click"),
    ]
    data, report = read(trace(tmp_path / "t.zip", *events), tmp_path / "data")
    assert actions(data) == [("click", "buy", None)]
    assert [kind for kind in report.noted if "another version" in kind]
