"""A step as the choice model sees it: the candidates, what each stands for, and where the session is.

Everything here is computed from a `SessionSoFar`, which ends with the current page: the future is out of
reach by construction.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from facsim.predict.choice.intent_words import Intent, folded, read_intent
from facsim.predict.choice.page_table import Ints, PageTable, read_table
from facsim.predict.frequencies import Target
from facsim.schema import ACTION_TYPES, Action, Page, SessionSoFar

CLICK, TYPE, TERMINATE = range(3)
SAME, STARTS, HOLDS = 3, 2, 1
"""How a text agrees with a value of the intent: equal, begins with it, one holds the other; 0: no."""

HISTORY = 4
"""How many past pages and actions a scene looks back on (counts of actions look back on all)."""
LOOK_BACK = 24
"""Past steps searched for what was acted out of the intent: bounds the work in long sessions."""
STATE_CODES = 12
"""How many states an element can be in: acted upon 0, 1, 2+ times; new or not; filled or not."""
UNKNOWN = -1

Levels = NDArray[np.int8]
Flags = NDArray[np.bool_]


@dataclass
class Symbols:
    """Numbers for what candidates and contexts stand for. While learning, new ones are numbered.

    Attributes:
        names: names that people acted upon in at least two sessions. Others stand for their template.
        typed: names that people typed into, typable by their role or not.
        keys: the most frequent keys of intents written as `key: value`.
        numbers: number of each symbol.
        contexts: number of each context, a tuple of symbols.
        learning: whether unknown symbols and contexts get a number, or `UNKNOWN`.
    """

    names: frozenset[str] = frozenset()
    typed: frozenset[str] = frozenset()
    keys: tuple[str, ...] = ()
    numbers: dict[str, int] = field(default_factory=dict)
    contexts: dict[tuple[int, ...], int] = field(default_factory=dict)
    learning: bool = False

    def number(self, symbol: str) -> int:
        """The number of a symbol."""
        if self.learning:
            return self.numbers.setdefault(symbol, len(self.numbers))
        return self.numbers.get(symbol, UNKNOWN)

    def context(self, *symbols: int) -> int:
        """The number of a context."""
        if self.learning:
            return self.contexts.setdefault(symbols, len(self.contexts))
        return self.contexts.get(symbols, UNKNOWN)


@dataclass(frozen=True, eq=False)
class Offer:
    """What a page offers: its candidates in a fixed order. Clicks on all elements, typing, then leaving.

    Attributes:
        table: the page.
        kinds: CLICK, TYPE or TERMINATE, per candidate.
        rows: row of the element in `table`, per candidate; -1 for leaving.
        plain: symbol of each candidate by its name, or by its template where the name is rare.
        typing: candidate that types into an element, by row.
        form: symbol of which known controls are filled.
    """

    table: PageTable
    kinds: Ints
    rows: Ints
    plain: Ints
    typing: Mapping[int, int]
    form: int

    def find(self, action: Action) -> int | None:
        """Which candidate an action is; None if it is none of them."""
        if action.type == "terminate":
            return len(self.kinds) - 1
        row = None if action.name is None else self.table.rows.get(action.name)
        if row is None:
            return None
        return row if action.type == "click" else self.typing.get(row)


@dataclass(frozen=True, eq=False)
class Scene:
    """One step, ready for rates and features.

    Attributes:
        so_far: the session up to here.
        offer: the candidates.
        before: the pages of the last steps, latest first.
        intent: what the person came for.
        matches: [elements, intent fields] how an element's text agrees with each field's value.
        value_matches: the same for the current values of controls.
        slots: symbol of each candidate, the intent's key where the element shows that key's value.
        states: `slots` with how often the element was acted upon, whether it is new and whether it is filled.
        contexts: per family of rates, the number of the context at each depth.
        acted: how often each element was acted upon in this session.
        since: steps since each element was acted upon; 0 if never.
        is_new: whether each element was missing from the last page.
        used: per intent field, whether an action of the past stood for it.
    """

    so_far: SessionSoFar
    offer: Offer
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
        return self.offer.table

    def __len__(self) -> int:
        return len(self.offer.kinds)

    def target(self, candidate: int) -> Target:
        """Type and name of a candidate."""
        row = self.offer.rows[candidate]
        name = None if row < 0 else self.table.elements[row].name
        return ACTION_TYPES[self.offer.kinds[candidate]], name


class SceneReader:
    """Makes scenes, keeping what recent pages offer.

    Args:
        symbols: what was learned from the training split.
        most_elements: how many elements the kept pages hold together.
    """

    def __init__(self, symbols: Symbols, most_elements: int = 200_000) -> None:
        self.symbols = symbols
        self._most = most_elements
        self._held = 0
        self._offers: OrderedDict[str, Offer] = OrderedDict()

    def read(self, so_far: SessionSoFar) -> Scene:
        """The scene of a step."""
        offer = self.offer(so_far.page)
        table = offer.table
        intent = read_intent(so_far.intent)
        matches = match_fields(table, table.texts, intent)
        used, plain_history, slot_history = self._histories(so_far, intent)
        slots = self._slots(offer, matches, intent, used)
        acted, since = _acted(table, so_far)
        before = tuple(self.offer(step.page).table for step in reversed(so_far.past[-HISTORY:]))
        is_new = np.zeros(len(table), np.bool_)
        if before:
            is_new[:] = [element.name not in before[0].rows for element in table.elements]
        state = np.zeros(len(table) + 1, np.int64)  # The last entry is for leaving.
        state[:-1] = 4 * np.minimum(acted, 2) + 2 * is_new + table.filled
        return Scene(
            so_far=so_far,
            offer=offer,
            before=before,
            intent=intent,
            matches=matches,
            value_matches=match_fields(table, table.values, intent),
            slots=slots,
            states=np.where(slots == UNKNOWN, UNKNOWN, slots * STATE_CODES + state[offer.rows]),
            contexts=self._contexts(offer, plain_history, slot_history),
            acted=acted,
            since=since,
            is_new=is_new,
            used=used,
        )

    def offer(self, page: Page) -> Offer:
        """What a page offers."""
        offer = self._offers.get(page.html)
        if offer is not None:
            self._offers.move_to_end(page.html)
            return offer
        offer = self._offers[page.html] = self._offer_of(read_table(page))
        self._held += len(offer.kinds)
        while self._held > self._most and len(self._offers) > 1:
            _, dropped = self._offers.popitem(last=False)
            self._held -= len(dropped.kinds)
        return offer

    def _offer_of(self, table: PageTable) -> Offer:
        typed, number = self.symbols.typed, self.symbols.number
        typable = [
            row for row, element in enumerate(table.elements) if element.is_typable or element.name in typed
        ]
        plain = [number(self._plain("click", table, row)) for row in range(len(table))]
        plain += [number(self._plain("type_and_submit", table, row)) for row in typable]
        filled = (element.name for element in table.elements if element.value and element.name in typed)
        return Offer(
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

    def _slots(self, offer: Offer, matches: Levels, intent: Intent, used: Flags) -> Ints:
        slots = offer.plain.copy()
        if intent.fields:
            for row in np.flatnonzero((matches >= STARTS).any(axis=1)):
                slots[row] = self._slot(matches[row], intent, used)
        return slots

    def _slot(self, levels: Levels, intent: Intent, used: Flags) -> int:
        """The symbol of clicking what shows the value of a key: the first such key that is not used up."""
        shown = np.flatnonzero(levels >= STARTS)
        fresh = shown[~used[shown]]
        return self.symbols.number(f"click ={intent.fields[(fresh if len(fresh) else shown)[0]][0]}")

    def _histories(self, so_far: SessionSoFar, intent: Intent) -> tuple[Flags, list[int], list[int]]:
        """Which fields of the intent were acted out, and symbols of the past actions, latest first."""
        used = np.zeros(len(intent.fields), np.bool_)
        plain: list[int] = []
        slots: list[int] = []
        for step in so_far.past[-LOOK_BACK:]:
            offer, action = self.offer(step.page), step.action
            found = offer.find(action)
            symbol = self.symbols.number(f"{action.type} ?") if found is None else int(offer.plain[found])
            plain.append(symbol)
            if intent.fields and found is not None and action.name is not None:
                text = offer.table.texts[offer.rows[found]] if action.text is None else folded(action.text)
                levels = np.array([_level(text, value) for _, value in intent.fields], np.int8)
                if action.type == "click" and levels.max() >= STARTS:
                    symbol = self._slot(levels, intent, used)
                used |= levels >= STARTS
            slots.append(symbol)
        return used, plain[::-1], slots[::-1]

    def _contexts(
        self, offer: Offer, plain: Sequence[int], slots: Sequence[int]
    ) -> tuple[tuple[int, ...], ...]:
        """In the order of `rates.FAMILIES`."""
        context = self.symbols.context
        nothing = context()
        last = [context(1, depth, *slots[:depth]) for depth in (1, 2, 3)]
        return (
            (nothing, *(context(0, depth, *plain[:depth]) for depth in (1, 2))),
            (nothing, *last),
            (nothing, *last[:2]),
            (nothing, context(2, offer.form), context(3, offer.form, *slots[:1])),
        )


def match_fields(table: PageTable, texts: Sequence[str], intent: Intent) -> Levels:
    """[elements, fields]: how the texts agree with the value of each field of the intent."""
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
