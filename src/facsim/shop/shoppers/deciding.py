"""Aims of deciding and of going on: options, cart, buying, reviews, ways back, distractions, leaving.

Each function returns the aim's nest, or None where the page offers nothing of the sort.
"""

from __future__ import annotations

import math

from facsim.shop.shoppers.coefficients import BOUNDS
from facsim.shop.shoppers.nested_logit import Nest, Option, constant
from facsim.shop.shoppers.page_view import Scene
from facsim.shop.storefront.views import Act


def choose(scene: Scene) -> Nest | None:
    """To choose a size or colour."""
    acts = scene.acts.get("option", ())
    if not acts:
        return None
    decide = scene.coefficients.decide
    options = []
    for index, act in acts:
        if act.selected:
            terms = {"set": decide.set}
        elif _wanted(act, scene):
            terms = {"wanted": decide.wanted}
        else:
            terms = {"other": decide.other}
        options.append(Option(index, terms))
    terms = {"choose": constant(scene, "choose"), "worth": decide.choose * scene.gap}
    return Nest("choose", terms, options, decide.choose_scale, inclusive=True)


def _wanted(act: Act, scene: Scene) -> bool:
    """Whether an option is the size or colour that is wanted."""
    need = scene.shopper.needs[scene.shown.need if scene.shown is not None else scene.memory.need]
    return bool(act.value) and act.value.lower() in (need.size.lower(), need.colour.lower())


def _decision(scene: Scene) -> dict[str, float]:
    """What speaks for taking the product shown."""
    decide, memory, product = scene.coefficients.decide, scene.memory, scene.view.product
    terms = {
        "worth": decide.buy * scene.gap,
        "eager": scene.shopper.person.tastes.eagerness,
        "compared": decide.compared * math.log1p(len(memory.looked)),
    }
    if product is not None:
        if any(_wanted(act, scene) and not act.selected for _, act in scene.acts.get("option", ())):
            terms["unset"] = decide.unset
        if product.card.product in memory.read:
            terms["read"] = decide.read_then
    return terms


def keep(scene: Scene) -> Nest | None:
    """To put a product into the cart."""
    acts = scene.acts.get("add_to_cart", ())
    if not acts:
        return None
    decide = scene.coefficients.decide
    terms = {"keep": constant(scene, "keep"), "list": decide.more_needs * (scene.open_needs > 0)}
    if scene.view.product is not None:
        return Nest("keep", terms | _decision(scene), [Option(index, {}) for index, _ in acts])
    options = []
    for index, act in acts:
        judged = scene.judged.get(act.product) if act.product is not None else None
        worth = judged.worth if judged is not None else scene.coefficients.narrow.pointless
        options.append(Option(index, {"worth": decide.buy * (worth - scene.shopper.threshold)}))
    return Nest("keep", terms, options, scene.coefficients.look.scale, inclusive=True)


def buy(scene: Scene) -> Nest | None:
    """To buy, or to take the next step towards it."""
    decide, view = scene.coefficients.decide, scene.view
    kinds = ("buy_now", "checkout", "continue", "place_order")
    options = [Option(index, {}) for kind in kinds for index, _ in scene.acts.get(kind, ())]
    if not options:
        return None
    terms = {"buy": constant(scene, "buy"), "list": decide.list_left * (scene.open_needs > 0)}
    if view.product is not None:
        return Nest("buy", terms | _decision(scene), options)
    if view.kind == "cart" and not view.lines:
        return None
    budget = sum(need.budget for need in scene.shopper.needs)
    lines = [scene.judged[line.card.product].worth for line in view.lines]
    if lines:
        worst = min(lines) - scene.shopper.threshold
        terms["worth"] = decide.cart_worth * max(BOUNDS.worst_line, worst)
        terms["over"] = decide.over * max(0.0, view.cart_total / budget - 1)
    terms["eager"] = scene.shopper.person.tastes.eagerness
    terms["committed"] = decide.committed * (scene.shopper.mission == "return")
    if view.kind == "checkout":
        terms["impatience"] = decide.impatience * (scene.memory.last == "buy")
    return Nest("buy", terms, options)


