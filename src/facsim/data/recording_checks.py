"""Checks of `audit` on how sessions were recorded: pauses, keystrokes, duplicates, ends, personal data, bots.

Thresholds are here with their reasons. Nothing here is an error: recordings are what they are, and most of it
is put right at ingest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl

from facsim.data.audit_finding import Finding, examples
from facsim.data.store import DataSet

PAUSE_SECONDS = 30 * 60
"""A longer pause usually ends a session, as in web analytics and in the paper's data."""
LONGEST_SECONDS = 24 * 3600
"""A session of more than a day is several."""
FASTEST_SECONDS = 0.5
"""People take seconds for a step; half a second as the median of a session is a script."""
FEWEST_STEPS = 5
"""Sessions with fewer steps are fast, or the same, by chance."""
EQUAL_TIMES_SHARE = 0.05
"""More steps than this with the time of the step before: the clock is too coarse for pauses."""

_SECONDS = pl.coalesce("elapsed", pl.col("timestamp").dt.epoch("us") / 1e6).cast(pl.Float64).alias("seconds")
# What is typed into fields for such things. Values are never shown.
_PERSONAL = {
    "e-mail addresses": re.compile(r"[\w.+-]+@[\w-]+\.[a-zA-Z]{2,}"),
    "phone numbers": re.compile(r"(?<![\w.-])\+?\d[\d ()/-]{7,}\d(?![\w.-])"),
    "card numbers": re.compile(r"(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)"),
    "IBANs": re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"),
}


def recordings(data: DataSet) -> Iterator[Finding]:
    """What a recording leaves behind in a data set."""
    steps = data.steps.select(
        *("session_id", "step", "page_id", "action_type", "action_name", "action_text", "timestamp"),
        _SECONDS,
    ).with_columns(
        (pl.col("seconds") - pl.col("seconds").shift(1).over("session_id")).alias("pause"),
        *(
            pl.col(name).shift(1).over("session_id").alias(f"last_{name}")
            for name in ("page_id", "action_type", "action_name", "action_text")
        ),
    )
    yield from _pauses(steps)
    yield from _repeated(steps)
    yield from _ends(data, steps)
    yield from _personal(steps)
    yield from _bots(steps)


def _pauses(steps: pl.DataFrame) -> Iterator[Finding]:
    paused = steps.filter(pl.col("pause") > PAUSE_SECONDS)
    if paused.height:
        message = (
            f"{paused['session_id'].n_unique():,} sessions have a pause of more than 30 minutes. "
            "If they are several visits, ingest again with --gap 30"
        )
        yield Finding(
            "pauses", "warning", message, examples(paused["session_id"].unique(maintain_order=True))
        )
    spans = steps.group_by("session_id", maintain_order=True).agg(
        (pl.col("seconds").max() - pl.col("seconds").min()).alias("span")
    )
    long = spans.filter(pl.col("span") > LONGEST_SECONDS)
    if long.height:
        message = f"{long.height:,} sessions last more than a day: their ids are probably those of people"
        yield Finding("long sessions", "warning", message, examples(long["session_id"]))
    known = steps.filter(pl.col("pause").is_not_null())
    equal = known.filter(pl.col("pause") == 0)
    if known.height and equal.height / known.height > EQUAL_TIMES_SHARE:
        message = (
            f"{equal.height:,} of {known.height:,} steps have the time of the step before them: "
            "the clock is too coarse, and their order is that of the rows"
        )
        yield Finding(
            "equal times", "warning", message, examples(equal["session_id"].unique(maintain_order=True))
        )


def _repeated(steps: pl.DataFrame) -> Iterator[Finding]:
    same_place = pl.all_horizontal(
        pl.col(name).eq_missing(pl.col(f"last_{name}")) for name in ("page_id", "action_type", "action_name")
    )
    following = steps.filter(pl.col("step") > 0)
    typed = following.filter(same_place & (pl.col("action_type") == "type_and_submit"))
    text, last = pl.col("action_text"), pl.col("last_action_text")
    keys = typed.filter((text != last) & (text.str.starts_with(last) | last.str.starts_with(text)))
    if keys.height:
        message = (
            f"{keys.height:,} steps type on in the field of the step before them: keystrokes recorded as "
            "steps. Mapped logs join them at ingest"
        )
        yield Finding(
            "keystrokes", "warning", message, examples(keys["session_id"].unique(maintain_order=True))
        )
    twice = following.filter(same_place & text.eq_missing(last) & (pl.col("pause") == 0))
    if twice.height:
        message = f"{twice.height:,} steps repeat the step before them at the same time: recorded twice"
        yield Finding(
            "duplicate steps", "warning", message, examples(twice["session_id"].unique(maintain_order=True))
        )


def _ends(data: DataSet, steps: pl.DataFrame) -> Iterator[Finding]:
    censored = data.sessions.filter(pl.col("censored").fill_null(False))
    if censored.height:
        share = censored.height / len(data)
        message = (
            f"{censored.height:,} of {len(data):,} sessions ({share:.1%}) are censored: the recording just "
            "ends. Outcome metrics leave them out"
        )
        yield Finding("censored sessions", "warning" if share > 0.5 else "note", message)
    leaves = (steps["action_type"] == "terminate").any() or (data.sessions["outcome"] == "terminate").any()
    if not leaves:
        message = "no session ends by leaving: predictors cannot be compared on when people leave"
        yield Finding("no one leaves", "warning", message)


def _personal(steps: pl.DataFrame) -> Iterator[Finding]:
    found: dict[str, int] = {}
    sessions: dict[str, None] = {}
    for session_id, text in steps.select("session_id", "action_text").drop_nulls().iter_rows():
        for kind, pattern in _PERSONAL.items():
            match = pattern.search(text)
            if match and (kind != "card numbers" or _is_card_number(match[0])):
                found[kind] = found.get(kind, 0) + 1
                sessions[session_id] = None
                break
    if found:
        counts = ", ".join(f"{count:,} {kind}" for kind, count in found.items())
        message = f"typed text looks personal: {counts}. Remove them before you share the data set"
        yield Finding("personal data", "warning", message, examples(sessions))


def _is_card_number(text: str) -> bool:
    """The Luhn check.

    >>> _is_card_number("4111 1111 1111 1111"), _is_card_number("4111 1111 1111 1112")
    (True, False)
    """
    digits = [int(digit) for digit in text if digit.isdecimal()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _bots(steps: pl.DataFrame) -> Iterator[Finding]:
    by_session = steps.group_by("session_id", maintain_order=True).agg(
        pl.len(), pl.col("pause").median().alias("pause"), pl.col("timestamp").null_count().alias("without")
    )
    fast = by_session.filter((pl.col("len") >= FEWEST_STEPS) & (pl.col("pause") < FASTEST_SECONDS))
    if fast.height:
        message = (
            f"{fast.height:,} sessions take less than half a second for a step (median): "
            "no person is as fast; scripts or bots"
        )
        yield Finding("bots", "warning", message, examples(fast["session_id"]))
