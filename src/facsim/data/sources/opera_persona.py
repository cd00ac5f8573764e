"""Personas of OPeRA participants as text for a prompt.

The persona is the participant's survey (demographics, shopping preferences, self-description, personality)
and, if there is one, the processed interview. OPeRA's authors show both to the models they evaluate. The raw
survey and the raw interview transcript repeat these at several times the length and are omitted.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic_core import from_json

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

_NULLS = frozenset({"", "nan", "none", "null"})
_UNANSWERED = frozenset({"", "nan", "null"})  # "none" is a valid answer (children, allergies)
_DEEPEST = 8


def text_or_none(value: object) -> str | None:
    """Return a cell's stripped text; None for null and for strings that stand for null.

    >>> text_or_none(" nav_bar.search_input "), text_or_none("nan"), text_or_none(None)
    ('nav_bar.search_input', None, None)
    """
    text = value if isinstance(value, str) else "" if value is None else str(value)
    text = text.strip()
    return None if text.lower() in _NULLS else text


def persona_of(survey: object, interview: object) -> tuple[str | None, bool]:
    """Return the persona, and whether the survey was valid JSON.

    Args:
        survey: JSON text. Text that is not JSON is used as is.
        interview: text of the processed interview.
    """
    survey_text, interview_text = text_or_none(survey), text_or_none(interview)
    is_json, parts = True, []
    if survey_text:
        content = _from_json(survey_text)
        is_json = isinstance(content, (dict, list))
        parts.append("\n".join(_lines(content, 0)) if is_json else survey_text)
    if interview_text:
        content = _from_json(interview_text)
        told = "\n".join(_lines(content, 0)) if isinstance(content, (dict, list)) else interview_text
        parts.append(f"Interview:\n{told}")
    return "\n\n".join(part for part in parts if part) or None, is_json


def _from_json(text: str) -> Json:
    """Parse JSON text, including JSON nested in a JSON string; return other text unchanged."""
    if not text.startswith(("{", "[", '"')):
        return text
    try:
        value: Json = from_json(text)
    except ValueError:
        return text
    return _from_json(value) if isinstance(value, str) and value != text else value


def _lines(value: Json, depth: int) -> Iterator[str]:
    """Yield `field: answer` lines; nested values are indented under their field, empty ones omitted."""
    indent = "  " * depth
    if isinstance(value, str) and depth < _DEEPEST:
        value = _from_json(value)
    if isinstance(value, dict):
        for field, inner in value.items():
            label = f"{indent}{field.replace('_', ' ').strip()}:"
            answer = _answer(inner)
            if answer is not None:
                yield f"{label} {answer}"
            elif nested := list(_lines(inner, depth + 1)):
                yield label
                yield from nested
    elif isinstance(value, list):
        for item in value:
            if nested := list(_lines(item, depth + 1)):
                yield f"{indent}- {nested[0].strip()}"
                yield from nested[1:]
    elif answer := _answer(value):
        yield f"{indent}{answer}"


def _answer(value: Json) -> str | None:
    """Format an answer that fits on a line: a word, a number, or a list of these. None if nested or empty."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        answers = [_answer(item) for item in value]
        return None if None in answers else ", ".join(filter(None, answers)) or None
    if value is None or isinstance(value, dict) or isinstance(_from_json(str(value)), (dict, list)):
        return None
    text = " ".join(str(value).split())
    return None if text.lower() in _UNANSWERED else text
