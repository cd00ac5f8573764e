"""The events that the extension sends to the collector, validated: pages are not trusted."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

MAX_PAGE = 48_000_000
"""Longest page in characters."""
_Id = Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")]
_Mark = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
_Text = Annotated[str, Field(max_length=20_000)]
_Short = Annotated[str, Field(max_length=400)]
_Url = Annotated[str, Field(max_length=100_000)]
_Html = Annotated[str, Field(max_length=MAX_PAGE)]
_Time = Annotated[float, Field(ge=0, le=1e14, allow_inf_nan=False)]


class _Event(BaseModel):
    """Fields of every event.

    Attributes:
        id: unique; a repeated delivery has the same.
        clock: hybrid logical clock: milliseconds since 1970, but always after the events before. Gives the
            order of an installation's events.
        time: milliseconds since 1970 by the browser's clock, which may be set back.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: _Id
    clock: Annotated[int, Field(ge=1, lt=10**15)]
    time: _Time


class Consent(_Event):
    """The person agreed. The first event of an installation."""

    kind: Literal["consent"]
    participant: Annotated[str, Field(min_length=1, max_length=80)]
    persona: Annotated[list[dict[Literal["question", "answer"], _Short]], Field(max_length=50)]
    intent: Annotated[str, Field(max_length=2000)]
    sites: list[_Short]
    text: _Text


class Scroll(BaseModel):
    """Where the page was scrolled to, and the window's size, in CSS pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    x: float
    y: float
    width: float
    height: float
    page_height: float
    zoom: float = 1.0


class _OnPage(_Event):
    """An event in a document.

    Attributes:
        mono: milliseconds since the document began, by a clock that is never set.
        doc: the document.
    """

    mono: _Time
    doc: _Id
    url: _Url
    title: _Short


class RecordedAction(_OnPage):
    """A click, or text typed into a field.

    Attributes:
        html: the page just before the action.
        mark: value of the attribute that marks the acted element in `html`.
        masked: number of texts that were masked in the page.
        cost: milliseconds that the snapshot took.
    """

    kind: Literal["action"]
    action: Literal["click", "type"]
    html: _Html
    mark: _Mark
    masked: Annotated[int, Field(ge=0)]
    scroll: Scroll
    cost: float = 0.0
    label: _Short = ""
    text: Annotated[str, Field(max_length=1_000_000)] | None = None
    submitted: bool | None = None
    option: Annotated[int, Field(ge=0)] | None = None
    new_tab: bool = False


class Leave(_OnPage):
    """A document was left: for another, or because its tab was closed. `html` is the page at that moment."""

    kind: Literal["leave"]
    html: _Html
    masked: Annotated[int, Field(ge=0)]
    scroll: Scroll
    cached: bool = False


class Navigate(_OnPage):
    """A document was opened, or a page changed its address (`same_document`)."""

    kind: Literal["navigate"]
    how: _Short
    same_document: bool = False


class Tab(_OnPage):
    """A tab came to the front, or went to the back."""

    kind: Literal["tab"]
    visible: bool


class IdleClick(_OnPage):
    """A click on nothing that can be acted on."""

    kind: Literal["idle_click"]
    scroll: Scroll


class Failure(_OnPage):
    """The recorder failed while it handled an event."""

    kind: Literal["failure"]
    where: _Short
    message: _Short


class TabEvent(_Event):
    """The tab of a document; its closing; or that it went to a site that is not recorded."""

    kind: Literal["document", "tab_closed", "left_sites"]
    doc: _Id
    tab: int
    opener: int | None = None


class Rationale(_Event):
    """The answer to "why did you do that?"."""

    kind: Literal["rationale"]
    action: _Id
    text: Annotated[str, Field(min_length=1, max_length=2000)]


class Control(_Event):
    """The person paused, resumed or stopped the recording, had everything deleted, or closed the browser.

    `browser_closed` is noted by the collector: a browser that is closing may have no time to say so.
    """

    kind: Literal["pause", "resume", "stop", "delete_all", "browser_closed"]


class Forget(_Event):
    """The person had the last minutes deleted, from `since` on (milliseconds since 1970)."""

    kind: Literal["forget"]
    since: _Time
    minutes: float


Event = (
    Consent
    | RecordedAction
    | Leave
    | Navigate
    | Tab
    | IdleClick
    | Failure
    | TabEvent
    | Rationale
    | Control
    | Forget
)
_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


def read_event(fields: Any) -> Event:
    """Validate one event.

    Raises:
        ValueError: with the first problem, in a clause.
    """
    try:
        return _EVENT.validate_python(fields)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{where}: {first['msg']}" if where else first["msg"]) from None
