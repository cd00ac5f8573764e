"""Aims of deciding and moving on: options, cart, buying, reviews, going back, distractions, leaving.

Each function returns the aim's nest, or None if the page offers no such action.
"""

from __future__ import annotations

import math

from facsim.shop.shoppers.coefficients import BOUNDS
from facsim.shop.shoppers.nested_logit import Nest, Option, constant
from facsim.shop.shoppers.shopper_situation import ShopperSituation
from facsim.shop.storefront.views import PageAction


def choose(situation: ShopperSituation) -> Nest | None:
    """Choose a size or colour."""
    actions = situation.actions.get("option", ())
    if not actions:
        return None
    decide = situation.coefficients.decide
    options = []
    for index, action in actions:
        if action.selected:
            terms = {"set": decide.set}
        elif _wanted(action, situation):
            terms = {"wanted": decide.wanted}
        else:
            terms = {"other": decide.other}
        options.append(Option(index, terms))
    terms = {"choose": constant(situation, "choose"), "worth": decide.choose * situation.gap}
    return Nest("choose", terms, options, decide.choose_scale, inclusive=True)


def _wanted(action: PageAction, situation: ShopperSituation) -> bool:
    """Whether an option is the wanted size or colour."""
    need = situation.shopper.needs[
        situation.shown.need if situation.shown is not None else situation.memory.need
    ]
    return bool(action.value) and action.value.lower() in (need.size.lower(), need.colour.lower())


def _decision(situation: ShopperSituation) -> dict[str, float]:
    """Utility terms for taking the product shown."""
    decide, memory, product = situation.coefficients.decide, situation.memory, situation.view.product
    terms = {
        "worth": decide.buy * situation.gap,
        "eager": situation.shopper.person.tastes.eagerness,
        "compared": decide.compared * math.log1p(len(memory.viewed)),
    }
    if product is not None:
        if any(
            _wanted(action, situation) and not action.selected
            for _, action in situation.actions.get("option", ())
        ):
            terms["unset"] = decide.unset
        if product.card.product in memory.read:
            terms["read"] = decide.read_then
    return terms


def keep(situation: ShopperSituation) -> Nest | None:
    """Put a product into the cart."""
    actions = situation.actions.get("add_to_cart", ())
    if not actions:
        return None
    decide = situation.coefficients.decide
    terms = {"keep": constant(situation, "keep"), "list": decide.more_needs * (situation.open_needs > 0)}
    if situation.view.product is not None:
        return Nest("keep", terms | _decision(situation), [Option(index, {}) for index, _ in actions])
    options = []
    for index, action in actions:
        judged = situation.judged.get(action.product) if action.product is not None else None
        worth = judged.worth if judged is not None else situation.coefficients.narrow.pointless
        options.append(Option(index, {"worth": decide.buy * (worth - situation.shopper.threshold)}))
    return Nest("keep", terms, options, situation.coefficients.look.scale, inclusive=True)


def buy(situation: ShopperSituation) -> Nest | None:
    """Buy, or take the next step of the checkout."""
    decide, view = situation.coefficients.decide, situation.view
    kinds = ("buy_now", "checkout", "continue", "place_order")
    options = [Option(index, {}) for kind in kinds for index, _ in situation.actions.get(kind, ())]
    if not options:
        return None
    terms = {"buy": constant(situation, "buy"), "list": decide.list_left * (situation.open_needs > 0)}
    if view.product is not None:
        return Nest("buy", terms | _decision(situation), options)
    if view.kind == "cart" and not view.lines:
        return None
    budget = sum(need.budget for need in situation.shopper.needs)
    lines = [situation.judged[line.card.product].worth for line in view.lines]
    if lines:
        worst = min(lines) - situation.shopper.threshold
        terms["worth"] = decide.cart_worth * max(BOUNDS.worst_line, worst)
        terms["over"] = decide.over * max(0.0, view.cart_total / budget - 1)
    terms["eager"] = situation.shopper.person.tastes.eagerness
    terms["committed"] = decide.committed * (situation.shopper.mission == "return")
    if view.kind == "checkout":
        terms["impatience"] = decide.impatience * (situation.memory.last == "buy")
    return Nest("buy", terms, options)


