"""One visit of one person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from facsim.schema.action import Action, describe_target
from facsim.util.dataframes import to_pandas
from facsim.util.display_text import format_seconds
from facsim.util.notebook_html import HtmlCell, figure, paragraph, scrolled, table

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

Outcome = Literal["purchase", "terminate"]
RationaleSource = Literal["human", "synthetic", "simulated"]


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a step whose probabilities are known, because the person is simulated.

    Never part of a `SessionSoFar`, so no predictor is told.

    Attributes:
        probability: that the person would do what they did.
        best_probability: that of the most probable action.
        best: the most probable action; the first one on the page of equally probable ones.
        entropy: of the distribution over all actions, in nats.
    """

    probability: float
    best_probability: float
    best: Action
    entropy: float


@dataclass(frozen=True, slots=True)
class Step:
    """An observation, the action that the person took there, and perhaps why.

    Attributes:
        page_id: content hash of the simplified page; the data set's page store has the page itself.
        action: what the person did.
        category: what the action amounts to on that site (`search`, `filter`, `product_click`, `purchase`,
            `terminate`, `other`, or the source's own terms).
        rationale: first-person reason.
        rationale_source: who wrote it.
        timestamp: when, in UTC, where the source tells.
        elapsed: seconds since the session began, where the source tells.
        url: address of the page.
        submitted: for `type_and_submit`: whether Enter was seen. Matching ignores it. None: not recorded.
        truth: the probabilities behind it, for simulated people.
    """

    page_id: str
    action: Action
    category: str | None = None
    rationale: str | None = None
    rationale_source: RationaleSource | None = None
    timestamp: datetime | None = None
    elapsed: float | None = None
    url: str | None = None
    submitted: bool | None = None
    truth: Truth | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One visit of one person: who, what for, how it ended, and its steps in order.

    Attributes:
        session_id: unique in the data set.
        user_id: the person. Splits are disjoint and intervals are clustered by it where asked.
        persona: what is known of the person, as text.
        intent: what the person came for, as text, where the source tells (a goal given to a crowd worker).
        outcome: `purchase` or `terminate`; None where the source knows no such thing.
        site: which site or task.
        source: which data source.
        official_split: the split that the source itself assigns, for example `train`.
        persona_fields: what is known of the person as a JSON object, where the source is structured. Prompts
            show `persona` only.
        censored: whether the recording just ends: nobody knows how the session went on, so it has no outcome
            and its last action is not leaving. Outcome metrics leave it out.
    """

    session_id: str
    user_id: str
    steps: tuple[Step, ...]
    persona: str | None = None
    intent: str | None = None
    outcome: Outcome | None = None
    site: str | None = None
    source: str | None = None
    official_split: str | None = None
    persona_fields: str | None = None
    censored: bool = False

    def to_polars(self) -> pl.DataFrame:
        """One row a step, in order.

        Columns: session_id, user_id, step (from 0), page_id, action_type, action_name, action_text, category,
        rationale, rationale_source, timestamp, elapsed, url, submitted, truth_probability.
        """
        import polars as pl  # noqa: PLC0415 - only for those who ask for it

        text = pl.String
        schema: dict[str, pl.DataType | type[pl.DataType]] = {
            "session_id": text,
            "user_id": text,
            "step": pl.UInt32,
        }
        schema |= {"page_id": text, "action_type": text, "action_name": text, "action_text": text}
        schema |= {"category": text, "rationale": text, "rationale_source": text}
        schema |= {"timestamp": pl.Datetime("us", "UTC"), "elapsed": pl.Float64, "url": text}
        schema |= {"submitted": pl.Boolean, "truth_probability": pl.Float64}
        rows = [
            {
                "session_id": self.session_id,
                "user_id": self.user_id,
                "step": number,
                "page_id": step.page_id,
                **{f"action_{field}": getattr(step.action, field) for field in ("type", "name", "text")},
                **{field: getattr(step, field) for field in _STEP_FIELDS},
                "truth_probability": None if step.truth is None else step.truth.probability,
            }
            for number, step in enumerate(self.steps)
        ]
        return pl.DataFrame(rows, schema=schema)

    def to_pandas(self) -> pd.DataFrame:
        """The same as a pandas table.

        Raises:
            ConfigError: if pandas is not installed.
        """
        return to_pandas(self.to_polars())

    def _repr_html_(self) -> str:
        """For notebooks: the person, their intent, and their actions step by step."""
        facts = [f"{len(self.steps)} steps", f"by {self.user_id}"]
        facts += [f"outcome {self.outcome}"] if self.outcome else []
        facts += [self.site] if self.site else []
        parts = [paragraph(f"· {' · '.join(facts)}", strong=f"Session {self.session_id}")]
        parts += [paragraph(self.persona, strong="Persona")] if self.persona else []
        parts += [paragraph(self.intent, strong="Intent")] if self.intent else []
        columns = _columns_in_use(self.steps)
        rows = [_notebook_row(number, step, columns) for number, step in enumerate(self.steps)]
        heads = ["step", *(["at"] if "at" in columns else []), "action", "target"]
        heads += [name for name in ("category", "rationale") if name in columns]
        return figure(*parts, scrolled(table(heads, rows, unit="steps")))


_STEP_FIELDS = ("category", "rationale", "rationale_source", "timestamp", "elapsed", "url", "submitted")


def _columns_in_use(steps: Iterable[Step]) -> set[str]:
    """The optional columns for which at least one step has a value."""
    columns: set[str] = set()
    for step in steps:
        found = {"at": step.elapsed, "category": step.category, "rationale": step.rationale}
        columns |= {name for name, value in found.items() if value is not None}
    return columns


def _notebook_row(number: int, step: Step, columns: set[str]) -> list[HtmlCell]:
    row = [HtmlCell(str(number + 1), number=True, dim=True)]
    if "at" in columns:
        row.append(
            HtmlCell("" if step.elapsed is None else format_seconds(step.elapsed), number=True, dim=True)
        )
    row += [HtmlCell(step.action.type), HtmlCell(describe_target(step.action), mono=True)]
    if "category" in columns:
        row.append(HtmlCell(step.category or ""))
    if "rationale" in columns:
        source = f" ({step.rationale_source})" if step.rationale_source and step.rationale else ""
        row.append(HtmlCell(f"{step.rationale or ''}{source}", limit=600))
    return row
