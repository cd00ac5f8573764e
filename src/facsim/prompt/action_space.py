"""What can be done at a step: the one definition.

The prompt's grammar, the JSON Schema sent to servers and the check of an answer are all read off
`ACTION_SPACE`. To change the action space, change the table (and `facsim.schema.Action`, its value form).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from facsim.schema import Action, ActionType


@dataclass(frozen=True, slots=True)
class ActionField:
    """A field that an action carries besides its type. Always a string.

    Attributes:
        name: key on the wire, and attribute of `Action`.
        description: what stands in it, for the prompt and the schema.
        aliases: other keys that a lenient reading takes for it.
    """

    name: Literal["name", "text"]
    description: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ActionKind:
    """One kind of action.

    Attributes:
        type: its value of `type` on the wire.
        description: what the person does, for the prompt and the schema.
        fields: what else it carries, in wire order; all are required.
        aliases: other values of `type` that a lenient reading takes for it.
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


class NotAnAction(ValueError):
    """The fields do not make an action; the message says why in a clause."""


def action_grammar() -> str:
    """The action space as the prompt states it: one line per action, then one per field."""
    fields = {field.name: field for kind in ACTION_SPACE for field in kind.fields}
    actions = [f"- `{_example(kind)}`: {kind.description}" for kind in ACTION_SPACE]
    return "\n".join([*actions, *(f"- `{field.name}`: {field.description}" for field in fields.values())])


def _example(kind: ActionKind) -> str:
    return json.dumps({"type": kind.type, **{field.name: "..." for field in kind.fields}})


def action_schema() -> dict[str, Any]:
    """JSON Schema of one action: a variant per kind, nothing optional, nothing extra."""
    return {"anyOf": [_variant(kind) for kind in ACTION_SPACE]}


def _variant(kind: ActionKind) -> dict[str, Any]:
    properties: dict[str, Any] = {"type": {"type": "string", "enum": [kind.type]}}
    properties |= {field.name: {"type": "string", "description": field.description} for field in kind.fields}
    return strict_object(properties, description=kind.description)


def strict_object(properties: dict[str, Any], description: str | None = None) -> dict[str, Any]:
    """Schema of an object with exactly these properties, in the subset that strict modes accept."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return schema | ({"description": description} if description else {})


def read_action(fields: Mapping[str, object]) -> tuple[Action, tuple[str, ...]]:
    """The action that wire fields make, and the names of the leniencies it took (none if it is exact).

    Raises:
        NotAnAction: if the type is unknown, or a field is missing or is not a string.
    """
    spelled = fields.get("type")
    if not isinstance(spelled, str):
        raise NotAnAction("no type" if spelled is None else f"type is {kind_of_value(spelled)}")
    kind = KIND_OF_TYPE.get(spelled)
    if kind is None:
        raise NotAnAction(f"unknown type {shortened(spelled)!r}")
    forgiven = [] if spelled == kind.type else ["type_alias"]
    used, values = {"type"}, dict[str, str]()
    for field in kind.fields:
        key = next((key for key in (field.name, *field.aliases) if key in fields), None)
        value = fields[key] if key else None
        if key is None or not isinstance(value, str):
            found = f"{field.name} is {kind_of_value(value)}" if key else f"no {field.name}"
            raise NotAnAction(f"{kind.type}: {found}")
        if key != field.name:
            forgiven.append("name_alias")
        used.add(key)
        values[field.name] = value
    if set(fields) - used:
        forgiven.append("extra_keys")
    return Action(kind.type, **values), tuple(forgiven)


def kind_of_value(value: object) -> str:
    """What a JSON value is, in JSON's words."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    for python_type, word in ((str, "a string"), (Mapping, "an object"), (list, "an array")):
        if isinstance(value, python_type):
            return word
    return "a number"


def shortened(text: str, limit: int = 40) -> str:
    """`text`, or its first characters and an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
