"""Every number of the shopper model, each with its reason.

Utilities are in logits: one unit multiplies the odds by 2.7. `docs/internals/shoppers.md` explains the
formula; `reference` generates docs/research/shopper-coefficients.md from this module. Values marked as fitted
were chosen by `benchmarks/calibrate_shop.py` so that simulated sessions match the published figures of real
ones. The others are judgement calls, guided by what is known about shoppers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

Aim = Literal[
    "search",
    "look",
    "narrow",
    "sort",
    "more",
    "hint",
    "related",
    "choose",
    "keep",
    "buy",
    "reviews",
    "cart",
    "back",
    "edit",
    "wander",
    "leave",
]
"""What a shopper may do next: the upper level of the choice."""


def _set(value: float, reason: str) -> float:
    return field(default=value, metadata={"reason": reason})


@dataclass(frozen=True, slots=True)
class AppealCoefficients:
    """How appealing a product is to a person, given what the page shows."""

    kind: float = _set(4.5, "a product of another kind is hardly ever useful")
    feature: float = _set(0.9, "a wanted feature in the title is what people scan titles for")
    feature_unknown: float = _set(-0.2, "a title that does not name it leaves it open")
    feature_missing: float = _set(-0.8, "the product page does not name it: the product lacks it")
    colour: float = _set(0.5, "the wanted colour, named in the title")
    saving: float = _set(0.6, "times 1 - price/budget, below the budget: cheaper is better, mildly")
    over: float = _set(1.6, "times price/budget - 1, above the budget: losses weigh about 2.5 times gains")
    over_square: float = _set(1.5, "times its square: far above the budget is not an option (convex)")
    deal: float = _set(1.2, "times the discount from the struck-through price: reference price effect")
    rating: float = _set(
        1.3, "for each star above or below 4.2, a usual average: stars move choices strongly"
    )
    reviews: float = _set(
        0.45, "for each power of ten of reviews above or below 200: diminishing social proof"
    )
    brand: float = _set(1.0, "a brand that the person trusts")
    speed: float = _set(0.22, "for each day sooner or later than 3; only the hurried care much")
    badge: float = _set(0.25, "a badge draws some trust and attention")
    sponsored: float = _set(-0.5, "people skip items marked as ads (ad scepticism)")


@dataclass(frozen=True, slots=True)
class LookCoefficients:
    """Which product to look at, apart from its appeal."""

    scale: float = _set(0.5, "dissimilarity of products on a page: they are substitutes, so below 1")
    place: float = _set(0.55, "times minus the logarithm of the place: position bias as in click models")
    aside: float = _set(-1.3, "related and recently seen products beside the main content get less attention")
    picture: float = _set(0.0, "picture rather than title; persons differ by habit, half prefer each")
    seen: float = _set(-2.2, "already looked at: no more curiosity")
    again: float = _set(1.9, "times 0 or 1: the best one so far, and others were seen since")
    elsewhere: float = _set(-0.8, "serves another item on the list than the one just searched for")


@dataclass(frozen=True, slots=True)
class QueryCoefficients:
    """Which words to type."""

    scale: float = _set(0.4, "wordings of one need are close substitutes")
    name: float = _set(1.0, "the common name of the thing, against its other names")
    own_word: float = _set(
        0.7, "standard deviation of a person's preference for each name: people have their own words"
    )
    feature: float = _set(0.25, "a wanted feature in the query")
    brand: float = _set(0.5, "a trusted brand in the query, times the taste for brands")
    colour: float = _set(-0.1, "the wanted colour in the query")
    use: float = _set(-0.9, "`for ...`: long, and search engines have taught people to leave it out")
    cheap: float = _set(0.6, "times (taste for price - 1.5): price-sensitive people type `cheap`")
    best: float = _set(0.6, "times (taste for ratings - 1.5): quality-conscious people type `best`")
    detail: float = _set(1.0, "times the person's preference for detail, for each detail typed")
    same: float = _set(-4.0, "the current query, while its results are on screen: pointless")
    return_to: float = _set(-0.5, "the last query, typed again from another page: a way back to its results")
    tried: float = _set(-2.0, "a query tried earlier")
    correct: float = _set(3.5, "the intended query, after a misspelt one found little or triggered a hint")
    correct_unneeded: float = _set(0.5, "the same when the misspelt one found enough")
    widen: float = _set(0.9, "for each detail removed (added: minus) if fewer than 8 were found")
    sharpen: float = _set(0.5, "for each detail added (removed: minus) if many were found and none convinced")
    other_need: float = _set(-1.6, "another item on the list than the one just searched for")
    next_need: float = _set(3.0, "the same once the current item is in the cart")
    served: float = _set(-3.5, "an item that is already in the cart")
    persistence: float = _set(
        0.35, "for each query on the item (5 at most): time to try another one of the list"
    )


@dataclass(frozen=True, slots=True)
class FilterCoefficients:
    """Which filter to set, and which sort order to choose."""

    scale: float = _set(0.6, "values of filters are partly substitutes")
    price: float = _set(0.7, "times the taste for price: the range that contains the budget or ends at it")
    rating: float = _set(0.8, "times the taste for ratings: four stars and up")
    brand: float = _set(1.1, "times the taste for brands: a trusted brand")
    size: float = _set(1.4, "the person's size: others are useless")
    colour: float = _set(1.0, "the wanted colour")
    speed: float = _set(0.7, "times the taste for speed: quick delivery")
    department: float = _set(0.5, "the department of the wanted item")
    pointless: float = _set(-2.0, "a value with no benefit")
    undo: float = _set(1.5, "to clear a filter if fewer than 4 results are left")
    undo_unneeded: float = _set(-2.5, "to clear a filter although enough results are left")
    already: float = _set(-0.9, "for each filter set on the page: one or two suffice")
    many: float = _set(0.35, "for each doubling of the results above 32: more to narrow down")
    sort_price: float = _set(0.7, "times the taste for price: cheapest first")
    sort_rating: float = _set(0.7, "times the taste for ratings: best rated first")
    sort_other: float = _set(-0.6, "another order, out of curiosity")
    sorted: float = _set(-1.8, "a sort order was already chosen")


@dataclass(frozen=True, slots=True)
class DecisionCoefficients:
    """When a product is good enough."""

    buy: float = _set(1.0, "times worth - threshold of the product shown: satisficing")
    choose: float = _set(0.5, "the same for choosing an option: interest, not yet a decision")
    back: float = _set(0.35, "times threshold - worth: disappointment sends back to the results")
    compared: float = _set(0.55, "times log(1 + products seen): confidence grows with comparison")
    unset: float = _set(-2.2, "to buy although the wanted size or colour is offered but not chosen")
    set: float = _set(-2.5, "to choose an option that is already chosen")
    other: float = _set(-0.7, "to choose another option out of curiosity")
    choose_scale: float = _set(0.7, "dissimilarity of options: partly substitutes")
    wanted: float = _set(2.0, "the size or colour that is wanted")
    reviews_taste: float = _set(0.5, "times tastes for ratings and reviews, less 2: those who care read them")
    reviews_interest: float = _set(0.25, "times worth - threshold: one reads about what one may buy")
    read: float = _set(-1.5, "to read the same reviews again")
    read_then: float = _set(0.4, "to buy after reading the reviews: reassured")
    more_needs: float = _set(
        1.2, "to put it into the cart rather than buy at once, with items left on the list"
    )
    list_left: float = _set(-0.8, "to check out while items are left on the list")
    committed: float = _set(0.8, "for a session that began with something in the cart")
    over: float = _set(
        -1.2, "times the cart's sum over the budget for it, less 1, at the checkout: second thoughts"
    )
    cart_worth: float = _set(0.5, "times worth - threshold of the cart's worst line, to go on from the cart")
    lack: float = _set(0.5, "times threshold - worth (3 at most), to remove a line from the cart")
    quantity: float = _set(-0.3, "to change the quantity: rarer than removing")
    impatience: float = _set(-0.25, "for each step of the checkout already taken")


@dataclass(frozen=True, slots=True)
class BrowsingCoefficients:
    """How a session unfolds."""

    first: float = _set(3.2, "to search when nothing was searched yet: sessions begin with a search")
    idle: float = _set(-3.0, "to search first, for those who return to a cart")
    unsearched: float = _set(-0.45, "times log(1 + queries): each further query costs more")
    poor: float = _set(1.1, "times how far the page falls short of the threshold (0 to 1): search anew")
    poor_more: float = _set(0.4, "the same for turning to the next page")
    poor_leave: float = _set(0.5, "the same for leaving")
    empty: float = _set(1.0, "to search again if nothing was found")
    page: float = _set(-0.5, "for each page already turned")
    distance: float = _set(-1.5, "for each page that is skipped: people turn one page at a time")
    hint: float = _set(2.5, "a spelling hint that says what was meant")
    hint_other: float = _set(-1.5, "a hint that does not")
    related: float = _set(0.8, "times the share of wanted words in a related search")
    done: float = _set(6.0, "to leave when the order is placed")
    poor_slope: float = _set(0.5, "of the shortfall for each unit of worth below the threshold, 0 to 1")
    tired: float = _set(
        1.05, "times log((steps + 1) / stamina): the hazard of leaving grows with the session"
    )
    weary: float = _set(0.06, "for each step beyond 60: nobody stays forever")
    found: float = _set(0.6, "to leave with the cart filled: kept for another time")
    purpose: float = _set(-0.4, "to leave before anything was searched")
    cart_full: float = _set(1.6, "to open a cart with something in it")
    cart_empty: float = _set(-2.5, "to open an empty cart")
    cart_again: float = _set(-1.0, "for each time the cart was already opened")
    home: float = _set(-2.5, "to the front page rather than back to the results")
    astray: float = _set(1.8, "to go back after a distraction or a slip")
    distracted: float = _set(-1.0, "for each distraction already followed")
    aside: float = _set(-2.0, "help, account, footer: less interesting than departments")
    looking: float = _set(1.2, "to wander, for those who only browse")
    wander_scale: float = _set(0.5, "dissimilarity of distractions")
    department: float = _set(1.2, "the department of the wanted item")
    patience: float = _set(1.0, "times the person's patience, for turning pages and departments")


@dataclass(frozen=True, slots=True)
class SlipCoefficients:
    """Slips and typos: what happens unintentionally."""

    share: float = _set(0.02, "of all actions go astray: misclick rates of a few percent are usual")
    neighbour: float = _set(0.6, "of the slips at products land on a neighbouring one, the others anywhere")
    typo_letters: float = _set(
        12.0, "letters at which the chance of a typo is the person's rate; it grows with length"
    )
    typo_most: float = _set(0.5, "no query is misspelt more often")


@dataclass(frozen=True, slots=True)
class PopulationCoefficients:
    """How persons and sessions are sampled."""

    taste_spread: float = _set(0.25, "log-deviation of a person's tastes around the style's")
    stamina_median: float = _set(3.6, "steps; fitted to the mean length")
    stamina_spread: float = _set(
        1.6, "log standard deviation: a few people have a lot of it; fitted to the skew of lengths"
    )
    threshold: float = _set(1.6, "mean worth that is good enough; fitted to the share of purchases")
    threshold_spread: float = _set(0.8, "deviation of the threshold between sessions")
    looking_threshold: float = _set(2.0, "added for sessions that only look around")
    return_threshold: float = _set(-0.6, "added for sessions that return to a cart: half decided")
    detail_spread: float = _set(
        0.5, "extra standard deviation of the preference for details: people type very differently"
    )
    picture_spread: float = _set(1.5, "deviation of the habit of clicking pictures rather than titles")
    trusted: float = _set(0.12, "of all brands are trusted, times the taste for brands (0.4 at most)")
    in_mind: float = _set(
        0.35, "chance to have a trusted brand in mind, times the taste for brands (0.95 at most)"
    )
    budget: float = _set(
        0.12, "mean of log(budget / usual price): people plan for a little more than the usual"
    )
    budget_spread: float = _set(0.35, "standard deviation of the same")
    one_feature: float = _set(0.5, "weight of wanting one feature, against 0.3 for none")
    two_features: float = _set(
        0.2, "weight of wanting two, to which 0.3 times the liking of details is added"
    )
    colour_share: float = _set(0.4, "of needs where there are colours ask for one")
    size_share: float = _set(0.8, "of needs where there are sizes ask for one: most know theirs")
    list_share: float = _set(0.12, "of sessions have two or three things on the list")
    looking_share: float = _set(0.2, "of sessions have nothing particular in mind")
    return_share: float = _set(0.06, "of sessions come back for what was left in the cart")
    typo_rate: float = _set(
        0.06, "median chance of misspelling a query: a tenth of real queries are misspelt"
    )
    typo_spread: float = _set(0.6, "log-deviation of that rate between persons")


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits and reference points of the terms above."""

    usual_rating: float = _set(4.2, "stars from which ratings count: the usual average in shops")
    usual_reviews: float = _set(200, "reviews from which their number counts: neither few nor many")
    usual_days: float = _set(3, "days from which delivery counts: what most products take")
    slowest: float = _set(10, "days of delivery beyond which later is no worse")
    headless: float = _set(0.5, "share of a match that remains if the head noun is missing")
    dearest: float = _set(5, "times the budget, beyond which a higher price is no worse: not an option")
    nothing: float = _set(-9, "worth of a page without anything new on it")
    few: float = _set(8, "results below which there are too few to choose from: half a page")
    scarce: float = _set(4, "results below which a filter is cleared")
    many: float = _set(32, "results above which there is something to narrow down: two pages")
    stars: float = _set(4, "the filter by ratings that is meant by `good`: four stars and up")
    asked: float = _set(5, "queries on one item after which further ones are no more tiring")
    worst_line: float = _set(-4, "worth - threshold below which a line of the cart is no worse")
    pleased: float = _set(-2, "lower bound of threshold - worth for disappointment")
    disappointed: float = _set(3, "upper bound of threshold - worth for disappointment")
    weary_after: float = _set(60, "steps after which each further one tires")
    minding: float = _set(1, "taste for price or ratings above which `cheap` or `best` comes to mind")
    meaning: float = _set(1.5, "taste for price or ratings from which these words are preferred")
    no_feature: float = _set(0.3, "weight of wanting no feature, against one or two")
    two_detailed: float = _set(0.3, "times the preference for details, added to the weight of wanting two")
    two_least: float = _set(0.05, "least weight of wanting two: everybody may")
    most_in_mind: float = _set(0.95, "highest chance to have a trusted brand in mind")
    most_trusted: float = _set(0.4, "highest share of brands that a person trusts")
    staying: float = _set(0.5, "times patience, added to log(stamina): the patient stay longer")
    too_dear: float = _set(1.3, "times the budget: more expensive products are not left in a cart")
    rarely_left: float = _set(0.01, "added to a product's popularity: anything may have been left")
    hurry: float = _set(1.2, "taste for speed above which the intent says that it is urgent")
    brisk: float = _set(-0.25, "added to the mean log seconds of a pause by those in a hurry")
    unhurried: float = _set(0.05, "added to the same by all others, so that the mean stays")
    vague: float = _set(0.15, "share of rationales that may name something other than the deciding term")
    telling: float = _set(0.05, "logits by which a term must lead for a rationale to name it")


