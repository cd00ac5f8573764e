"""Action frequencies of a train part: the counts behind the baselines.

Only the steps table is read, no pages. Ties are broken by first appearance in stored order, so the same data
always gives the same answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

from facsim.data import DataSet
from facsim.schema import Action, ActionType, Page, SessionSoFar

ActionTarget = tuple[ActionType, str | None]
"""Type and name of an action, without its text."""

TERMINATE: ActionTarget = ("terminate", None)


def target_of(action: Action) -> ActionTarget:
    """Type and name of an action."""
    return action.type, action.name


def action_sequences(train: DataSet) -> Iterator[list[Action]]:
    """The actions of each session of `train`, in stored order."""
    columns = ("session_id", "action_type", "action_name", "action_text")
    rows = train.steps.select(columns).iter_rows()
    for _, steps in groupby(rows, key=itemgetter(0)):
        yield [Action(kind, name, text) for _, kind, name, text in steps]


class ActionFrequencies:
    """How often each action was taken in a train part.

    Attributes:
        types: how often each action type was taken.
        targets: how often each named target, or `terminate`, was chosen. Targets without a name are left
            out because they cannot be predicted.
        texts: per name, how often each text was typed there.
        all_texts: how often each text was typed anywhere.
    """

    def __init__(self, actions: Iterable[Action] = ()) -> None:
        self.types: Counter[ActionType] = Counter()
        self.targets: Counter[ActionTarget] = Counter()
        self.texts: dict[str, Counter[str]] = {}
        self.all_texts: Counter[str] = Counter()
        for action in actions:
            self.types[action.type] += 1
            if action.name is not None or action.type == "terminate":
                self.targets[target_of(action)] += 1
            if action.text is not None:
                self.all_texts[action.text] += 1
                if action.name is not None:
                    self.texts.setdefault(action.name, Counter())[action.text] += 1
        self._ranked = [target for target, _ in self.targets.most_common()]

    @classmethod
    def of(cls, train: DataSet) -> ActionFrequencies:
        """Count the actions of a train part."""
        return cls(action for actions in action_sequences(train) for action in actions)

    def possible_targets(self, page: Page) -> list[ActionTarget]:
        """Every possible target on `page`, in document order, with `terminate` last.

        Any element can be clicked. Text can go into elements with a typable role, and into elements that were
        typed into in the train part, because pages do not always declare the role.
        """
        targets: list[ActionTarget] = []
        for element in page.elements:
            targets.append(("click", element.name))
            if element.is_typable or element.name in self.texts:
                targets.append(("type_and_submit", element.name))
        targets.append(TERMINATE)
        return targets

    def most_frequent(self, page: Page, *, of_type: ActionType | None = None) -> Action:
        """The most frequent action of the train part that is possible on `page`.

        Args:
            page: the current page.
            of_type: consider only this type. If nobody ever did that to an element of this page, the first
                element that allows it is the target.

        Returns:
            The action; `terminate` if the page has no element to act on.
        """
        for kind, name in self._ranked:
            if of_type in (None, kind) and (name is None or name in page):
                return self.action(kind, name)
        for kind, name in self.possible_targets(page):
            if of_type in (None, kind):
                return self.action(kind, name)
        return Action.terminate()

    def action(self, kind: ActionType, name: str | None) -> Action:
        """The action on a target. A typed text is the most frequent one for the name, else overall."""
        if kind != "type_and_submit":
            return Action(kind, name)
        texts = self.texts.get(name or "") or self.all_texts
        text = texts.most_common(1)[0][0] if texts else ""
        return Action.type_and_submit(name, text)


def last_named(so_far: SessionSoFar) -> Action | None:
    """The latest action of the session whose target has a name."""
    named = (step.action for step in reversed(so_far.past) if step.action.name is not None)
    return next(named, None)
