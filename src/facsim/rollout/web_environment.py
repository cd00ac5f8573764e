"""The protocols of the closed loop: a site, and one person's session on it.

`reset` and `step` are those of reinforcement learning environments (Gym), without a reward.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from facsim.rollout.people import SimulatedPerson
from facsim.schema import Action, ActionType, Page

DrawOrder = tuple[int, tuple[Any, ...]]
"""Place of an action in the order in which actions are drawn: its group, then its key within the group."""

FailureKind = Literal["call_failed", "unparseable", "not_on_page", "not_possible"]
"""Why an answer was not carried out. `call_failed`: there is no answer. `unparseable`: it names no action.
`not_on_page`: its element is not on the page. `not_possible`: the element cannot be acted on like this."""

EndKind = Literal["purchase", "terminate", "max_steps", "max_seconds", "failed", "site"]
"""How a session ended. `failed`: several unusable answers in a row. `site`: site or browser failed."""

_TYPES: Mapping[ActionType, int] = {"click": 0, "type_and_submit": 1, "terminate": 2}


@dataclass(frozen=True, slots=True)
class Observation:
    """A page in front of the person.

    Attributes:
        page: the simplified page.
        url: its address.
        raw_html: the document it was made from, if it is to be kept.
    """

    page: Page
    url: str
    raw_html: str | None = None


class ActionError(Exception):
    """An action cannot be carried out. The session goes on with the page as it is now."""


class SiteError(Exception):
    """The session cannot go on: the site or the browser failed."""


class BrowserLostError(SiteError):
    """The page or the browser crashed. The session can be tried again from its start."""


class WebEnvironment(Protocol):
    """One session at a time on a site."""

    async def reset(self, person: SimulatedPerson) -> Observation:
        """Start a session of a person, as a new visitor, and return the first page.

        Raises:
            SiteError: if the site cannot be opened.
        """

    async def observe(self) -> Observation:
        """The page as it is now.

        Raises:
            SiteError: if it cannot be read.
        """

    async def step(self, action: Action) -> Observation | None:
        """Carry out an action and return the next page; None if it was a purchase, which ends the session.

        Raises:
            ActionError: if the action is impossible.
            SiteError: if the session cannot go on.
        """

    def category(self, action: Action) -> str:
        """The category of an action on the current page."""

    def places_order(self, action: Action) -> bool:
        """Whether an action of the current page places an order, which must not be done twice."""

    def draw_order(self, action: Action) -> DrawOrder:
        """Place of an action of the current page in the order in which actions are drawn."""

    async def close(self) -> None:
        """Free what belongs to the session."""


class Site(Protocol):
    """Where people go. An async context manager: what its sessions share is open meanwhile.

    Attributes:
        spec: the site as the user named it.
        name: its host, as predictors are told.
    """

    spec: str
    name: str

    def settings(self) -> Mapping[str, Hashable]:
        """Everything that changes its pages and what is done there, as JSON values."""

    def environment(self) -> WebEnvironment:
        """A new environment. Several may be in use at once."""

    async def __aenter__(self) -> Site: ...

    async def __aexit__(self, *_: object) -> None: ...


def name_order(action: Action) -> DrawOrder:
    """The order by type, name and text, for sites that know nothing better."""
    return _TYPES[action.type], (action.name or "", action.text or "")
