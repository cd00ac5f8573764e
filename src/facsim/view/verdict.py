"""How right a prediction is, at a glance: the matching rules from strict to lax, and the ways to be wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from facsim.metrics.match import matches
from facsim.schema import Action


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a prediction.

    Attributes:
        key: names it, in style sheets and exports.
        mark: one character that stands for it.
        words: what it says.
        right: whether it counts as right by the exact rule.
    """

    key: str
    mark: str
    words: str
    right: bool = False


RIGHT = Verdict("right", "✓", "right", right=True)
SAME_DESTINATION = Verdict("near", "≈", "same destination")
OTHER_TEXT = Verdict("near", "≈", "right element, other text")
SAME_TYPE = Verdict("wrong", "✗", "wrong element")
WRONG = Verdict("wrong", "✗", "wrong")
ILLEGAL = Verdict("wrong", "✗", "wrong, not on the page")
UNREAD = Verdict("none", "∅", "not readable")
FAILED = Verdict("none", "∅", "call failed")


def verdict(
    true: Action, predicted: Action | None, *, same_destination: bool, on_page: bool | None, failed: bool
) -> Verdict:
    """The verdict on a prediction.

    Args:
        true: what the person did.
        predicted: what was predicted; None where there is no answer.
        same_destination: whether the page lists the predicted element as equivalent to the true one.
        on_page: whether the predicted element is on the page; None where that says nothing.
        failed: whether there is no answer because the call failed.
    """
    if predicted is None:
        return FAILED if failed else UNREAD
    if matches(true, predicted):
        return RIGHT
    if matches(true, predicted, "equivalent", same_destination=same_destination):
        # Texts may differ in case and spaces, too; where the element is the same, that is all there is.
        return SAME_DESTINATION if true.name != predicted.name else OTHER_TEXT
    if matches(true, predicted, "target"):
        return OTHER_TEXT
    if on_page is False:
        return ILLEGAL
    return SAME_TYPE if true.type == predicted.type else WRONG


def verdict_on(true: Action, line: Mapping[str, Any]) -> Verdict:
    """The verdict on a line of predictions.jsonl."""
    return verdict(
        true,
        predicted(line),
        same_destination=line.get("same_destination") is True,
        on_page=on_page if isinstance(on_page := line.get("on_page"), bool) else None,
        failed=line.get("failed") is True,
    )


def predicted(line: Mapping[str, Any]) -> Action | None:
    """The action that a line of predictions.jsonl holds; None where there is none."""
    try:
        return Action.from_dict({part: line.get(f"pred_{part}") for part in ("type", "name", "text")})
    except (ValueError, TypeError):
        return None
