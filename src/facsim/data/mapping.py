"""The YAML file that maps the columns of a user's log. docs/your-data/logs.md has a worked example."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Discriminator, Tag, ValidationError, model_validator

from facsim.data.event_rules import EventRules
from facsim.schema import ACTION_TYPES, Outcome, RationaleSource
from facsim.util.errors import ConfigError
from facsim.util.validation import field_problems
from facsim.util.yaml_config import load_yaml

SKIP = "skip"
"""Action type of rows that are not steps and are skipped."""

TYPE_VALUES = {"click": "click", "input": "type_and_submit", "type_and_submit": "type_and_submit"} | {
    "terminate": "terminate"
}
"""Action types that need no entry in the mapping."""

_PLAIN_FIELDS = (
    *("session", "user", "time", "step", "event_id", "url", "category", "rationale"),
    *("persona", "intent", "outcome", "site", "split"),
)


class _Strict(BaseModel):
    """Frozen. An unknown key is an error that names the closest known key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _know_every_key(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        for key in given:
            if key not in cls.model_fields:
                near = difflib.get_close_matches(str(key), cls.model_fields, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(cls.model_fields)}"
                raise ValueError(f"unknown key {key!r}: {hint}")
        return given


class FieldMapping(_Strict):
    """Where a value comes from. In YAML, a column name alone is enough.

    A dotted name also selects a nested value: `event.kind` is `kind` in the object in column `event`, or in
    its list of `{key: kind, value: …}` objects.
    """

    column: str | None = None
    """The column."""
    columns: tuple[str, ...] = ()
    """Several columns, whose values are joined by a hyphen. Null if any of them is."""
    constant: str | None = None
    """The same value for every row, instead of a column."""
    values: dict[str, str] = {}
    """Maps values of the log to values of Facsim. Unlisted values are unchanged."""

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, given: Any) -> Any:
        return {"column": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if sum((self.column is not None, bool(self.columns), self.constant is not None)) != 1:
            raise ValueError("expected either column, columns or constant")
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns that the value comes from."""
        return self.columns if self.column is None else (self.column,)


class TimeMapping(FieldMapping):
    """The time of a step. In YAML, a column name alone is enough."""

    zone: str | None = None
    """Time zone of times without one, such as `Europe/Berlin`; UTC by default."""
    unit: Literal["s", "ms", "us", "ns"] | None = None
    """Unit of numbers since 1970; by default it is inferred from the size of each number."""

    @model_validator(mode="after")
    def _known_zone(self) -> Self:
        if self.columns:
            raise ValueError("expected one column for the time")
        if self.zone is not None:
            try:
                ZoneInfo(self.zone)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError(
                    f"zone {self.zone!r} is unknown; expected a name such as Europe/Berlin"
                ) from None
        return self


class PageMapping(_Strict):
    """The page before the action: in a column, or in files whose paths are in a column.

    In YAML, `none` alone says that the log has no pages.
    """

    column: str | None = None
    """Column with the page's HTML."""
    file: str | None = None
    """Column with the path of a file with the page, plain or gzip."""
    folder: str | None = None
    """Folder of these files, relative to the log's folder; the log's folder by default."""
    kind: Literal["raw", "simplified", "none"]
    """`raw`: HTML from the browser. `simplified`: elements already have unique `name`s. `none`: no pages."""

    @model_validator(mode="before")
    @classmethod
    def _none_alone(cls, given: Any) -> Any:
        return {"kind": given} if given == "none" else given

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.kind == "none":
            if self.column or self.file or self.folder:
                raise ValueError("kind none takes no column, file or folder")
            return self
        if (self.column is None) == (self.file is None):
            raise ValueError("expected either column or file")
        if self.folder is not None and self.file is None:
            raise ValueError("folder is only for pages in files; set file")
        return self

    @property
    def source(self) -> str | None:
        """The column with the page or the path of its file; None without pages."""
        return self.column or self.file


class CsvMapping(_Strict):
    """The format of a CSV file, if it cannot be detected."""

    encoding: str | None = None
    delimiter: str | None = None

    @model_validator(mode="after")
    def _one_character(self) -> Self:
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise ValueError("delimiter must be one character")
        return self


class TargetMapping(_Strict):
    """The target of an action, given in one of six ways."""

    name: FieldMapping | None = None
    """The element's unique dotted name."""
    selector: FieldMapping | None = None
    """A CSS selector in the raw page. The target is the matching element or its nearest named ancestor."""
    id: FieldMapping | None = None
    """The `id` attribute in the raw page."""
    xpath: FieldMapping | None = None
    """An XPath in the raw page: tags, positions and attributes."""
    text: FieldMapping | None = None
    """The visible text of the element in the raw page."""
    role: FieldMapping | None = None
    """The ARIA role of the element with this text."""
    boxes: FieldMapping | None = None
    """A list of element boxes, with the point of the action in `x` and `y`."""
    x: FieldMapping | None = None
    y: FieldMapping | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = (self.name, self.selector, self.id, self.xpath, self.text, self.boxes)
        if sum(way is not None for way in ways) != 1:
            raise ValueError("expected exactly one of name, selector, id, xpath, text, boxes")
        if len({field is None for field in (self.boxes, self.x, self.y)}) > 1:
            raise ValueError("boxes needs x and y, and they need boxes")
        if self.role is not None and self.text is None:
            raise ValueError("role needs text")
        return self

    @property
    def way(self) -> FieldMapping:
        """The one field that is set."""
        found = self.name or self.selector or self.id or self.xpath or self.text or self.boxes
        assert found is not None
        return found


class ActionMapping(_Strict):
    """The action's columns."""

    type: FieldMapping
    """Its values after mapping: `click`, `type_and_submit` (also `input`), `terminate`; `skip`
    leaves the row out."""
    target: TargetMapping | None = None
    """Required, unless the log has no pages. Then an action without a target is named after its event."""
    text: FieldMapping | None = None
    """The typed text."""

    @model_validator(mode="after")
    def _known_types(self) -> Self:
        for value, meant in self.type.values.items():
            if meant not in (*TYPE_VALUES, SKIP):
                raise ValueError(
                    f"type: value {value!r} is mapped to {meant!r}, "
                    f"which is not one of {', '.join((*ACTION_TYPES, SKIP))}"
                )
        return self


def _field_or_rules(given: Any) -> str:
    """Whether `outcome` or `category` is a column or rules."""
    if isinstance(given, EventRules):
        return "rules"
    is_field = not isinstance(given, dict) or not given or set(given) & set(FieldMapping.model_fields)
    return "column" if is_field else "rules"


FieldOrRules = Annotated[
    Annotated[FieldMapping, Tag("column")] | Annotated[EventRules, Tag("rules")],
    Discriminator(_field_or_rules),
]


class ColumnMapping(_Strict):
    """Maps the columns of a log to the fields of a step. One row of the log is one step."""

    name: str
    """Short name of the data set, shown in leaderboards."""
    origin: str
    """Where the sessions come from, as text."""
    licence: str = "not stated"
    citation: str | None = None

    session: FieldMapping | None = None
    """The session id. Where it is missing, a user's rows are split into sessions at pauses (`gap`)."""
    user: FieldMapping | None = None
    """The user id. Splits are disjoint by user. A session without one counts as a separate user."""
    page: PageMapping
    """Where the page is; `page: none` for a log without pages."""
    action: ActionMapping
    events: str | None = None
    """A column with a list of events: each becomes a row of its own, with the other columns of its row."""
    event_id: FieldMapping | None = None
    """An id of the event. A row of a session with an id that was there before is left out."""
    time: TimeMapping | None = None
    """ISO 8601, or seconds, milli-, micro- or nanoseconds since 1970. Without a zone: UTC."""
    gap: float | None = None
    """Minutes. A longer pause starts a new session. 30 by default if there are no session ids."""
    csv: CsvMapping = CsvMapping()
    step: FieldMapping | None = None
    """A number that orders the steps of a session; by default they are ordered by time."""

    url: FieldMapping | None = None
    category: FieldOrRules | None = None
    rationale: FieldMapping | None = None
    rationale_source: RationaleSource = "human"
    persona: FieldMapping | None = None
    intent: FieldMapping | None = None
    outcome: FieldOrRules | None = None
    """Its values after mapping: `purchase` or `terminate`. Or rules: `{purchase: {url: "*/thanks*"}}`."""
    site: FieldMapping | None = None
    split: FieldMapping | None = None
    """The split assigned by the log: `train`, `validation`, `test`."""

    @model_validator(mode="after")
    def _selectors_need_raw_pages(self) -> Self:
        target = self.action.target
        if self.page.kind == "none":
            if target is not None and target.name is None:
                raise ValueError(
                    "action.target: a log without pages has targets by name only. Set action.target.name"
                )
            return self
        if target is None:
            raise ValueError("action.target is missing; only a log with `page: none` may lack it")
        if self.page.kind == "simplified" and target.name is None and target.boxes is None:
            raise ValueError(
                "action.target: a selector, id, xpath or text needs raw pages. "
                "Set page.kind to raw, or action.target.name"
            )
        return self

    @model_validator(mode="after")
    def _usable_rules(self) -> Self:
        for name in ("outcome", "category"):
            rules = getattr(self, name)
            if isinstance(rules, EventRules) and rules.need_urls and self.url is None:
                raise ValueError(f"{name}: its rules match URLs. Set url")
        if isinstance(self.outcome, EventRules):
            for label in self.outcome.labels:
                if label not in get_args(Outcome):
                    known = ", ".join(get_args(Outcome))
                    raise ValueError(f"outcome: {label!r} is not an outcome; expected {known}")
        return self

    @model_validator(mode="after")
    def _rows_belong_together(self) -> Self:
        if self.session is None and self.user is None:
            raise ValueError("set session or user: one of them is needed to know which rows belong together")
        if self.time is None and (self.session is None or self.gap is not None):
            raise ValueError("set time: sessions are cut at pauses")
        if self.gap is not None and not self.gap > 0:
            raise ValueError(f"gap is {self.gap:g}: expected minutes, more than 0")
        return self

    @classmethod
    def read(cls, file: str | Path) -> ColumnMapping:
        """Read a mapping file.

        Raises:
            ConfigError: if it is missing, is not YAML, has a key twice, or is not a mapping.
        """
        file = Path(file)
        given = load_yaml(file)
        if not isinstance(given, dict):
            raise ConfigError(
                f"{file}: holds {type(given).__name__}, expected keys such as session, page, action"
            )
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            problems = "; ".join(
                f"{problem.field or 'top level'}: {problem.message}" for problem in field_problems(error)
            )
            raise ConfigError(f"{file}: {problems}") from None

    def with_gap(self, minutes: float) -> ColumnMapping:
        """A copy that starts a new session after a pause of more than this many minutes.

        Raises:
            ConfigError: if it is not more than 0, or the mapping has no time.
        """
        if not minutes > 0:
            raise ConfigError(f"gap is {minutes:g}: expected minutes, more than 0")
        if self.time is None:
            raise ConfigError("sessions are cut at pauses, which takes time: map time")
        return self.model_copy(update={"gap": minutes})

    def fields(self) -> dict[str, FieldMapping]:
        """Every field that is set, by its meaning."""
        target = self.action.target
        found: dict[str, Any] = {name: getattr(self, name) for name in _PLAIN_FIELDS}
        found |= {"action.type": self.action.type, "action.text": self.action.text}
        if self.page.source is not None:
            found["page"] = FieldMapping(column=self.page.source)
        if target is not None:
            found |= {"action.target": target.way, "action.target.role": target.role}
            found |= {"action.target.x": target.x, "action.target.y": target.y}
        return {name: field for name, field in found.items() if isinstance(field, FieldMapping)}
