"""Frame snapshots of a Playwright trace as HTML.

A snapshot is a tree of arrays (`["DIV", {"class": "x"}, child, …]`), in which `[[n, k]]` stands for node `k`,
in post-order, of the snapshot `n` before it of the same frame. Attributes that begin with `__playwright_` say
what HTML cannot: values of fields, shadow roots, the target of the action.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final
from urllib.parse import urljoin

from facsim.data.sources import SessionRefused
from facsim.data.sources.style_rules import StyleRules
from facsim.data.sources.style_sheets import mark_styles
from facsim.page.tags import UNSEEN, VOID

TARGET: Final = "data-pw-target"
"""Attribute of the element that an action was on."""
OPTION: Final = "data-pw-option"
"""Attribute of the options of that element: their place."""
_OWN: Final = "__playwright_"
_NOT_WRITTEN: Final = (_OWN, "data-facsim-", TARGET)
_LEFT_OUT: Final = UNSEEN - {"iframe", "template"} | {"link", "meta", "base", "x-noscript"}
_MOST_FRAMES: Final = 4
_LONGEST_PAGE: Final = 64_000_000
_LONGEST_DATA_URL: Final = 200
Css = Callable[[str, "FrameSnapshot"], str]
"""Gives the style sheet at an address, as it was at a snapshot; empty if it is not known."""


@dataclass(slots=True)
class FrameSnapshot:
    """A snapshot of one frame.

    Attributes:
        call: id of the call that it belongs to.
        phase: `before`, `action` (just before the input) or `after`.
        html: the tree.
        overrides: style sheets that scripts changed: address -> resource.
    """

    call: str
    phase: str
    page: str
    frame: str
    url: str
    is_main: bool
    width: float
    html: Any
    overrides: dict[str, str]
    nodes: list[Any] | None = None

    @classmethod
    def read(cls, snapshot: dict[str, Any]) -> FrameSnapshot | None:
        """Read the `snapshot` of a `frame-snapshot` event; None if it is not one."""
        call, frame = snapshot.get("callId"), snapshot.get("frameId")
        named, _, rest = str(snapshot.get("snapshotName") or "").partition("@")
        if not isinstance(call, str):
            call = rest
        if not isinstance(frame, str) or not isinstance(snapshot.get("html"), list):
            return None
        viewport = snapshot.get("viewport")
        width = viewport.get("width") if isinstance(viewport, dict) else None
        return cls(
            call=call,
            phase=str(snapshot.get("phase") or named).replace("input", "action"),
            page=str(snapshot.get("pageId") or ""),
            frame=frame,
            url=str(snapshot.get("frameUrl") or ""),
            is_main=snapshot.get("isMainFrame") is True,
            width=float(width) if isinstance(width, (int, float)) and width > 0 else 1280.0,
            html=snapshot["html"],
            overrides=_overrides(snapshot.get("resourceOverrides")),
        )


@dataclass(slots=True)
class ShownTarget:
    """The element that an action was on."""

    tag: str
    attributes: dict[str, str]
    options: list[tuple[str, str]] = field(default_factory=list)
    """Value and text of the options of a `select`."""


@dataclass(slots=True)
class RenderedSnapshot:
    """A page as HTML, and the target of the action if it is marked."""

    html: str
    target: ShownTarget | None


class FrameSnapshots:
    """The snapshots of a context, by frame.

    Args:
        css: finds style sheets.
    """

    def __init__(self, css: Css) -> None:
        self._css = css
        self._of_frame: dict[str, list[FrameSnapshot]] = {}
        self._of_call: dict[tuple[str, str], list[tuple[FrameSnapshot, int]]] = {}

    def add(self, snapshot: FrameSnapshot) -> None:
        """Add the next snapshot of a frame."""
        own = self._of_frame.setdefault(snapshot.frame, [])
        self._of_call.setdefault((snapshot.call, snapshot.phase), []).append((snapshot, len(own)))
        own.append(snapshot)

    def main(self, call: str) -> tuple[FrameSnapshot, int] | None:
        """The snapshot of the page just before a call's input, else before the call; and its place."""
        for phase in ("action", "before"):
            for found in self._of_call.get((call, phase), ()):
                if found[0].is_main:
                    return found
        return None

    def render(self, snapshot: FrameSnapshot, place: int) -> RenderedSnapshot:
        """The page with its frames.

        Raises:
            SessionRefused: if it is suspiciously large.
        """
        writer = _Writer(self, snapshot.call)
        html = writer.write(snapshot, place, 0)
        return RenderedSnapshot(html, writer.target)

    def _content(self, frame: str, call: str, phase: str) -> tuple[FrameSnapshot, int] | None:
        """The snapshot of an inner frame: of the same moment, else the last one."""
        for found in self._of_call.get((call, phase), ()):
            if found[0].frame == frame:
                return found
        own = self._of_frame.get(frame)
        return (own[-1], len(own) - 1) if own else None

    def resolve(self, snapshot: FrameSnapshot, place: int, node: Any) -> tuple[Any, int]:
        """A node behind references, and the place of the snapshot that it is from; None if there is none."""
        own = self._of_frame[snapshot.frame]
        while isinstance(node, list) and node and isinstance(node[0], list):
            reference = node[0]
            if len(reference) != 2 or not all(isinstance(one, int) for one in reference):
                return None, place
            back, number = reference
            # Only earlier snapshots: so references come to an end.
            if not 1 <= back <= place:
                return None, place
            place -= back
            nodes = own[place].nodes
            if nodes is None:
                nodes = own[place].nodes = list(_post_order(own[place].html))
            if not 0 <= number < len(nodes):
                return None, place
            node = nodes[number]
        return node, place


