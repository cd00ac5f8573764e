"""Information pages: help, account and the other pages linked from the footer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InfoTopic:
    """An information page: its title, as used in links, and its text."""

    title: str
    paragraphs: tuple[str, ...]


TOPICS: dict[str, InfoTopic] = {
    "departments": InfoTopic("All departments", ("Everything that the shop sells, by department.",)),
    "account": InfoTopic(
        "Your account",
        (
            "You are signed in. Orders go to your saved address and are paid with your saved card.",
            "Address: 14 Harbour Lane, Millbrook. Card: ending in 4417.",
        ),
    ),
    "orders": InfoTopic(
        "Returns and orders",
        (
            "Orders of the last three months are listed here once they have been sent.",
            "You can return nearly everything within 30 days, at no cost.",
        ),
    ),
    "wishlist": InfoTopic("Your lists", ("There is nothing on your lists yet.",)),
    "help": InfoTopic(
        "Help",
        (
            "Parcels can be followed from the page of your order.",
            "If something arrives damaged, we replace it or pay you back, whichever you prefer.",
        ),
    ),
    "delivery": InfoTopic(
        "Delivery",
        (
            "Delivery is free. How long it takes is said with each product.",
            "Parcels are left with a neighbour or at a parcel shop if nobody is at home.",
        ),
    ),
    "contact": InfoTopic("Contact us", ("We answer messages within one working day.",)),
    "about": InfoTopic(
        "About the shop",
        (
            "This shop is part of Facsim. Its products and brands are invented, and nothing can be bought.",
            "It exists so that models of people who shop can be compared with people whose mind is known.",
        ),
    ),
    "careers": InfoTopic("Careers", ("There are no open positions at the moment.",)),
    "giftcards": InfoTopic("Gift cards", ("Gift cards are sent by e-mail and never expire.",)),
    "privacy": InfoTopic(
        "Privacy",
        ("The shop keeps what is in your cart, and nothing else about you, for as long as it runs.",),
    ),
    "terms": InfoTopic(
        "Conditions of use", ("Nothing that is ordered here is sent, and nothing is charged.",)
    ),
}
"""Topics by the last segment of their address."""

ACCOUNT = ("account", "orders", "wishlist")
FOOTER: dict[str, tuple[str, ...]] = {
    "Get to know us": ("about", "careers"),
    "Let us help you": ("help", "delivery", "contact", "giftcards"),
    "Your shop": ("account", "orders"),
    "Legal": ("privacy", "terms"),
}
"""Footer links by heading."""
