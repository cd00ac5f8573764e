"""A simplified page rendered for reading, with highlights on the elements that matter.

Pages are hostile. A page is never passed on: its tree is read, and a new document is written from `div`,
`span` and `br` alone, with our own classes and ids and with all text escaped. So nothing of the page can
become a script, a handler, an address or a style, and a browser parses exactly what was written. Controls and
links are only drawn: they take no focus and lead nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

from facsim.page.read import tree_of
from facsim.page.roles import role_of, states_of
from facsim.page.tags import INLINE, UNSEEN, VOID
from facsim.page.tree import TEXT, Tree
from facsim.util.errors import InputError
from facsim.view.run_colours import css

STATIC = Path(__file__).with_name("static")
LONGEST_TEXT = 20_000
"""The maximum number of characters drawn of one text."""
LONGEST_NAME = 300
MOST_NODES = 60_000
"""The maximum number of nodes drawn of a page; the page says so if there are more."""
MOST_RINGS = 3
"""The maximum number of rings around an element; further runs get a flag only."""
MOST_DEPTH = 200
"""The maximum nesting depth; deeper boxes are drawn inside the last one."""

_HEADINGS = {f"h{level}": f"h h{level}" for level in range(1, 7)}
_BOXES = {
    **_HEADINGS,
    **{tag: tag for tag in ("p", "ul", "ol", "li", "dl", "dt", "dd", "blockquote", "pre", "figcaption")},
    **{tag: tag for tag in ("table", "caption", "tr", "td", "th", "thead", "tbody", "tfoot", "legend")},
    **{tag: tag for tag in ("nav", "header", "footer", "main", "aside", "article", "section", "form")},
    **{tag: tag for tag in ("fieldset", "figure", "dialog", "details")},
}
_LETTERS = {"b": "strong", "strong": "strong", "i": "em", "em": "em", "del": "del", "s": "del", "code": "pre"}
_LETTERS |= {"sup": "sup", "sub": "sub", "small": "small", "label": "label"}
_NOT_DRAWN = UNSEEN | {"title", "base", "link", "meta"}
_BUTTONS = frozenset({"submit", "button", "image", "reset", "file", "color"})
_BUTTON_ROLES = frozenset({"button", "tab", "switch", "menuitem"})
_FLOWING = frozenset({"a", "button", "input", "select", "textarea", "option", "img", "label", "s", "del"})


@dataclass(frozen=True, slots=True)
class ElementHighlight:
    """A highlight on an element.

    Attributes:
        name: the name of the element.
        anchor: the id to scroll to: `person`, `best`, `run-3`.
        look: the CSS class of its colour: `person`, `best`, `r-3`.
        text: the text of its flag.
    """

    name: str
    anchor: str
    look: str
    text: str


def frame_document(
    html: str, marks: Sequence[ElementHighlight], *, nonce: str, theme: str, show_names: bool
) -> str:
    """The document that a sandboxed frame shows.

    Args:
        html: simplified HTML.
        marks: highlights; those whose name is not on the page are ignored.
        nonce: of the style sheet, for the content security policy.
        theme: `light`, `dark` or `auto`.
        show_names: whether every element shows its name.
    """
    try:
        body = PageRenderer(tree_of(html), marks).draw()
    except InputError as error:
        body = f'<div class="note">This page cannot be drawn: {escape(str(error))}</div>'
    names = " names" if show_names else ""
    return (
        f'<!DOCTYPE html><html lang="en" class="theme-{escape(theme)}"><head><meta charset="utf-8">'
        f'<title>The page</title><style nonce="{escape(nonce)}">{style()}</style></head>'
        f'<body class="page{names}"><div class="sheet">{body}</div></body></html>'
    )


@cache
def style() -> str:
    """The frame's style sheet."""
    return css() + (STATIC / "page.css").read_text("utf-8")


def title_of(html: str) -> str:
    """The title of a page; empty if it has none."""
    try:
        tree = tree_of(html)
    except InputError:
        return ""
    title = next((node for node, tag in enumerate(tree.tags) if tag == "title"), None)
    return "" if title is None else tree.text_content(title)[:LONGEST_NAME]


