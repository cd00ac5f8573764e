"""Draw a page with the names of its elements in the margin.

    python benchmarks/draw_names.py PAGE.html OUT.png       # any saved page
    python benchmarks/draw_names.py --docs                  # docs/internals/page-names.md and its pictures

The page is opened in Chromium without scripts or network. Chromium's serialization is simplified, and every
name is drawn in the margin with a line to the box of the element that its locator finds. Options of selects
have no box and are omitted. `--tables` only writes docs/internals/page-names.md, without a browser. Needs
`facsim[browser]` and Pillow.
"""

from __future__ import annotations

import argparse
import colorsys
import io
import shutil
import sys
import zlib
from dataclasses import dataclass
from html import escape
from pathlib import Path

from facsim.page import simplify
from facsim.schema import Element

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests/page/golden"
DOCS = ROOT / "docs"
PAGES = {
    "shop_results": "Results of a shop's search",
    "product": "A product",
    "cart": "A cart, in German",
    "checkout": "A checkout",
    "admin": "Tables of a back office",
    "news": "The front page of a newspaper",
}
WIDTH = 720
MARGIN = 286
LINE = 14
_LONGEST = 39
_BOXES = """locators => locators.map(locator => {
  const found = document.querySelectorAll(locator);
  if (found.length !== 1) return null;
  const box = found[0].getBoundingClientRect();
  return [box.left + scrollX, box.top + scrollY, box.width, box.height];
})"""


@dataclass
class Label:
    """A name in the margin.

    Attributes:
        name: the element's name.
        box: left, top, width, height on the page, in pixels.
        lines: the name, wrapped at dots if it is too long for the margin.
        top: top edge of the label.
        passed: number of boxes between the label and its own box.
    """

    name: str
    box: tuple[float, float, float, float]
    lines: list[str]
    top: float = 0.0
    passed: int = 0

    @property
    def level(self) -> float:
        """The height at which its line enters the page: level with its box, or lower to avoid other boxes."""
        _, y, _, h = self.box
        return y + h + 2.5 * self.passed if self.passed else y + h / 2

    @property
    def wanted(self) -> float:
        """The ideal top edge: level with its box."""
        return self.level - self.height / 2

    @property
    def height(self) -> float:
        """The height, with padding."""
        return LINE * len(self.lines) + 2


def main() -> None:
    """Draw one page, or those of the docs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("page", type=Path, nargs="?")
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("--docs", action="store_true", help="draw the golden pages for the docs")
    parser.add_argument("--tables", action="store_true", help="write the tables of the docs, draw nothing")
    parser.add_argument("--width", type=int, default=WIDTH, help="of the window, in pixels")
    arguments = parser.parse_args()
    if arguments.docs or arguments.tables:
        (DOCS / "internals/page-names.md").write_text(document(), encoding="utf-8")
        for name in PAGES if arguments.docs else ():
            draw(GOLDEN / f"{name}.html", DOCS / f"pictures/{name}.png", arguments.width)
    elif arguments.page and arguments.out:
        draw(arguments.page, arguments.out, arguments.width)
    else:
        parser.error("give a page and where to write the picture, or --docs")


def document() -> str:
    """docs/internals/page-names.md: for each golden page, its image and a table of names."""
    parts = [
        "# Names, side by side with the page\n\nSix pages written by hand (`tests/page/golden/`) and the "
        "names that `facsim.page.simplify` gives, no recipe used. This file and the pictures are made by "
        "`python benchmarks/draw_names.py --docs`; a test compares the tables with the code. "
        "`python benchmarks/draw_names.py PAGE.html OUT.png` draws any page of yours.\n"
    ]
    for name, title in PAGES.items():
        elements = simplify((GOLDEN / f"{name}.html").read_bytes()).elements
        rows = "\n".join(_row(element) for element in elements)
        parts.append(
            f"## {title}\n\n![{title}, with the names of its elements](../pictures/{name}.png)\n\n"
            f"| name | what it is |\n| --- | --- |\n{rows}\n"
        )
    return "\n".join(parts)


def _row(element: Element) -> str:
    says = [element.role]
    if element.text:
        says.append(f"“{element.text}”")
    if element.value:
        says.append(f"value “{element.value}”")
    says += sorted(element.states)
    if element.equivalents:
        says.append("same as " + ", ".join(f"`{name.rpartition('.')[2]}`" for name in element.equivalents))
    return f"| `{element.name}` | {', '.join(says)} |".replace("\n", " ")


def draw(page: Path, out: Path, width: int = WIDTH) -> None:
    """Write the picture of a saved page with its names."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("no Chromium found: install it (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--hide-scrollbars"]
        )
        window = browser.new_page(viewport={"width": width, "height": 600})
        _open(window, page.read_bytes())
        elements = [
            element
            for element in simplify(window.content()).elements
            # No box, or one in a frame or shadow root.
            if element.role != "option" and element.locator and ">>>" not in element.locator
        ]
        boxes = window.evaluate(_BOXES, [element.locator for element in elements])
        labels = [
            Label(element.name, tuple(box), _broken(element.name))
            for element, box in zip(elements, boxes, strict=True)
            if box and box[2] > 0 and box[3] > 0
        ]
        height = window.evaluate("document.documentElement.scrollHeight")
        shot = window.screenshot(full_page=True)
        left, right = _sides(labels, width)
        bottom = max([height, *(label.top + label.height for label in labels)]) + 8
        window.set_viewport_size({"width": width + 2 * MARGIN, "height": int(bottom)})
        _open(window, _figure(left, right, width, height, bottom).encode(), picture=shot)
        picture = window.screenshot(full_page=True)
        browser.close()
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(_compact(picture))


