"""Checks of `audit` on how sessions were recorded: pauses, keystrokes, duplicates, ends, personal data, bots.

Thresholds are here with their reasons. Nothing here is an error: recordings are what they are, and most of it
is put right at ingest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress

import polars as pl

from facsim.data.audit_finding import Finding, examples
from facsim.data.scrub import PersonalDataDetector
from facsim.data.scrub.page_html import parts_of
from facsim.data.scrub.report import title_of
from facsim.data.scrub.rules import PersonalKind
from facsim.data.store import DataSet
from facsim.util.errors import InputError

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
PAGES_READ = 200
"""Pages that are looked at for personal data. People's names repeat on every page of an account."""

_SECONDS = pl.coalesce("elapsed", pl.col("timestamp").dt.epoch("us") / 1e6).cast(pl.Float64).alias("seconds")


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
    yield from _personal(data)
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


def _personal(data: DataSet) -> Iterator[Finding]:
    """Personal data in typed texts, URLs, texts about people and some pages. Values are never shown."""
    detector = PersonalDataDetector.default()
    found: dict[str, Counter[PersonalKind]] = {}
    where: dict[str, None] = {}

    def note(place: str, kinds: Iterable[PersonalKind], example: str) -> None:
        for kind in dict.fromkeys(kinds):
            found.setdefault(place, Counter())[kind] += 1
            where[example] = None

    columns = ("session_id", "action_name", "action_text", "url", "rationale")
    for session_id, name, text, url, rationale in data.steps.select(columns).iter_rows():
        kind = detector.typed_kind(name, text)
        note("typed texts", () if kind is None else (kind,), session_id)
        note("URLs", (span.kind for span in detector.find_in_url(url or "")), session_id)
        note("rationales", (span.kind for span in detector.find(rationale or "")), session_id)
    for session_id, persona, intent in data.sessions.select("session_id", "persona", "intent").iter_rows():
        for text in (persona, intent):
            note("personas and intents", (span.kind for span in detector.find(text or "")), session_id)
    for page_id in list(data.steps["page_id"].unique(maintain_order=True))[:PAGES_READ]:
        with suppress(InputError):  # a page that is missing or damaged has a finding of its own
            spans = detector.find(parts_of(data.pages.page(page_id).html).text)
            note(f"the first {PAGES_READ} pages", (span.kind for span in spans), f"page {page_id}")
    if found:
        places = "; ".join(
            f"{place}: {', '.join(f'{count:,} with {title_of(kind)}' for kind, count in kinds.most_common())}"
            for place, kinds in found.items()
        )
        message = f"looks personal in {places}. Replace it with facsim scrub before you share the data set"
        yield Finding("personal data", "warning", message, examples(where))


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
    same = _with_equal_actions_and_pauses(steps)
    if same.height:
        message = (
            f"{same.height:,} sessions have the actions of another one and, to a hundredth of a second, its "
            "pauses: a script, or recorded twice"
        )
        yield Finding("identical sessions", "warning", message, examples(same["session_id"]))


def _with_equal_actions_and_pauses(steps: pl.DataFrame) -> pl.DataFrame:
    """Sessions that equal another one in every action and pause. People never repeat their pauses."""
    actions = ("page_id", "action_type", "action_name", "action_text")
    by_session = steps.group_by("session_id", maintain_order=True).agg(
        pl.struct(*actions, pl.col("pause").round(2)).hash().alias("signature"),
        pl.len(),
        pl.col("pause").null_count().alias("without"),
    )
    timed = by_session.filter((pl.col("len") >= FEWEST_STEPS) & (pl.col("without") == 1))
    return timed.filter(pl.col("signature").is_duplicated())
