"""The feature matrix of the choice model: one row per candidate.

Column groups, described in docs/reference/predictors.md: the element itself (`page_table.STATIC`); changes
since the last pages; earlier actions on it; its match with the intent, the persona and typed words; its
neighbours; the page and session as a whole; and the choice rates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from facsim.predict.choice.choice_rates import RATE_FEATURES
from facsim.predict.choice.choice_situation import HOLDS, SAME, STARTS, ChoiceSituation
from facsim.predict.choice.intent import folded, words
from facsim.predict.choice.page_table import STATIC, Floats, Ints, PageTable

KEYS = 8
"""Number of intent keys with their own columns."""

_CHANGE = [
    "is_new",
    "was_there_two_ago",
    "age",
    "new_index",
    "text_changed",
    "value_changed",
    "after_last_new",
]
_SESSION = [
    "acted",
    "since",
    "acted_template",
    "is_last",
    "is_second_last",
    "is_third_last",
    "distance",
    "distance_size",
    "from_second_last",
    "empty_after_last",
    "filled_before",
]
_INTENT = [
    "overlap",
    "overlap_share",
    "overlap_rare",
    "whole_in_intent",
    "match",
    "match_key",
    "match_count",
    "match_used",
    "match_fresh",
    "value_match",
    "value_match_key",
    "value_holds",
    "persona_overlap",
    "typed_starts",
    "typed_same",
    "typed_overlap",
    "last_overlap",
    "number_in_intent",
    "kin_overlap_rank",
]
_KEYED = [f"{what}_{key}" for what in ("match_key", "beside_key") for key in range(KEYS)]
_PAGE = [
    "elements",
    "new_elements",
    "gone_elements",
    "same_page",
    "typables",
    "filled",
    "step",
    "last_kind",
    "last_new",
    "last_gone",
    "last_text_words",
    "fields",
    "fields_used",
    "fields_shown",
    "candidates",
]
_PAGE_KEYED = [f"{what}_{key}" for what in ("shown_key", "used_key") for key in range(KEYS)]
ELEMENT_FEATURES = (*STATIC, *_CHANGE, *_SESSION, *_INTENT, *_KEYED)
OWN_FEATURES = (*ELEMENT_FEATURES, "kind", *_PAGE, *_PAGE_KEYED)
"""Columns that `candidate_features` returns."""
FEATURES = (*OWN_FEATURES, "symbol", *RATE_FEATURES)
"""All columns of the trees: `OWN_FEATURES`, the categorical code of the symbol, and the rates."""
CATEGORICAL = ("role", "tag", "symbol")


def candidate_features(situation: ChoiceSituation, keys: Sequence[str]) -> Floats:
    """Features of every candidate.

    Args:
        situation: the step.
        keys: the intent keys that have their own columns.

    Returns:
        Shape `(candidates, len(OWN_FEATURES))`.
    """
    choice_set = situation.choice_set
    per_element = np.concatenate(
        [
            situation.table.static,
            _change(situation),
            _session(situation),
            _intent(situation),
            _keyed(situation, keys),
        ],
        axis=1,
    )
    # Terminate has no element: its element features are missing.
    padded = np.vstack([per_element, np.full((1, per_element.shape[1]), np.nan, np.float32)])
    page = np.concatenate([_page(situation), _page_keyed(situation, keys)])
    shared = np.broadcast_to(page, (len(situation), len(page)))
    kinds = choice_set.kinds[:, None].astype(np.float32)
    return np.concatenate([padded[choice_set.rows], kinds, shared], axis=1, dtype=np.float32)


def _columns(table: PageTable, names: Sequence[str]) -> dict[str, Floats]:
    return {name: np.zeros(len(table), np.float32) for name in names}


def _stack(table: PageTable, columns: dict[str, Floats]) -> Floats:
    return np.stack(list(columns.values()), axis=1) if len(table) else np.zeros((0, len(columns)), np.float32)


def _change(situation: ChoiceSituation) -> Floats:
    """Which elements are new, and the age of the others, shape `(elements, columns)`."""
    table, before = situation.table, situation.before
    columns = _columns(table, _CHANGE)
    columns["is_new"][:] = situation.is_new
    columns["new_index"][:] = np.where(situation.is_new, np.cumsum(situation.is_new), 0)
    names = table.rows
    still = np.ones(len(table), np.bool_)
    for past in before:
        still &= np.array([name in past.rows for name in names], np.bool_)
        columns["age"] += still
    if before:
        earlier = before[min(1, len(before) - 1)].rows
        columns["was_there_two_ago"][:] = [name in earlier for name in names]
        old = [before[0].rows.get(name, -1) for name in names]
        columns["text_changed"][:] = [
            row >= 0 and before[0].texts[row] != text for row, text in zip(old, table.texts, strict=True)
        ]
        columns["value_changed"][:] = [
            row >= 0 and before[0].values[row] != value for row, value in zip(old, table.values, strict=True)
        ]
    last = _last_row(situation, 0)
    if last is not None:
        columns["after_last_new"][:] = situation.is_new & (np.arange(len(table)) > last)
    return _stack(table, columns)


def _session(situation: ChoiceSituation) -> Floats:
    """Earlier actions on each element, and its distance to the last one, shape `(elements, columns)`."""
    table = situation.table
    columns = _columns(table, _SESSION)
    columns["acted"][:], columns["since"][:] = situation.acted, situation.since
    on_template: dict[str, int] = {}
    for row in np.flatnonzero(situation.acted):
        template = table.templates[row]
        on_template[template] = on_template.get(template, 0) + int(situation.acted[row])
    if on_template:
        columns["acted_template"][:] = [on_template.get(template, 0) for template in table.templates]
    position = np.arange(len(table), dtype=np.float32)
    for back, column in enumerate(("is_last", "is_second_last", "is_third_last")):
        acted_row = _last_row(situation, back)
        if acted_row is not None:
            columns[column][acted_row] = 1
    last, second = _last_row(situation, 0), _last_row(situation, 1)
    columns["distance"][:] = np.nan if last is None else position - last
    columns["distance_size"][:] = np.abs(columns["distance"])
    columns["from_second_last"][:] = np.nan if second is None else position - second
    typable, filled = table.typable, table.filled
    empty = typable & ~filled & (position > (-1 if last is None else last))
    columns["empty_after_last"][:] = np.where(empty, np.cumsum(empty), 0)
    columns["filled_before"][:] = np.cumsum(typable & filled)
    return _stack(table, columns)


def _last_row(situation: ChoiceSituation, back: int) -> int | None:
    """Row on the current page of the element acted upon `back` actions before the last one."""
    past = situation.so_far.past
    if back >= len(past):
        return None
    name = past[-1 - back].action.name
    return None if name is None else situation.table.rows.get(name)


def _intent(situation: ChoiceSituation) -> Floats:
    """Match with the intent, the persona and typed words, shape `(elements, columns)`."""
    table, intent = situation.table, situation.intent
    columns = _columns(table, _INTENT)
    count, rare = _overlap(table, intent.vocabulary)
    columns["overlap"][:], columns["overlap_rare"][:] = count, rare
    columns["overlap_share"][:] = count / np.maximum(table.word_counts, 1)
    padded = f" {intent.text} "
    for row in np.flatnonzero(count):
        text = table.texts[row]
        columns["whole_in_intent"][row] = bool(text) and f" {text} " in padded
        columns["number_in_intent"][row] = any(
            word.isdigit() for word in text.split() if word in intent.vocabulary
        )
    if intent.fields:
        matches, value_matches = situation.matches, situation.value_matches
        columns["match"][:] = matches.max(axis=1)
        columns["match_key"][:] = np.where(matches.any(axis=1), matches.argmax(axis=1), -1)
        columns["match_count"][:] = (matches >= STARTS).sum(axis=1)
        columns["match_used"][:] = (matches[:, situation.used] >= STARTS).any(axis=1)
        columns["match_fresh"][:] = (matches[:, ~situation.used] >= STARTS).any(axis=1)
        columns["value_match"][:] = value_matches.max(axis=1)
        columns["value_match_key"][:] = np.where(value_matches.any(axis=1), value_matches.argmax(axis=1), -1)
        columns["value_holds"][:] = (value_matches >= HOLDS).sum(axis=1)
    if situation.so_far.persona:
        columns["persona_overlap"][:] = _overlap(table, frozenset(words(situation.so_far.persona)))[0]
    _typed(situation, columns)
    columns["kin_overlap_rank"][:] = _rank_among_kin(table, rare)
    return _stack(table, columns)


def _typed(situation: ChoiceSituation, columns: dict[str, Floats]) -> None:
    """Match with the last typed text and with the last element acted upon; fills `columns`."""
    past = situation.so_far.past
    texts = [step.action.text for step in reversed(past) if step.action.text is not None]
    if texts and (typed := folded(texts[0])):
        for row, text in enumerate(situation.table.texts):
            columns["typed_starts"][row] = text.startswith(typed)
            columns["typed_same"][row] = text == typed
        columns["typed_overlap"][:] = _overlap(situation.table, frozenset(typed.split()))[0]
    if past and past[-1].action.name is not None:
        element = past[-1].page.by_name.get(past[-1].action.name)
        label = words(f"{element.text if element else ''} {past[-1].action.name}"[:500])
        columns["last_overlap"][:] = _overlap(situation.table, frozenset(label))[0]


def _overlap(table: PageTable, vocabulary: Iterable[str]) -> tuple[Floats, Floats]:
    """Per element, words shared with a vocabulary: the count, and the sum of inverse page frequencies."""
    count, rare = np.zeros(len(table), np.float32), np.zeros(len(table), np.float32)
    for word in sorted(vocabulary):
        rows = table.word_rows.get(word)
        if rows:
            count[rows] += 1
            rare[rows] += np.log(1 + len(table) / len(rows))
    return count, rare


def _rank_among_kin(table: PageTable, score: Floats) -> Floats:
    """Number of elements of the same template that score higher, shape `(elements,)`."""
    groups: dict[str, list[int]] = {}
    for row in np.flatnonzero(score):
        groups.setdefault(table.templates[row], []).append(int(row))
    rank = np.full(len(table), np.nan, np.float32)
    for rows in groups.values():
        own = score[rows]
        rank[rows] = (own[:, None] < own[None, :]).sum(axis=1) if len(rows) <= 500 else np.nan
    return rank


def _keyed(situation: ChoiceSituation, keys: Sequence[str]) -> Floats:
    """Per frequent key: its match, and whether a neighbour shows it, shape `(elements, columns)`."""
    table = np.zeros((len(situation.table), len(_KEYED)), np.float32)
    for field, (key, _) in enumerate(situation.intent.fields):
        if key not in keys:
            continue
        column = keys.index(key)
        levels = np.maximum(situation.matches[:, field], situation.value_matches[:, field])
        table[:, column] = np.maximum(table[:, column], levels)
        same = levels == SAME
        beside = np.zeros(len(same), np.bool_)
        beside[1:] |= same[:-1]
        beside[:-1] |= same[1:]
        table[:, KEYS + column] = np.maximum(table[:, KEYS + column], beside)
    return table


def _page(situation: ChoiceSituation) -> Floats:
    """The page and the session as a whole, shape `(len(_PAGE),)`."""
    table, past = situation.table, situation.so_far.past
    previous = situation.before[0] if situation.before else table
    new = situation.is_new.sum()
    gone = sum(name not in table.rows for name in previous.rows)
    last = past[-1].action if past else None
    last_row = _last_row(situation, 0)
    typable, filled = table.typable, table.filled
    shown = np.maximum(situation.matches, situation.value_matches) >= HOLDS
    return np.array(
        [
            np.log1p(len(table)),
            new,
            gone,
            bool(past) and past[-1].page.html == situation.so_far.page.html,
            typable.sum(),
            (typable & filled).sum(),
            len(past),
            np.nan if last is None else _kind(last.type),
            last is not None
            and last.name is not None
            and len(situation.before) > 1
            and last.name not in situation.before[1].rows,
            last is not None and last_row is None,
            0 if last is None or last.text is None else len(words(last.text)),
            len(situation.used),
            situation.used.sum(),
            shown.any(axis=0).sum(),
            len(situation),
        ],
        np.float32,
    )


def _kind(action_type: str) -> int:
    return ("click", "type_and_submit", "terminate").index(action_type)


def _page_keyed(situation: ChoiceSituation, keys: Sequence[str]) -> Floats:
    """Per frequent key: whether the page already shows its value, and whether it was used."""
    row = np.full(2 * KEYS, np.nan, np.float32)
    old = ~situation.is_new
    for field, (key, _) in enumerate(situation.intent.fields):
        if key not in keys:
            continue
        column = keys.index(key)
        own = situation.matches[old, field]
        held = situation.value_matches[:, field]
        row[column] = max(own.max(initial=0), held.max(initial=0)) if len(old) else 0
        row[KEYS + column] = situation.used[field]
    return row


def sample_candidates(
    situation: ChoiceSituation, chosen: int, most: int, random: np.random.Generator
) -> tuple[Ints, Floats]:
    """Sample candidates for one training step, with importance weights for the softmax denominator.

    The chosen candidate comes first. Then likely negatives (new, typable, acted upon before, matching the
    intent) with weight 1. Then a uniform draw of the rest, weighted by the inverse of its sampling rate.

    Returns:
        Indices and weights, both of shape `(1 + sampled,)`, with `sampled` at most `most`.
    """
    others = np.delete(np.arange(len(situation)), chosen)
    if len(others) <= most:
        return np.concatenate([[chosen], others]), np.ones(len(others) + 1, np.float32)
    special = np.zeros(len(situation.table) + 1, np.bool_)
    special[:-1] = (
        (situation.acted > 0)
        | situation.is_new
        | situation.table.typable
        | (situation.matches > 0).any(axis=1)
    )
    special[-1] = True
    is_special = special[situation.choice_set.rows[others]]
    sure = others[is_special]
    if len(sure) > most // 2:
        sure = random.choice(sure, most // 2, replace=False)
    rest = np.setdiff1d(others, sure)
    drawn = random.choice(rest, most - len(sure), replace=False)
    weights = np.ones(1 + most, np.float32)
    weights[1 + len(sure) :] = len(rest) / len(drawn)
    return np.concatenate([[chosen], sure, drawn]), weights
