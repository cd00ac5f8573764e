"""Parses a model's answer into an action. Never raises; leniencies are named so that they can be counted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from facsim.prompt.action_space import KIND_OF_TYPE, InvalidAction, json_type_of, read_action
from facsim.prompt.config import Style
from facsim.prompt.loose_json import MAX_DEPTH, LooseObject, exact_object, loose_objects
from facsim.prompt.templates import END_THINK, THINK, writable
from facsim.schema import Action, ParseLevel

LENIENCIES: Mapping[str, str] = {
    "think_block": "a `<think>` block before the answer, in a style that has none",
    "unopened_think": "reasoning that ends in `</think>` without a `<think>` at the start",
    "repeated_key": "a key given twice with the same value (a rationale: the last one counts)",
    "code_fence": "a Markdown code fence around the answer",
    "text_around": "other text before or after the answer (a second object too: the first valid one counts)",
    "single_quotes": "strings in single quotes",
    "python_words": "`True`, `False`, `None`",
    "trailing_comma": "a comma before a closing bracket",
    "control_characters": "raw line breaks or other control characters inside a string",
    "bad_escape": "a backslash before a character that JSON does not escape",
    "truncated": "the end is missing, but the action is complete",
    "nested": "the answer inside another object",
    "bare_action": "only the action, although a rationale was requested",
    "other_style": "rationale and action in one object, in a style without",
    "no_rationale": "the rationale is missing or is not a string",
    "action_as_string": "the action's JSON written inside a string",
    "type_as_action": '`{"action": "click", "name": …}`',
    "type_alias": "`input` for `type_and_submit`",
    "name_alias": "`element` or `target` for `name`",
    "extra_keys": "extra keys that were not requested",
    "lone_surrogates": "halves of a character, replaced by U+FFFD",
}
"""Everything that lenient parsing forgives, with an explanation."""

MAX_RATIONALE = 2_000
"""Characters kept of the first turn of `two_turn`."""

MAX_CHARACTERS = 2_000_000
"""Longer answers fail unread. Answers within the usual token limits have a few thousand characters."""

_MAX_CANDIDATES = 1_000
# Models and chat templates mark reasoning in different ways.
_OPEN = re.compile(
    r"<(?P<name>think|thinking|thought|reasoning|reflection)>|\[(?P<bracket>THINK)\]", re.IGNORECASE
)
_CLOSE = re.compile(r"</(?:think|thinking|thought|reasoning|reflection)>|\[/THINK\]", re.IGNORECASE)

_FENCE = re.compile(r"\s*(?:```\w*)?\s*")


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """A parsed answer.

    Attributes:
        action: the action; None if the level is `failed`.
        rationale: the given rationale; None if there is none.
        level: `strict`: exactly the requested form. `lenient`: something had to be forgiven. `failed`: no
            action.
        forgiven: names of `LENIENCIES` in alphabetical order; empty unless lenient.
        problem: why it failed, in a clause.
    """

    action: Action | None
    rationale: str | None = None
    level: ParseLevel = "strict"
    forgiven: tuple[str, ...] = ()
    problem: str | None = None


def parse_answer(text: str, style: Style) -> ParsedAnswer:
    """Parse a model's answer in a style; for `two_turn`, the answer of the second turn.

    Strict parsing comes first: exactly one JSON object of the style, surrounded by white space at most. Then
    lenient parsing takes the first object in the text that contains a valid action. In styles whose answer is
    only the action, `{"action": {...}}` is equally valid (see `answer_schema`). Takes linear time and never
    raises.
    """
    if len(text) > MAX_CHARACTERS:
        return ParsedAnswer(None, level="failed", problem=f"longer than {MAX_CHARACTERS:,} characters")
    reasoning, answer, forgiven = _split_reasoning(text, style)
    if answer is None:
        return ParsedAnswer(None, level="failed", problem=f"{THINK} without {END_THINK}")
    problem = "no JSON object" if answer.strip() else "empty"
    for fields, candidate in islice(_objects(answer), _MAX_CANDIDATES):
        if candidate.ambiguous_key is not None:
            problem = f"the key {candidate.ambiguous_key!r} is given twice with different values"
            continue
        found = {*forgiven, *candidate.forgiven}
        try:
            action, rationale = _read(fields, style, found)
        except InvalidAction as error:
            problem = str(error)
            continue
        if style == "think" and reasoning is not None:
            rationale = reasoning
        if fields is not candidate.fields:
            found.add("nested")
        found.update(_around(answer, candidate))
        action, rationale = _writable(action, rationale, found)
        return ParsedAnswer(action, rationale, "lenient" if found else "strict", tuple(sorted(found)))
    return ParsedAnswer(None, level="failed", problem=problem)


def parse_rationale(text: str) -> str | None:
    """Return the rationale in the first turn of `two_turn`: text without `<think>` block; None if empty."""
    _, answer, _ = _split_reasoning(text[:MAX_CHARACTERS], "two_turn")
    return writable((answer or "").strip()[:MAX_RATIONALE]).strip() or None


def _split_reasoning(text: str, style: Style) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Split off the reasoning; return it, the remaining text, and the leniencies.

    The text is None if everything is unfinished reasoning. Text inside reasoning tags, before a closing tag,
    or after an opening tag that is never closed is reasoning, never an answer.
    """
    stripped = text.strip()
    tagged = _OPEN.search(stripped) or _CLOSE.search(stripped)
    if not tagged or exact_object(stripped) is not None:
        return None, text, ()
    reasoning: list[str] = []
    outside: list[str] = []
    forgiven: set[str] = set()
    at, unfinished = 0, False
    while opened := _OPEN.search(stripped, at):
        outside.append(stripped[at : opened.start()])
        closed = _closing(opened).search(stripped, opened.end())
        if closed is None:
            unfinished, at = True, len(stripped)
            break
        if style != "think" or opened.start() > 0 or opened[0] != THINK:
            forgiven.add("think_block")
        reasoning.append(stripped[opened.end() : closed.start()].strip())
        at = closed.end()
        if len(reasoning) == 1 and exact_object(stripped[at:]) is not None:
            break  # tags inside it belong to its strings
    answer = "".join((*outside, stripped[at:]))
    stray = [] if exact_object(answer) is not None else list(_CLOSE.finditer(answer))[-1:]
    for closed in stray:
        forgiven.add("unopened_think")
        reasoning.insert(0, answer[: closed.start()].strip())
        answer = answer[closed.end() :]
    if unfinished:
        if "{" not in answer:
            return None, None, ()
        forgiven.add("text_around")
    return "\n".join(filter(None, reasoning)) or None, answer, tuple(sorted(forgiven))


