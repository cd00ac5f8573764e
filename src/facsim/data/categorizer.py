"""What an action amounts to: the data set's own label where it has one, the rules' otherwise."""

from __future__ import annotations

from collections import Counter, defaultdict

from facsim.data.store import DataSet
from facsim.page import CategoryRules
from facsim.schema import Action, Page


class Categorizer:
    """Categories for actions that people took and for actions that were only predicted.

    A source may have a vocabulary of its own (OPeRA's 13 click types). So that a predicted action is labelled
    in the same vocabulary, labels seen in the data set come first: the majority label of the same type and
    name; then that of the same type and the same first and last part of the name, so that a product which
    nobody clicked gets the label of other products' links; then the rules.

    Args:
        data: the data set whose labels count, whole: labels say what an element is, not what people do.
        rules: for actions like none that the data set labels. The built-in ones if not given.
    """

    def __init__(self, data: DataSet, rules: CategoryRules | None = None) -> None:
        self._rules = rules or CategoryRules.default()
        by_name: defaultdict[tuple[str, str | None], Counter[str]] = defaultdict(Counter)
        by_shape: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        columns = data.steps.select("action_type", "action_name", "category").drop_nulls("category")
        for (action_type, name, category), count in Counter(columns.iter_rows()).items():
            if name is not None:
                by_shape[action_type, _shape(name)][category] += count
            if name is not None or action_type == "terminate":
                by_name[action_type, name][category] += count
        self._by_name = {key: _majority(labels) for key, labels in by_name.items()}
        self._by_shape = {key: _majority(labels) for key, labels in by_shape.items()}

    def category(self, action: Action, page: Page | None, url: str | None = None) -> str:
        """The category of `action` on `page` at `url`."""
        known = self._by_name.get((action.type, action.name))
        if known is None and action.name is not None:
            known = self._by_shape.get((action.type, _shape(action.name)))
        return known if known is not None else self._rules.category(action, page, url)


def _shape(name: str) -> str:
    parts = name.split(".")
    return parts[0] if len(parts) == 1 else f"{parts[0]}.{parts[-1]}"


def _majority(labels: Counter[str]) -> str:
    return min(labels, key=lambda label: (-labels[label], label))