def reviews(scene: Scene) -> Nest | None:
    """To read reviews."""
    acts = scene.acts.get("reviews", ())
    if not acts or scene.view.product is None:
        return None
    tastes, decide = scene.shopper.person.tastes, scene.coefficients.decide
    terms = {
        "reviews": constant(scene, "reviews"),
        "stars": decide.reviews_taste * (tastes.rating + tastes.reviews - 2),
    }
    terms["interest"] = decide.reviews_interest * scene.gap
    if scene.view.product.card.product in scene.memory.read:
        terms["read"] = decide.read
    return Nest("reviews", terms, [Option(index, {}) for index, _ in acts])


def cart(scene: Scene) -> Nest | None:
    """To look into the cart."""
    acts = scene.acts.get("cart", ())
    if not acts or scene.view.kind == "cart":
        return None
    course = scene.coefficients.course
    terms = {
        "cart": constant(scene, "cart"),
        "filled": course.cart_full if scene.view.cart_count else course.cart_empty,
        "again": course.cart_again * scene.memory.cart_looks,
    }
    if scene.shopper.mission == "return" and not scene.memory.cart_looks:
        terms["return"] = -course.idle
    return Nest("cart", terms, [Option(index, {}) for index, _ in acts])


def back(scene: Scene) -> Nest | None:
    """To go back."""
    course, kind = scene.coefficients.course, scene.view.kind
    options = [Option(index, {}) for index, _ in scene.acts.get("back", ())]
    if kind != "home":
        options += [Option(index, {"home": course.home}) for index, _ in scene.acts.get("home", ())]
    if not options:
        return None
    terms = {"back": constant(scene, "back")}
    if kind == "product":
        shortfall = max(BOUNDS.pleased, min(BOUNDS.disappointed, -scene.gap))
        terms["disappointed"] = scene.coefficients.decide.back * shortfall
    elif kind not in ("home", "results", "cart", "checkout"):
        terms["astray"] = course.astray - constant(scene, "back")
    return Nest("back", terms, options)


def edit(scene: Scene) -> Nest | None:
    """To change what is in the cart."""
    options, decide = [], scene.coefficients.decide
    for index, act in scene.acts.get("remove", ()):
        judged = scene.judged.get(act.product) if act.product is not None else None
        lack = max(0.0, scene.shopper.threshold - judged.worth) if judged is not None else 0.0
        options.append(Option(index, {"lack": decide.lack * min(BOUNDS.disappointed, lack)}))
    options += [Option(index, {"quantity": decide.quantity}) for index, _ in scene.acts.get("quantity", ())]
    if not options:
        return None
    return Nest("edit", {"edit": constant(scene, "edit")}, options, inclusive=True)


def wander(scene: Scene) -> Nest | None:
    """To follow a department or a distraction."""
    course, memory = scene.coefficients.course, scene.memory
    wanted = {need.kind.department.lower() for need in scene.shopper.needs}
    options = []
    for index, act in scene.acts.get("department", ()):
        options.append(
            Option(index, {"department": course.department * (act.label.strip().lower() in wanted)})
        )
    aside = {"aside": course.aside}
    options += [Option(index, aside) for index, _ in scene.acts.get("other", ())]
    if not options:
        return None
    terms = {
        "wander": constant(scene, "wander"),
        "patience": course.patience * scene.shopper.person.tastes.patience,
        "distracted": course.distracted * memory.asides,
        "looking": course.looking * (scene.shopper.mission == "look"),
    }
    return Nest("wander", terms, options, course.wander_scale)


def leave(scene: Scene) -> Nest:
    """To leave the shop."""
    course, memory, view = scene.coefficients.course, scene.memory, scene.view
    terms: dict[str, float] = {
        "leave": constant(scene, "leave"),
        "tired": course.tired * math.log((memory.steps + 1) / scene.shopper.stamina),
        "weary": course.weary * max(0, memory.steps - BOUNDS.weary_after),
        "poor": course.poor_leave * scene.poor,
        "found": course.found * (view.cart_count > 0 and view.kind in ("cart", "product")),
        "purpose": course.purpose * (not memory.queries),
    }
    if view.kind == "order":
        terms["done"] = course.done
    return Nest("leave", terms, [Option(None, {})])
