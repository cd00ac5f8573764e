"""The action space, defined once.

The grammar in the prompt, the JSON Schema and the validation of answers are derived from `ACTION_SPACE`. To
change the action space, change this table and `facsim.schema.Action`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from facsim.schema import Action, ActionType


@dataclass(frozen=True, slots=True)
class ActionField:
    """A string field of an action, besides its type.

    Attributes:
        name: JSON key, and attribute of `Action`.
        description: its content, for the prompt and the schema.
        aliases: other keys that lenient parsing accepts.
    """

    name: Literal["name", "text"]
    description: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ActionKind:
    """One kind of action.

    Attributes:
        type: its value of `type` in JSON.
        description: what the person does, for the prompt and the schema.
        fields: its other fields in JSON order; all are required.
        aliases: other values of `type` that lenient parsing accepts.
    """

    type: ActionType
    description: str
    fields: tuple[ActionField, ...] = ()
    aliases: tuple[str, ...] = ()


NAME = ActionField(
    "name", "the `name` of an element, copied exactly from the current page", aliases=("element", "target")
)
TEXT = ActionField("text", "exactly what the person types")

ACTION_SPACE: tuple[ActionKind, ...] = (
    ActionKind("click", "click on the element", (NAME,)),
    ActionKind(
        "type_and_submit",
        "type the text into the element, then press Enter",
        (NAME, TEXT),
        aliases=("input",),
    ),
    ActionKind("terminate", "close the window and end the visit"),
)

KIND_OF_TYPE: Mapping[str, ActionKind] = {
    spelling: kind for kind in ACTION_SPACE for spelling in (kind.type, *kind.aliases)
}


class InvalidAction(ValueError):
    """The fields are not a valid action; the message gives the reason."""


def action_grammar() -> str:
    """The action space as described in the prompt: one line per action, then one per field."""
    fields = {field.name: field for kind in ACTION_SPACE for field in kind.fields}
    actions = [f"- `{_example(kind)}`: {kind.description}" for kind in ACTION_SPACE]
    return "\n".join([*actions, *(f"- `{field.name}`: {field.description}" for field in fields.values())])


def _example(kind: ActionKind) -> str:
    return json.dumps({"type": kind.type, **{field.name: "..." for field in kind.fields}})


def action_schema() -> dict[str, Any]:
    """JSON Schema of an action: one variant per kind, without optional or additional properties."""
    return {"anyOf": [_variant(kind) for kind in ACTION_SPACE]}


def _variant(kind: ActionKind) -> dict[str, Any]:
    properties: dict[str, Any] = {"type": {"type": "string", "enum": [kind.type]}}
    properties |= {field.name: {"type": "string", "description": field.description} for field in kind.fields}
    return strict_object(properties, description=kind.description)


def strict_object(properties: dict[str, Any], description: str | None = None) -> dict[str, Any]:
    """JSON Schema of an object with exactly these properties, in the subset that strict modes accept."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return schema | ({"description": description} if description else {})


def read_action(fields: Mapping[str, object]) -> tuple[Action, tuple[str, ...]]:
    """Validate JSON fields as an action. Returns it and the names of the leniencies that were needed.

    Raises:
        InvalidAction: if the type is unknown, or a field is missing or is not a string.
    """
    spelled = fields.get("type")
    if not isinstance(spelled, str):
        raise InvalidAction("no type" if spelled is None else f"type is {json_type_of(spelled)}")
    kind = KIND_OF_TYPE.get(spelled)
    if kind is None:
        raise InvalidAction(f"unknown type {shortened(spelled)!r}")
    forgiven = [] if spelled == kind.type else ["type_alias"]
    used, values = {"type"}, dict[str, str]()
    for field in kind.fields:
        key = next((key for key in (field.name, *field.aliases) if key in fields), None)
        value = fields[key] if key else None
        if key is None or not isinstance(value, str):
            found = f"{field.name} is {json_type_of(value)}" if key else f"no {field.name}"
            raise InvalidAction(f"{kind.type}: {found}")
        if key != field.name:
            forgiven.append("name_alias")
        used.add(key)
        values[field.name] = value
    if set(fields) - used:
        forgiven.append("extra_keys")
    return Action(kind.type, **values), tuple(forgiven)


def json_type_of(value: object) -> str:
    """The type of a JSON value, in JSON's terms."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    for python_type, word in ((str, "a string"), (Mapping, "an object"), (list, "an array")):
        if isinstance(value, python_type):
            return word
    return "a number"


def shortened(text: str, limit: int = 40) -> str:
    """`text`, truncated with an ellipsis if it is longer than `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
