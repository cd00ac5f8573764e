"""Answers as models write them."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from cpu_time import cpu_limit
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.prompt import LENIENCIES, ParsedAnswer, Style, parse_answer, parse_rationale, render_answer
from facsim.schema import Action

STYLES = get_args(Style)
CLICK = '{"type": "click", "name": "a.b"}'
ANSWER = f'{{"rationale": "why", "action": {CLICK}}}'
clicked = Action.click("a.b")
CLICK_ELSEWHERE = '{"type": "click", "name": "elsewhere"}'
typed = Action.type_and_submit("q", "kärcher k2")

words = st.text(max_size=40)
actions = st.one_of(
    st.builds(Action.click, words),
    st.builds(Action.type_and_submit, words, words),
    st.just(Action.terminate()),
)


@given(actions, st.none() | st.text(max_size=80), st.sampled_from(STYLES))
def test_what_is_rendered_is_read_back(action, rationale, style):
    parsed = parse_answer(render_answer(action, rationale, style), style)
    assert parsed.action == action
    reason = (rationale or "").strip() or None
    if style in ("rationale", "think"):
        assert parsed.rationale == (reason and reason.replace("</think>", "< /think>"))
    if style == "rationale" and reason is None:
        assert parsed.forgiven == ("no_rationale",)
    else:
        assert parsed.level == "strict"


def test_a_nameless_target_is_no_answer():
    """History may hold `"name": null`; to predict it would be to predict nothing."""
    parsed = parse_answer(render_answer(Action.click(None), None, "action"), "action")
    assert parsed == ParsedAnswer(None, level="failed", problem="click: name is null")


LENIENT = [
    # text, style, action, rationale, forgiven
    (f"```json\n{ANSWER}\n```", "rationale", clicked, "why", "code_fence"),
    (f"```\n{CLICK}```", "action", clicked, None, "code_fence"),
    (f"Sure! Here it is:\n```json\n{ANSWER}\n```\nHope this helps.", "rationale", clicked, "why", "code_fence text_around"),
    (f"The answer is {ANSWER}", "rationale", clicked, "why", "text_around"),
    (f"{{this one}} {ANSWER}", "rationale", clicked, "why", "text_around"),
    (f"[{CLICK}]", "action", clicked, None, "text_around"),
    ("{'type': 'click', 'name': 'a.b'}", "action", clicked, None, "single_quotes"),
    ("{'rationale': \"it's why\", 'action': {'type': 'terminate'}}", "rationale", Action.terminate(), "it's why", "single_quotes"),
    ("{'rationale': 'it\\'s why', 'action': {'type': 'terminate'}}", "rationale", Action.terminate(), "it's why", "bad_escape single_quotes"),
    ('{"type": "click", "name": "a.b",}', "action", clicked, None, "trailing_comma"),
    ('{"type": "terminate", "why": [1, 2, ], }', "action", Action.terminate(), None, "extra_keys trailing_comma"),
    ('{"type": "terminate", "sure": True}', "action", Action.terminate(), None, "extra_keys python_words"),
    ('{"rationale": "two\nlines", "action": {"type": "terminate"}}', "rationale", Action.terminate(), "two\nlines", "control_characters"),
    ('{"type": "click", "name": "a\\.b"}', "action", clicked, None, "bad_escape"),
    ('{"type": "click", "name": "a.b"', "action", clicked, None, "truncated"),
    ('{"type": "click", "name": "a.b", "te', "action", clicked, None, "truncated"),
    (f'{{"rationale": "why", "action": {CLICK}', "rationale", clicked, "why", "truncated"),
    (f'{{"action": {CLICK}, "rationale": "because it', "rationale", clicked, None, "no_rationale truncated"),
    (f"<think>hm {{}}</think>\n{ANSWER}", "rationale", clicked, "why", "think_block"),
    (f"<think>\n\n</think>\n\n{CLICK}", "two_turn", clicked, None, "think_block"),
    (f"so I click</think>\n{CLICK}", "think", clicked, "so I click", "unopened_think"),
    (f"so I click</think>\n{ANSWER}", "rationale", clicked, "why", "unopened_think"),
    (f"<thinking>hm</thinking>{ANSWER}", "rationale", clicked, "why", "think_block"),
    (f"[THINK]hm[/THINK]{CLICK}", "think", clicked, "hm", "think_block"),
    (f"<think>a {CLICK_ELSEWHERE}</think> or <think>b {CLICK_ELSEWHERE}</think>{CLICK}", "think", clicked, f"a {CLICK_ELSEWHERE}\nb {CLICK_ELSEWHERE}", "text_around think_block"),
    (f"{CLICK_ELSEWHERE} no</think> or rather {CLICK_ELSEWHERE}</think>{ANSWER}", "rationale", clicked, "why", "unopened_think"),
    (f"{ANSWER} <think>was that {CLICK_ELSEWHERE}", "rationale", clicked, "why", "text_around"),
    ('{"type": "click", "type": "click", "name": "a.b"}', "action", clicked, None, "repeated_key"),
    ("{'type': 'click', 'name': 'a.b', 'name': 'a.b'}", "action", clicked, None, "repeated_key single_quotes"),
    (f'{{"rationale": "first", "rationale": "why", "action": {CLICK}}}', "rationale", clicked, "why", "repeated_key"),
    (f'{{"rationale": "why", "action": {CLICK}, "action": {CLICK}}}', "rationale", clicked, "why", "repeated_key"),
    (CLICK, "rationale", clicked, None, "bare_action"),
    ('{"rationale": "why", "type": "click", "name": "a.b"}', "rationale", clicked, "why", "bare_action"),
    (ANSWER, "action", clicked, "why", "other_style"),
    (f"<think>so</think>{ANSWER}", "think", clicked, "so", "other_style"),
    (f'{{"action": {CLICK}}}', "rationale", clicked, None, "no_rationale"),
    (f'{{"rationale": 3, "action": {CLICK}}}', "rationale", clicked, None, "no_rationale"),
    (json.dumps({"rationale": "why", "action": CLICK}), "rationale", clicked, "why", "action_as_string"),
    ('{"rationale": "why", "action": "click", "name": "a.b"}', "rationale", clicked, "why", "type_as_action"),
    ('{"type": "input", "name": "q", "text": "kärcher k2"}', "action", typed, None, "type_alias"),
    ('{"type": "click", "element": "a.b"}', "action", clicked, None, "name_alias"),
    ('{"type": "click", "target": "a.b"}', "action", clicked, None, "name_alias"),
    ('{"type": "terminate", "name": null, "text": null}', "action", Action.terminate(), None, "extra_keys"),
    (f'{{"rationale": "why", "action": {CLICK}, "confidence": 0.9}}', "rationale", clicked, "why", "extra_keys"),
    (f'{{"answer": {ANSWER}}}', "rationale", clicked, "why", "nested"),
    (f'{{"answers": [{{"x": 1}}, {CLICK}]}}', "action", clicked, None, "nested"),
    ('{"type": "type_and_submit", "name": "q", "text": "\\ud800"}', "action", Action.type_and_submit("q", "\ufffd"), None, "lone_surrogates"),
    # The first object that holds a valid action counts.
    (f'{CLICK}\n{{"type": "terminate"}}', "action", clicked, None, "text_around"),
    (f'{{"type": "scroll"}} {CLICK}', "action", clicked, None, "text_around"),
    (f'{{"rationale": "why", "action": {{"type": "hover"}}}} or {ANSWER}', "rationale", clicked, "why", "text_around"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "style", "action", "rationale", "forgiven"), LENIENT)
def test_lenient(text, style, action, rationale, forgiven):
    expected = ParsedAnswer(action, rationale, "lenient", tuple(forgiven.split()))
    assert parse_answer(text, style) == expected


def test_every_leniency_is_tested():
    assert {name for case in LENIENT for name in case[-1].split()} == set(LENIENCIES)


STRICT = [
    ('<think>why</think>{"type": "click", "name": "<think>"}', "think", Action.click("<think>"), "why"),
    ('<think>why</think>{"type": "click", "name": "</think>"}', "think", Action.click("</think>"), "why"),
    (f" \n{ANSWER}\n", "rationale", clicked, "why"),
    ('{"action": {"type": "terminate"}, "rationale": ""}', "rationale", Action.terminate(), None),
    (CLICK, "action", clicked, None),
    (f'{{"action": {CLICK}}}', "action", clicked, None),
    (f"<think>why</think>{CLICK}", "think", clicked, "why"),
    (f"<think>\n\n</think>\n\n{CLICK}", "think", clicked, None),
    (CLICK, "think", clicked, None),
    ('{"type": "type_and_submit", "name": "q", "text": "k\\u00e4rcher k2"}', "two_turn", typed, None),
    ('{"type": "type_and_submit", "name": "q", "text": ""}', "action", Action.type_and_submit("q", ""), None),
    ('{"type": "click", "name": "</think>"}', "action", Action.click("</think>"), None),
    ('{"type": "click", "name": "\\ud83d\\ude00"}', "action", Action.click("😀"), None),
    ('{"type": "click", "name": "\\u0000"}', "action", Action.click("\0"), None),
]


@pytest.mark.parametrize(("text", "style", "action", "rationale"), STRICT)
def test_strict(text, style, action, rationale):
    assert parse_answer(text, style) == ParsedAnswer(action, rationale)


FAILED = [
    ("", "empty"),
    (" \n", "empty"),
    ("I would click on the second product.", "no JSON object"),
    ("[]", "no JSON object"),
    ("null", "no JSON object"),
    ("{}", "no type"),
    ('{"rationale": "why"}', "no type"),
    ('{"type": "scroll", "name": "a"}', "unknown type 'scroll'"),
    # What stands beside the action, or in the rationale, is not what the answer says.
    (f'{{"action": {{"type": "scroll"}}, "not": {CLICK}}}', "unknown type 'scroll'"),
    ('{"rationale": {"type": "terminate"}, "action": {"type": "scroll"}}', "unknown type 'scroll'"),
    ('{"rationale": {"type": "terminate"}}', "no type"),
    ('{"type": "Click", "name": "a"}', "unknown type 'Click'"),
    ('{"type": "click"}', "click: no name"),
    ('{"type": "click", "name": 3}', "click: name is a number"),
    ('{"type": "click", "name": ["a"]}', "click: name is an array"),
    ('{"type": "type_and_submit", "name": "q"}', "type_and_submit: no text"),
    ('{"type": "type_and_submit", "name": "q", "text": null}', "type_and_submit: text is null"),
    ('{"type": ["click"], "name": "a"}', "type is an array"),
    ('{"rationale": "why", "action": null}', "action is null"),
    ('{"rationale": "why", "action": [1]}', "action is an array"),
    ('{"rationale": "why", "action": "leave"}', "action is a string"),
    # Truncated before the action was complete.
    ('{"rationale": "I want to', "no type"),
    ('{"rationale": "why", "action": {"type": "click", "name": "search_res', "click: no name"),
    ('{"type": "type_and_submit", "name": "q", "text": "karc', "type_and_submit: no text"),
    (f"<think>I could answer {CLICK}", "<think> without </think>"),
    # Reasoning that never ends, however it is marked and wherever it begins.
    (f"<THINK>I could answer {CLICK}", "<think> without </think>"),
    (f"<thinking>I could answer {CLICK}", "<think> without </think>"),
    (f"[THINK]I could answer {CLICK}", "<think> without </think>"),
    (f"Well. <think>I could answer {CLICK}", "<think> without </think>"),
    (f"<think>done</think> <think>I could answer {CLICK}", "<think> without </think>"),
    # Which of the two is the answer?
    (
        f'{{"rationale": "why", "action": {CLICK}, "action": {{"type": "terminate"}}}}',
        "the key 'action' is given twice with different values",
    ),
    ("{'type': 'click', 'name': 'a.b', 'name': 'c'}", "the key 'name' is given twice with different values"),
    (
        f'```{{"rationale": "why", "action": {CLICK}, "action": "no"}}```',
        "the key 'action' is given twice with different values",
    ),
    # A quoted example inside an answer is not the answer.
    ('{"rationale": "not {\'type\': \'terminate\'}", "action": {"type": "wait"}}', "unknown type 'wait'"),
]


@pytest.mark.parametrize("style", ["rationale", "action"])
@pytest.mark.parametrize(("text", "problem"), FAILED)
def test_failed(text, problem, style):
    assert parse_answer(text, style) == ParsedAnswer(None, level="failed", problem=problem)


pieces = st.sampled_from(
    [*'{}[]:,"\'\\ \n`', "<think>", "</think>", '"type"', '"click"', '"name"', '"action"', '"rationale"', "```json",
     "terminate", "null", "True", "1e9", "\\u", "\\ud800", "\x00", "\ud800", "é", CLICK, ANSWER]
)  # fmt: skip


@settings(max_examples=400)
@given(st.lists(pieces, max_size=30).map("".join) | st.text(), st.sampled_from(STYLES))
def test_any_text_is_read(text, style):
    parsed = parse_answer(text, style)
    assert (parsed.action is None) == (parsed.level == "failed") == (parsed.problem is not None)
    assert bool(parsed.forgiven) == (parsed.level == "lenient")
    assert set(parsed.forgiven) <= set(LENIENCIES)
    for part in (
        parsed.rationale,
        parsed.action and parsed.action.name,
        parsed.action and parsed.action.text,
    ):
        (part or "").encode()
    assert parse_rationale(text) is None or parse_rationale(text).encode()


@given(st.integers(0, len(ANSWER) - 1))
def test_a_truncated_answer_gives_its_action_or_none(length):
    assert parse_answer(ANSWER[:length], "rationale").action in (None, clicked)


HOSTILE = {
    "prose": "I would click on it. " * 50_000,
    "open braces": "{" * 1_000_000,
    "open brackets": "[" * 1_000_000,
    "nested objects": '{"a":' * 200_000,
    "nested arrays": '{"a":' + "[" * 1_000_000,
    "nested and closed": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "open strings": '{"' * 500_000,
    "mixed quotes": "{'\"" * 330_000,
    "offset objects": '{"{":"{","' * 100_000,
    "escapes": '{"' + "\\" * 1_000_000,
    "backslash quotes": '{"a\\"' * 200_000,
    "wide object": "{" + '"a":1,' * 160_000,
    "many objects": '{"a":{"b":{"c":1}}}' * 50_000,
    "wide and deep": '{"k":[' + '{"a":{"b":{"c":[1]}}},' * 50_000,
    "think blocks": "<think></think>" * 66_000,
    "end thinks": "</think>{" * 110_000,
    "fences": "```json\n{" * 110_000,
    "digits": '{"type":' + "1" * 1_000_000 + "}",
    "spaces": '{"type"' + " " * 1_000_000,
    "long rationale": json.dumps({"rationale": "x " * 500_000, "action": {"type": "scroll"}}),
    "long string action": json.dumps({"action": '{"' * 300_000}),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_megabyte_is_answered_fast(text):
    with cpu_limit(2):
        assert parse_answer(text, "rationale").level == "failed"


def test_an_answer_after_a_megabyte_of_prose_is_found():
    parsed = parse_answer("I think { maybe } so. " * 50_000 + ANSWER, "rationale")
    assert (parsed.action, parsed.forgiven) == (clicked, ("text_around",))


def test_rationale_of_the_first_turn():
    assert parse_rationale("  I want it. \n") == "I want it."
    assert parse_rationale("<think>hm</think> I want it.") == "I want it."
    assert parse_rationale("<think>never ends") is None
    assert parse_rationale(" ") is None
    assert len(parse_rationale("x" * 1_000_000)) == 2_000


@pytest.mark.parametrize(
    "unit", ['{"a":', "{", '{"a":[', "{},", '{"action": [{},', "<think></think>{"], ids=str
)
def test_ten_megabytes_are_answered_in_bounded_time(unit):
    with cpu_limit(4):
        assert parse_answer(unit * (10_000_000 // len(unit)), "rationale").level == "failed"
        assert parse_answer(unit * (1_900_000 // len(unit)), "rationale").level == "failed"
