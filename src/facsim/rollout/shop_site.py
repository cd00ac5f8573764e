"""The embedded shop as a site, rendered in process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from typing import Final, Self
from urllib.parse import urlsplit

from facsim.page import read_page
from facsim.rollout.people import SimulatedPerson
from facsim.rollout.web_environment import ActionError, DrawOrder, Observation, SiteError
from facsim.schema import Action, Page
from facsim.shop.simulation import KIND_PLACES, LEAVE_PLACE, ShopSimulation, draw_key
from facsim.shop.step_categories import StepCategories
from facsim.shop.storefront import SITE, PageAction
from facsim.shop.storefront.urls import NotFoundError
from facsim.shop.storefront.views import RenderedPage, Visitor
from facsim.shop.version import version_of

SITE_NAME: Final = urlsplit(SITE).netloc
_PAGES_KEPT: Final = 200
"""Pages whose elements stay parsed. The front page and popular results come again and again."""


class ShopSite:
    """The shop of a seed in one design.

    Args:
        variant: name of the design.
        seed: of catalogue and people.
        sessions: number of sessions that the shop's people make in all.

    Raises:
        ConfigError: if there is no such design.
    """

    def __init__(self, variant: str, seed: int, sessions: int) -> None:
        self.spec, self.name = f"shop:{variant}", SITE_NAME
        self.simulation = ShopSimulation(seed, sessions, variant)
        self.variant = variant
        self._parsed: OrderedDict[str, Page] = OrderedDict()

    def settings(self) -> Mapping[str, Hashable]:
        """Design, seed and version of the shop."""
        simulation = self.simulation
        return {
            "design": self.variant,
            "shop_seed": simulation.seed,
            "shop_sessions": simulation.sessions,
            "shop": version_of(simulation.seed),
        }

    def environment(self) -> ShopEnvironment:
        """A new visitor's session."""
        return ShopEnvironment(self)

    def parsed(self, html: str) -> Page:
        """The simplified page of this HTML. Recent pages are parsed once."""
        page = self._parsed.get(html)
        if page is None:
            page = self._parsed[html] = read_page(html)
            if len(self._parsed) > _PAGES_KEPT:
                self._parsed.popitem(last=False)
        self._parsed.move_to_end(html)
        return page

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to free."""


class PageActions:
    """The page actions behind the element names of a rendered page.

    Args:
        rendered: the page.
        names: the element name of each action of its view.
    """

    def __init__(self, rendered: RenderedPage, names: tuple[str, ...]) -> None:
        self._actions = rendered.view.actions
        self._places = {name: place for place, name in enumerate(names)}

    def of(self, action: Action) -> PageAction | None:
        """What the element of an action does; None for `terminate` and names that are not on the page."""
        place = self._places.get(action.name or "")
        return None if place is None else self._actions[place]

    def draw_order(self, action: Action) -> DrawOrder:
        """The order of `facsim.shop.simulation.CommonRandomNumbers`."""
        if action.type == "terminate":
            return LEAVE_PLACE, ()
        place = self._places.get(action.name or "")
        if place is None:
            return LEAVE_PLACE + 1, (action.type, action.name or "", action.text or "")
        found = self._actions[place]
        return KIND_PLACES[found.kind], draw_key(found, action.text, place)


class ShopEnvironment:
    """A session in the shop without a browser and without a server."""

    def __init__(self, site: ShopSite) -> None:
        self._site, self._store = site, site.simulation.store
        self._categories = StepCategories()

    async def reset(self, person: SimulatedPerson) -> Observation:
        """Open the front page. The shop's own shoppers may arrive with something in the cart."""
        address, visitor = "/", Visitor()
        if person.shopper is not None:
            shopper = self._site.simulation.shopper(person.shopper)
            address, visitor = shopper.address, shopper.visitor
        return self._open(address, visitor)

    async def observe(self) -> Observation:
        """The current page."""
        return self._observation

    async def step(self, action: Action) -> Observation | None:
        """Follow an element's action.

        Raises:
            ActionError: if nothing can be typed into the element.
            SiteError: if the shop has no such page.
        """
        found = self._actions.of(action)
        if found is None:
            raise ActionError(f"{action.name} is not on the page")
        is_box = found.kind == "search" and found.part != "button"
        if action.text is not None and not is_box:
            raise ActionError(f"nothing can be typed into {action.name}")
        if action.text is None and is_box:
            return self._observation  # the search box has the focus
        try:
            address, visitor = self._store.follow(found, self._visitor, action.text)
            if found.kind == "place_order":
                return None
            return self._open(address, visitor)
        except NotFoundError as error:
            raise SiteError(f"the shop has no page {error}") from None

    def category(self, action: Action) -> str:
        """The category of an action on the current page."""
        return self._categories.category(self._actions.of(action), action, self._observation.url)

    def places_order(self, action: Action) -> bool:
        """Whether an action places the order."""
        found = self._actions.of(action)
        return found is not None and found.kind == "place_order"

    def draw_order(self, action: Action) -> DrawOrder:
        """The order of `facsim shop sample`, by what the element does."""
        return self._actions.draw_order(action)

    async def close(self) -> None:
        """Nothing to free."""

    def _open(self, address: str, visitor: Visitor) -> Observation:
        rendered = self._store.open(address, visitor)
        named = self._store.named(rendered)
        self._visitor = visitor
        self._actions = PageActions(rendered, named.names)
        page = self._site.parsed(named.page.html)
        self._observation = Observation(page, SITE + rendered.view.address, rendered.html)
        return self._observation
