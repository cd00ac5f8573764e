"""The vectorised rules are the scalar ones, and the rules are ordered."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facsim.metrics import RULES, cases_table, match_expression, matches
from facsim.metrics.match import fold_text, normalize_text
from facsim.schema import MASKED_TEXT, Action
from facsim.util.errors import ConfigError

# Few distinct pieces, so that near misses are common: composed and decomposed, folding pairs, odd spaces.
LETTERS = st.sampled_from(
    [
        "a",
        "A",
        "\u00e9",
        "e\u0301",
        "E\u0301",
        "\u00df",
        "ss",
        "\u0130",
        "\ufb01",
        " ",
        "\u00a0",
        "\t",
        "\u1fb3",
        "\u0345",
    ]
)
TEXTS = st.one_of(st.lists(LETTERS, max_size=4).map("".join), st.text(max_size=5), st.just(MASKED_TEXT))
NAMES = st.sampled_from(["x", "X", "x ", "caf\u00e9", "cafe\u0301", ""])
ACTIONS = st.one_of(
    st.builds(Action.click, st.one_of(st.none(), NAMES)),
    st.builds(Action.type_and_submit, st.one_of(st.none(), NAMES), TEXTS),
    st.just(Action.terminate()),
)
PAIRS = st.tuples(ACTIONS, st.one_of(st.none(), ACTIONS), st.booleans())


def as_table(pairs):
    rows = []
    for step, (true, predicted, same) in enumerate(pairs):
        row = {"session_id": "a", "step": step, "same_destination": same}
        row |= {f"true_{field}": getattr(true, field) for field in ("type", "name", "text")}
        if predicted:
            row |= {f"pred_{field}": getattr(predicted, field) for field in ("type", "name", "text")}
        else:
            row["parse"] = "failed"
        rows.append(row)
    return cases_table(rows)


@settings(deadline=None, max_examples=60)
@given(st.lists(PAIRS, max_size=8))
def test_the_expression_is_the_scalar_rule(pairs):
    found = as_table(pairs).select(match_expression(rule).alias(rule) for rule in RULES)
    for rule in RULES:
        expected = [matches(true, predicted, rule, same_destination=same) for true, predicted, same in pairs]
        assert found[rule].to_list() == expected


@given(PAIRS)
def test_exact_implies_equivalent_and_target(pair):
    true, predicted, same = pair
    if matches(true, predicted, "exact", same_destination=same):
        assert matches(true, predicted, "equivalent", same_destination=same)
        assert matches(true, predicted, "target", same_destination=same)


@given(ACTIONS)
def test_an_action_matches_itself_if_it_has_a_target(action):
    for rule in RULES:
        assert matches(action, action, rule) == (action.type == "terminate" or action.name is not None)


@given(TEXTS)
def test_normalising_twice_changes_nothing(text):
    assert normalize_text(normalize_text(text)) == normalize_text(text)
    assert fold_text(fold_text(text)) == fold_text(text)


def test_names_are_compared_character_by_character():
    assert not matches(Action.click("caf\u00e9"), Action.click("cafe\u0301"), "equivalent")
    assert not matches(Action.click("x"), Action.click("x "), "target")


def test_same_destination_needs_the_same_type():
    true, predicted = Action.click("x"), Action.type_and_submit("y", "hat")
    assert not matches(true, predicted, "equivalent", same_destination=True)


def test_unknown_rules_are_refused():
    with pytest.raises(ConfigError, match="unknown matching rule 'loose'; expected one of exact"):
        match_expression("loose")
    with pytest.raises(ConfigError):
        matches(Action.terminate(), None, "loose")


def test_a_masked_text_is_never_wrong():
    masked = Action.type_and_submit("x", MASKED_TEXT)
    for rule in RULES:
        assert matches(masked, Action.type_and_submit("x", "anything"), rule)
        assert not matches(masked, Action.type_and_submit("y", MASKED_TEXT), rule)
        assert not matches(masked, Action.click("x"), rule)
        assert matches(Action.type_and_submit("x", "a"), masked, rule) == (rule == "target")
