"""Plain instructions about a page, each with the one action that carries it out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from facsim.schema import Action, Element, Page
from tiny.generic import phrase, word

_CLICK = (
    "Click {}.",
    "Click on {}.",
    "Press {}.",
    "Open {}.",
    "Choose {}.",
    "Go to {}.",
    "Now click {}.",
    "{}",
)
_TYPE = (
    "Type {text} into {field}.",
    "Enter {text} in {field}.",
    "Fill {field} with {text}.",
    "{field}: {text}",
)
_SEARCH = ("Search for {}.", "Look for {}.", "Find {}.", "I am looking for {}.", "Show me {}.", "I need {}.")
_WISH = ("Search for it.", "Search for what you want.", "Look for it again.", "Just search for it.")
_WISH_WITH = (
    "Search for it, {}.",
    "Search for it again, {} this time.",
    "Say {} and search.",
    "Look for a {} one.",
)
_ADJECTIVES = (
    *("cheap", "best", "good", "new", "small", "large", "light", "strong", "simple", "quiet", "modern"),
    *("black", "white", "blue", "red", "green"),
)
_CHEAPEST = ("Open the cheapest.", "Click the cheapest one.", "I want the lowest price.")
_DEAREST = ("Open the most expensive.", "Click the dearest one.", "I want the highest price.")
_BEST = ("Open the best rated.", "Click the one with the most stars.", "I want the best rating.")
_PLACES = ("first", "second", "third", "fourth", "fifth")
_LEAVE = (
    "You are done.",
    "Leave.",
    "Close the window.",
    "Nothing more to do here; go.",
    "That is all, stop.",
)
_NEXT = ("Go to the next page.", "Show the next page.", "Turn the page.")

_PRICE = re.compile(r"\$(\d+(?:,\d{3})*)\.(\d\d)")
_STARS = re.compile(r"(\d\.\d) out of 5 stars")


@dataclass(frozen=True, slots=True)
class Question:
    """An instruction and what carries it out.

    Attributes:
        kind: what sort of instruction, for counting.
        text: the instruction.
        action: what is to be answered.
    """

    kind: str
    text: str
    action: Action


@dataclass(frozen=True, slots=True)
class Offer:
    """One of several things on a page of which some are better: its names, and what it costs.

    Attributes:
        names: elements that lead to it.
        title: what it is called.
        price: cents; None if none is shown.
        stars: None if none are shown.
    """

    names: tuple[str, ...]
    title: str
    price: int | None = None
    stars: float | None = None


def questions(rng: Random, page: Page, count: int, shown: frozenset[str] | None = None) -> list[Question]:
    """Up to `count` different instructions about what is shown of a page."""
    elements = [element for element in page.elements if shown is None or element.name in shown]
    texts = Counter(element.text.lower() for element in elements)
    alone = [element for element in elements if element.text and texts[element.text.lower()] == 1]
    found: dict[str, Question] = {}
    rows = offers(page.html, elements)
    for _ in range(count * 3):
        if len(found) >= count:
            break
        question = _question(rng, elements, alone, rows)
        if question is not None:
            found.setdefault(question.text, question)
    return list(found.values())


def wishes(rng: Random, page: Page, intent: str, wanted: str, count: int) -> list[Question]:
    """Instructions to search again for what is wanted, in whose words only the intent tells."""
    box = next((element for element in page.elements if element.role == "searchbox"), None)
    if box is None:
        return []
    said = re.findall(r"[a-z]{4,}", intent.lower())
    found: dict[str, Question] = {}
    for _ in range(count):
        asked, text = rng.choice(_WISH), wanted
        if rng.random() < 0.7:
            word = rng.choice(_ADJECTIVES if rng.random() < 0.5 else said)
            asked, text = rng.choice(_WISH_WITH).format(word), f"{word} {wanted}"
        found[asked] = Question("wish", asked, Action.type_and_submit(box.name, text))
    return list(found.values())


def _question(
    rng: Random, elements: Sequence[Element], alone: Sequence[Element], rows: Sequence[Offer]
) -> Question | None:
    luck = rng.random()
    if luck < 0.04:
        return Question("leave", rng.choice(_LEAVE), Action.terminate())
    fields = [element for element in elements if element.is_typable]
    if luck < 0.3 and fields:
        return _typing(rng, rng.choice(fields))
    if luck < 0.34:
        turn = next((element for element in alone if element.text.lower() == "next"), None)
        return turn and Question("next", rng.choice(_NEXT), Action.click(turn.name))
    if luck < 0.54 and len(rows) > 1:
        return _picked(rng, rows)
    if luck < 0.6 and elements:
        element = _longer(rng, elements)
        return Question("name", f"Click `{element.name}`.", Action.click(element.name))
    pressed = [element for element in alone if not element.is_typable and len(element.text) < 120]
    if not pressed:
        return None
    element = _longer(rng, pressed)
    text = element.text
    if rng.random() < 0.3 and len(text.split()) > 3:
        begin = rng.randrange(len(text.split()) - 2)
        part = " ".join(text.split()[begin : begin + 3])
        if sum(part.lower() in other.text.lower() for other in elements) == 1:
            text = part
    if rng.random() < 0.3:
        text = text.lower()
    form = rng.choice(_CLICK)
    quoted = f'"{text}"' if rng.random() < 0.4 else text
    return Question("click", form.format(quoted), Action.click(element.name))


def _longer(rng: Random, elements: Sequence[Element]) -> Element:
    """One of the elements; those with long names, which are harder to copy, more often."""
    return max(rng.choices(elements, k=2), key=lambda element: len(element.name))


def _typing(rng: Random, field: Element) -> Question:
    text = phrase(rng) if rng.random() < 0.7 else word(rng)
    if field.role == "searchbox" or "search" in field.name:
        return Question("search", rng.choice(_SEARCH).format(text), Action.type_and_submit(field.name, text))
    label = field.text or field.name.rpartition(".")[2].replace("_", " ")
    asked = rng.choice(_TYPE).format(text=text, field=label)
    return Question("type", asked, Action.type_and_submit(field.name, text))


def _picked(rng: Random, rows: Sequence[Offer]) -> Question | None:
    ways = ["place", "place"]
    priced = [row for row in rows if row.price is not None]
    if len(priced) == len(rows) and len({row.price for row in rows}) == len(rows):
        ways += ["cheapest"] * 3 + ["dearest"]
    if all(row.stars is not None for row in rows) and len({row.stars for row in rows}) == len(rows):
        ways += ["best"] * 2
    way = rng.choice(ways)
    if way == "place":
        place = rng.randrange(min(len(rows), len(_PLACES)))
        text = rng.choice(("Open the {} one.", "Click the {} result.", "The {} one, please.")).format(
            _PLACES[place]
        )
        return Question("place", text, Action.click(rows[place].names[-1]))
    if way == "best":
        row = max(rows, key=lambda row: row.stars or 0)
        return Question("best", rng.choice(_BEST), Action.click(row.names[-1]))
    by_price = sorted(rows, key=lambda row: row.price or 0)
    if way == "cheapest":
        return Question("cheapest", rng.choice(_CHEAPEST), Action.click(by_price[0].names[-1]))
    return Question("dearest", rng.choice(_DEAREST), Action.click(by_price[-1].names[-1]))


_ITEM = re.compile(r"<li>(?:(?!<li>|</li>).)*?</li>", re.DOTALL)
_NAME = re.compile(r'<a name="([^"]+)"')


def offers(html: str, elements: Sequence[Element]) -> list[Offer]:
    """The items of the first list whose items show prices."""
    by_name = {element.name: element for element in elements}
    found = []
    area = ""
    for item in _ITEM.findall(html):
        price = _PRICE.search(item)
        names = tuple(name for name in _NAME.findall(item) if name in by_name)
        if price is None or not names:
            continue
        begin = names[0].partition(".")[0]
        area = area or begin
        if begin != area:
            break
        stars = _STARS.search(item)
        found.append(
            Offer(
                names,
                by_name[names[-1]].text,
                int(price[1].replace(",", "")) * 100 + int(price[2]),
                float(stars[1]) if stars else None,
            )
        )
    return found
