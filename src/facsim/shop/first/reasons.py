"""Reasons in the first person, from the largest term of a choice."""

from __future__ import annotations

from random import Random

from facsim.shop.first.policy import Option, Visit

_REASONS: dict[str, tuple[str, ...]] = {
    "fit": (
        "This looks like the {kind} I have in mind, so I want to see more of it.",
        "It seems to be what I need for {use}.",
    ),
    "price": (
        "The price suits me: {price} is within what I want to spend.",
        "{price} is a good price for it.",
    ),
    "rating": ("Its rating of {rating} is convincing.", "People rate it {rating}, which I trust."),
    "reviews": ("So many people have bought it that it cannot be bad.", "{reviews} ratings tell me enough."),
    "brand": ("I know {brand} and trust it.", "It is from {brand}, which has served me well."),
    "speed": ("It would be here quickly.", "I need it soon, and delivery is fast."),
    "search": ("I want to see what there is for “{text}”.", "Let me search for {text}."),
    "repeat": ("I go back to my search for {text}.",),
    "department": ("I will look around in this department first.",),
    "spelling": ("I mistyped; that is what I meant.", "Right, I spelled it wrong."),
    "filter": ("There are too many, so I narrow them down.", "This leaves only what suits me."),
    "sort": ("I want to see the best of these first.", "In this order I can compare more easily."),
    "more": ("Perhaps there is something better further on.", "I want to see more of them before I decide."),
    "option": ("I pick the one that fits me before anything else.",),
    "decide": ("I have made up my mind.", "This is good enough, I take it."),
    "leave": ("I did not find what I was looking for, so I leave.", "Nothing here convinces me today."),
    "tired": ("I have looked long enough and stop here.", "This is taking too long, I give up for now."),
}
_DECIDED = ("I have compared enough; this {kind} is the one.", "I take this one.")


def reason(rng: Random, option: Option, visit: Visit) -> str:
    """Why a shopper does what they do."""
    # That it is of the right kind goes without saying.
    terms = option.terms | {"fit": option.terms.get("fit", 0.0) - 2.2}
    term = max(option.terms, key=lambda name: (terms[name], name))
    phrases = _REASONS.get(term, _REASONS["more"])
    if option.subject is not None and option.action.name in ("buy_now", "add_to_cart"):
        phrases = (*_DECIDED, *phrases) if term in ("fit", "decide") else phrases
    product = option.subject
    return rng.choice(phrases).format(
        kind=visit.need.kind.name,
        use=visit.need.use,
        text=option.action.text,
        price=f"${product.price:.2f}" if product else "",
        rating=product.rating if product else "",
        reviews=product.reviews if product else "",
        brand=product.brand if product else "",
    )