def _open(window, body: bytes, picture: bytes = b"") -> None:  # type: ignore[no-untyped-def]
    """Show a page and its one image. All other requests, including scripts, are refused."""
    policy = {"content-type": "text/html", "content-security-policy": "script-src 'none'"}

    def answer(route) -> None:  # type: ignore[no-untyped-def]
        if route.request.is_navigation_request() and route.request.frame == window.main_frame:
            route.fulfill(status=200, headers=policy, body=body)
        elif picture and route.request.url.endswith("/page.png"):
            route.fulfill(status=200, content_type="image/png", body=picture)
        else:
            route.abort()

    window.unroute_all()
    window.route("**/*", answer)
    window.goto("http://page.invalid/", wait_until="load")


def _broken(name: str) -> list[str]:
    """A name in lines of at most `_LONGEST` characters, wrapped after dots, or else after words."""
    lines, rest = [], name
    while len(rest) > _LONGEST:
        cut = rest.rfind(".", 1, _LONGEST) + 1 or rest.rfind("_", 1, _LONGEST) + 1 or _LONGEST
        lines.append(rest[:cut])
        rest = rest[cut:]
    return [*lines, rest]


def _sides(labels: list[Label], width: int) -> tuple[list[Label], list[Label]]:
    """Labels left and right of the page, from the top, without overlaps."""
    sides: tuple[list[Label], list[Label]] = ([], [])
    for label in labels:
        x, y, w, h = label.box
        beside = [
            other.box[0] < x
            for other in labels
            if other is not label and not _holds(other.box, label.box) and _crosses(other.box, y + h / 2)
        ]
        left, right = sum(beside), len(beside) - sum(beside)
        # A line past other boxes costs as much as one across a fifth of the page.
        is_left = x / width + left / 5 <= 1 - (x + w) / width + right / 5
        label.passed = left if is_left else right
        sides[0 if is_left else 1].append(label)
    for side in sides:
        side.sort(key=lambda label: label.level)
        _stack(side)
    return sides


def _holds(outer: tuple[float, float, float, float], inner: tuple[float, float, float, float]) -> bool:
    return outer[0] <= inner[0] and outer[0] + outer[2] >= inner[0] + inner[2]


def _crosses(box: tuple[float, float, float, float], level: float) -> bool:
    return box[1] - 2 <= level <= box[1] + box[3] + 2


