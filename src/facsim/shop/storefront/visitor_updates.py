"""How a visitor's actions update the visitor's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from zlib import crc32

from facsim.shop.catalogue import Product
from facsim.shop.storefront.views import Visitor

MAX_QUANTITY = 10
MAX_LINES = 30
_RECENT = 6
_Line = tuple[int, str, str, int]


def after_viewing(visitor: Visitor, product: int) -> Visitor:
    """Return the visitor after viewing a product."""
    others = (other for other in visitor.recent if other != product)
    return replace(visitor, recent=(product, *others)[:_RECENT])


def after_adding(visitor: Visitor, product: Product, fields: Mapping[str, str]) -> Visitor:
    """Return the visitor after adding a product in the size and colour of `fields`; the first by default."""
    key = (
        product.id,
        _one_of(product.sizes, fields.get("size")),
        _one_of(product.colours, fields.get("colour")),
    )
    for at, line in enumerate(visitor.lines):
        if line[:3] == key:
            return _with_line(visitor, at, line[3] + 1)
    if len(visitor.lines) >= MAX_LINES:
        return visitor
    return replace(visitor, lines=(*visitor.lines, (*key, 1)))


def after_changing(visitor: Visitor, fields: Mapping[str, str], quantity: int) -> Visitor:
    """Return the visitor after setting a line's quantity; 0 removes it. Unknown lines are ignored."""
    key = tuple(fields.get(field, "") for field in ("product", "size", "colour"))
    for at, (product, size, colour, _) in enumerate(visitor.lines):
        if (str(product), size, colour) == key:
            return _with_line(visitor, at, quantity)
    return visitor


def after_ordering(visitor: Visitor) -> Visitor:
    """Return the visitor after ordering the cart. The order number is derived from the order's contents."""
    if not visitor.lines:
        return visitor
    number = 1_000_000 + crc32(repr(visitor.lines).encode()) % 9_000_000
    return replace(visitor, lines=(), order=number, bought=visitor.lines)


def _with_line(visitor: Visitor, at: int, quantity: int) -> Visitor:
    line = (*visitor.lines[at][:3], max(0, min(quantity, MAX_QUANTITY)))
    changed_lines: tuple[_Line, ...] = (line,) if line[3] else ()
    return replace(visitor, lines=(*visitor.lines[:at], *changed_lines, *visitor.lines[at + 1 :]))


def _one_of(values: tuple[str, ...], value: str | None) -> str:
    return value if value in values and value is not None else (values[0] if values else "")
