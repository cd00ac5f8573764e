"""Pictures of products: flat drawings that show what a product is and its color.

`data/drawings*.yaml` defines what each kind looks like. The product determines color, proportions and the
background tint. The drawings are the project's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from html import escape
from zlib import crc32

from facsim.shop.catalogue.kinds import read_data
from facsim.shop.catalogue.products import Product

FILES = ("drawings", "drawings_more")

# Background tints, light enough for dark products and dark enough for white ones.
_GROUNDS = ("#e6ecf0", "#efe8de", "#e5eee6", "#f0e6e6", "#e9e7f0", "#eceae0")
# Packaging colors, for kinds that have no color options.
_PACKAGING = (
    "#4f8fa8",
    "#d98e4a",
    "#7a9e6c",
    "#b5657a",
    "#7f78b5",
    "#c9a544",
    "#5a7fb5",
    "#c76d5a",
    "#4f9a8c",
)
_ACCENTS = ("#e0a84c", "#d1685f", "#6c9bc9", "#7fae78", "#8d7fba")


def picture(product: Product) -> str:
    """Draw a product as SVG (one to three kilobytes); the SVG title describes the picture.

    Raises:
        KeyError: if the product's kind has no drawing.
    """
    look = crc32(f"{product.brand} {product.title}".encode())
    paint = _paint(product, look)
    lines = _drawings()[product.shape]
    floats = lines[0] == "float"
    body = "".join(_element(line, paint) for line in (lines[1:] if floats else lines))
    stand = 100 if floats else 172
    # Vary the proportions: products of different brands should not look identical.
    wide, high = 0.93 + (look >> 8) % 15 / 100, 0.93 + (look >> 16) % 15 / 100
    move = f"translate({100 - 100 * wide:.4g} {stand - stand * high:.4g}) scale({wide:.4g} {high:.4g})"
    shadow = "" if floats else '<ellipse cx="100" cy="173" rx="72" ry="7" fill="#000" opacity=".1"/>'
    colour = f", {product.colours[0].lower()}" if product.colours else ""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200" role="img">'
        f"<title>{escape(f'{product.brand} {product.kind.name}{colour}')}</title>"
        f'<rect width="200" height="200" fill="{paint["ground"]}"/>{shadow}'
        f'<g transform="{move}">{body}</g></svg>'
    )


@lru_cache(maxsize=1)
def _drawings() -> Mapping[str, list[str]]:
    drawings: dict[str, list[str]] = {}
    for name in FILES:
        data = read_data(name)
        assert isinstance(data, Mapping)
        drawings |= data["drawings"]
    return drawings


@lru_cache(maxsize=1)
def _named_colours() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Material colors by their name in drawings, and product colors by their name in the shop."""
    drawings, words = read_data("drawings"), read_data("words")
    assert isinstance(drawings, Mapping)
    assert isinstance(words, Mapping)
    return drawings["ink"], words["palette"]


def _paint(product: Product, look: int) -> dict[str, str]:
    materials, palette = _named_colours()
    main = palette[product.colours[0]] if product.colours else _PACKAGING[look % len(_PACKAGING)]
    bright = main in {palette["White"], palette["Cream"]}
    ground = _GROUNDS[(look >> 4) % len(_GROUNDS)]
    return {
        **materials,
        "ground": _mix(ground, "#7c8699", 0.24) if bright else ground,
        "main": main,
        "dark": _mix(main, "#23263a", 0.2 if bright else 0.24),
        "light": _mix(main, "#c4c8d2" if bright else "#ffffff", 0.28),
        "pale": _mix(main, "#b4bac6" if bright else "#ffffff", 0.5),
        "accent": _ACCENTS[(look >> 12) % len(_ACCENTS)],
    }


def _mix(colour: str, other: str, share: float) -> str:
    parts = (
        round(int(colour[i : i + 2], 16) * (1 - share) + int(other[i : i + 2], 16) * share) for i in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02x}" for part in parts)


def _element(line: str, paint: Mapping[str, str]) -> str:
    letter, _, rest = line.partition(" ")
    return _ELEMENTS[letter](rest, paint)


def _rectangle(rest: str, paint: Mapping[str, str]) -> str:
    x, y, width, height, radius, colour = rest.split()
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}" fill="{paint[colour]}"/>'


def _circle(rest: str, paint: Mapping[str, str]) -> str:
    x, y, radius, colour = rest.split()
    return f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{paint[colour]}"/>'


def _ellipse(rest: str, paint: Mapping[str, str]) -> str:
    x, y, across, down, colour = rest.split()
    return f'<ellipse cx="{x}" cy="{y}" rx="{across}" ry="{down}" fill="{paint[colour]}"/>'


def _path(rest: str, paint: Mapping[str, str]) -> str:
    colour, _, path = rest.partition(" ")
    return f'<path d="{path}" fill="{paint[colour]}"/>'


def _line(rest: str, paint: Mapping[str, str]) -> str:
    colour, width, path = rest.split(" ", 2)
    return (
        f'<path d="{path}" fill="none" stroke="{paint[colour]}" stroke-width="{width}" '
        'stroke-linecap="round" stroke-linejoin="round"/>'
    )


_ELEMENTS: dict[str, Callable[[str, Mapping[str, str]], str]] = {
    "R": _rectangle,
    "C": _circle,
    "E": _ellipse,
    "P": _path,
    "L": _line,
}