def reviews(situation: ShopperSituation) -> Nest | None:
    """Read reviews."""
    actions = situation.actions.get("reviews", ())
    if not actions or situation.view.product is None:
        return None
    tastes, decide = situation.shopper.person.tastes, situation.coefficients.decide
    terms = {
        "reviews": constant(situation, "reviews"),
        "stars": decide.reviews_taste * (tastes.rating + tastes.reviews - 2),
    }
    terms["interest"] = decide.reviews_interest * situation.gap
    if situation.view.product.card.product in situation.memory.read:
        terms["read"] = decide.read
    return Nest("reviews", terms, [Option(index, {}) for index, _ in actions])


def cart(situation: ShopperSituation) -> Nest | None:
    """Open the cart."""
    actions = situation.actions.get("cart", ())
    if not actions or situation.view.kind == "cart":
        return None
    browsing = situation.coefficients.browsing
    terms = {
        "cart": constant(situation, "cart"),
        "filled": browsing.cart_full if situation.view.cart_count else browsing.cart_empty,
        "again": browsing.cart_again * situation.memory.cart_looks,
    }
    if situation.shopper.mission == "return" and not situation.memory.cart_looks:
        terms["return"] = -browsing.idle
    return Nest("cart", terms, [Option(index, {}) for index, _ in actions])


def back(situation: ShopperSituation) -> Nest | None:
    """Go back."""
    browsing, kind = situation.coefficients.browsing, situation.view.kind
    options = [Option(index, {}) for index, _ in situation.actions.get("back", ())]
    if kind != "home":
        options += [Option(index, {"home": browsing.home}) for index, _ in situation.actions.get("home", ())]
    if not options:
        return None
    terms = {"back": constant(situation, "back")}
    if kind == "product":
        shortfall = max(BOUNDS.pleased, min(BOUNDS.disappointed, -situation.gap))
        terms["disappointed"] = situation.coefficients.decide.back * shortfall
    elif kind not in ("home", "results", "cart", "checkout"):
        terms["astray"] = browsing.astray - constant(situation, "back")
    return Nest("back", terms, options)


def edit(situation: ShopperSituation) -> Nest | None:
    """Change what is in the cart."""
    options, decide = [], situation.coefficients.decide
    for index, action in situation.actions.get("remove", ()):
        judged = situation.judged.get(action.product) if action.product is not None else None
        lack = max(0.0, situation.shopper.threshold - judged.worth) if judged is not None else 0.0
        options.append(Option(index, {"lack": decide.lack * min(BOUNDS.disappointed, lack)}))
    options += [
        Option(index, {"quantity": decide.quantity}) for index, _ in situation.actions.get("quantity", ())
    ]
    if not options:
        return None
    return Nest("edit", {"edit": constant(situation, "edit")}, options, inclusive=True)


def wander(situation: ShopperSituation) -> Nest | None:
    """Follow a department link or a distraction."""
    browsing, memory = situation.coefficients.browsing, situation.memory
    wanted = {need.kind.department.lower() for need in situation.shopper.needs}
    options = []
    for index, action in situation.actions.get("department", ()):
        options.append(
            Option(index, {"department": browsing.department * (action.label.strip().lower() in wanted)})
        )
    aside = {"aside": browsing.aside}
    options += [Option(index, aside) for index, _ in situation.actions.get("other", ())]
    if not options:
        return None
    terms = {
        "wander": constant(situation, "wander"),
        "patience": browsing.patience * situation.shopper.person.tastes.patience,
        "distracted": browsing.distracted * memory.asides,
        "looking": browsing.looking * (situation.shopper.mission == "look"),
    }
    return Nest("wander", terms, options, browsing.wander_scale)


def leave(situation: ShopperSituation) -> Nest:
    """Leave the shop."""
    browsing, memory, view = situation.coefficients.browsing, situation.memory, situation.view
    terms: dict[str, float] = {
        "leave": constant(situation, "leave"),
        "tired": browsing.tired * math.log((memory.steps + 1) / situation.shopper.stamina),
        "weary": browsing.weary * max(0, memory.steps - BOUNDS.weary_after),
        "poor": browsing.poor_leave * situation.poor,
        "found": browsing.found * (view.cart_count > 0 and view.kind in ("cart", "product")),
        "purpose": browsing.purpose * (not memory.queries),
    }
    if view.kind == "order":
        terms["done"] = browsing.done
    return Nest("leave", terms, [Option(None, {})])
