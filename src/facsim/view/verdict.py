"""How correct a prediction is: the matching rules from strict to lax, and the kinds of errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from facsim.metrics.match import matches
from facsim.schema import Action


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on a prediction.

    Attributes:
        key: its CSS class.
        mark: one character for it.
        words: the verdict in words.
        right: whether the prediction is correct by the exact rule.
    """

    key: str
    mark: str
    words: str
    right: bool = False


RIGHT = Verdict("right", "✓", "correct", right=True)
SAME_DESTINATION = Verdict("near", "≈", "same destination")
OTHER_TEXT = Verdict("near", "≈", "correct element, other text")
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
        true: the true action.
        predicted: the predicted action; None without a readable answer.
        same_destination: whether the page lists the predicted element as equivalent to the true one.
        on_page: whether the predicted element is on the page; None if that does not apply.
        failed: whether the call failed.
    """
    if predicted is None:
        return FAILED if failed else UNREAD
    if matches(true, predicted):
        return RIGHT
    if matches(true, predicted, "equivalent", same_destination=same_destination):
        # Texts may differ in case and spaces, too; if the element is the same, they are the only difference.
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
    """The predicted action of a line of predictions.jsonl; None without one that Facsim knows."""
    try:
        return Action.from_dict({part: line.get(f"pred_{part}") for part in ("type", "name", "text")})
    except (ValueError, TypeError):
        return None
