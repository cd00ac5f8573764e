"""First-person rationales, built from the terms that set a choice apart from the next best one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from random import Random

import yaml

from facsim.shop.shoppers.coefficients import BOUNDS
from facsim.shop.shoppers.memory import Choice, Memory
from facsim.shop.shoppers.population import Shopper
from facsim.shop.shoppers.term_matching import a, money, short
from facsim.shop.storefront.views import PageAction, PageView, ProductCard

_MOST_WORDS = 30
_SOON = 5
_OPENINGS: Mapping[str, tuple[str, ...]] = {
    "plain": ("",),
    "brisk": ("", "", "OK. ", "Right. ", "Quickly now. "),
    "chatty": ("", "Hm, let me think. ", "Oh well. ", "Let me see. ", "Nice. "),
}
_GLAD = {"Nice. "}
_SAD_AIMS = {"leave", "slip", "back", "hint"}

Phrases = Mapping[str, Mapping[str, tuple[str, ...]]]


def rationale_for(rng: Random, choice: Choice, view: PageView, memory: Memory, shopper: Shopper) -> str:
    """Explain a choice in the shopper's words: 8 to 30 words that name things on the page.

    The deciding term is the one with the largest lead over the same term of the best alternative, among the
    terms that have phrases. Later steps are unknown here, so a rationale cannot leak them.
    """
    by_term = _phrases().get(str(choice.aim), _phrases()["look"])
    facts = _facts(choice, view, shopper)
    term = _deciding(choice, by_term)
    if term == "tired" and memory.steps < _SOON:
        term = "any"  # After two pages, nobody complains that it took long.
    candidates = [phrase for phrase in by_term.get(term, ()) if _sayable(phrase, facts)]
    # People do not always name the deciding factor.
    if not candidates or rng.random() < BOUNDS.vague:
        candidates += [phrase for phrase in by_term["any"] if _sayable(phrase, facts)]
    candidates = candidates or ["That seems to be the best thing to do now, so I do it."]
    text = rng.choice(candidates).format_map(facts)
    opening = rng.choice(_OPENINGS[shopper.person.style.tone])
    if opening in _GLAD and choice.aim in _SAD_AIMS:
        opening = ""
    text = f"{opening}{text[0].upper()}{text[1:]}"
    return text if len(text.split()) <= _MOST_WORDS else text.removeprefix(opening)


def _deciding(choice: Choice, by_term: Mapping[str, tuple[str, ...]]) -> str:
    """The term that most favours a choice, among those with phrases."""
    ahead = {
        term: value - choice.against.get(term, 0.0) for term, value in choice.terms.items() if term in by_term
    }
    best = max(ahead, key=lambda term: (ahead[term], term), default="any")
    return best if ahead.get(best, 0.0) > BOUNDS.telling or choice.aim == "slip" else "any"


def _sayable(phrase: str, facts: Mapping[str, str]) -> bool:
    """Whether the page shows everything that a phrase names."""
    return all(value or "{" + name + "}" not in phrase for name, value in facts.items())


def _facts(choice: Choice, view: PageView, shopper: Shopper) -> dict[str, str]:
    """Values for the placeholders of phrases; empty if the page does not show them."""
    action = view.actions[choice.action_index] if choice.action_index is not None else None
    card = _card(action, view)
    index = choice.need if choice.need is not None else 0
    need = shopper.needs[index]
    facts = {
        "text": f"“{choice.meant or choice.text}”" if choice.text else "",
        "thing": a(need.kind.name),
        "kind": need.kind.name,
        "use": need.use,
        "wish": need.features[0] if need.features else "",
        "colour": need.colour.lower(),
        "budget": money(need.budget),
        "total": str(view.total) if view.kind == "results" else "",
        "label": short(action.label.strip(), 8) if action is not None else "",
        "title": "", "price": "", "list_price": "", "rating": "", "reviews": "", "brand": "", "delivery": "",
        "badge": "",
    }  # fmt: skip
    if card is not None:
        facts |= {
            "title": short(card.title),
            "price": money(card.price),
            "list_price": money(card.list_price) if card.list_price else "",
            "rating": f"{card.rating:.1f}" if card.rating is not None else "",
            "reviews": f"{card.reviews:,}" if card.reviews is not None else "",
            "brand": card.brand,
            "delivery": card.delivery[:1].lower() + card.delivery[1:],
            "badge": card.badge,
        }
    return facts


def _card(action: PageAction | None, view: PageView) -> ProductCard | None:
    """The product that an action concerns: its own, or that of the page."""
    if action is not None and action.product is not None:
        cards = (*view.cards, *(line.card for line in view.lines))
        found = next((card for card in cards if card.product == action.product), None)
        if found is not None:
            return found
    if view.product is not None:
        return view.product.card
    return view.lines[0].card if view.lines else None


@cache
def _phrases() -> Phrases:
    text = files("facsim.shop.shoppers").joinpath("rationales.yaml").read_text(encoding="utf-8")
    return {
        aim: {term: tuple(phrases) for term, phrases in by_term.items()}
        for aim, by_term in yaml.safe_load(text).items()
    }