def _closing(opened: re.Match[str]) -> re.Pattern[str]:
    """Pattern of the closing tag for an opening tag."""
    name = opened["name"]
    return re.compile(rf"</{name}>" if name else r"\[/THINK\]", re.IGNORECASE)


def _objects(answer: str) -> Iterator[tuple[Mapping[str, object], LooseObject]]:
    """Yield the objects that may be the answer, each with its outermost enclosing object (or itself)."""
    exact = exact_object(answer)
    found = [exact] if exact is not None else loose_objects(answer)
    for candidate in found:
        yield candidate.fields, candidate
        for inner in _inner_objects(candidate.fields):
            yield inner, candidate


def _around(answer: str, candidate: LooseObject) -> tuple[str, ...]:
    before, after = answer[: candidate.begin], answer[candidate.end :]
    if not before.strip() and not after.strip():
        return ()
    fenced = ("code_fence",) if "```" in before else ()
    is_bare = _FENCE.fullmatch(before) and _FENCE.fullmatch(after)
    return fenced if is_bare and fenced else (*fenced, "text_around")


def _inner_objects(fields: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """Yield the objects inside an object, outermost first, down to the depth at which answers are nested.

    Siblings of an `action` and objects inside a rationale are not answers.
    """
    level = _parts(fields)
    for _ in range(MAX_DEPTH):
        yield from (value for value in level if isinstance(value, dict))
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (_parts(value) if isinstance(value, dict) else value)
        ]


def _parts(fields: Mapping[str, object]) -> list[object]:
    if "action" in fields:
        return [fields["action"]]
    return [value for key, value in fields.items() if key != "rationale"]


def _read(fields: Mapping[str, object], style: Style, forgiven: set[str]) -> tuple[Action, str | None]:
    """Read the action and the rationale from an object; leniencies are added to `forgiven`.

    Raises:
        InvalidAction: if it contains no valid action.
    """
    given = fields.get("rationale")
    rationale = given.strip() or None if isinstance(given, str) else None
    if "action" not in fields:
        action, allowed = read_action({key: value for key, value in fields.items() if key != "rationale"})
        forgiven.update(allowed)
        if style == "rationale":
            forgiven.add("bare_action")
        elif "rationale" in fields:
            forgiven.add("extra_keys")
        return action, rationale
    action, allowed = read_action(_wrapped_action(fields, forgiven))
    forgiven.update(allowed)
    if style == "rationale" and not isinstance(given, str):
        forgiven.add("no_rationale")
    if style != "rationale" and "rationale" in fields:
        forgiven.add("other_style")
    return action, rationale


def _wrapped_action(fields: Mapping[str, object], forgiven: set[str]) -> Mapping[str, object]:
    """Return the fields of the action in `{"rationale": ..., "action": ...}`."""
    action = fields["action"]
    if isinstance(action, str) and action in KIND_OF_TYPE:
        forgiven.add("type_as_action")
        beside = {key: value for key, value in fields.items() if key not in ("action", "rationale", "type")}
        return beside | {"type": action}
    if set(fields) - {"action", "rationale"}:
        forgiven.add("extra_keys")
    if isinstance(action, str):
        inner = next(loose_objects(action), None)
        if inner is not None:
            forgiven.update(("action_as_string", *inner.forgiven))
            return inner.fields
    if not isinstance(action, dict):
        raise InvalidAction(f"action is {json_type_of(action)}")
    return action


def _writable(action: Action, rationale: str | None, forgiven: set[str]) -> tuple[Action, str | None]:
    parts = (action.name, action.text, rationale)
    if all(part is None or writable(part) == part for part in parts):
        return action, rationale
    forgiven.add("lone_surrogates")
    name, text, rationale = (None if part is None else writable(part) for part in parts)
    return Action(action.type, name, text), rationale
