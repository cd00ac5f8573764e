"""JSON Schema of an answer, for servers that enforce one."""

from __future__ import annotations

from typing import Any

from facsim.prompt.action_space import action_schema, strict_object
from facsim.prompt.config import Style
from facsim.prompt.templates import REASON


def answer_schema(style: Style, *, object_root: bool = False) -> dict[str, Any]:
    """JSON Schema of the JSON in an answer, in the subset that strict modes accept.

    Every object lists all its properties as required and allows no other; the variants of an action stand
    in an `anyOf`; a rationale comes before the action. An answer that satisfies the schema is read at level
    `strict`.

    In `think` the schema describes what follows the `<think>` block: send it only to a server that keeps
    reasoning apart. In `two_turn` it describes the second turn.

    Args:
        style: the style of the prompt.
        object_root: some providers (OpenAI) refuse an `anyOf` at the root, which is where the styles whose
        answer is
            the action alone have it. This asks for `{"action": {...}}` there instead, which `parse_answer`
            takes as just as strict. No effect in the style `rationale`.
    """
    if style == "rationale":
        return strict_object(
            {"rationale": {"type": "string", "description": REASON}, "action": action_schema()}
        )
    return strict_object({"action": action_schema()}) if object_root else action_schema()
