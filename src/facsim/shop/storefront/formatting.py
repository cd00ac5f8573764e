"""How the shop writes prices, numbers and times."""

from __future__ import annotations


def money(cents: int) -> str:
    """Format cents as a price: `$1,234.50`."""
    return f"${cents // 100:,}.{cents % 100:02}"


def thousands(number: int) -> str:
    """Format a number: `12,345`."""
    return f"{number:,}"


def delivery(days: int) -> str:
    """Format a delivery time: `Delivery tomorrow`, `Delivery in 3 days`."""
    return f"Delivery {'today' if days <= 0 else 'tomorrow' if days == 1 else f'in {days} days'}"


def saving(price: int, list_price: int) -> str:
    """Format the saving: `Save 23%`."""
    return f"Save {round(100 * (list_price - price) / list_price)}%"


def counted(count: int, thing: str) -> str:
    """Format a count: `1 item`, `3 items`."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
