"""One choice situation per step: the choice set (candidates of the page) and the state of the session.

Everything here is computed from a `SessionSoFar`, which ends with the current page. Later steps are out of
reach by construction.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from facsim.predict.choice.intent import Intent, folded, read_intent
from facsim.predict.choice.page_table import Ints, PageTable, read_page_table
from facsim.predict.frequencies import ActionTarget
from facsim.schema import ACTION_TYPES, Action, Page, SessionSoFar

CLICK, TYPE, TERMINATE = range(3)
SAME, STARTS, HOLDS = 3, 2, 1
"""How a text matches a value of the intent: equal, starts with it, one contains the other; 0 is no match."""

HISTORY = 4
"""Past pages and actions that contexts look back on. Action counts look back on all of them."""
LOOK_BACK = 24
"""Past steps that are searched for used intent fields. Bounds the work in long sessions."""
STATE_CODES = 12
"""Number of element states: acted upon 0, 1 or 2+ times; new or not; filled or not."""
UNKNOWN = -1

Levels = NDArray[np.int8]
Flags = NDArray[np.bool_]


@dataclass
class SymbolTable:
    """Integer ids of symbols (classes of candidates) and of contexts (tuples of symbols).

    Attributes:
        names: names that people acted upon in at least two sessions. Other names map to their template.
        typed: names that people typed into, whether or not their role accepts text.
        keys: the most frequent keys of intents written as `key: value`.
        numbers: id of each symbol.
        contexts: id of each context.
        learning: whether unknown symbols and contexts get a new id; otherwise they map to `UNKNOWN`.
    """

    names: frozenset[str] = frozenset()
    typed: frozenset[str] = frozenset()
    keys: tuple[str, ...] = ()
    numbers: dict[str, int] = field(default_factory=dict)
    contexts: dict[tuple[int, ...], int] = field(default_factory=dict)
    learning: bool = False

    def number(self, symbol: str) -> int:
        """The id of a symbol."""
        if self.learning:
            return self.numbers.setdefault(symbol, len(self.numbers))
        return self.numbers.get(symbol, UNKNOWN)

    def context(self, *symbols: int) -> int:
        """The id of a context."""
        if self.learning:
            return self.contexts.setdefault(symbols, len(self.contexts))
        return self.contexts.get(symbols, UNKNOWN)


@dataclass(frozen=True, eq=False)
class ChoiceSet:
    """The candidates of a page, in a fixed order: clicks on all elements, typing, then terminate.

    Attributes:
        table: the page.
        kinds: CLICK, TYPE or TERMINATE, shape `(candidates,)`.
        rows: row of the element in `table`, -1 for terminate, shape `(candidates,)`.
        plain: symbol by name, or by template where the name is rare, shape `(candidates,)`.
        typing: index of the candidate that types into an element, by the element's row.
        form: symbol of the set of known controls that are filled.
    """

    table: PageTable
    kinds: Ints
    rows: Ints
    plain: Ints
    typing: Mapping[int, int]
    form: int

    def find(self, action: Action) -> int | None:
        """The index of the candidate that is this action, or None."""
        if action.type == "terminate":
            return len(self.kinds) - 1
        row = None if action.name is None else self.table.rows.get(action.name)
        if row is None:
            return None
        return row if action.type == "click" else self.typing.get(row)


@dataclass(frozen=True, eq=False)
class ChoiceSituation:
    """One step, ready for rates and features.

    Attributes:
        so_far: the session up to this step.
        choice_set: the candidates.
        before: the pages of the last steps, latest first.
        intent: what the person came for.
        matches: match level of each element's text with each intent value, shape `(elements, fields)`.
        value_matches: the same for the current values of controls, shape `(elements, fields)`.
        slots: symbol by intent key where the element shows that key's value, else as `choice_set.plain`;
            shape `(candidates,)`.
        states: `slots` crossed with acted, new and filled, shape `(candidates,)`.
        contexts: per family of rates, the id of the context at each depth.
        acted: how often each element was acted upon in this session, shape `(elements,)`.
        since: steps since the element was last acted upon, 0 if never, shape `(elements,)`.
        is_new: whether the element was missing from the previous page, shape `(elements,)`.
        used: whether a past action used the intent field, shape `(fields,)`.
    """

    so_far: SessionSoFar
    choice_set: ChoiceSet
    before: tuple[PageTable, ...]
    intent: Intent
    matches: Levels
    value_matches: Levels
    slots: Ints
    states: Ints
    contexts: tuple[tuple[int, ...], ...]
    acted: Ints
    since: Ints
    is_new: Flags
    used: Flags

    @property
    def table(self) -> PageTable:
        """The current page."""
        return self.choice_set.table

    def __len__(self) -> int:
        return len(self.choice_set.kinds)

    def target(self, candidate: int) -> ActionTarget:
        """Action type and element name of a candidate."""
        row = self.choice_set.rows[candidate]
        name = None if row < 0 else self.table.elements[row].name
        return ACTION_TYPES[self.choice_set.kinds[candidate]], name


class SituationReader:
    """Builds choice situations, with an LRU cache of the choice sets of recent pages.

    Args:
        symbols: the symbol table of the train part.
        most_elements: capacity of the cache, in candidates over all cached pages.
    """

    def __init__(self, symbols: SymbolTable, most_elements: int = 200_000) -> None:
        self.symbols = symbols
        self._most = most_elements
        self._held = 0
        self._choice_sets: OrderedDict[str, ChoiceSet] = OrderedDict()

    def read(self, so_far: SessionSoFar) -> ChoiceSituation:
        """The choice situation of a step."""
        choice_set = self.choice_set(so_far.page)
        table = choice_set.table
        intent = read_intent(so_far.intent)
        matches = match_fields(table, table.texts, intent)
        used, plain_history, slot_history = self._histories(so_far, intent)
        slots = self._slots(choice_set, matches, intent, used)
        acted, since = _acted(table, so_far)
        before = tuple(self.choice_set(step.page).table for step in reversed(so_far.past[-HISTORY:]))
        is_new = np.zeros(len(table), np.bool_)
        if before:
            is_new[:] = [element.name not in before[0].rows for element in table.elements]
        state = np.zeros(len(table) + 1, np.int64)  # the last entry is for terminate
        state[:-1] = 4 * np.minimum(acted, 2) + 2 * is_new + table.filled
        return ChoiceSituation(
            so_far=so_far,
            choice_set=choice_set,
            before=before,
            intent=intent,
            matches=matches,
            value_matches=match_fields(table, table.values, intent),
            slots=slots,
            states=np.where(slots == UNKNOWN, UNKNOWN, slots * STATE_CODES + state[choice_set.rows]),
            contexts=self._contexts(choice_set, plain_history, slot_history),
            acted=acted,
            since=since,
            is_new=is_new,
            used=used,
        )

    def choice_set(self, page: Page) -> ChoiceSet:
        """The choice set of a page."""
        choice_set = self._choice_sets.get(page.html)
        if choice_set is not None:
            self._choice_sets.move_to_end(page.html)
            return choice_set
        choice_set = self._choice_sets[page.html] = self._choice_set_of(read_page_table(page))
        self._held += len(choice_set.kinds)
        while self._held > self._most and len(self._choice_sets) > 1:
            _, dropped = self._choice_sets.popitem(last=False)
            self._held -= len(dropped.kinds)
        return choice_set

    def _choice_set_of(self, table: PageTable) -> ChoiceSet:
        typed, number = self.symbols.typed, self.symbols.number
        typable = [
            row for row, element in enumerate(table.elements) if element.is_typable or element.name in typed
        ]
        plain = [number(self._plain("click", table, row)) for row in range(len(table))]
        plain += [number(self._plain("type_and_submit", table, row)) for row in typable]
        filled = (element.name for element in table.elements if element.value and element.name in typed)
        return ChoiceSet(
            table=table,
            kinds=np.array([CLICK] * len(table) + [TYPE] * len(typable) + [TERMINATE], np.int64),
            rows=np.array([*range(len(table)), *typable, -1], np.int64),
            plain=np.array([*plain, number("terminate")], np.int64),
            typing={row: len(table) + index for index, row in enumerate(typable)},
            form=number("form " + " ".join(filled)),
        )

    def _plain(self, kind: str, table: PageTable, row: int) -> str:
        element = table.elements[row]
        if element.name in self.symbols.names:
            return f"{kind} {element.name}"
        return f"{kind} {table.templates[row]} {element.role}"

    def _slots(self, choice_set: ChoiceSet, matches: Levels, intent: Intent, used: Flags) -> Ints:
        slots = choice_set.plain.copy()
        if intent.fields:
            for row in np.flatnonzero((matches >= STARTS).any(axis=1)):
                slots[row] = self._slot(matches[row], intent, used)
        return slots

    def _slot(self, levels: Levels, intent: Intent, used: Flags) -> int:
        """The symbol for a click on an element that shows an intent value: by the first unused key."""
        shown = np.flatnonzero(levels >= STARTS)
        fresh = shown[~used[shown]]
        return self.symbols.number(f"click ={intent.fields[(fresh if len(fresh) else shown)[0]][0]}")

    def _histories(self, so_far: SessionSoFar, intent: Intent) -> tuple[Flags, list[int], list[int]]:
        """Used intent fields, and the plain and slot symbols of past actions, latest first."""
        used = np.zeros(len(intent.fields), np.bool_)
        plain: list[int] = []
        slots: list[int] = []
        for step in so_far.past[-LOOK_BACK:]:
            choice_set, action = self.choice_set(step.page), step.action
            found = choice_set.find(action)
            symbol = (
                self.symbols.number(f"{action.type} ?") if found is None else int(choice_set.plain[found])
            )
            plain.append(symbol)
            if intent.fields and found is not None and action.name is not None:
                text = (
                    choice_set.table.texts[choice_set.rows[found]]
                    if action.text is None
                    else folded(action.text)
                )
                levels = np.array([_level(text, value) for _, value in intent.fields], np.int8)
                if action.type == "click" and levels.max() >= STARTS:
                    symbol = self._slot(levels, intent, used)
                used |= levels >= STARTS
            slots.append(symbol)
        return used, plain[::-1], slots[::-1]

    def _contexts(
        self, choice_set: ChoiceSet, plain: Sequence[int], slots: Sequence[int]
    ) -> tuple[tuple[int, ...], ...]:
        """Context ids in the order of `choice_rates.RATE_FAMILIES`."""
        context = self.symbols.context
        nothing = context()
        last = [context(1, depth, *slots[:depth]) for depth in (1, 2, 3)]
        return (
            (nothing, *(context(0, depth, *plain[:depth]) for depth in (1, 2))),
            (nothing, *last),
            (nothing, *last[:2]),
            (nothing, context(2, choice_set.form), context(3, choice_set.form, *slots[:1])),
        )


def match_fields(table: PageTable, texts: Sequence[str], intent: Intent) -> Levels:
    """Match level of each text with the value of each intent field, shape `(elements, fields)`."""
    levels = np.zeros((len(table), len(intent.fields)), np.int8)
    for column, (_, value) in enumerate(intent.fields):
        for row in {row for word in value.split() for row in table.word_rows.get(word, ())}:
            levels[row, column] = _level(texts[row], value)
    return levels


def _level(text: str, value: str) -> int:
    if not text:
        return 0
    if text == value:
        return SAME
    if text.startswith(value + " "):
        return STARTS
    return HOLDS if f" {value} " in f" {text} " or f" {text} " in f" {value} " else 0


def _acted(table: PageTable, so_far: SessionSoFar) -> tuple[Ints, Ints]:
    acted, since = np.zeros(len(table), np.int64), np.zeros(len(table), np.int64)
    for index, step in enumerate(so_far.past):
        row = None if step.action.name is None else table.rows.get(step.action.name)
        if row is not None:
            acted[row] += 1
            since[row] = len(so_far.past) - index
    return acted, since