@dataclass(frozen=True, slots=True)
class AimConstant:
    """Base utility of an aim on each kind of page, with the reason for the differences."""

    home: float
    results: float
    product: float
    cart: float
    checkout: float
    reason: str

    def at(self, page: str) -> float:
        """Return the constant for a kind of page; `order` counts as checkout and `info` as the front page."""
        return float(getattr(self, {"order": "checkout", "info": "home"}.get(page, page)))


_AIMS: dict[Aim, AimConstant] = {
    "search": AimConstant(
        0.2, -0.4, -0.2, -1.0, -4.0, "the search box is the main tool, less so after the results"
    ),
    "look": AimConstant(
        -2.6, -0.45, -2.7, -2.2, -4.0, "results are there to be looked at; other cards are asides"
    ),
    "narrow": AimConstant(
        -9.0, -1.75, -9.0, -9.0, -9.0, "filters are used a seventh as often as search; fitted"
    ),
    "sort": AimConstant(-9.0, -4.4, -9.0, -9.0, -9.0, "sorting is rarer still"),
    "more": AimConstant(-9.0, -2.2, -9.0, -9.0, -9.0, "few turn the page"),
    "hint": AimConstant(-9.0, 0.3, -9.0, -9.0, -9.0, "spelling hints stand out"),
    "related": AimConstant(-9.0, -3.4, -9.0, -9.0, -9.0, "related searches stand at the end of the page"),
    "choose": AimConstant(-9.0, -9.0, -0.1, -9.0, -9.0, "options are chosen by those who are interested"),
    "keep": AimConstant(-9.0, -4.5, -0.9, -9.0, -9.0, "put into the cart: not yet a decision"),
    "buy": AimConstant(-9.0, -9.0, -1.5, 1.0, 2.2, "on the way to the order; fitted at the product's page"),
    "reviews": AimConstant(-9.0, -9.0, -0.3, -9.0, -9.0, "reviews are read before deciding"),
    "cart": AimConstant(
        -3.0, -3.6, -3.0, -9.0, -1.5, "the cart is looked into when there is something in it"
    ),
    "back": AimConstant(-6.0, -4.0, 0.2, -0.6, -1.6, "back to the results; nothing to go back to from there"),
    "edit": AimConstant(-9.0, -9.0, -9.0, -1.4, -9.0, "change a quantity or take something out"),
    "wander": AimConstant(-1.2, -4.0, -4.2, -4.4, -5.0, "departments, help, footers: distractions"),
    "leave": AimConstant(
        -0.37, 0.83, 0.93, 0.83, 0.63, "leaving is possible anywhere; fitted to the mean length"
    ),
}


