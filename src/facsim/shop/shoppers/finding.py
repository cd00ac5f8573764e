"""Aims of finding: search, look at products, filter, sort, turn pages, follow hints.

Each function returns the aim's nest, or None if the page offers no such action.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from facsim.shop.shoppers.coefficients import BOUNDS
from facsim.shop.shoppers.nested_logit import Nest, Option, constant
from facsim.shop.shoppers.queries import QueryText
from facsim.shop.shoppers.shopper_situation import ShopperSituation
from facsim.shop.shoppers.term_matching import words
from facsim.shop.storefront.views import PageAction

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def search(situation: ShopperSituation) -> Nest | None:
    """Type a query."""
    boxes = [index for index, action in situation.actions.get("search", ()) if action.part != "button"]
    if not boxes:
        return None
    browsing, memory = situation.coefficients.browsing, situation.memory
    terms = {"search": constant(situation, "search")}
    if not memory.queries:
        terms["first"] = browsing.idle if situation.shopper.mission == "return" else browsing.first
    else:
        terms["searched"] = browsing.unsearched * math.log(1 + len(memory.queries))
        if situation.view.kind == "results":
            terms["poor"] = browsing.poor * situation.poor + browsing.empty * (situation.view.total == 0)
    so_far = _SoFar.of(situation)
    options = [
        Option(boxes[0], _wording(query_text, situation, so_far), query_text)
        for query_text in situation.shopper.query_texts
    ]
    return Nest("search", terms, options, situation.coefficients.texts.scale, inclusive=bool(memory.queries))


@dataclass(frozen=True, slots=True)
class _SoFar:
    """Statistics of the queries so far that affect the next one.

    Attributes:
        tried: texts of earlier queries.
        asked: number of queries for the current need.
        details: number of details in the text meant last.
    """

    tried: frozenset[str]
    asked: int
    details: int

    @classmethod
    def of(cls, situation: ShopperSituation) -> _SoFar:
        """Collect them from a session that has reached this page."""
        queries, need, last = situation.memory.queries, situation.memory.need, situation.last
        return cls(
            frozenset(typed.text for typed in queries),
            sum(typed.need == need for typed in queries),
            next(
                (item.details for item in situation.shopper.query_texts if last and item.text == last.meant),
                0,
            ),
        )


def _wording(query_text: QueryText, situation: ShopperSituation, so_far: _SoFar) -> dict[str, float]:
    """Utility terms for typing this text now."""
    texts, memory, view, last = situation.coefficients.texts, situation.memory, situation.view, situation.last
    terms = {"wording": query_text.liking}
    if last is None:
        return terms
    on_results = view.kind == "results"
    if query_text.text == last.text:
        terms["same"] = texts.same if on_results else texts.return_to
    elif query_text.text == last.meant:
        unhappy = bool(view.did_you_mean) or (on_results and view.total < BOUNDS.few)
        terms["correct"] = texts.correct if unhappy else texts.correct_unneeded
    elif query_text.text in so_far.tried:
        terms["tried"] = texts.tried
    if query_text.need in memory.kept:
        terms["served"] = texts.served
    need = last.need
    if query_text.need != need:
        terms["other_need"] = texts.other_need + texts.persistence * min(BOUNDS.asked, so_far.asked)
        if need in memory.kept:
            terms["next_need"] = texts.next_need
    elif on_results:
        if view.total < BOUNDS.few:
            terms["widen"] = texts.widen * (so_far.details - query_text.details)
        elif situation.poor > 0:
            terms["sharpen"] = texts.sharpen * situation.poor * (query_text.details - so_far.details)
    return terms


def look(situation: ShopperSituation) -> Nest | None:
    """Look at a product."""
    look = situation.coefficients.look
    options = []
    here = situation.view.product.card.product if situation.view.product is not None else None
    aside = situation.view.kind != "results"
    for index, action in situation.actions.get("product", ()):
        judged = situation.judged.get(action.product) if action.product is not None else None
        if judged is None or action.product == here or action.product is None:
            continue
        terms = dict(judged.terms)
        card = situation.cards[action.product]
        terms["place"] = -look.place * math.log(max(1, card.place))
        if action.part == "picture":
            terms["picture"] = look.picture + situation.shopper.person.tastes.pictures
        if action.part in ("recent", "related") and not aside:
            terms["aside"] = look.aside
        viewed = situation.memory.viewed.get(action.product)
        if viewed is not None:
            terms["seen"] = look.seen * viewed.times
            if action.product == situation.best and len(situation.worth) > 1:
                terms["again"] = look.again
        options.append(Option(index, terms, subject=action.product))
    if not options:
        return None
    return Nest("look", {"look": constant(situation, "look")}, options, look.scale, inclusive=True)


def narrow(situation: ShopperSituation) -> Nest | None:
    """Set or clear a filter."""
    narrow = situation.coefficients.narrow
    options = [
        Option(index, _filter(action, situation)) for index, action in situation.actions.get("filter", ())
    ]
    undo = narrow.undo if situation.view.total < BOUNDS.scarce else narrow.undo_unneeded
    options += [Option(index, {"undo": undo}) for index, _ in situation.actions.get("clear", ())]
    if not options:
        return None
    many = max(0.0, math.log2(max(1, situation.view.total) / BOUNDS.many))
    terms = {
        "narrow": constant(situation, "narrow"),
        "filters": situation.shopper.person.tastes.filters,
        "many": narrow.many * many,
        "already": narrow.already * sum(action.selected for _, action in situation.actions.get("filter", ())),
    }
    return Nest("narrow", terms, options, narrow.scale, inclusive=True)


def _filter(action: PageAction, situation: ShopperSituation) -> dict[str, float]:
    """Utility terms for setting or clearing a filter value."""
    narrow, tastes = situation.coefficients.narrow, situation.shopper.person.tastes
    need = situation.shopper.needs[situation.memory.need]
    if action.selected:
        return {"undo": narrow.undo if situation.view.total < BOUNDS.scarce else narrow.undo_unneeded}
    label, facet, value = action.label.strip().lower(), action.facet.lower(), action.value.lower()
    numbers = _numbers(label)
    if "price" in facet and holds(label, numbers, need.budget / 100):
        name, gain = "filter_price", narrow.price * tastes.price
    elif ("review" in facet or "rating" in facet or "star" in label) and numbers[:1] == (BOUNDS.stars,):
        name, gain = "filter_rating", narrow.rating * tastes.rating
    elif "brand" in facet and not situation.shopper.person.brands.isdisjoint(
        (action.label.strip(), action.value)
    ):
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
    """Whether a price range, as displayed, contains a budget.

    >>> holds("$25 to $50", [25, 50], 40), holds("Under $25", [25], 40), holds("$200 & above", [200], 250)
    (True, False, True)
    """
    if not numbers:
        return False
    if len(numbers) > 1:
        return numbers[0] < budget <= numbers[1]
    return budget <= numbers[0] if re.search("under|up to|below", text.lower()) else budget > numbers[0]


def sort(situation: ShopperSituation) -> Nest | None:
    """Sort the results."""
    narrow, tastes = situation.coefficients.narrow, situation.shopper.person.tastes
    options = []
    for index, action in situation.actions.get("sort", ()):
        if action.selected:
            continue
        said = f"{action.label} {action.value}".lower()
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
    terms = {"sort": constant(situation, "sort"), "filters": tastes.filters}
    terms["already"] = narrow.sorted * situation.memory.sorted
    return Nest("sort", terms, options, narrow.scale, inclusive=True)


def more(situation: ShopperSituation) -> Nest | None:
    """Go to another page of the results."""
    browsing = situation.coefficients.browsing
    here = situation.view.query.page if situation.view.query is not None else 1
    options = []
    for index, action in situation.actions.get("page", ()):
        if not action.selected:
            number = int(action.value) if action.value.isdecimal() else here + 1
            options.append(Option(index, {"distance": browsing.distance * abs(number - here - 1)}))
    if not options:
        return None
    terms = {
        "more": constant(situation, "more"),
        "poor": browsing.poor_more * situation.poor,
        "pages": browsing.page * (here - 1),
        "patience": browsing.patience * situation.shopper.person.tastes.patience,
    }
    if here >= situation.view.last_page:
        terms["pages"] += 2 * browsing.page
    return Nest("more", terms, options)


def hint(situation: ShopperSituation) -> Nest | None:
    """Follow a spelling suggestion."""
    actions = situation.actions.get("did_you_mean", ())
    if not actions:
        return None
    browsing, last = situation.coefficients.browsing, situation.last
    said = (actions[0][1].value or actions[0][1].label).lower()
    right = last is not None and last.text != last.meant and last.meant in said
    terms = {"hint": constant(situation, "hint"), "meant": browsing.hint if right else browsing.hint_other}
    return Nest("hint", terms, [Option(index, {}) for index, _ in actions])


def related(situation: ShopperSituation) -> Nest | None:
    """Follow a related search."""
    actions = situation.actions.get("related_search", ())
    if not actions:
        return None
    browsing = situation.coefficients.browsing
    asked = {typed.text for typed in situation.memory.queries}
    options = []
    for index, action in actions:
        text = words(action.value or action.label)
        share = max(
            len(names & text) / len(names) for need in situation.shopper.needs for names in need.names
        )
        terms = {"related": browsing.related * share}
        if (action.value or action.label).lower() in asked:
            terms["tried"] = situation.coefficients.texts.tried
        options.append(Option(index, terms))
    terms = {"related": constant(situation, "related"), "poor": browsing.poor * situation.poor}
    return Nest("related", terms, options)
