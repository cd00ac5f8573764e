"""Predicted actions are labelled in the vocabulary of the data set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from facsim.data.categorizer import Categorizer
from facsim.page import CategoryRules
from facsim.schema import Action

HTML = '<a name="results.a.view">A</a><a name="results.b.view">B</a><input name="search_input">'


def _labelled(writing: Callable[..., Any], *labels: tuple[Action, str | None]) -> Any:
    made = writing()
    for number, (action, label) in enumerate(labels):
        made.add(f"s{number}", "u", [(HTML, action)], category=label)
    return made.write()


def test_majority_label_of_the_name_wins(writing: Callable[..., Any]) -> None:
    a = Action.click("results.a.view")
    data = _labelled(writing, (a, "review"), (a, "product_link"), (a, "product_link"), (a, None))
    assert Categorizer(data).category(a, None) == "product_link"


def test_ties_are_settled_by_the_alphabet_not_by_order(writing: Callable[..., Any]) -> None:
    a = Action.click("x.y")
    assert Categorizer(_labelled(writing, (a, "zeta"), (a, "alpha"))).category(a, None) == "alpha"


def test_a_name_never_acted_on_gets_the_label_of_its_like(writing: Callable[..., Any]) -> None:
    data = _labelled(writing, (Action.click("results.a.view"), "product_link"))
    assert Categorizer(data).category(Action.click("results.b.view"), None) == "product_link"


def test_type_counts_too(writing: Callable[..., Any]) -> None:
    data = _labelled(writing, (Action.click("search_input"), "nav_bar"))
    categorizer = Categorizer(data)
    typed = Action.type_and_submit("search_input", "tea")
    assert categorizer.category(Action.click("search_input"), None) == "nav_bar"
    assert categorizer.category(typed, None) == CategoryRules.default().category(typed, None)


def test_the_rules_decide_where_nothing_is_labelled(writing: Callable[..., Any]) -> None:
    data = _labelled(writing, (Action.click("results.a.view"), None))
    categorizer = Categorizer(data)
    for action in (Action.terminate(), Action.type_and_submit("search_input", "tea"), Action.click(None)):
        assert categorizer.category(action, None) == CategoryRules.default().category(action, None)


def test_labels_of_targets_without_a_name_are_not_spread(writing: Callable[..., Any]) -> None:
    data = _labelled(writing, (Action.click(None), "purchase"))
    assert Categorizer(data).category(Action.click(None), None) == "other"


def test_terminate_has_the_label_of_the_data(writing: Callable[..., Any]) -> None:
    data = _labelled(writing, (Action.terminate(), "close_window"))
    assert Categorizer(data).category(Action.terminate(), None) == "close_window"
