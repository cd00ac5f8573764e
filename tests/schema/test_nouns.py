"""The nouns refuse what they are not, and errors read as sentences."""

from __future__ import annotations

from typing import Any

import pytest

from facsim.schema import Action, Page
from facsim.schema.page import Element
from facsim.util.errors import ConfigError, FacsimError, InputError

ACTIONS = [Action.click("a.b"), Action.click(None), Action.type_and_submit("q", ""), Action.terminate()]


@pytest.mark.parametrize("action", ACTIONS)
def test_the_wire_form_comes_back(action: Action) -> None:
    assert Action.from_dict(action.to_dict()) == action
    assert hash(Action.from_dict(action.to_dict())) == hash(action)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"type": None},
        {"type": "hover", "name": "a"},
        {"type": ["click"], "name": "a"},
        {"type": "terminate", "name": "a"},
        {"type": "click", "name": "a", "text": "x"},
        {"type": "type_and_submit", "name": "a"},
    ],
)
def test_what_is_no_action_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"action type|terminate takes|text"):
        Action.from_dict(fields)


def test_an_error_says_where_what_and_what_to_do() -> None:
    error = InputError("is null", file="a.jsonl", where="row 3", expected="a page", remedy="Look at row 3")
    assert str(error) == "a.jsonl, row 3: is null; expected a page. Look at row 3"
    assert str(InputError("is null")) == "is null"
    assert isinstance(error, FacsimError)
    assert issubclass(ConfigError, FacsimError)


def test_elements_are_read_when_asked_for_and_once() -> None:
    asked: list[str] = []

    def load() -> tuple[Element, ...]:
        asked.append("elements")
        return (Element("q", "input", "searchbox"), Element("a", "a", "link"))

    page = Page("<p>", load)
    assert page == Page("<p>", lambda: ())
    assert not asked
    assert "q" in page and "z" not in page
    assert page.by_name["q"].is_typable and not page.by_name["a"].is_typable
    assert asked == ["elements"]
