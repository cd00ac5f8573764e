"""The pages around the shop: help, account and what else stands in a footer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """An information page: its title as links call it, and what it says."""

    title: str
    paragraphs: tuple[str, ...]


TOPICS: dict[str, Topic] = {
    "departments": Topic("All departments", ("Everything that the shop sells, by department.",)),
    "account": Topic(
        "Your account",
        (
            "You are signed in. Orders go to your saved address and are paid with your saved card.",
            "Address: 14 Harbour Lane, Millbrook. Card: ending in 4417.",
        ),
    ),
    "orders": Topic(
        "Returns and orders",
        (
            "Orders of the last three months are listed here once they have been sent.",
            "You can return nearly everything within 30 days, at no cost.",
        ),
    ),
    "wishlist": Topic("Your lists", ("There is nothing on your lists yet.",)),
    "help": Topic(
        "Help",
        (
            "Parcels can be followed from the page of your order.",
            "If something arrives damaged, we replace it or pay you back, whichever you prefer.",
        ),
    ),
    "delivery": Topic(
        "Delivery",
        (
            "Delivery is free. How long it takes is said with each product.",
            "Parcels are left with a neighbour or at a parcel shop if nobody is at home.",
        ),
    ),
    "contact": Topic("Contact us", ("We answer messages within one working day.",)),
    "about": Topic(
        "About the shop",
        (
            "This shop is part of Facsim. Its products and brands are invented, and nothing can be bought.",
            "It exists so that models of people who shop can be compared with people whose mind is known.",
        ),
    ),
    "careers": Topic("Careers", ("There are no open positions at the moment.",)),
    "giftcards": Topic("Gift cards", ("Gift cards are sent by e-mail and never expire.",)),
    "privacy": Topic(
        "Privacy",
        ("The shop keeps what is in your cart, and nothing else about you, for as long as it runs.",),
    ),
    "terms": Topic("Conditions of use", ("Nothing that is ordered here is sent, and nothing is charged.",)),
}
"""By the last part of their address."""

ACCOUNT = ("account", "orders", "wishlist")
FOOTER: dict[str, tuple[str, ...]] = {
    "Get to know us": ("about", "careers"),
    "Let us help you": ("help", "delivery", "contact", "giftcards"),
    "Your shop": ("account", "orders"),
    "Legal": ("privacy", "terms"),
}
"""What stands under which heading at the end of every page."""
