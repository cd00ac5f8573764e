"""One definition: grammar, schema and check agree with each other and with `Action`."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facsim.prompt import LENIENCIES, Style, answer_schema, parse_answer
from facsim.prompt.action_space import ACTION_SPACE, InvalidAction, action_grammar, action_schema, read_action
from facsim.schema import ACTION_TYPES, Action

STYLES = get_args(Style)


def test_the_table_is_that_of_the_value_form():
    assert tuple(kind.type for kind in ACTION_SPACE) == ACTION_TYPES
    for kind in ACTION_SPACE:
        action = Action(kind.type, **{field.name: "x" for field in kind.fields})
        assert list(action.to_dict()) == ["type", *(field.name for field in kind.fields)]


def test_grammar_states_every_action_and_field():
    grammar = action_grammar()
    for kind in ACTION_SPACE:
        assert f'{{"type": "{kind.type}"' in grammar
        assert kind.description in grammar
        assert all(f"- `{field.name}`: {field.description}" in grammar for field in kind.fields)


def nodes(schema):
    yield schema
    children = [*schema.get("anyOf", []), *schema.get("properties", {}).values()]
    for child in children:
        yield from nodes(child)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("object_root", [False, True])
def test_schema_stays_in_the_subset_of_strict_modes(style, object_root):
    schema = answer_schema(style, object_root=object_root)
    assert json.loads(json.dumps(schema)) == schema
    for node in nodes(schema):
        assert set(node) <= {
            "type",
            "properties",
            "required",
            "additionalProperties",
            "anyOf",
            "enum",
            "description",
        }
        if node.get("type") == "object":
            assert node["additionalProperties"] is False
            assert node["required"] == list(node["properties"])
    if object_root or style == "rationale":
        assert schema["type"] == "object"
    if style == "rationale":
        assert list(schema["properties"]) == ["rationale", "action"]


def instances(schema) -> st.SearchStrategy:
    """Values that satisfy a schema of this subset."""
    if "anyOf" in schema:
        return st.one_of([instances(variant) for variant in schema["anyOf"]])
    if schema["type"] == "object":
        return st.fixed_dictionaries({key: instances(value) for key, value in schema["properties"].items()})
    return st.sampled_from(schema["enum"]) if "enum" in schema else st.text()


@given(st.data(), st.sampled_from(STYLES), st.booleans(), st.booleans())
def test_what_satisfies_the_schema_is_read_strictly(data, style, object_root, ascii_only):
    answer = data.draw(instances(answer_schema(style, object_root=object_root)))
    parsed = parse_answer(json.dumps(answer, ensure_ascii=ascii_only), style)
    assert parsed.level == "strict", parsed
    assert parsed.forgiven == ()
    assert parsed.action.to_dict() == answer.get("action", answer)


@given(
    st.dictionaries(
        st.sampled_from(["type", "name", "text", "element", "target", "other"]),
        st.sampled_from([*ACTION_TYPES, "input", "scroll", "", "x", None, 1, 1.5, True, [], {}, ["a"]]),
    )
)
def test_read_action_gives_an_action_or_says_why_not(fields):
    try:
        action, forgiven = read_action(fields)
    except InvalidAction as error:
        assert str(error)
        return
    assert set(forgiven) <= set(LENIENCIES)
    assert bool(forgiven) == (action.to_dict() != fields)


def test_the_schema_of_an_action_is_the_table():
    assert [variant["properties"]["type"]["enum"] for variant in action_schema()["anyOf"]] == [
        [kind] for kind in ACTION_TYPES
    ]