@dataclass(frozen=True, slots=True)
class Coefficients:
    """All coefficients. `sharpness` scales the utilities of aims: the higher, the less random the choices."""

    aims: Mapping[Aim, AimConstant] = field(default_factory=lambda: MappingProxyType(dict(_AIMS)))
    appeal: AppealCoefficients = AppealCoefficients()
    look: LookCoefficients = LookCoefficients()
    texts: QueryCoefficients = QueryCoefficients()
    narrow: FilterCoefficients = FilterCoefficients()
    decide: DecisionCoefficients = DecisionCoefficients()
    browsing: BrowsingCoefficients = BrowsingCoefficients()
    slips: SlipCoefficients = SlipCoefficients()
    people: PopulationCoefficients = PopulationCoefficients()
    sharpness: float = 1.915

    def shifted(self, aim: Aim, by: float, *pages: str) -> Coefficients:
        """Return a copy with an aim's constants shifted by `by`, on `pages` or wherever the aim is usual."""
        old = self.aims[aim]
        where = pages or [page for page in PAGES if getattr(old, page) > -9]
        new = replace(old, **{page: getattr(old, page) + by for page in where})
        return replace(self, aims=MappingProxyType({**self.aims, aim: new}))


PAGES = ("home", "results", "product", "cart", "checkout")

COEFFICIENTS = Coefficients()
"""The published coefficients."""

BOUNDS = Bounds()
"""Limits shared by all coefficients; none of them is fitted."""