class _Writer:
    """Writes one page."""

    def __init__(self, snapshots: FrameSnapshots, call: str) -> None:
        self._snapshots, self._call = snapshots, call
        self.target: ShownTarget | None = None
        self._length = self._options_written = 0

    def write(self, snapshot: FrameSnapshot, place: int, depth: int) -> str:
        written: list[str] = []
        sheets: list[tuple[str, str]] = []
        pending: list[tuple[Any, int] | str] = [(snapshot.html, place)]
        while pending:
            item = pending.pop()
            if isinstance(item, str):
                written.append(item)
                continue
            node, of = self._snapshots.resolve(snapshot, item[1], item[0])
            if isinstance(node, str):
                self._append(written, escape(node, quote=False))
                continue
            if not _is_element(node):
                continue
            tag, attributes = node[0].lower(), _attributes(node)
            children = node[2:]
            if tag == "style":
                sheets.append(("".join(child for child in children if isinstance(child, str)), ""))
            elif tag == "link" and "stylesheet" in attributes.get("rel", "").lower():
                address = urljoin(snapshot.url, attributes.get("href", ""))
                sheets.append((self._snapshots._css(address, snapshot), attributes.get("media", "")))
            if tag in _LEFT_OUT or (tag == "template" and f"{_OWN}shadow_root_" not in attributes):
                continue
            if attributes.get(f"{_OWN}target__", "?") in ("", self._call) and self.target is None:
                self.target = ShownTarget(tag, attributes, self._options(snapshot, of, node))
            if tag == "option" and self.target and self._options_written < len(self.target.options):
                # Those of the target come right after it.
                attributes = {**attributes, OPTION: str(self._options_written)}
                self._options_written += 1
            self._append(written, self._start(tag, attributes, snapshot, depth))
            if tag in VOID:
                continue
            pending.append(f"</{tag}>")
            if tag == "textarea" and f"{_OWN}value_" in attributes:
                pending.append(escape(attributes[f"{_OWN}value_"], quote=False))
            else:
                pending.extend((child, of) for child in reversed(children))
        rules = StyleRules.read([sheet for sheet in sheets if sheet[0]], snapshot.width)
        html = "".join(written)
        return mark_styles(html, rules, shown=f"[{TARGET}]") if rules else html

    def _append(self, written: list[str], text: str) -> None:
        self._length += len(text)
        if self._length > _LONGEST_PAGE:
            raise SessionRefused("page of a trace is suspiciously large", f"call {self._call}")
        written.append(text)

    def _start(self, tag: str, attributes: dict[str, str], snapshot: FrameSnapshot, depth: int) -> str:
        shown = {name: value for name, value in attributes.items() if not name.startswith(_NOT_WRITTEN)}
        if attributes.get(f"{_OWN}target__", "?") in ("", self._call):
            shown[TARGET] = ""
        if tag == "template":
            shown = {"shadowrootmode": "open"}
        if tag == "input" and f"{_OWN}value_" in attributes:
            shown["value"] = attributes[f"{_OWN}value_"]
        for own, name in (("checked_", "checked"), ("selected_", "selected"), ("dialog_open_", "open")):
            if f"{_OWN}{own}" in attributes:
                shown.pop(name, None)
                if attributes[f"{_OWN}{own}"] != "false":
                    shown[name] = ""
        if tag in ("iframe", "frame"):
            shown.pop("srcdoc", None)
            source = shown.pop("src", "").rpartition("/snapshot/")[2]
            inner = self._snapshots._content(source, self._call, snapshot.phase) if source else None
            if inner is not None and depth < _MOST_FRAMES and tag == "iframe":
                shown["srcdoc"] = self.write(*inner, depth + 1)
        parts = [f"<{tag}"]
        for name, value in shown.items():
            short = "data:," if len(value) > _LONGEST_DATA_URL and value.startswith("data:") else value
            parts.append(f' {name}="{escape(short)}"' if short else f" {name}")
        return "".join((*parts, ">"))

    def _options(self, snapshot: FrameSnapshot, place: int, node: list[Any]) -> list[tuple[str, str]]:
        """Value and text of the options in a `select`, in document order."""
        found: list[tuple[str, str]] = []
        pending = [(child, place) for child in reversed(node[2:])] if node[0].lower() == "select" else []
        while pending:
            child, of = pending.pop()
            inner, of = self._snapshots.resolve(snapshot, of, child)
            if not _is_element(inner):
                continue
            if inner[0].lower() == "option":
                texts = [self._snapshots.resolve(snapshot, of, child)[0] for child in inner[2:]]
                text = " ".join("".join(one for one in texts if isinstance(one, str)).split())
                found.append((_attributes(inner).get("value", text), text))
            else:
                pending.extend((one, of) for one in reversed(inner[2:]))
        return found


