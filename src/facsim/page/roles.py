"""Roles and states of elements, and whether a person can act on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum

from facsim.page.tags import ACTIONABLE, NOWHERE_ELSE

ROLE_OF_TAG = {
    "a": "link",
    "area": "link",
    "button": "button",
    "select": "combobox",
    "textarea": "textbox",
    "summary": "button",
    "option": "option",
    "img": "img",
}
ROLE_OF_INPUT = {
    "search": "searchbox",
    "checkbox": "checkbox",
    "radio": "radio",
    "submit": "button",
    "button": "button",
    "image": "button",
    "reset": "button",
    "file": "button",
    "color": "button",
    "range": "slider",
    "number": "spinbutton",
}
# Set by a recipe.
_MARKED = frozenset({"data-facsim-interactable", "data-facsim-name"})
_REACHING = _MARKED | {"href", "contenteditable", "role", "onclick", "tabindex"}
_HIDING = frozenset({"hidden", "data-facsim-drop", "aria-hidden", "type", "style"})
_PAGE_PARTS = frozenset({"main", "header", "footer"})
_WIDGETS = (
    "button link checkbox radio tab menuitem menuitemcheckbox menuitemradio option switch combobox textbox "
    "searchbox slider spinbutton treeitem"
)
WIDGET_ROLES = frozenset(_WIDGETS.split())
STATES = ("checked", "selected", "disabled", "expanded", "pressed", "current", "required")
_STATE_OF = {state: state for state in STATES} | {f"aria-{state}": state for state in STATES}


class Reach(IntEnum):
    """How certain it is that an element is interactive."""

    NONE = 0
    WEAK = 1
    """It has a listener (`onclick`) or is focusable: possibly only a container."""
    STRONG = 2
    """A control by its tag or role."""


def role_of(tag: str, attributes: Mapping[str, str]) -> str:
    """Return the ARIA role, explicit or implied by the tag; `generic` if there is none."""
    given = attributes["role"].split() if "role" in attributes else ()
    if given:
        return given[0].lower()
    if tag == "input":
        return ROLE_OF_INPUT.get(attributes.get("type", "text").lower(), "textbox")
    if tag not in ROLE_OF_TAG and "contenteditable" in attributes and is_editable(attributes):
        return "textbox"
    return ROLE_OF_TAG.get(tag, "generic")


def is_editable(attributes: Mapping[str, str]) -> bool:
    """Whether the element is an editing host."""
    return attributes.get("contenteditable", "false").lower() in ("", "true", "plaintext-only")


def states_of(attributes: Mapping[str, str]) -> frozenset[str]:
    """Return the states of `STATES` that HTML or ARIA attributes set."""
    return frozenset(
        _STATE_OF[name]
        for name, value in attributes.items()
        if name in _STATE_OF and (name in STATES or value not in ("false", "", "undefined"))
    )


def reach_of(tag: str, attributes: Mapping[str, str]) -> Reach:
    """Return how certain it is that a person can act on an element, including marks set by a recipe."""
    if tag in NOWHERE_ELSE:
        return Reach.NONE
    if tag in ACTIONABLE:
        return Reach.STRONG
    if not attributes or _REACHING.isdisjoint(attributes):
        return Reach.NONE
    is_plain_link = tag == "a" and "href" in attributes and "role" not in attributes
    if is_plain_link or not _MARKED.isdisjoint(attributes):
        return Reach.STRONG
    if "role" in attributes and _only_shows(attributes):
        return Reach.NONE
    return Reach.STRONG if _is_control(tag, attributes) else _attention(attributes)


def _is_control(tag: str, attributes: Mapping[str, str]) -> bool:
    return (
        ("href" in attributes and tag in ("a", "area"))
        or ("contenteditable" in attributes and is_editable(attributes))
        or ("role" in attributes and not WIDGET_ROLES.isdisjoint(attributes["role"].lower().split()[:1]))
    )


def _attention(attributes: Mapping[str, str]) -> Reach:
    listens = "onclick" in attributes or _is_focusable(attributes.get("tabindex", ""))
    return Reach.WEAK if listens else Reach.NONE


def _only_shows(attributes: Mapping[str, str]) -> bool:
    """Whether the element only shows a combobox's value: a text box for screen readers that is read-only."""
    return (
        attributes.get("aria-readonly") == "true"
        and attributes.get("role", "") == "textbox"
        and "tabindex" not in attributes
    )


def _is_focusable(tabindex: str) -> bool:
    return tabindex.strip().isdecimal()


def is_hidden(tag: str, attributes: Mapping[str, str]) -> bool:
    """Whether an element and everything in it is hidden from a person.

    This includes a closed `dialog` and a `datalist`. In a browser snapshot, `data-facsim-visible` overrides
    this: `false` marks an element that was invisible with everything in it, `true` one that was visible
    although it looks hidden.
    """
    if attributes and "data-facsim-visible" in attributes:
        return attributes["data-facsim-visible"] == "false" or "data-facsim-drop" in attributes
    if (tag == "dialog" and "open" not in attributes) or tag == "datalist":
        return True
    if not attributes or _HIDING.isdisjoint(attributes):
        return False
    return (
        "hidden" in attributes
        or "data-facsim-drop" in attributes
        or attributes.get("aria-hidden", "").lower() == "true"
        or (tag == "input" and attributes.get("type", "").lower() == "hidden")
        or ("style" in attributes and _hides(attributes["style"]))
    )


def is_inert(tag: str, attributes: Mapping[str, str], tags: Sequence[str], start: int, end: int) -> bool:
    """Whether a person sees an element but cannot reach it: it is inert, or behind a modal dialog.

    Only a dialog would hide a page's main part, header or footer from screen readers alone.

    Args:
        tag: tag of the element, which is hidden or inert.
        attributes: its attributes.
        tags: tags of all nodes.
        start: first node in the element.
        end: one past the last node in it.
    """
    if "inert" in attributes and not is_hidden(tag, attributes):
        return True
    return (
        attributes.get("aria-hidden", "").lower() == "true"
        and not is_hidden(tag, {**attributes, "aria-hidden": "false"})
        and (tag in _PAGE_PARTS or "main" in tags[start:end])
    )


def is_drawn_link(tag: str, attributes: Mapping[str, str], tags: Sequence[str], start: int, end: int) -> bool:
    """Whether a link is hidden only from screen readers: people see its picture and click on it.

    Arguments as for `is_inert`.
    """
    return (
        tag == "a"
        and "href" in attributes
        and attributes.get("aria-hidden", "").lower() == "true"
        and attributes.get("data-facsim-visible") != "false"
        and "img" in tags[start:end]
        and not is_hidden(tag, {**attributes, "aria-hidden": "false"})
    )


def _hides(style: str) -> bool:
    style = "".join(style.lower().split())
    return "display:none" in style or "visibility:hidden" in style
