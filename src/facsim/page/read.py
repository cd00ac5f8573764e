"""Reading a page that is simplified already: its elements are the nodes that carry a `name`."""

from __future__ import annotations

from functools import partial

from selectolax.lexbor import LexborHTMLParser, LexborNode

from facsim.schema import Element, Page

_ROLE_OF_TAG = {
    "a": "link",
    "button": "button",
    "select": "combobox",
    "textarea": "textbox",
    "summary": "button",
    "option": "option",
    "img": "img",
}
_ROLE_OF_INPUT = {
    "search": "searchbox",
    "checkbox": "checkbox",
    "radio": "radio",
    "submit": "button",
    "button": "button",
    "image": "button",
    "reset": "button",
    "range": "slider",
    "number": "spinbutton",
}
_STATES = ("checked", "selected", "disabled", "expanded", "pressed", "current", "required")


def read_page(html: str) -> Page:
    """The page behind simplified HTML, ours or another tool's that marks elements with unique `name`s.

    Of elements that share a name (a fault that `facsim audit` reports) the first one counts.
    """
    return Page(html, partial(_elements_of, html))


def _elements_of(html: str) -> tuple[Element, ...]:
    elements: dict[str, Element] = {}
    for node in LexborHTMLParser(html).css("[name]"):
        name = node.attributes.get("name")
        if name and name not in elements:
            elements[name] = _element_of(node, name)
    return tuple(elements.values())


def _element_of(node: LexborNode, name: str) -> Element:
    attributes = node.attributes
    tag = node.tag or ""
    role = attributes.get("role") or (
        _ROLE_OF_INPUT.get(attributes.get("type") or "text", "textbox")
        if tag == "input"
        else _ROLE_OF_TAG.get(tag, "generic")
    )
    text = " ".join((node.text(separator=" ") or "").split())
    label = attributes.get("aria-label") or attributes.get("placeholder") or attributes.get("alt") or ""
    return Element(
        name=name,
        tag=tag,
        role=role,
        text=text or label,
        value=attributes.get("value"),
        href=attributes.get("href"),
        options=tuple(" ".join(option.text().split()) for option in node.css("option"))
        if tag == "select"
        else (),
        states=frozenset(
            state
            for state in _STATES
            if state in attributes or attributes.get(f"aria-{state}") not in (None, "false")
        ),
    )