class PageRenderer:
    """Renders one page."""

    def __init__(self, tree: Tree, marks: Sequence[ElementHighlight]) -> None:
        self._tree = tree
        self._marks: dict[str, list[ElementHighlight]] = {}
        for mark in marks:
            self._marks.setdefault(mark.name, []).append(mark)
        self._drawn: set[str] = set()
        self._written: list[str] = []

    def draw(self) -> str:
        """The content of the body."""
        tree, write = self._tree, self._written.append
        open_until: list[tuple[int, str]] = []
        node, count = 0, 0
        while node < len(tree):
            while open_until and open_until[-1][0] <= node:
                write(open_until.pop()[1])
            count += 1
            if count > MOST_NODES:
                write('<div class="note">The rest of this page is too long to draw.</div>')
                break
            tag = tree.tags[node]
            if tag == TEXT:
                write(_shortened(tree.texts[node]))
            elif tag in _NOT_DRAWN:
                node = tree.ends[node]
                continue
            else:
                end = self._element(node, tag)
                if end is None:
                    node = tree.ends[node]
                    continue
                if tree.ends[node] == node + 1 or len(open_until) >= MOST_DEPTH:
                    write(end)
                else:
                    open_until.append((tree.ends[node], end))
            node += 1
        while open_until:
            write(open_until.pop()[1])
        return "".join(self._written)

    def _element(self, node: int, tag: str) -> str | None:
        """Write an element's start tag; the matching end tag, or None if all of it is written."""
        attributes = self._tree.attributes[node]
        if tag in ("html", "body", "head"):
            return ""
        name = attributes.get("name", "") if tag not in ("map", "param", "slot") else ""
        classes, content = self._looks(node, tag, attributes)
        box = "div" if _is_box(tag) else "span"
        if tag == "br":
            self._written.append("<br>")
            return None
        if content is None and not name and not classes and box == "span":
            return ""
        flags, more = self._flags(name)
        title = f' title="{_attribute(name)}"' if name else ""
        named = " e" if name else ""
        kind = f' class="{classes}{named}{more}"' if classes or named else ""
        if flags and box == "div":
            self._written.append(f"<{box}{kind}{title}>{flags}")
        else:
            self._written.append(f"{flags}<{box}{kind}{title}>")
        if content is None:
            return f"</{box}>"
        self._written.append(f"{content}</{box}>")
        return None

    def _flags(self, name: str) -> tuple[str, str]:
        """The flags of the highlights on an element, and its classes for them."""
        marks = self._marks.get(name, ()) if name and name not in self._drawn else ()
        if not marks:
            return "", ""
        self._drawn.add(name)
        flags = "".join(
            f'<span class="flag {mark.look}" id="{mark.anchor}">{escape(mark.text)}</span>' for mark in marks
        )
        # The first highlights draw concentric rings; more of them would hide the page.
        looks = list(dict.fromkeys(mark.look for mark in marks))[:MOST_RINGS]
        rings = "".join(f" ring{place}-{look}" for place, look in enumerate(looks, start=1))
        return f'<span class="flags">{flags}</span>', f" marked rings{len(looks)}{rings}"

    def _looks(self, node: int, tag: str, attributes: Mapping[str, str]) -> tuple[str, str | None]:
        """An element's class, and its content where that differs from its children."""
        states = "".join(f" is-{state}" for state in sorted(states_of(attributes)))
        looks, content = "", None
        if tag == "input":
            looks, content = _input(attributes)
        elif tag == "img":
            alt = _shortened(attributes.get("alt", "")) or "picture"
            looks, content = "img", f'<span class="alt">{alt}</span>'
        elif tag == "textarea":
            text = attributes.get("value") or self._tree.text_content(node)
            looks, content = "field tall", _field(text, attributes)
        elif tag in ("select", "option"):
            label = attributes.get("label") if tag == "option" else None
            looks, content = tag, _shortened(label) if label else None
        elif tag in VOID:
            looks, content = ("hr" if tag == "hr" else ""), ""
        elif tag == "button" or role_of(tag, attributes) in _BUTTON_ROLES:
            looks = "button"
        elif tag == "a":
            looks = "link" if attributes.get("name") else ""
        else:
            looks = _BOXES.get(tag) or _LETTERS.get(tag, "box" if _is_box(tag) else "")
        return f"{looks}{states}".strip(), content


def _input(attributes: Mapping[str, str]) -> tuple[str, str]:
    """The class and the content of an `input`."""
    kind = attributes.get("type", "text").lower()
    if kind == "hidden":
        return "gone", ""
    if kind in ("checkbox", "radio"):
        return f"tick {kind}", ""
    if kind in _BUTTONS:
        return "button", _shortened(attributes.get("value") or attributes.get("alt", ""))
    return "field", _field(attributes.get("value", ""), attributes)


def _is_box(tag: str) -> bool:
    return tag in _BOXES or not (tag in INLINE or tag in VOID or tag in _FLOWING)


def _field(value: str, attributes: Mapping[str, str]) -> str:
    if value.strip():
        return _shortened(value)
    hint = attributes.get("placeholder") or attributes.get("aria-label", "")
    return f'<span class="hint">{_shortened(hint)}</span>' if hint.strip() else ""


def _shortened(text: str) -> str:
    """Escaped text, cut if it is very long."""
    if len(text) <= LONGEST_TEXT:
        return escape(text)
    left = len(text) - LONGEST_TEXT
    return f'{escape(text[:LONGEST_TEXT])}<span class="cut">… {left:,} more characters</span>'


def _attribute(text: str) -> str:
    return escape(text if len(text) <= LONGEST_NAME else f"{text[:LONGEST_NAME]}…")
