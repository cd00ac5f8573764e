"""Sessions to the shop by somebody who simply gets done what they came for, as models do by habit.

They search for what they want in full, open what serves it best, choose size and colour, buy and order.
People do otherwise: they look around, rephrase, give up. That difference is what fine-tuning is to teach, so
no simulated shopper's choice is used here. The shops' seeds are no seeds that a data set is likely to be
sampled with.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from random import Random

from facsim.schema import Action, PastStep, SessionSoFar, Step
from facsim.shop.catalogue import Catalogue
from facsim.shop.shoppers import Population, Shopper
from facsim.shop.storefront import DESIGNS, PageAction, PageView, ProductCard, Storefront

SEEDS = (900_001, 900_002, 900_003, 900_004)
HELD_OUT = 900_101
"""The shop whose pages nothing is learned from."""

_VISITS = 100_000
_MOST_STEPS = 9

Visit = list[tuple[SessionSoFar, Step]]


@lru_cache(maxsize=8)
def storefront(seed: int, design: str) -> Storefront:
    """A shop, made once."""
    return Storefront(catalogue(seed), DESIGNS[design])


@lru_cache(maxsize=4)
def catalogue(seed: int) -> Catalogue:
    """What a shop sells, made once."""
    return Catalogue(seed)


@lru_cache(maxsize=4)
def population(seed: int) -> Population:
    """Who could come to a shop."""
    return Population(catalogue(seed), seed)


def errands(rng: Random, seeds: tuple[int, ...] = SEEDS) -> Iterator[Visit]:
    """Sessions without end, of shops and designs in turn."""
    while True:
        seed, design = rng.choice(seeds), rng.choice(tuple(DESIGNS))
        yield errand(storefront(seed, design), population(seed).shopper(rng.randrange(_VISITS), _VISITS))


def errand(store: Storefront, shopper: Shopper) -> Visit:
    """One session, from the first page to the order, or until there is nothing more to do."""
    address, visitor = shopper.address, shopper.visitor
    past: tuple[PastStep, ...] = ()
    steps: Visit = []
    tried: list[str] = []
    while len(steps) < _MOST_STEPS:
        rendered = store.open(address, visitor)
        view = rendered.view
        named = store.named(rendered)
        chosen, text = _choice(view, shopper, tried)
        if chosen is None:
            action = Action.terminate()
        elif text is not None:
            tried.append(text)
            action = Action.type_and_submit(named.names[chosen], text)
        else:
            action = Action.click(named.names[chosen])
        so_far = SessionSoFar(
            f"errand-{shopper.number}", named.page, past, persona=shopper.persona, intent=shopper.intent
        )
        steps.append((so_far, Step("", action)))
        past = (*past, PastStep(named.page, action))
        if chosen is None or view.actions[chosen].kind == "place_order":
            break
        address, visitor = store.follow(view.actions[chosen], visitor, text)
    return steps


def wanted(visit: Visit) -> str | None:
    """The kind of thing a session is for: the last words of its first query that the intent has, too."""
    query = next((step.action.text for _, step in visit if step.action.text), None)
    intent = (visit[0][0].intent or "").lower()
    words = query.split() if query else []
    return next((said for at in range(len(words)) if (said := " ".join(words[at:])) in intent), None)


def _choice(view: PageView, shopper: Shopper, tried: list[str]) -> tuple[int | None, str | None]:
    """The act to take, and the text to type; no action to leave."""
    actions = dict[str, int]()
    for place, page_action in enumerate(view.actions):
        actions.setdefault(page_action.kind, place)
    if view.kind in ("cart", "checkout"):
        onwards = [kind for kind in ("place_order", "continue", "checkout") if kind in actions]
        return (actions[onwards[0]], None) if onwards else (None, None)
    if view.product is not None:
        return _on_product(view, shopper, actions)
    need = shopper.needs[0]
    wanted = " ".join((*need.features, need.kind.name)).lower()
    box = next(
        place
        for place, page_action in enumerate(view.actions)
        if page_action.kind == "search" and page_action.part != "button"
    )
    if view.kind != "results":
        if wanted in tried:
            return None, None
        return box, wanted
    best = best_card(view, shopper)
    if best is None:
        return (box, need.kind.name) if need.kind.name not in tried else (None, None)
    part = "picture" if "by the pictures" in shopper.persona else "title"
    leads = [place for place, page_action in enumerate(view.actions) if _leads_to(page_action, best)]
    chosen = next((place for place in leads if view.actions[place].part == part), leads[-1])
    return chosen, None


def _leads_to(page_action: PageAction, card: ProductCard) -> bool:
    return page_action.kind == "product" and page_action.product == card.product


def best_card(view: PageView, shopper: Shopper) -> ProductCard | None:
    """What serves the first need best by what its card says; None if nothing is of the kind."""
    need = shopper.needs[0]

    def worth(card: ProductCard) -> tuple[float, int]:
        title = card.title.lower()
        fits = any(all(word in title for word in name) for name in need.names)
        features = sum(feature.lower() in title for feature in need.features)
        colour = bool(need.colour) and need.colour.lower() in title
        brand = need.brand is not None and need.brand == card.brand
        dear = max(0.0, card.price / need.budget - 1)
        return 4 * fits + 1.5 * features + colour + brand - dear + 0.3 * (card.rating or 4), -card.place

    fitting = [card for card in view.cards if worth(card)[0] >= 4]
    return max(fitting, key=worth, default=None)


def _on_product(view: PageView, shopper: Shopper, actions: dict[str, int]) -> tuple[int | None, str | None]:
    need = shopper.needs[0]
    assert view.product is not None
    for facet, chosen, wanted in (
        ("size", view.product.size, need.size),
        ("colour", view.product.colour, need.colour),
    ):
        if chosen or not wanted:
            continue
        for place, page_action in enumerate(view.actions):
            if (
                page_action.kind == "option"
                and page_action.facet == facet
                and page_action.value.lower() == wanted.lower()
            ):
                return place, None
    return actions.get("buy_now", actions.get("add_to_cart")), None
