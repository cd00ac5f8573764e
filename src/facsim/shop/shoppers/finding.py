"""Aims of finding: to search, look at products, filter, sort, turn pages, follow hints.

Each function returns the aim's nest, or None where the page offers nothing of the sort.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from facsim.shop.shoppers.coefficients import BOUNDS
from facsim.shop.shoppers.nested_logit import Nest, Option, constant
from facsim.shop.shoppers.page_view import Scene
from facsim.shop.shoppers.queries import Wording
from facsim.shop.shoppers.term_matching import words
from facsim.shop.storefront.views import Act

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def search(scene: Scene) -> Nest | None:
    """To type a query."""
    boxes = [index for index, act in scene.acts.get("search", ()) if act.part != "button"]
    if not boxes:
        return None
    course, memory = scene.coefficients.course, scene.memory
    terms = {"search": constant(scene, "search")}
    if not memory.queries:
        terms["first"] = course.idle if scene.shopper.mission == "return" else course.first
    else:
        terms["searched"] = course.unsearched * math.log(1 + len(memory.queries))
        if scene.view.kind == "results":
            terms["poor"] = course.poor * scene.poor + course.empty * (scene.view.total == 0)
    so_far = _SoFar.of(scene)
    options = [
        Option(boxes[0], _wording(wording, scene, so_far), wording) for wording in scene.shopper.wordings
    ]
    return Nest("search", terms, options, scene.coefficients.texts.scale, inclusive=bool(memory.queries))


@dataclass(frozen=True, slots=True)
class _SoFar:
    """What the queries asked so far mean for the next one.

    Attributes:
        tried: texts asked.
        asked: queries for the present need.
        details: of the text that was meant last.
    """

    tried: frozenset[str]
    asked: int
    details: int

    @classmethod
    def of(cls, scene: Scene) -> _SoFar:
        """Of a visit that has come to this page."""
        queries, need, last = scene.memory.queries, scene.memory.need, scene.last
        return cls(
            frozenset(typed.text for typed in queries),
            sum(typed.need == need for typed in queries),
            next((item.details for item in scene.shopper.wordings if last and item.text == last.meant), 0),
        )


def _wording(wording: Wording, scene: Scene, so_far: _SoFar) -> dict[str, float]:
    """Why to type this text now."""
    texts, memory, view, last = scene.coefficients.texts, scene.memory, scene.view, scene.last
    terms = {"wording": wording.liking}
    if last is None:
        return terms
    on_results = view.kind == "results"
    if wording.text == last.text:
        terms["same"] = texts.same if on_results else texts.return_to
    elif wording.text == last.meant:
        unhappy = bool(view.did_you_mean) or (on_results and view.total < BOUNDS.few)
        terms["correct"] = texts.correct if unhappy else texts.correct_unneeded
    elif wording.text in so_far.tried:
        terms["tried"] = texts.tried
    if wording.need in memory.kept:
        terms["served"] = texts.served
    need = last.need
    if wording.need != need:
        terms["other_need"] = texts.other_need + texts.persistence * min(BOUNDS.asked, so_far.asked)
        if need in memory.kept:
            terms["next_need"] = texts.next_need
    elif on_results:
        if view.total < BOUNDS.few:
            terms["widen"] = texts.widen * (so_far.details - wording.details)
        elif scene.poor > 0:
            terms["sharpen"] = texts.sharpen * scene.poor * (wording.details - so_far.details)
    return terms


def look(scene: Scene) -> Nest | None:
    """To look at a product."""
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
    return Nest("look", {"look": constant(scene, "look")}, options, look.scale, inclusive=True)


def narrow(scene: Scene) -> Nest | None:
    """To set a filter or take one back."""
    narrow = scene.coefficients.narrow
    options = [Option(index, _filter(act, scene)) for index, act in scene.acts.get("filter", ())]
    undo = narrow.undo if scene.view.total < BOUNDS.scarce else narrow.undo_unneeded
    options += [Option(index, {"undo": undo}) for index, _ in scene.acts.get("clear", ())]
    if not options:
        return None
    many = max(0.0, math.log2(max(1, scene.view.total) / BOUNDS.many))
    terms = {
        "narrow": constant(scene, "narrow"),
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
        return {"undo": narrow.undo if scene.view.total < BOUNDS.scarce else narrow.undo_unneeded}
    label, facet, value = act.label.strip().lower(), act.facet.lower(), act.value.lower()
    numbers = _numbers(label)
    if "price" in facet and holds(label, numbers, need.budget / 100):
        name, gain = "filter_price", narrow.price * tastes.price
    elif ("review" in facet or "rating" in facet or "star" in label) and numbers[:1] == (BOUNDS.stars,):
        name, gain = "filter_rating", narrow.rating * tastes.rating
    elif "brand" in facet and not scene.shopper.person.brands.isdisjoint((act.label.strip(), act.value)):
        name, gain = "filter_brand", narrow.brand * tastes.brand
    elif "size" in facet and need.size and need.size.lower() in (label, value):
        name, gain = "filter_size", narrow.size
    elif "colo" in facet and need.colour and need.colour.lower() in (label, value):
        name, gain = "filter_colour", narrow.colour
    elif "delivery" in facet or "tomorrow" in label:
        name, gain = "filter_speed", narrow.speed * tastes.speed
    elif "department" in facet and need.kind.department.lower() in label:
        name, gain = "filter_department", narrow.department
    else:
        name, gain = "pointless", narrow.pointless
    return {name: gain}


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


def sort(scene: Scene) -> Nest | None:
    """To have the results in another order."""
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
    terms = {"sort": constant(scene, "sort"), "filters": tastes.filters}
    terms["already"] = narrow.sorted * scene.memory.sorted
    return Nest("sort", terms, options, narrow.scale, inclusive=True)


def more(scene: Scene) -> Nest | None:
    """To turn to another page of the results."""
    course = scene.coefficients.course
    here = scene.view.query.page if scene.view.query is not None else 1
    options = []
    for index, act in scene.acts.get("page", ()):
        if not act.selected:
            number = int(act.value) if act.value.isdecimal() else here + 1
            options.append(Option(index, {"distance": course.distance * abs(number - here - 1)}))
    if not options:
        return None
    terms = {
        "more": constant(scene, "more"),
        "poor": course.poor_more * scene.poor,
        "pages": course.page * (here - 1),
        "patience": course.patience * scene.shopper.person.tastes.patience,
    }
    if here >= scene.view.last_page:
        terms["pages"] += 2 * course.page
    return Nest("more", terms, options)


def hint(scene: Scene) -> Nest | None:
    """To follow a spelling hint."""
    acts = scene.acts.get("did_you_mean", ())
    if not acts:
        return None
    course, last = scene.coefficients.course, scene.last
    said = (acts[0][1].value or acts[0][1].label).lower()
    right = last is not None and last.text != last.meant and last.meant in said
    terms = {"hint": constant(scene, "hint"), "meant": course.hint if right else course.hint_other}
    return Nest("hint", terms, [Option(index, {}) for index, _ in acts])


def related(scene: Scene) -> Nest | None:
    """To follow a related search."""
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
    terms = {"related": constant(scene, "related"), "poor": course.poor * scene.poor}
    return Nest("related", terms, options)