def _stack(labels: list[Label]) -> None:
    """Place labels close to their boxes without overlaps: clusters are centred on their boxes."""
    crowds: list[list[Label]] = []
    for label in labels:
        crowds.append([label])
        _settle(crowds[-1])
        while len(crowds) > 1 and crowds[-2][-1].top + crowds[-2][-1].height > crowds[-1][0].top:
            crowds[-2].extend(crowds.pop())
            _settle(crowds[-1])


def _settle(crowd: list[Label]) -> None:
    offset, sum_of_starts = 0.0, 0.0
    for label in crowd:
        sum_of_starts += label.wanted - offset
        offset += label.height
    top = max(2.0, sum_of_starts / len(crowd))
    for label in crowd:
        label.top = top
        top += label.height


def _figure(left: list[Label], right: list[Label], width: int, height: float, bottom: float) -> str:
    """The image with page, boxes, lines and names, as an HTML page."""
    drawn: list[str] = []
    lines: list[str] = []
    for side, is_left in ((left, True), (right, False)):
        for label in side:
            colour = _colour(label.name)
            x, y, w, h = label.box
            x += MARGIN
            drawn.append(
                f'<rect x="{x:.0f}" y="{y:.0f}" width="{w:.0f}" height="{h:.0f}" rx="3" fill="{colour}" '
                f'fill-opacity=".08" stroke="{colour}" stroke-width="1.4" style="outline:1px solid #fffa"/>'
            )
            start = MARGIN - 8 if is_left else MARGIN + width + 8
            bend = MARGIN + 2 if is_left else MARGIN + width - 2
            edge = x if is_left else x + w
            level = label.top + label.height / 2
            way = f"{start},{level:.1f} {bend},{label.level:.1f} {edge:.1f},{label.level:.1f}"
            if label.passed:
                edge = x + 7 if is_left else x + w - 7
                way = f"{start},{level:.1f} {bend},{label.level:.1f} {edge:.1f},{label.level:.1f}"
                way += f" {edge:.1f},{y + h:.1f}"
            lines.append(
                f'<polyline points="{way}" fill="none" stroke="#fff" stroke-width="3" stroke-opacity=".7"/>'
            )
            lines.append(f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="1.1"/>')
            dot = y + h if label.passed else label.level
            drawn.append(f'<circle cx="{edge:.1f}" cy="{dot:.1f}" r="2.2" fill="{colour}" stroke="#fff"/>')
            for place, line in enumerate(label.lines):
                drawn.append(
                    f'<text x="{MARGIN - 12 if is_left else MARGIN + width + 12}" '
                    f'y="{label.top + LINE * (place + 1) - 2:.0f}" fill="{colour}" direction="ltr" '
                    f'text-anchor="{"end" if is_left else "start"}">{escape(line)}</text>'
                )
    whole = width + 2 * MARGIN
    return (
        "<!doctype html><meta charset=utf-8><style>body{margin:0;background:#fff}img{position:absolute;"
        f"left:{MARGIN}px;top:0;width:{width}px;height:{height}px;box-shadow:0 0 0 1px #bbb}}"
        "svg{position:absolute;left:0;top:0}"
        "text{font:11.5px 'DejaVu Sans Mono',monospace;unicode-bidi:isolate}"
        f'</style><img src="/page.png"><svg width="{whole}" height="{bottom:.0f}">'
        f"{''.join(lines + drawn)}</svg>"
        f'<div style="height:{bottom:.0f}px"></div>'
    )


def _colour(name: str) -> str:
    """A dark, readable colour, the same for all members of a group."""
    group = name.rpartition(".")[0] or name
    hue = zlib.crc32(group.encode()) % 360 / 360
    red, green, blue = (round(part * 255) for part in colorsys.hls_to_rgb(hue, 0.30, 0.85))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _compact(png: bytes) -> bytes:
    """The same picture in 64 colours: a fifth of the bytes."""
    from PIL import Image  # noqa: PLC0415

    packed = io.BytesIO()
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(64, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
        packed, "PNG", optimize=True
    )
    return packed.getvalue()


if __name__ == "__main__":
    main()
