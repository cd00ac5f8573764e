"""Sessions and their steps."""

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
    """The true probabilities behind a step of a simulated person.

    Never part of a `SessionSoFar`, so no predictor sees it.

    Attributes:
        probability: probability of the action taken.
        best_probability: probability of the most probable action.
        best: the most probable action; on a tie, the first on the page.
        entropy: entropy of the distribution over all actions, in nats.
    """

    probability: float
    best_probability: float
    best: Action
    entropy: float


@dataclass(frozen=True, slots=True)
class Step:
    """A page, the action that the person took there, and the rationale if it is known.

    Attributes:
        page_id: content hash of the simplified page; the data set's page store has the page itself.
        action: the person's action.
        category: the kind of action on that site (`search`, `filter`, `product_click`, `purchase`,
            `terminate`, `other`, or the source's own terms).
        rationale: why, in the first person.
        rationale_source: who wrote it.
        timestamp: time in UTC, if the source has it.
        elapsed: seconds since the session began, if the source has them.
        url: address of the page.
        submitted: for `type_and_submit`: whether Enter was seen. Matching ignores it. None: not recorded.
        truth: the true probabilities, for simulated people.
        context: what else a recorder saw, as a JSON object: the scroll position, the tab, and the navigations
            and tab changes since the step before. No prompt contains it.
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
    context: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One visit of one person to a site: the person, their goal, the outcome, and the steps in order.

    Attributes:
        session_id: unique in the data set.
        user_id: the person. Splits can be disjoint by person, and intervals clustered by person.
        persona: what is known about the person, as text.
        intent: the person's goal, as text, if the source has it (such as a crowd worker's task).
        outcome: `purchase` or `terminate`; None if the source has no outcomes.
        site: name of the site or task.
        source: name of the data source.
        official_split: the split assigned by the source, for example `train`.
        persona_fields: what is known about the person as a JSON object, if the source is structured. Prompts
            show `persona` only.
        censored: whether the recording stops before the session ends. Such a session has no outcome, and its
            last action is not `terminate`. Outcome metrics exclude it.
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
        """One row per step, in order.

        Columns: session_id, user_id, step (from 0), page_id, action_type, action_name, action_text, category,
        rationale, rationale_source, timestamp, elapsed, url, submitted, truth_probability.
        """
        import polars as pl  # noqa: PLC0415 - imported only when used

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
        """The same table in pandas.

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
