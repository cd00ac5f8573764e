"""Chat messages as a session so far: what other agent frameworks send, as predictors see it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from facsim.page import simplify
from facsim.prompt import parse_answer
from facsim.schema import Page, PastStep, SessionSoFar
from facsim.util.errors import InputError

_TAGGED: Final = {tag: re.compile(rf"<{tag}>\s*(.*?)\s*</{tag}>", re.DOTALL) for tag in ("persona", "intent")}
_ANSWER_STYLE: Final = "rationale"


def session_of_chat(messages: Sequence[Mapping[str, Any]], session_id: str) -> SessionSoFar:
    """The session that a conversation describes.

    A system message has the persona and the intent, between `<persona>` and `<intent>` tags; without tags,
    all of it is the persona. Each user message is a page: raw HTML, or a page that `facsim simplify` wrote.
    Each assistant message is an earlier answer: JSON of the action, alone or with a rationale.

    Args:
        messages: as in the chat completions API.
        session_id: identifies the session.

    Raises:
        InputError: if the conversation has another form; it names the message.
    """
    persona: list[str] = []
    intent: list[str] = []
    past: list[PastStep] = []
    page: Page | None = None
    for place, message in enumerate(messages):
        role, text = message.get("role"), _text_of(message, place)
        if role in ("system", "developer"):
            tagged = {tag: pattern.findall(text) for tag, pattern in _TAGGED.items()}
            persona += tagged["persona"] or ([] if tagged["intent"] else [text])
            intent += tagged["intent"]
        elif role == "user":
            try:
                page = simplify(text)
            except InputError as error:
                raise _wrong(place, f"cannot be read as a page: {error}", "HTML of the page") from None
        elif role == "assistant":
            answer = parse_answer(text, _ANSWER_STYLE)
            if answer.action is None or page is None:
                problem = "has no page before it" if page is None else f"names no action ({answer.problem})"
                raise _wrong(
                    place, problem, "an answer that this server gave, after the page it was given on"
                )
            past.append(PastStep(page, answer.action, answer.rationale))
            page = None
        else:
            raise _wrong(place, f"has the role {role!r}", "system, user or assistant")
    if page is None:
        raise InputError("the last message is not a page", expected="a user message with HTML at the end")
    return SessionSoFar(
        session_id,
        page,
        tuple(past),
        "\n\n".join(persona) or None,
        "\n\n".join(intent) or None,
    )


def _text_of(message: Mapping[str, Any], place: int) -> str:
    """The text of a message, which may come in parts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        return "".join(str(part.get("text", "")) for part in content if part.get("type") == "text")
    raise _wrong(place, "has no text", "a string, or a list of text parts")


def _wrong(place: int, problem: str, expected: str) -> InputError:
    return InputError(f"message {place} {problem}", expected=expected)
