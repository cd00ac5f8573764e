"""What to do next, and what with: each aim's alternatives and utilities on a page.

An aim is a nest of the nested logit: `terms` are the utility of pursuing it at all, its options compete with
each other within `scale`. Each function returns None where its page offers nothing of the sort.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from facsim.shop.shoppers.coefficients import Aim
from facsim.shop.shoppers.queries import Wording
from facsim.shop.shoppers.scene import FEW, Scene
from facsim.shop.shoppers.words import words
from facsim.shop.storefront.views import Act

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(slots=True)
class Option:
    """One alternative within an aim. Its terms sum to its utility.

    Attributes:
        act: index of the page's act.
        terms: its utility, term by term.
        wording: what is typed, if the act is the search box.
        subject: the product that it leads to, if it does.
    """

    act: int | None
    terms: dict[str, float]
    wording: Wording | None = None
    subject: int | None = None


@dataclass(slots=True)
class Nest:
    """An aim with its alternatives.

    `inclusive`: whether better alternatives make the aim itself more likely (by `scale` times the logarithm
    of the sum of their exponentials); otherwise they only compete with each other.
    """

    aim: Aim
    terms: dict[str, float]
    options: list[Option]
    scale: float = 1.0
    inclusive: bool = False


def nests(scene: Scene) -> list[Nest]:
    """All aims that can be pursued on a page."""
    return [nest for build in _BUILDERS for nest in (build(scene),) if nest is not None]


def _constant(scene: Scene, aim: Aim) -> float:
    return scene.coefficients.aims[aim].at(scene.view.kind)


def _search(scene: Scene) -> Nest | None:
    boxes = [index for index, act in scene.acts.get("search", ()) if act.part != "button"]
    if not boxes:
        return None
    course, memory = scene.coefficients.course, scene.memory
    terms = {"search": _constant(scene, "search")}
    if not memory.queries:
        terms["first"] = course.idle if scene.shopper.mission == "return" else course.first
    else:
        terms["searched"] = course.unsearched * math.log(1 + len(memory.queries))
        if scene.view.kind == "results":
            terms["poor"] = course.poor * scene.poor + course.empty * (scene.view.total == 0)
    options = [Option(boxes[0], _wording(wording, scene), wording) for wording in scene.shopper.wordings]
    return Nest("search", terms, options, scene.coefficients.texts.scale, inclusive=bool(memory.queries))


def _wording(wording: Wording, scene: Scene) -> dict[str, float]:
    """Why to type this text now."""
    texts, memory, view, last = scene.coefficients.texts, scene.memory, scene.view, scene.last
    terms = {"wording": wording.liking}
    if last is None:
        return terms
    on_results = view.kind == "results"
    if wording.text == last.text:
        terms["same"] = texts.same if on_results else texts.return_to
    elif wording.text == last.meant:
        unhappy = bool(view.did_you_mean) or (on_results and view.total < FEW)
        terms["correct"] = texts.correct if unhappy else texts.correct_unneeded
    elif any(wording.text == typed.text for typed in memory.queries):
        terms["tried"] = texts.tried
    if wording.need in memory.kept:
        terms["served"] = texts.served
    if wording.need != memory.need:
        asked = sum(typed.need == memory.need for typed in memory.queries)
        terms["other_need"] = texts.other_need + texts.persistence * asked
        if memory.need in memory.kept:
            terms["next_need"] = texts.next_need
    elif on_results:
        before = next((item.details for item in scene.shopper.wordings if item.text == last.meant), 0)
        if view.total < FEW:
            terms["widen"] = texts.widen * (before - wording.details)
        elif scene.poor > 0:
            terms["sharpen"] = texts.sharpen * scene.poor * (wording.details - before)
    return terms


def _look(scene: Scene) -> Nest | None:
    look = scene.coefficients.look
    options = []
    here = scene.view.product.card.product if scene.view.product is not None else None
    aside = scene.view.kind != "results"
    for index, act in scene.acts.get("product", ()):
        judged = scene.judged.get(act.product) if act.product is not None else None
        if judged is None or act.product == here or act.product is None:
            continue
        terms = dict(judged.terms)
        card = scene.cards[act.product]
        terms["place"] = -look.place * math.log(max(1, card.place))
        if act.part == "picture":
            terms["picture"] = look.picture + scene.shopper.person.tastes.pictures
        if act.part in ("recent", "related") and not aside:
            terms["aside"] = look.aside
        looked = scene.memory.looked.get(act.product)
        if looked is not None:
            terms["seen"] = look.seen * looked.times
            if act.product == scene.best and len(scene.worth) > 1:
                terms["again"] = look.again
        options.append(Option(index, terms, subject=act.product))
    if not options:
        return None
    return Nest("look", {"look": _constant(scene, "look")}, options, look.scale, inclusive=True)


def _narrow(scene: Scene) -> Nest | None:
    narrow = scene.coefficients.narrow
    options = [Option(index, _filter(act, scene)) for index, act in scene.acts.get("filter", ())]
    undo = narrow.undo if scene.view.total < 4 else narrow.undo_unneeded
    options += [Option(index, {"undo": undo}) for index, _ in scene.acts.get("clear", ())]
    if not options:
        return None
    many = max(0.0, math.log2(max(1, scene.view.total) / 32))
    terms = {
        "narrow": _constant(scene, "narrow"),
        "filters": scene.shopper.person.tastes.filters,
        "many": narrow.many * many,
        "already": narrow.already * sum(act.selected for _, act in scene.acts.get("filter", ())),
    }
    return Nest("narrow", terms, options, narrow.scale, inclusive=True)


def _filter(act: Act, scene: Scene) -> dict[str, float]:
    """What a value of a filter is good for."""
    narrow, tastes = scene.coefficients.narrow, scene.shopper.person.tastes
    need = scene.shopper.needs[scene.memory.need]
    if act.selected:
        return {"undo": narrow.undo if scene.view.total < 4 else narrow.undo_unneeded}
    label, facet, value = act.label.strip().lower(), act.facet.lower(), act.value.lower()
    numbers = _numbers(label)
    rated = "review" in facet or "rating" in facet or "star" in label
    trusted = "brand" in facet and not scene.shopper.person.brands.isdisjoint((act.label.strip(), act.value))
    gains = (
        ("price", narrow.price * tastes.price, "price" in facet and holds(label, numbers, need.budget / 100)),
        ("rating", narrow.rating * tastes.rating, rated and numbers[:1] == (4.0,)),
        ("brand", narrow.brand * tastes.brand, trusted),
        ("size", narrow.size, "size" in facet and bool(need.size) and need.size.lower() in (label, value)),
        (
            "colour",
            narrow.colour,
            "colo" in facet and bool(need.colour) and need.colour.lower() in (label, value),
        ),
        ("speed", narrow.speed * tastes.speed, "delivery" in facet or "tomorrow" in label),
        ("department", narrow.department, "department" in facet and need.kind.department.lower() in label),
    )
    fitting = next(((name, gain) for name, gain, fits in gains if fits), None)
    return {"pointless": narrow.pointless} if fitting is None else {f"filter_{fitting[0]}": fitting[1]}


@lru_cache(maxsize=5_000)
def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(number) for number in _NUMBER.findall(text.replace(",", "")))


def holds(text: str, numbers: Sequence[float], budget: float) -> bool:
    """Whether a range of prices, as written, is the one in which a budget lies.

    >>> holds("$25 to $50", [25, 50], 40), holds("Under $25", [25], 40), holds("$200 & above", [200], 250)
    (True, False, True)
    """
    if not numbers:
        return False
    if len(numbers) > 1:
        return numbers[0] < budget <= numbers[1]
    return budget <= numbers[0] if re.search("under|up to|below", text.lower()) else budget > numbers[0]


def _sort(scene: Scene) -> Nest | None:
    narrow, tastes = scene.coefficients.narrow, scene.shopper.person.tastes
    options = []
    for index, act in scene.acts.get("sort", ()):
        if act.selected:
            continue
        said = f"{act.label} {act.value}".lower()
        if "low to high" in said or "price_up" in said or "cheapest" in said:
            terms = {"sort_price": narrow.sort_price * tastes.price}
        elif "review" in said or "rating" in said or "rated" in said:
            terms = {"sort_rating": narrow.sort_rating * tastes.rating}
        elif "deliver" in said or "fast" in said:
            terms = {"sort_speed": narrow.speed * tastes.speed}
        else:
            terms = {"sort_other": narrow.sort_other}
        options.append(Option(index, terms))
    if not options:
        return None
    terms = {"sort": _constant(scene, "sort"), "filters": tastes.filters}
    terms["already"] = narrow.sorted * scene.memory.sorted
    return Nest("sort", terms, options, narrow.scale, inclusive=True)


def _more(scene: Scene) -> Nest | None:
    course = scene.coefficients.course
    here = scene.view.query.page if scene.view.query is not None else 1
    options = []
    for index, act in scene.acts.get("page", ()):
        if not act.selected:
            number = int(act.value) if act.value.isdecimal() else here + 1
            options.append(Option(index, {"distance": -1.5 * abs(number - here - 1)}))
    if not options:
        return None
    terms = {
        "more": _constant(scene, "more"),
        "poor": course.poor_more * scene.poor,
        "pages": course.page * (here - 1),
        "patience": course.patience * scene.shopper.person.tastes.patience,
    }
    if here >= scene.view.last_page:
        terms["pages"] += 2 * course.page
    return Nest("more", terms, options)


def _hint(scene: Scene) -> Nest | None:
    acts = scene.acts.get("did_you_mean", ())
    if not acts:
        return None
    course, last = scene.coefficients.course, scene.last
    said = (acts[0][1].value or acts[0][1].label).lower()
    right = last is not None and last.text != last.meant and last.meant in said
    terms = {"hint": _constant(scene, "hint"), "meant": course.hint if right else course.hint_other}
    return Nest("hint", terms, [Option(index, {}) for index, _ in acts])


def _related(scene: Scene) -> Nest | None:
    acts = scene.acts.get("related_search", ())
    if not acts:
        return None
    course = scene.coefficients.course
    asked = {typed.text for typed in scene.memory.queries}
    options = []
    for index, act in acts:
        text = words(act.value or act.label)
        share = max(len(names & text) / len(names) for need in scene.shopper.needs for names in need.names)
        terms = {"related": course.related * share}
        if (act.value or act.label).lower() in asked:
            terms["tried"] = scene.coefficients.texts.tried
        options.append(Option(index, terms))
    terms = {"related": _constant(scene, "related"), "poor": course.poor * scene.poor}
    return Nest("related", terms, options)


def _choose(scene: Scene) -> Nest | None:
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
    terms = {"choose": _constant(scene, "choose"), "worth": decide.choose * scene.gap}
    return Nest("choose", terms, options, 0.7, inclusive=True)


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


def _keep(scene: Scene) -> Nest | None:
    acts = scene.acts.get("add_to_cart", ())
    if not acts:
        return None
    decide = scene.coefficients.decide
    terms = {"keep": _constant(scene, "keep"), "list": decide.more_needs * (scene.open_needs > 0)}
    if scene.view.product is not None:
        return Nest("keep", terms | _decision(scene), [Option(index, {}) for index, _ in acts])
    options = []
    for index, act in acts:
        judged = scene.judged.get(act.product) if act.product is not None else None
        worth = judged.worth if judged is not None else scene.coefficients.narrow.pointless
        options.append(Option(index, {"worth": decide.buy * (worth - scene.shopper.threshold)}))
    return Nest("keep", terms, options, scene.coefficients.look.scale, inclusive=True)


def _buy(scene: Scene) -> Nest | None:
    decide, view = scene.coefficients.decide, scene.view
    kinds = ("buy_now", "checkout", "continue", "place_order")
    options = [Option(index, {}) for kind in kinds for index, _ in scene.acts.get(kind, ())]
    if not options:
        return None
    terms = {"buy": _constant(scene, "buy"), "list": decide.list_left * (scene.open_needs > 0)}
    if view.product is not None:
        return Nest("buy", terms | _decision(scene), options)
    if view.kind == "cart" and not view.lines:
        return None
    budget = sum(need.budget for need in scene.shopper.needs)
    lines = [scene.judged[line.card.product].worth for line in view.lines]
    if lines:
        worst = min(lines) - scene.shopper.threshold
        terms["worth"] = 0.5 * decide.buy * max(-4.0, worst)
        terms["over"] = decide.over * max(0.0, view.cart_total / budget - 1)
    terms["eager"] = scene.shopper.person.tastes.eagerness
    terms["committed"] = decide.committed * (scene.shopper.mission == "return")
    if view.kind == "checkout":
        terms["impatience"] = decide.impatience * (scene.memory.last == "buy")
    return Nest("buy", terms, options)


def _reviews(scene: Scene) -> Nest | None:
    acts = scene.acts.get("reviews", ())
    if not acts or scene.view.product is None:
        return None
    tastes = scene.shopper.person.tastes
    terms = {"reviews": _constant(scene, "reviews"), "stars": 0.5 * (tastes.rating + tastes.reviews) - 1.0}
    terms["interest"] = 0.5 * scene.coefficients.decide.choose * scene.gap
    if scene.view.product.card.product in scene.memory.read:
        terms["read"] = scene.coefficients.decide.read
    return Nest("reviews", terms, [Option(index, {}) for index, _ in acts])


def _cart(scene: Scene) -> Nest | None:
    acts = scene.acts.get("cart", ())
    if not acts or scene.view.kind == "cart":
        return None
    course = scene.coefficients.course
    terms = {
        "cart": _constant(scene, "cart"),
        "filled": course.cart_full if scene.view.cart_count else course.cart_empty,
        "again": course.cart_again * scene.memory.cart_looks,
    }
    if scene.shopper.mission == "return" and not scene.memory.cart_looks:
        terms["return"] = -course.idle
    return Nest("cart", terms, [Option(index, {}) for index, _ in acts])


def _back(scene: Scene) -> Nest | None:
    course, kind = scene.coefficients.course, scene.view.kind
    options = [Option(index, {}) for index, _ in scene.acts.get("back", ())]
    if kind != "home":
        options += [Option(index, {"home": -2.5}) for index, _ in scene.acts.get("home", ())]
    if not options:
        return None
    terms = {"back": _constant(scene, "back")}
    if kind == "product":
        terms["disappointed"] = scene.coefficients.decide.back * max(-2.0, min(3.0, -scene.gap))
    elif kind not in ("home", "results", "cart", "checkout"):
        terms["astray"] = course.astray - _constant(scene, "back")
    return Nest("back", terms, options)


def _edit(scene: Scene) -> Nest | None:
    options = []
    for index, act in scene.acts.get("remove", ()):
        judged = scene.judged.get(act.product) if act.product is not None else None
        lack = max(0.0, scene.shopper.threshold - judged.worth) if judged is not None else 0.0
        options.append(Option(index, {"lack": 0.5 * min(3.0, lack)}))
    options += [Option(index, {"quantity": -0.3}) for index, _ in scene.acts.get("quantity", ())]
    if not options:
        return None
    return Nest("edit", {"edit": _constant(scene, "edit")}, options, inclusive=True)


def _wander(scene: Scene) -> Nest | None:
    course, memory = scene.coefficients.course, scene.memory
    wanted = {need.kind.department.lower() for need in scene.shopper.needs}
    options = []
    for index, act in scene.acts.get("department", ()):
        options.append(
            Option(index, {"department": course.department * (act.label.strip().lower() in wanted)})
        )
    options += [Option(index, {"aside": -2.0}) for index, _ in scene.acts.get("other", ())]
    if not options:
        return None
    terms = {
        "wander": _constant(scene, "wander"),
        "patience": course.patience * scene.shopper.person.tastes.patience,
        "distracted": course.distracted * memory.asides,
        "looking": 1.2 * (scene.shopper.mission == "look"),
    }
    return Nest("wander", terms, options, 0.5)


def _leave(scene: Scene) -> Nest:
    course, memory, view = scene.coefficients.course, scene.memory, scene.view
    terms: dict[str, float] = {
        "leave": _constant(scene, "leave"),
        "tired": course.tired * math.log((memory.steps + 1) / scene.shopper.stamina),
        "weary": course.weary * max(0, memory.steps - 60),
        "poor": course.poor_leave * scene.poor,
        "found": course.found * (view.cart_count > 0 and view.kind in ("cart", "product")),
        "purpose": course.purpose * (not memory.queries),
    }
    if view.kind == "order":
        terms["done"] = 6.0
    return Nest("leave", terms, [Option(None, {})])


_BUILDERS: tuple[Callable[[Scene], Nest | None], ...] = (
    _search,
    _look,
    _narrow,
    _sort,
    _more,
    _hint,
    _related,
    _choose,
    _keep,
    _buy,
    _reviews,
    _cart,
    _back,
    _edit,
    _wander,
    _leave,
)
