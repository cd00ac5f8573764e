"""Audit: find problems in a data set and its split before an evaluation is paid for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from facsim.data import audit_checks
from facsim.data.audit_checks import MIN_REACHABILITY, ShownNames
from facsim.data.audit_finding import Finding, Severity
from facsim.data.page_survey import CountTokens, PageSurvey, survey_pages
from facsim.data.recording_checks import recordings
from facsim.data.splits import SplitBy, assign
from facsim.data.store import DataSet
from facsim.data.table_schemas import STEPS_SCHEMA
from facsim.util.notebook_html import HtmlCell, figure, paragraph, scrolled, table
from facsim.util.progress import Progress, no_progress

_PARTS = ("train", "validation", "test")
_WORST_FIRST: Mapping[Severity, int] = {"error": 0, "warning": 1, "note": 2}
_QUANTILES = {"min": 0.0, "25%": 0.25, "median": 0.5, "75%": 0.75, "90%": 0.9, "99%": 0.99, "max": 1.0}


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of an audit. All shares are between 0 and 1.

    Attributes:
        data: name of the data set.
        content_hash: the hash in the card.
        split_by: how the data set was split.
        seed: seed of the split.
        findings: worst first.
        parts: sessions, steps and users of each part.
        leakage: what the test part shares with the training part.
        reachability: share of steps whose target is on the page, by part and by action type; and in the
            prompt after budgeting, for the test part, if requested. None if there are no such steps.
        lengths: quantiles of steps per session, of characters and tokens per page (one page per step), and
            of page tokens per session.
        shares: shares of action types and of categories, by part.
    """

    data: str
    content_hash: str
    split_by: SplitBy
    seed: int
    findings: tuple[Finding, ...]
    parts: Mapping[str, Mapping[str, int]]
    leakage: Mapping[str, float]
    reachability: Mapping[str, Mapping[str, float | None]]
    lengths: Mapping[str, Mapping[str, float]]
    shares: Mapping[str, Mapping[str, Mapping[str, float]]]

    @property
    def failed(self) -> bool:
        """Whether any finding is an error."""
        return any(finding.severity == "error" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return asdict(self) | {"failed": self.failed}

    def _repr_html_(self) -> str:
        """For notebooks: the verdict, the findings, worst first, and the size of each part."""
        verdict = "Failed: results on this data would be spoilt." if self.failed else "Passed."
        findings = [
            (
                HtmlCell(found.severity, strong=found.severity == "error"),
                HtmlCell(found.check),
                HtmlCell(found.message),
                HtmlCell("; ".join(found.examples), dim=True),
            )
            for found in self.findings
        ]
        columns = tuple(dict.fromkeys(column for counts in self.parts.values() for column in counts))
        parts = [
            (HtmlCell(part), *(HtmlCell(f"{counts.get(column, 0):,}", number=True) for column in columns))
            for part, counts in self.parts.items()
        ]
        return figure(
            paragraph(verdict, strong=f"Audit of {self.data}"),
            scrolled(table(("", "Check", "What was found", "Examples"), findings, unit="findings")),
            paragraph(f"split by {self.split_by}, seed {self.seed}", dim=True),
            table(("Part", *columns), parts, unit="parts"),
        )


def audit(
    data: DataSet,
    *,
    split_by: SplitBy = "user",
    seed: int = 0,
    shown: ShownNames | None = None,
    count_tokens: CountTokens | None = None,
    min_reachability: float = MIN_REACHABILITY,
    progress: Progress = no_progress,
) -> AuditReport:
    """Check a data set and one of its splits.

    Each page is parsed once, with one page in memory at a time. `shown` is slower: it is called for every
    step of the test part.

    Args:
        data: the data set.
        split_by: how it is split, as in `facsim.data.splits.split`.
        seed: of the split.
        shown: returns the names in a prompt, for reachability after budgeting.
        count_tokens: the tokenizer, for lengths in tokens.
        min_reachability: reachability below this, before or after budgeting, is an error.
        progress: called with the progress.

    Raises:
        ConfigError: if the data set cannot be split this way.
        InputError: if its pages cannot be read.
    """
    parts = assign(data, split_by, seed)
    survey = survey_pages(data, count_tokens, progress)
    steps = _steps_with(data, parts, survey)
    findings = [
        *audit_checks.integrity(data, survey),
        *(audit_checks.names(data, survey) if data.has_pages else audit_checks.no_pages()),
        *audit_checks.sessions(data, split_by),
        *recordings(data),
    ]
    leakage: dict[str, float] = {}
    for found, numbers in (
        audit_checks.leaked_users(data, parts, split_by),
        audit_checks.leaked_sessions(data, parts),
        audit_checks.leaked_steps(steps) if data.has_pages else ([], {}),
    ):
        findings += found
        leakage |= numbers
    reachability: dict[str, dict[str, float | None]] = {}
    if data.has_pages:
        found, reachability = audit_checks.reachability(steps, min_reachability)
        findings += found
    # Prompts need every page; where some are missing the audit has failed already.
    if shown is not None and survey.complete and data.has_pages:
        found, after = audit_checks.shown_after_budgeting(data, steps, shown, min_reachability, progress)
        findings += found
        reachability["test, after budgeting"] = after
    sizes = _sizes(steps, data)
    findings += [
        Finding("empty part", "warning", f"the split by {split_by} leaves no session for {part}")
        for part in ("train", "test")
        if not sizes[part]["sessions"]
    ]
    return AuditReport(
        data=data.card.name,
        content_hash=data.content_hash,
        split_by=split_by,
        seed=seed,
        findings=tuple(sorted(findings, key=lambda finding: _WORST_FIRST[finding.severity])),
        parts=sizes,
        leakage=leakage,
        reachability=reachability,
        lengths=_lengths(steps, has_pages=data.has_pages),
        shares={"action type": _shares(steps, "action_type"), "category": _shares(steps, "category")},
    )


def _steps_with(data: DataSet, parts: audit_checks.Parts, survey: PageSurvey) -> pl.DataFrame:
    """The steps with their part, whether their target is on the page, and their page's length."""
    part = pl.DataFrame(
        {"session_id": list(parts), "part": list(parts.values())},
        schema={"session_id": pl.String, "part": pl.String},
    )
    on_page = pl.DataFrame(
        sorted(survey.reachable), schema={"page_id": pl.String, "action_name": pl.String}, orient="row"
    ).with_columns(pl.lit(True).alias("on_page"))
    lengths = pl.DataFrame(
        {
            "page_id": list(survey.characters),
            "characters": list(survey.characters.values()),
            "tokens": [survey.tokens.get(page_id) for page_id in survey.characters],
        },
        schema={"page_id": pl.String, "characters": pl.Int64, "tokens": pl.Int64},
    )
    # Only Facsim's columns: others might clash with the columns added here.
    return (
        data.steps.select(STEPS_SCHEMA.names)
        .join(part, on="session_id", how="left", maintain_order="left")
        .join(on_page, on=["page_id", "action_name"], how="left", maintain_order="left")
        .join(lengths, on="page_id", how="left", maintain_order="left")
        .with_columns(
            ((pl.col("action_type") == "terminate") | pl.col("on_page").fill_null(False)).alias("reachable")
        )
    )


def _sizes(steps: pl.DataFrame, data: DataSet) -> dict[str, dict[str, int]]:
    joined = steps.join(data.sessions.select("session_id", "user_id"), on="session_id")
    chosen = {part: joined.filter(pl.col("part") == part) for part in _PARTS} | {"all": joined}
    return {
        part: {
            "sessions": table["session_id"].n_unique(),
            "steps": table.height,
            "users": table["user_id"].n_unique(),
        }
        for part, table in chosen.items()
    }


def _lengths(steps: pl.DataFrame, *, has_pages: bool) -> dict[str, dict[str, float]]:
    by_session = steps.group_by("session_id").agg(pl.len(), pl.col("tokens").sum())
    columns = {"steps a session": by_session["len"]}
    if has_pages:
        columns["characters a page"] = steps["characters"]
    if has_pages and steps["tokens"].null_count() < steps.height:
        columns |= {"tokens a page": steps["tokens"], "tokens of a session's pages": by_session["tokens"]}
    return {
        what: {
            label: float(column.quantile(quantile, interpolation="nearest") or 0)
            for label, quantile in _QUANTILES.items()
        }
        for what, column in columns.items()
    }


def _shares(steps: pl.DataFrame, column: str) -> dict[str, dict[str, float]]:
    known = steps.drop_nulls(column)
    shares: dict[str, dict[str, float]] = {}
    for part in ("all", *_PARTS):
        chosen = known if part == "all" else known.filter(pl.col("part") == part)
        counts = chosen.group_by(column).len().sort("len", column, descending=[True, False])
        shares[part] = {value: count / chosen.height for value, count in counts.iter_rows()}
    return shares