def _is_element(node: object) -> bool:
    return (
        isinstance(node, list)
        and bool(node)
        and isinstance(node[0], str)
        and node[0][:1].isalpha()
        and node[0].replace("-", "").replace(":", "").replace("_", "").isalnum()
    )


def _attributes(node: list[Any]) -> dict[str, str]:
    found = node[1] if len(node) > 1 and isinstance(node[1], dict) else {}
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, str) and name and not any(one in name for one in " \t\n\r\f\"'<>/=\0")
    }


def _post_order(root: Any) -> Iterator[Any]:
    """The texts and elements of a snapshot, children first. References are not counted."""
    pending: list[tuple[Any, bool]] = [(root, False)]
    while pending:
        node, is_done = pending.pop()
        if is_done or isinstance(node, str):
            yield node
        elif isinstance(node, list) and node and isinstance(node[0], str):
            pending.append((node, True))
            pending.extend((child, False) for child in reversed(node[2:]))


def _overrides(value: object) -> dict[str, str]:
    found = {}
    for one in value if isinstance(value, list) else ():
        if isinstance(one, dict) and isinstance(one.get("url"), str):
            resource = one.get("file") or (f"resources/{one['sha1']}" if one.get("sha1") else None)
            if isinstance(resource, str):
                found[one["url"]] = resource
    return found
