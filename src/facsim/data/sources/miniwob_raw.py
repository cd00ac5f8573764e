"""Raw records of the MiniWoB demonstrations: every browser event with a snapshot of the page's DOM.

Steps are derived from the snapshots taken before an event took effect (`timing` 1) by these rules:

- a `mousedown` is a click on its target. (`click` events are ignored: some pages react to mouse-up and never
  receive one, and Enter fires spurious ones.)
- consecutive key events on one target are one `type_and_submit`, up to the next mousedown, Tab or another
  target. A printable character is appended, Backspace or Delete removes the last one, Enter submits. The page
  is the one before the first key with an effect; keys without effect are not steps.
- scrolling, double clicks, mouse-up and key-up are not steps.

A snapshot is serialized as HTML and goes through Facsim's simplifier. The records do not say which elements
react to a click; the recipe next to this file (`miniwob.yaml`) does so for these sites.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Annotated, NotRequired, Required

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json
from typing_extensions import TypedDict

from facsim.data.ingest_report import IngestReport
from facsim.data.sources import RawSession, RawStep, SessionRefused
from facsim.data.sources.miniwob_steps import NOT_A_RECORD, intent_of
from facsim.schema import Action
from facsim.util.validation import first_problem

RECIPE = Path(__file__).with_name("miniwob.yaml")

_BEFORE = 1
_TAB, _ENTER, _ERASERS, _FIRST_PRINTABLE = 9, 13, (8, 46), 32
_VOID = frozenset({"img", "br", "hr", "input"})


class Node(TypedDict, total=False):
    """A node of a snapshot. Tag `t` is text; `INPUT_x` is an input of type x (its value may be a flag)."""

    tag: str
    ref: int
    id: str
    classes: str
    text: str
    value: str | bool
    width: float
    height: float
    recordingTarget: bool
    children: list[Node]


class _Event(TypedDict, total=False):
    type: Required[str]
    timing: int
    keyCode: int
    charCode: Annotated[int, Field(ge=0, le=0x10FFFF)]


class _State(TypedDict):
    time: Annotated[float, Field(allow_inf_nan=False)]
    action: _Event | None
    dom: Node


class _Record(TypedDict):
    session: NotRequired[str]
    collection: NotRequired[str]
    taskName: str
    utterance: str
    states: list[_State]


_RECORD = TypeAdapter(_Record)


@dataclass(slots=True)
class RecordedStep:
    """A step derived from events.

    Attributes:
        time_ms: milliseconds since the page was shown.
        dom: the page before the step.
        target: the element acted on, if the recorder marked one.
        typed: text added by the keys; None for a click.
        erased: number of characters erased beyond those typed.
        submitted: whether Enter was pressed.
    """

    time_ms: float
    dom: Node
    target: Node | None
    typed: str | None = None
    erased: int = 0
    submitted: bool = False

    def press(self, event: _Event) -> None:
        """Apply a key event to the typed text."""
        code = event.get("keyCode")
        if event["type"] == "keypress":
            self.typed = (self.typed or "") + chr(event.get("charCode", 0))
        elif code == _ENTER:
            self.submitted = True
        elif self.typed:
            self.typed = self.typed[:-1]
        else:
            self.erased += 1

    @property
    def did_something(self) -> bool:
        """Whether the events amount to a step."""
        return self.typed is None or bool(self.typed) or self.erased > 0 or self.submitted


def raw_session(line: bytes, where: str, report: IngestReport, session: str, collection: str) -> RawSession:
    """Parse the session in one line of the raw records.

    Args:
        line: the record, as JSON.
        where: where it was read, for messages.
        report: counts what was read.
        session: its id, unless the record says it.
        collection: its collection, unless the record says it.

    Raises:
        SessionRefused: if the line is not a valid record.
    """
    try:
        record = _RECORD.validate_json(line)
    except ValidationError as error:
        raise SessionRefused(NOT_A_RECORD, f"{where}, {first_problem(error)}") from None
    session = record.get("session", session)
    report.count_read(f"sessions of {record.get('collection', collection)} {record['taskName']}")
    report.count_read("events", sum(state["action"] is not None for state in record["states"]))
    group, ending, number = session.rpartition("_d")
    return RawSession(
        session_id=session,
        user_id=group if ending and number.isdigit() else session,
        intent=_intent(record["utterance"]),
        site=record["taskName"],
        steps=_raw_steps(record["states"], where),
        where=where,
    )


def _intent(utterance: str) -> str | None:
    if utterance.lstrip().startswith("{"):
        try:
            goal = from_json(utterance)
        except ValueError:
            return intent_of(utterance)
        return intent_of(goal)
    return intent_of(utterance)


def _raw_steps(states: list[_State], where: str) -> Iterator[RawStep]:
    for index, step in enumerate(recorded_steps(states)):
        typed = step.typed is not None
        html, selector = snapshot_html(step.dom, step.target)
        yield RawStep(
            html=html,
            selector=selector,
            action=Action.type_and_submit(None, step.typed) if step.typed is not None else Action.click(None),
            elapsed=step.time_ms / 1000,
            submitted=step.submitted if typed else None,
            where=f"{where}, step {index}",
        )


def recorded_steps(states: list[_State]) -> Iterator[RecordedStep]:
    """Yield the steps in a list of states, by the rules above."""
    typing: RecordedStep | None = None
    for state in states:
        event = state["action"]
        if event is None or event.get("timing") != _BEFORE:
            continue
        kind = event["type"]
        if kind not in ("mousedown", "keydown", "keypress"):
            continue
        target = _target(state["dom"])
        if typing and (kind == "mousedown" or _is_tab(event) or not _same(typing.target, target)):
            if typing.did_something:
                yield typing
            typing = None
        if kind == "mousedown":
            yield RecordedStep(state["time"], state["dom"], target)
        elif target is not None and _has_effect(event):
            typing = typing or RecordedStep(state["time"], state["dom"], target, typed="")
            typing.press(event)
    if typing and typing.did_something:
        yield typing


def _is_tab(event: _Event) -> bool:
    return event["type"] == "keydown" and event.get("keyCode") == _TAB


def _has_effect(event: _Event) -> bool:
    if event["type"] == "keypress":
        return event.get("charCode", 0) >= _FIRST_PRINTABLE
    return event.get("keyCode") in (_ENTER, *_ERASERS)


def _same(one: Node | None, other: Node | None) -> bool:
    return one is not None and other is not None and one.get("ref") == other.get("ref")


def _target(dom: Node) -> Node | None:
    """The innermost element that the recorder marked."""
    pending = [dom]
    while pending:
        node = pending.pop()
        if node.get("recordingTarget"):
            return node
        pending.extend(reversed(node.get("children", [])))
    return None


def snapshot_html(dom: Node, target: Node | None = None) -> tuple[str, str | None]:
    """Serialize a snapshot as an HTML document; return it with the CSS selector of `target`.

    Every element has its position in document order as `data-node`, because the recorder's own numbers are
    not always unique. An element without a size is `hidden` unless a descendant has one.
    """
    writer = _SnapshotWriter(_control_of(target) if target is not None else None)
    writer.write(dom)
    return "<!doctype html>\n<html>" + "".join(writer.parts) + "</html>", writer.selector


@dataclass(slots=True)
class _SnapshotWriter:
    wanted: Node | None
    parts: list[str] = field(default_factory=list)
    selector: str | None = None
    count: int = 0

    def write(self, node: Node) -> None:
        tag, _, kind = node.get("tag", "div").lower().partition("_")
        if tag == "t":
            self.parts.append(escape(node.get("text", ""), quote=False))
            return
        if node is self.wanted:
            self.selector = f'[data-node="{self.count}"]'
        self.parts.append(f'<{tag} data-node="{self.count}"{_attributes(node, tag, kind)}>')
        self.count += 1
        if tag in _VOID:
            return
        value = node.get("value")
        text = value if tag == "textarea" and isinstance(value, str) else node.get("text", "")
        self.parts.append(escape(text, quote=False))
        for child in node.get("children", []):
            # The recorder dropped white space between elements; adjacent words must not run together.
            self.parts.append("\n")
            self.write(child)
        self.parts.append(f"</{tag}>")


def _attributes(node: Node, tag: str, kind: str) -> str:
    value = node.get("value")
    attributes = {
        "type": kind if tag == "input" else "",
        "id": node.get("id", ""),
        "class": node.get("classes", ""),
        "value": value if tag == "input" and isinstance(value, str) else "",
    }
    text = "".join(f' {name}="{escape(given)}"' for name, given in attributes.items() if given)
    if value is True:
        text += " checked"
    return text if _has_size(node) else text + " hidden"


def _has_size(node: Node) -> bool:
    own = node.get("width", 1) > 0 and node.get("height", 1) > 0
    return own or any(_has_size(child) for child in node.get("children", []))


def _control_of(target: Node) -> Node:
    """The control that a click on `target` acts on: a label forwards clicks to its only control."""
    if target.get("tag") != "LABEL":
        return target
    controls: list[Node] = []
    pending = [target]
    while pending:
        node = pending.pop()
        if node.get("tag", "").startswith(("INPUT", "SELECT", "TEXTAREA")):
            controls.append(node)
        pending.extend(node.get("children", []))
    return controls[0] if len(controls) == 1 else target
