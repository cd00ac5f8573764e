"""Simplified pages put together from parts that were simplified before: the shop's own way to be fast.

Header, footer, cards and links in lists are the same on thousands of pages, and what they are called depends
on nothing but the box that they stand in. So each is simplified once, in a page that holds nothing else, and
put where a stand-in was in the rest of the page; what the rest becomes is kept as a mould (`mould`).

What comes out is what `simplify` makes of the whole page. Where two things would be called the same, the
whole page is simplified instead.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from html import escape, unescape

from facsim.page import simplify
from facsim.page.slugs import slug
from facsim.shop.storefront.mould import Mould, gaps, stand_in, stand_in_link

_KEPT_PARTS = 20_000
_KEPT_MOULDS = 2_000
_KEPT_LISTS = 4_000
_HEADER, _HEADER_END = '<div hidden class="banner', "</header>\n"
_FOOTER, _FOOTER_END = "<footer", "</noscript>\n"
# What a cart's lines are called depends on the prices that they show.
_UNMOULDED = '<li class="line'
_SHELF = re.compile(
    r'(<section class="(?:shelf|results)[^>]*>(?:<h2>[^<]*</h2>)?\s*<ul class="grid[^>]*>\s*)'
)
_CARD_END, _SHELF_END = "</li>", "</ul></section>"
# Lists of links: filters in their facet, and what stands in a row under a label.
_LIST = re.compile(
    r'(<section class="facet[^>]*><h2[^>]*>[^<]*</h2>\s*<ul[^>]*>'
    r'|<(?:nav|section|div) [^>]*aria-label="[^"]*">[^\n]*?\n?<ul class="row[^>]*>)'
    r"\s*(<li[^\n]*(?:\n<li[^\n]*)*?)\s*</ul></(section|nav|div)>"
)
# A link's address changes with every query, and so does the count at a filter; what it is called does not.
_VARIES = re.compile(r'(?<= href=")([^"]*)(?=")|(?<=\()([\d,]+)(?=\)</small></li>)')
_VARYING = "\x1f"
_ITEM = re.compile(
    rf'<li>(<a [^>]*?href="){_VARYING}("[^>]*>[^<]*</a>)(?: (<small[^>]*>)\({_VARYING}\)</small>)?</li>\s*'
    r'|<li class="gap[^>]*>[^<]*</li>\s*'
)
# Links that are spoken of.
_SAID = re.compile(
    r'(<p class="(?:brand|rating|hint)_[^>]*>(?:[^<]|<span[^>]*>[^<]*</span>)*)'
    r'(<a href=")([^"]*)(">)([\d,]+(?= ratings<))?([^<]*</a>)([^<]*</p>)'
)
# What was typed and how much is in the cart change with every visit; what they are called does not.
_TYPED = re.compile(r'(<input id="q"[^>]* value=")([^"]+)"')
_COUNT = re.compile(r'(<span class="count[^>]*>)\((\d+)\)')
# An address that says nothing: names may be made of its words, and of what follows a `#`.
_ADDRESS = "/0000000"
_ELEMENT = re.compile(r'<([a-z]+) name="([^"]*)"(?: href="([^"]*)")?')
_LABEL = re.compile(r"<a [^>]*>([^<]+)</a>")
_ITEMS = re.compile(r"<ul>(.*)</ul>", re.DOTALL)
_LINK = re.compile(r"<a .*?</a>")


class Splicer:
    """Simplifies pages of the shop. Parts and moulds are kept, those that were of use lately."""

    def __init__(self) -> None:
        self._items_kept: OrderedDict[tuple[str, str, str], str] = OrderedDict()
        self._said = lru_cache(maxsize=_KEPT_PARTS)(_said_alone)
        self._landmark = lru_cache(maxsize=_KEPT_PARTS)(_landmark_alone)
        self._mould = lru_cache(maxsize=_KEPT_MOULDS)(Mould.of)
        self._lists = lru_cache(maxsize=_KEPT_LISTS)(self._list)

    def simplified(self, html: str) -> tuple[str, list[tuple[str, str, str]]]:
        """What `simplify(html).html` is, and tag, name and address of its elements as they are written."""
        whole = self._spliced(html) or simplify(html).html
        elements = _ELEMENT.findall(whole)
        if len({name for _, name, _ in elements}) < len(elements):
            whole = simplify(html).html
            elements = _ELEMENT.findall(whole)
        return whole, elements

    def _spliced(self, html: str) -> str | None:
        """The parts put together; None if this is no page of the shop."""
        header, footer = html.find(_HEADER), html.rfind(_FOOTER)
        if header < 0 or footer < 0:
            return None
        main = html.index(_HEADER_END, header) + len(_HEADER_END)
        end = html.index(_FOOTER_END, footer) + len(_FOOTER_END)
        parts = [self._header(html[header:main]), self._landmark("footer", html[footer:end])]
        rest = (
            f"{html[html.index('<title>') : html.index('</title>')]}</title></head>"
            f"{html[html.index('<body') : header]}<header>Part</header>\n"
            f"{self._without_parts(html[main:footer], parts)}<footer>Part</footer>\n{html[end:]}"
        )
        return self._moulded(rest, parts)

    def _moulded(self, rest: str, parts: list[str]) -> str:
        """The rest simplified, with the parts in their places."""
        if _UNMOULDED not in rest:
            cut, values = gaps(rest)
            mould = self._mould(cut)
            if mould is not None:
                return mould.filled(values, parts)
        return Mould(simplify(rest).html).filled((), parts)

    def _without_parts(self, main: str, parts: list[str]) -> str:
        """The content of a page with stand-ins for the parts, which are added to `parts`."""

        def without_link(said: re.Match[str]) -> str:
            before, start, address, tag_end, number, label, after = said.groups()
            first, second, third = self._said(
                f"{before}{start}", tag_end, number is not None, f"{label}{after}"
            )
            parts.append(f"{first}{address}{second}{number or ''}{third}")
            return f"{before}{stand_in_link(len(parts) - 1)}{after}"

        def without_items(found: re.Match[str]) -> str:
            context, items, tag = found.groups()
            written = self._links(context, items, tag)
            if written is None:
                return found[0]
            parts.append(written)
            return f"{context}{stand_in(len(parts) - 1)}</ul></{tag}>"

        # Cards are most of a page, and there is nothing else to look for in them.
        shelves = _SHELF.split(main)
        for place in range(2, len(shelves), 2):
            context, (cards, end, after) = shelves[place - 1], shelves[place].partition(_SHELF_END)
            each = [f"{card}{_CARD_END}" for card in cards.split(_CARD_END)[:-1]]
            if end and each:
                parts.append("\n".join(self._items(context, "section", each)))
                shelves[place] = f"{stand_in(len(parts) - 1, card=True)}{end}{after}"
        return _LIST.sub(without_items, _SAID.sub(without_link, "".join(shelves)))

    def _links(self, context: str, items: str, tag: str) -> str | None:
        """The items of a list of links, simplified; None if one of them is something else than a link."""
        cut = _VARIES.split(items)
        pieces = self._lists(context, tag, tuple(cut[::3]))
        if pieces is None:
            return None
        written = [pieces[0]]
        for address, number, after in zip(cut[1::3], cut[2::3], pieces[1:], strict=True):
            written += (number if address is None else address, after)
        return "".join(written)

    def _list(self, context: str, tag: str, cut: tuple[str, ...]) -> list[str] | None:
        """A list of links, simplified, cut where addresses and numbers stand, as they are cut out of it."""
        links: list[str] = []
        written: list[str] = []
        items = _VARYING.join(cut)
        at = 0
        for item in _ITEM.finditer(items):
            before, label, small = item.groups()
            at += len(item[0])
            if before:
                links.append(f"<li>{before}{_ADDRESS}{label}{f' {small}(0)</small>' if small else ''}</li>")
                written.append(f" ({_VARYING})</li>" if small else "</li>")
            else:
                written.append("<li>…</li>")
        if at < len(items):
            return None
        alone = iter(self._items(context, tag, links))
        for place, end in enumerate(written):
            if end != "<li>…</li>":
                link = next(alone).removesuffix(" (0)</li>").removesuffix("</li>")
                written[place] = link.replace(_ADDRESS, _VARYING, 1) + end
        return "\n".join(written).split(_VARYING)

    def _items(self, context: str, tag: str, items: Sequence[str]) -> list[str]:
        """Items of a list, each simplified as in a page that has nothing but this list."""
        kept = self._items_kept
        keys = [(context, tag, item) for item in items]
        missing = [key for key in dict.fromkeys(keys) if key not in kept]
        if missing:
            made = each_alone(context, [item for _, _, item in missing], tag)
            kept.update(zip(missing, made, strict=True))
        found = [kept[key] for key in keys]
        for key in keys:
            kept.move_to_end(key)
        while len(kept) > _KEPT_PARTS:
            kept.popitem(last=False)
        return found

    def _header(self, html: str) -> str:
        typed, count = _TYPED.search(html), _COUNT.search(html)
        if typed:
            html = html.replace(typed[0], f'{typed[1]}#typed"', 1)
        if count:
            html = html.replace(count[0], f"{count[1]}(0)", 1)
        part = self._landmark("header", html)
        if count:
            part = part.replace("(0)", f"({count[2]})", 1)
        if typed:
            part = part.replace("#typed", escape(unescape(typed[2])), 1)
        return part


def items_alone(context: str, items: str, tag: str) -> str:
    """Items of a list, simplified in a page that has nothing but this list."""
    box, end = "", ""
    if context.startswith('<section class="facet'):
        box, end = '<aside aria-label="Refinements">', "</aside>"
    elif tag == "div":
        box, end = '<section aria-label="Buy">', "</section>"
    page = simplify(f"<body><main>{box}{context}{items}</ul></{tag}>{end}</main></body>").html
    found = _ITEMS.search(page)
    return found[1].strip() if found else ""


def each_alone(context: str, items: Sequence[str], tag: str) -> list[str]:
    """Items of a list, each as if it were the only one: in one go, unless some would be called the same."""
    labels = [found[-1] for item in items if (found := _LABEL.findall(item))]
    if len({slug(unescape(label)) for label in labels}) == len(items):
        found = items_alone(context, "".join(items), tag).removesuffix("</li>").split("</li>\n")
        if len(found) == len(items):
            return [f"{item}</li>" for item in found]
    return [items_alone(context, item, tag) for item in items]


def _said_alone(before: str, tag_end: str, numbered: bool, after: str) -> tuple[str, str, str]:
    """A link in a sentence: what stands before its address, between it and a number, and after that."""
    number = "0" if numbered else ""
    page = simplify(f"<body><main>{before}{_ADDRESS}{tag_end}{number}{after}</main></body>").html
    found = _LINK.search(page)
    first, _, second = found[0].partition(_ADDRESS) if found else ("", "", "")
    end = second.index(">") + 1
    return first, second[:end], second[end:].removeprefix(number)


def _landmark_alone(tag: str, html: str) -> str:
    page = simplify(f"<body>{html}<main></main></body>").html
    return page[page.index(f"<{tag}>") : page.rindex(f"</{tag}>") + len(tag) + 3]
