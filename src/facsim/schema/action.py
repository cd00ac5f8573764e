"""The action of a person or a predictor at a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

ActionType = Literal["click", "type_and_submit", "terminate"]
ACTION_TYPES: tuple[ActionType, ...] = get_args(ActionType)

MASKED_TEXT = "***"
"""The text of a person whose recorder masked it: what they typed is unknown, and any text may be right."""


@dataclass(frozen=True, slots=True)
class Action:
    """One browser-level action: `click(name)`, `type_and_submit(name, text)` or `terminate()`.

    Actions are values: equal when type, name and text are equal, and hashable.

    Attributes:
        type: one of the three action types.
        name: the element's unique dotted name. None for `terminate`, and for a recorded action whose target
            has no name on its page (such a step is kept, and counted as unreachable).
        text: the typed text, for `type_and_submit` only.
    """

    type: ActionType
    name: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        if self.type not in ACTION_TYPES:
            raise ValueError(f"unknown action type {self.type!r}: expected one of {', '.join(ACTION_TYPES)}")
        if self.type == "terminate" and self.name is not None:
            raise ValueError("terminate takes no name")
        if (self.text is not None) != (self.type == "type_and_submit"):
            raise ValueError(f"{self.type} {'needs' if self.text is None else 'takes no'} text")

    @classmethod
    def click(cls, name: str | None) -> Self:
        """A click on the element `name`."""
        return cls("click", name)

    @classmethod
    def type_and_submit(cls, name: str | None, text: str) -> Self:
        """Typing `text` into the element `name`, then pressing Enter."""
        return cls("type_and_submit", name, text)

    @classmethod
    def terminate(cls) -> Self:
        """Closing the window."""
        return cls("terminate")

    def to_dict(self) -> dict[str, str | None]:
        """The wire form of the paper: `{"type": ..., "name": ..., "text": ...}`, without unused fields."""
        if self.type == "terminate":
            return {"type": self.type}
        if self.type == "click":
            return {"type": self.type, "name": self.name}
        return {"type": self.type, "name": self.name, "text": self.text}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`, for files that Facsim wrote.

        Model answers are parsed by `facsim.prompt`, which is more lenient and reports every leniency.

        Raises:
            ValueError: if the fields are not a valid action.
        """
        kind, name, text = (fields.get(field) for field in ("type", "name", "text"))
        if kind not in ACTION_TYPES:
            raise ValueError(f"unknown action type {kind!r}: expected one of {', '.join(ACTION_TYPES)}")
        return cls(kind, name, text)


def describe_action(kind: str, target: str, text: str | None) -> str:
    """An action in plain words.

    Args:
        kind: the action type.
        target: what to call the element.
        text: the typed text.

    >>> describe_action("type_and_submit", "Search", "red shoes"), describe_action("click", "a.b", None)
    ('type “red shoes” into Search', 'click a.b')
    """
    if kind == "terminate":
        return "leave the site"
    return f"click {target}" if kind == "click" else f"type “{text or ''}” into {target}"


def describe_target(action: Action) -> str:
    """The target element of an action, and the typed text; empty for `terminate`.

    >>> describe_target(Action.type_and_submit("search_input", "red shoes"))
    'search_input ← “red shoes”'
    """
    if action.type == "terminate":
        return ""
    name = action.name if action.name is not None else "(no name on the page)"
    return name if action.text is None else f"{name} ← “{action.text}”"
