"""JSON Schema of answers, for servers with structured output."""

from __future__ import annotations

from typing import Any

from facsim.prompt.action_space import action_schema, strict_object
from facsim.prompt.config import Style
from facsim.prompt.templates import RATIONALE_DESCRIPTION


def answer_schema(style: Style, *, object_root: bool = False) -> dict[str, Any]:
    """JSON Schema of the JSON in an answer, in the subset that strict modes accept.

    All properties are required and no others are allowed. The variants of an action are an `anyOf`; a
    rationale comes before the action. `parse_answer` reads an answer that satisfies the schema at level
    `strict`.

    In `think` the schema describes what follows the `<think>` block: send it only to a server that returns
    reasoning separately. In `two_turn` it describes the second turn.

    Args:
        style: the style of the prompt.
        object_root: wrap the action as `{"action": {...}}` in the styles that answer with the action alone.
            Some providers (OpenAI) reject an `anyOf` at the root. `parse_answer` reads both forms as strict.
            No effect in the style `rationale`.
    """
    if style == "rationale":
        return strict_object(
            {"rationale": {"type": "string", "description": RATIONALE_DESCRIPTION}, "action": action_schema()}
        )
    return strict_object({"action": action_schema()}) if object_root else action_schema()
