"""rrweb recordings: from events to sessions, on recordings written by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from rrweb_recordings import (
    BLUR,
    CLICK,
    MOUSE_DOWN,
    TOUCH_END,
    TOUCH_START,
    Recorder,
    adding,
    document,
    element,
    page,
    text,
)

from facsim.data import DataSet, IngestReport
from facsim.data.ingest import ingest
from facsim.schema import MASKED_TEXT
from facsim.util.errors import ConfigError, InputError

SEARCH = element(
    10,
    "form",
    element(11, "input", type="search", aria_label="Search the shop"),
    element(12, "button", text(13, "Go")),
)
TWO_LINKS = (
    element(20, "a", text(21, "Kettles"), href="/kettles"),
    element(22, "a", element(23, "img", alt="Teapots"), href="/teapots"),
)
OUT = "data"


def read(tmp_path: Path, *recorders: Recorder, **options: object) -> tuple[DataSet, IngestReport]:
    files = tmp_path / "recordings"
    files.mkdir(exist_ok=True)
    for number, recorder in enumerate(recorders):
        recorder.write(files / f"r{number}.json")
    path = files / "r0.json" if len(recorders) == 1 else files
    report = ingest("rrweb", path, tmp_path / OUT, overwrite=True, **options)
    return DataSet.open(tmp_path / OUT), report


def actions(data: DataSet) -> list[tuple[str, str | None, str | None]]:
    steps = data.steps.sort("session_id", "step", maintain_order=True)
    return steps.select("action_type", "action_name", "action_text").rows()


def html_of(data: DataSet, step: int) -> str:
    page_id = data.steps["page_id"][step]
    return data.pages.page(page_id).html


def test_a_click_on_the_text_of_a_card_with_buttons_has_the_card_as_target(tmp_path: Path) -> None:
    style = element(5, "style", text(6, ".press { cursor: pointer; }"))
    card = element(
        30,
        "div",
        element(31, "div", text(32, "Comics")),
        element(33, "button", text(34, "Done")),
        tabindex="0",
        **{"class": "press"},
    )
    opens = element(40, "div", element(41, "span", text(42, "More")), **{"class": "press"})
    data, report = read(tmp_path, Recorder(page(card, opens, head=(style,))).clicks(31).clicks(33).clicks(41))
    assert actions(data) == [("click", "comics", None), ("click", "done", None), ("click", "more", None)]
    assert not any("unreachable" in what for what in report.noted)


def test_clicks_have_the_page_and_the_named_element_around_the_node(tmp_path: Path) -> None:
    data, report = read(tmp_path, Recorder(page(SEARCH, *TWO_LINKS)).clicks(20).clicks(23))
    assert actions(data) == [("click", "kettles", None), ("click", "teapots", None)]
    assert data.steps["url"].unique().to_list() == ["https://shop.example/"]
    assert data.steps["elapsed"].to_list() == pytest.approx([0, 1.1])
    assert data.steps["timestamp"][0] == datetime(2025, 3, 1, 9, 0, 2, 110_000, tzinfo=UTC)
    session = data.sessions.row(0, named=True)
    assert (session["site"], session["outcome"], session["censored"]) == ("shop.example", None, True)
    assert session["user_id"] == "recording r0"
    assert report.read_counts == {"files": 1, "events": 6, "recordings": 1, "windows": 1, "snapshots": 1}
    assert report.noted["recording without a user: counted as a person of its own"].count == 1


def test_keystrokes_are_one_action_with_the_page_before_the_first(tmp_path: Path) -> None:
    recorder = Recorder(page(SEARCH, *TWO_LINKS)).clicks(11).types(11, "kettle").leaves(11).clicks(20)
    data, _ = read(tmp_path, recorder)
    search = "search_input"
    assert actions(data) == [
        ("click", search, None),
        ("type_and_submit", search, "kettle"),
        ("click", "kettles", None),
    ]
    assert "kettle" not in html_of(data, 1).replace("kettles", "").replace("Kettles", "")
    assert 'value="kettle"' in html_of(data, 2)
    assert data.steps["submitted"].to_list() == [None, None, None]


def test_backspaces_count(tmp_path: Path) -> None:
    recorder = Recorder(page(SEARCH)).types(11, "tea").inputs(11, "te").inputs(11, "t").inputs(11, "to")
    assert actions(read(tmp_path, recorder)[0]) == [("type_and_submit", "search_input", "to")]


def test_the_click_that_enter_sends_to_the_submit_button_is_no_action(tmp_path: Path) -> None:
    recorder = Recorder(page(SEARCH)).clicks(11).types(11, "tea").mouse(CLICK, 12, x=0, y=0)
    recorder.opens(page(*TWO_LINKS), "https://shop.example/search?q=tea").clicks(20)
    data, report = read(tmp_path, recorder)
    assert [action[0] for action in actions(data)] == ["click", "type_and_submit", "click"]
    assert data.steps["submitted"].to_list() == [None, True, None]
    assert data.steps["url"].to_list()[1:] == ["https://shop.example/", "https://shop.example/search?q=tea"]
    assert report.read_counts["navigations"] == 1


def test_a_click_on_the_submit_button_is_an_action(tmp_path: Path) -> None:
    data, _ = read(tmp_path, Recorder(page(SEARCH)).types(11, "tea").clicks(12))
    assert actions(data) == [("type_and_submit", "search_input", "tea"), ("click", "go", None)]


def test_what_the_page_writes_into_fields_is_no_action(tmp_path: Path) -> None:
    fields = [element(number, "input", aria_label=f"Field {number}") for number in (30, 31, 32)]
    recorder = Recorder(page(*fields)).types(30, "by hand").inputs(31, "by script", userTriggered=False)
    recorder.inputs(32, "without focus").leaves(30).clicks(31)
    data, report = read(tmp_path, recorder)
    assert actions(data) == [("type_and_submit", "field_30", "by hand"), ("click", "field_31", None)]
    assert 'value="by script"' in html_of(data, 1)
    assert 'value="without focus"' in html_of(data, 1)
    assert report.noted["input into a field without focus: taken as the page's own, no action"].count == 1


def test_autofill_by_the_person_counts_without_focus(tmp_path: Path) -> None:
    fields = [element(number, "input", aria_label=f"Field {number}") for number in (30, 31)]
    recorder = Recorder(page(*fields)).focuses(30).inputs(31, "Ada", userTriggered=True)
    assert actions(read(tmp_path, recorder)[0]) == [("type_and_submit", "field_31", "Ada")]


def test_a_field_emptied_at_once_was_submitted(tmp_path: Path) -> None:
    chat = element(30, "textarea", aria_label="Message")
    recorder = Recorder(page(chat)).types(30, "hello").inputs(30, "").types(30, "bye").leaves(30)
    data, report = read(tmp_path, recorder)
    assert [action[2] for action in actions(data)] == ["hello", "bye"]
    assert sum(tally.count for kind, tally in report.noted.items() if "emptied at once" in kind) == 1


def test_a_field_emptied_by_the_person_goes_on(tmp_path: Path) -> None:
    recorder = Recorder(page(SEARCH)).focuses(11)
    for content in ("tea", "", "cup"):
        recorder.inputs(11, content, userTriggered=True)
    recorder.inputs(11, "", userTriggered=False).inputs(11, "pot", userTriggered=True)
    assert [action[2] for action in actions(read(tmp_path, recorder)[0])] == ["cup", "pot"]


def test_masked_text_is_unknown(tmp_path: Path) -> None:
    field = element(30, "input", type="password", aria_label="Password")
    data, report = read(tmp_path, Recorder(page(field)).types(30, "*****").leaves(30))
    assert actions(data) == [("type_and_submit", "password", MASKED_TEXT)]
    assert report.noted["typed text is masked: unknown"].count == 1
    assert not [kind for kind in report.noted if "looks personal" in kind]


def test_a_label_and_its_control_are_one_click(tmp_path: Path) -> None:
    inside = element(30, "label", element(31, "input", type="checkbox"), text(32, "Gift wrap"))
    beside = element(33, "label", text(34, "Express"), _for="x")
    control = element(35, "input", type="radio", id="x")
    hidden = element(36, "label", text(37, "Rush"), _for="y")
    hidden_control = element(38, "input", type="checkbox", id="y", style="display:none")
    recorder = Recorder(page(inside, beside, control, hidden, hidden_control))
    for label, checked in ((30, 31), (33, 35), (36, 38)):
        recorder.clicks(label).mouse(CLICK, checked, after=0.001).inputs(checked, "on", isChecked=True)
    data, _ = read(tmp_path, recorder)
    assert [action[1] for action in actions(data)] == ["gift_wrap", "express", "rush"]


def test_a_choice_in_a_select_is_a_click_on_the_option(tmp_path: Path) -> None:
    options = [
        element(32, "option", text(33, "Price"), value="p", selected=True),
        element(34, "option", text(35, "Rating")),
    ]
    sort = element(30, "select", *options, aria_label="Sort by", value="p")
    recorder = Recorder(page(sort, *TWO_LINKS)).clicks(30).inputs(30, "Rating").clicks(20)
    data, _ = read(tmp_path, recorder)
    assert actions(data) == [("click", "sort_by.rating", None), ("click", "kettles", None)]
    chosen = data.pages.page(data.steps["page_id"][1]).by_name["sort_by"]
    assert (chosen.value, chosen.options) == ("Rating", ("Price", "Rating"))


def test_a_choice_of_the_page_is_no_action(tmp_path: Path) -> None:
    options = [element(32, "option", text(33, "Price")), element(34, "option", text(35, "Rating"))]
    sort = element(30, "select", *options, aria_label="Sort by")
    recorder = Recorder(page(sort, *TWO_LINKS)).focuses(20).inputs(30, "Rating").clicks(20)
    data, report = read(tmp_path, recorder)
    assert [action[1] for action in actions(data)] == ["kettles"]
    assert data.pages.page(data.steps["page_id"][0]).by_name["sort_by"].value == "Rating"
    assert sum(tally.count for kind, tally in report.noted.items() if "without focus" in kind) == 1


def test_a_select_that_is_only_opened_is_a_click_on_it(tmp_path: Path) -> None:
    sort = element(30, "select", element(32, "option", text(33, "Price")), aria_label="Sort by")
    data, _ = read(tmp_path, Recorder(page(sort, *TWO_LINKS)).clicks(30).clicks(20))
    assert [action[1] for action in actions(data)] == ["sort_by", "kettles"]


def test_taps_are_clicks_and_swipes_are_nothing(tmp_path: Path) -> None:
    recorder = Recorder(page(*TWO_LINKS)).mouse(TOUCH_START, 20).mouse(TOUCH_END, 20)
    recorder.mouse(TOUCH_START, 22).mouse(TOUCH_END, 22, after=0.1).mouse(MOUSE_DOWN, 22, after=0.1)
    recorder.mouse(CLICK, 22, after=0.01, pointerType=2)
    assert actions(read(tmp_path, recorder)[0]) == [("click", "teapots", None)]


def test_the_page_of_a_click_is_that_of_the_button_going_down(tmp_path: Path) -> None:
    recorder = Recorder(page(*TWO_LINKS)).mouse(MOUSE_DOWN, 20)
    recorder.mutates(adds=[adding(4, element(40, "p")), adding(40, text(41, "Loading"))])
    data, _ = read(tmp_path, recorder.mouse(CLICK, 20, after=0.1).clicks(22))
    assert "Loading" not in html_of(data, 0)
    assert "Loading" in html_of(data, 1)


def test_sessions_are_cut_where_nobody_was_there(tmp_path: Path) -> None:
    recorder = Recorder(page(SEARCH, *TWO_LINKS)).clicks(20)
    for _ in range(3):
        recorder.moves(after=20 * 60)  # reads for an hour
    recorder.clicks(22)
    for _ in range(5):
        recorder.mutates(attributes=[{"id": 4, "attributes": {"class": "tick"}}], after=10 * 60)
    recorder.clicks(20)
    data, report = read(tmp_path, recorder)
    assert data.sessions["session_id"].to_list() == ["r0", "r0#2"]
    assert data.sessions["user_id"].n_unique() == 1
    assert data.sessions["censored"].all()
    assert data.steps.group_by("session_id", maintain_order=True).len()["len"].to_list() == [2, 1]
    assert report.repaired["session cut at a pause of more than 30 minutes"].count == 1
    assert len(read(tmp_path, recorder, gap=15)[0]) == 3
    assert len(read(tmp_path, recorder, gap=120)[0]) == 1
    with pytest.raises(ConfigError, match="more than 0"):
        read(tmp_path, recorder, gap=0)


def test_typing_ends_at_a_pause(tmp_path: Path) -> None:
    recorder = Recorder(page(SEARCH)).types(11, "te").inputs(11, "tea", after=3600).leaves(11)
    data, _ = read(tmp_path, recorder)
    assert data.steps.select("session_id", "action_text").rows() == [("r0", "te"), ("r0#2", "tea")]


def test_a_checkout_snapshot_does_not_end_typing(tmp_path: Path) -> None:
    recorder = Recorder(page(SEARCH)).types(11, "te").snapshot(page(SEARCH)).inputs(11, "tea").leaves(11)
    assert actions(read(tmp_path, recorder)[0]) == [("type_and_submit", "search_input", "tea")]


def test_a_new_page_ends_typing(tmp_path: Path) -> None:
    recorder = Recorder(page(SEARCH)).types(11, "tea").opens(page(SEARCH), "https://shop.example/2")
    data, _ = read(tmp_path, recorder.types(11, "pot"))
    assert [action[2] for action in actions(data)] == ["tea", "pot"]
    assert data.steps["url"].to_list() == ["https://shop.example/", "https://shop.example/2"]


def test_a_field_that_has_the_focus_from_the_start(tmp_path: Path) -> None:
    recorder = Recorder(page(SEARCH)).focuses(12).opens(page(SEARCH), "https://shop.example/2")
    data, report = read(tmp_path, recorder.inputs(11, "t").inputs(11, "te"))
    assert actions(data) == [("type_and_submit", "search_input", "te")]
    assert not [kind for kind in report.noted if "without focus" in kind]


def test_addresses_that_change_without_a_document(tmp_path: Path) -> None:
    recorder = Recorder(page(*TWO_LINKS))
    recorder.add(5, {"tag": "$url_changed", "payload": {"href": "https://shop.example/a"}}).clicks(20)
    breadcrumb = {"category": "navigation", "data": {"from": "/a", "to": "/b?x=1"}}
    recorder.add(5, {"tag": "breadcrumb", "payload": breadcrumb}).clicks(20)
    data, _ = read(tmp_path, recorder)
    assert data.steps["url"].to_list() == ["https://shop.example/a", "https://shop.example/b?x=1"]


def test_shadow_roots_and_frames_are_part_of_the_page(tmp_path: Path) -> None:
    host = element(
        30,
        "shop-menu",
        element(31, "button", text(32, "Open menu"), shadow=True),
        element(33, "slot", shadow=True),
        element(34, "a", text(35, "Slotted"), href="/s"),
    )
    recorder = Recorder(page(host, element(40, "iframe", rr_src="x")))
    frame = document(
        50,
        element(51, "html", element(52, "head"), element(53, "body", element(54, "button", text(55, "Pay")))),
    )
    recorder.add(
        3,
        {
            "source": 0,
            "isAttachIframe": True,
            "texts": [],
            "attributes": [],
            "removes": [],
            "adds": [{"parentId": 40, "nextId": None, "node": frame}],
        },
    )
    recorder.clicks(31).clicks(34).clicks(54)
    data, _ = read(tmp_path, recorder)
    assert [action[1] for action in actions(data)] == ["open_menu", "slotted", "pay"]


def test_a_frame_that_comes_before_its_element(tmp_path: Path) -> None:
    frame = document(50, element(51, "html", element(53, "body", element(54, "button", text(55, "Pay")))))
    recorder = Recorder(page(*TWO_LINKS)).mutates(adds=[{"parentId": 40, "nextId": None, "node": frame}])
    recorder.mutates(adds=[adding(4, element(40, "iframe"))]).clicks(54)
    assert actions(read(tmp_path, recorder)[0]) == [("click", "pay", None)]


def test_blocked_parts_have_no_name(tmp_path: Path) -> None:
    blocked = {
        "type": 2,
        "id": 30,
        "tagName": "button",
        "childNodes": [],
        "needBlock": True,
        "attributes": {"class": "ph-no-capture", "rr_width": "100px", "rr_height": "20px"},
    }
    in_link = element(40, "a", blocked | {"id": 41}, text(42, "Account"), href="/account")
    recorder = Recorder(page(blocked, in_link)).clicks(30).clicks(41)
    data, report = read(tmp_path, recorder)
    assert actions(data) == [("click", None, None), ("click", "account", None)]
    assert [one.name for one in data.pages.page(data.steps["page_id"][0]).elements] == ["account"]
    assert report.noted["selector finds no named element: kept, counted as unreachable"].count == 1


def test_what_style_sheets_hide_is_not_on_the_page(tmp_path: Path) -> None:
    css = ".menu{display:none}.menu.open{display:block}@media (max-width:600px){.wide{display:none}}"
    style = element(5, "style", _cssText_=css)
    style["attributes"] = {"_cssText": css}
    menu = element(30, "div", element(31, "a", text(32, "Deep link"), href="/deep"), _class="menu")
    wide = element(33, "a", text(34, "Wide"), href="/wide", _class="wide")
    recorder = Recorder(page(menu, wide, *TWO_LINKS, head=(style,))).clicks(20)
    recorder.mutates(attributes=[{"id": 30, "attributes": {"class": "menu open"}}]).clicks(31)
    data, _ = read(tmp_path, recorder)
    names = [[one.name for one in data.pages.page(page_id).elements] for page_id in data.steps["page_id"]]
    assert names == [["wide", "kettles", "teapots"], ["deep_link", "wide", "kettles", "teapots"]]
    assert actions(data)[1] == ("click", "deep_link", None)


def test_what_the_pointer_opened_is_visible(tmp_path: Path) -> None:
    css = ".menu{display:none} li:hover .menu{display:block}"
    style = {"type": 2, "id": 5, "tagName": "style", "attributes": {"_cssText": css}, "childNodes": []}
    menu = element(30, "div", element(31, "a", text(32, "Deep link"), href="/deep"), _class="menu")
    other = element(35, "div", element(36, "a", text(37, "Other"), href="/other"), _class="menu")
    recorder = Recorder(page(menu, other, *TWO_LINKS, head=(style,))).clicks(20).clicks(31)
    data, _ = read(tmp_path, recorder)
    names = [[one.name for one in data.pages.page(page_id).elements] for page_id in data.steps["page_id"]]
    assert names == [["kettles", "teapots"], ["deep_link", "kettles", "teapots"]]
    assert actions(data)[1] == ("click", "deep_link", None)


def windows(tmp_path: Path) -> Path:
    """Two tabs whose events are mixed, as PostHog writes them: pairs, rows and `windowId` in the event."""
    one, two = Recorder(page(*TWO_LINKS)), Recorder(page(SEARCH), url="https://shop.example/search")
    one.types(20, "")
    one.clicks(20, after=5)
    two.types(11, "tea")
    two.clicks(12, after=30)
    file = tmp_path / "tabs.jsonl"
    lines = [json.dumps({"window_id": "a", "data": one.events[:2], "session_id": "s", "distinct_id": "ann"})]
    lines += [json.dumps({"window_id": "b", "data": two.events[:4], "session_id": "s"})]
    lines += [json.dumps({"window_id": "a", "data": one.events[2:], "session_id": "s"})]
    lines += [json.dumps({"window_id": "b", "data": two.events[4:], "session_id": "s"})]
    file.write_text("\n".join(lines))
    return file


def test_tabs_have_their_own_pages_and_one_order(tmp_path: Path) -> None:
    report = ingest("rrweb", windows(tmp_path), tmp_path / OUT)
    data = DataSet.open(tmp_path / OUT)
    assert actions(data) == [
        ("type_and_submit", "search_input", "tea"),
        ("click", "kettles", None),
        ("click", "go", None),
    ]
    assert data.sessions.select("session_id", "user_id").rows() == [("s", "ann")]
    assert report.read_counts["windows"] == 2
    assert data.steps["url"].to_list()[1] == "https://shop.example/"


def test_a_switch_of_tabs_ends_typing(tmp_path: Path) -> None:
    one, two = Recorder(page(SEARCH)), Recorder(page(*TWO_LINKS))
    one.types(11, "te")
    two.clicks(20, after=10)
    one.now = two.now
    one.inputs(11, "tea")
    events = [
        {**event, "windowId": window}
        for window, recorder in (("a", one), ("b", two))
        for event in recorder.events
    ]
    (tmp_path / "x.json").write_text(json.dumps({"events": events}))
    ingest("rrweb", tmp_path / "x.json", tmp_path / OUT)
    texts = DataSet.open(tmp_path / OUT).steps.select("action_type", "action_text").rows()
    assert texts == [("type_and_submit", "te"), ("click", None), ("type_and_submit", "tea")]


def test_actions_on_unknown_nodes_are_kept_and_counted(tmp_path: Path) -> None:
    data, report = read(tmp_path, Recorder(page(*TWO_LINKS)).clicks(999).clicks(20))
    assert actions(data) == [("click", None, None), ("click", "kettles", None)]
    assert report.repaired["action on a node that is not in the recording: kept without a target"].count == 1


def test_actions_before_a_page_are_left_out_and_counted(tmp_path: Path) -> None:
    recorder = (
        Recorder().clicks(20).inputs(11, "x").opens(page(*TWO_LINKS), "https://shop.example/").clicks(20)
    )
    data, report = read(tmp_path, recorder)
    assert len(data.steps) == 1
    assert report.repaired["action before the first full snapshot: left out"].count == 2


def test_a_recording_without_actions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="recording without an action on a page"):
        read(tmp_path, Recorder(page(*TWO_LINKS)).moves())
    data, report = read(tmp_path, Recorder(page(*TWO_LINKS)).moves(), Recorder(page(*TWO_LINKS)).clicks(20))
    assert len(data) == 1
    assert report.refused["recording without an action on a page"].count == 1


def test_hostile_mutations_are_named_in_the_report(tmp_path: Path) -> None:
    recorder = Recorder(page(*TWO_LINKS)).mutates(
        adds=[
            adding(23, element(22, "a")),
            adding(999, element(60, "p")),
            adding(4, element(61, "p"), before=998),
        ],
        attributes=[{"id": 20, "attributes": {"title": "x" * 1_000_000}}],
        removes=[{"parentId": 4, "id": 997}],
    )
    recorder.add(3, "nothing").add(3, {"source": 2, "type": 2, "id": None}).add(2, {"node": {"type": 9}})
    data, report = read(tmp_path, recorder.clicks(20))
    assert actions(data) == [("click", "kettles", None)]
    assert {kind.partition(":")[0]: tally.count for kind, tally in report.repaired.items()} == {
        "mutation moves a node into itself": 1,
        "mutation adds a node to a parent that is not in the recording": 1,
        "mutation adds a node before a sibling that is not in the recording": 1,
        "mutation of a node that is not in the recording": 1,
        "attribute of more than 100,000 characters": 1,
        "node of a snapshot or mutation is not as documented": 1,
        "event is not as documented": 1,
    }
    assert "x" * 100 not in html_of(data, 0)
    assert (
        "| mutation moves a node into itself: left out | 1 | r0.json (recording r0) |" in report.to_markdown()
    )


def test_events_that_say_nothing_of_actions_are_passed_over(tmp_path: Path) -> None:
    """Adopted style sheets, rules inserted by script, canvas, media, fonts, logs, plugins, assets."""
    recorder = Recorder(page(*TWO_LINKS))
    recorder.add(
        3,
        {
            "source": 15,
            "id": 4,
            "styles": [{"styleId": 1, "rules": [{"rule": "a{display:none}"}]}],
            "styleIds": [1],
        },
    )
    recorder.add(3, {"source": 8, "id": 4, "adds": [{"rule": "a{display:none}", "index": 0}]})
    for source in (7, 9, 10, 11, 13, 16, 99, None):
        recorder.add(3, {"source": source, "id": 4})
    for kind in (0, 1, 6, 7):
        recorder.add(kind, {})
    data, report = read(tmp_path, recorder.clicks(20))
    assert actions(data) == [("click", "kettles", None)]
    assert not report.repaired
    assert report.read_counts["events"] == 4


def test_equal_pages_are_stored_once(tmp_path: Path) -> None:
    recorder = Recorder(page(*TWO_LINKS)).clicks(20).clicks(22).clicks(20)
    recorder.mutates(attributes=[{"id": 4, "attributes": {"data-x": "1"}}]).clicks(22)
    data, _ = read(tmp_path, recorder)
    assert data.steps["page_id"].n_unique() == 1
    assert data.sessions.height == 1
    assert pl.read_parquet(tmp_path / OUT / "pages.parquet").height == 1


def test_blur_of_another_field_does_not_end_typing(tmp_path: Path) -> None:
    recorder = Recorder(page(SEARCH)).types(11, "te").mouse(BLUR, 12).inputs(11, "tea")
    assert actions(read(tmp_path, recorder)[0]) == [("type_and_submit", "search_input", "tea")]
