"""Pages that nobody would write, made from bytes, and what must hold of every page.

The tests draw the bytes with hypothesis; benchmarks/fuzz_page.py has them chosen by what code they reach.
"""

from __future__ import annotations

import re
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser, LexborNode

from facsim.page import Recipe, names_in, read_page, simplify
from facsim.page.confusables import skeleton
from facsim.page.nesting import MATTERS
from facsim.page.preprocess import preprocess
from facsim.page.tree import tokenize
from facsim.schema import Element, Page
from facsim.util.errors import InputError

LONGEST = 800
"""Characters of a made-up page; repeats go up to here. A few pages may be forty times as long."""


class Broken(AssertionError):
    """A rule that does not hold.

    Attributes:
        rule: which one, in a word or two; the same for all its failures.
    """

    def __init__(self, rule: str, found: object) -> None:
        super().__init__(f"{rule}: {str(found)[:600]}")
        self.rule = rule


@dataclass(frozen=True)
class Hostile:
    """A page as it arrives, and what may come with it."""

    html: str | bytes
    recipe: Recipe | None = None


def check(page: Hostile, simplify: Callable[..., Page] = simplify) -> float:
    """Try every rule on one page.

    Args:
        page: the page.
        simplify: what makes its simplified page.

    Returns:
        CPU seconds that `simplify` and reading the elements took.

    Raises:
        Broken: if a rule does not hold.
    """
    began = time.process_time()
    try:
        simple = simplify(page.html, recipe=page.recipe)
        elements = simple.elements
    except InputError:
        return time.process_time() - began
    seconds = time.process_time() - began
    _check_names(elements)
    _check_locators(page, elements)
    _check_stored(simple)
    _check_parsed(simple)
    return seconds


def _check_names(elements: tuple[Element, ...]) -> None:
    names = [element.name for element in elements]
    looks = [skeleton(name) for name in names]
    if len(set(looks)) < len(looks):
        often = Counter(looks)
        raise Broken("names look alike", [name for name in names if often[skeleton(name)] > 1][:6])
    for name in names:
        if not all(name.split(".")):
            raise Broken("empty part of a name", repr(name))
        if name != unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()):
            raise Broken("name not normalised", repr(name))
        if any(unicodedata.category(character)[0] in "CZ" for character in name):
            raise Broken("undrawn character in a name", repr(name))
        if len(name) > 400:
            raise Broken("long name", f"{len(name)} characters: {name}")


def _check_locators(page: Hostile, elements: tuple[Element, ...]) -> None:
    locators = [element.locator for element in elements if element.locator]
    if len(set(locators)) < len(locators):
        raise Broken(
            "two names for one node", [one for one, often in Counter(locators).items() if often > 1][:3]
        )
    if not isinstance(page.html, str):
        return
    # `plaintext` and what follows it is no text to a person, but one to a parser. A template that Lexbor keeps
    # apart is put in place as a shadow root, where what is badly nested closes what is around it.
    if re.search("^<html data-simplified|plaintext|shadowrootmode", page.html, re.IGNORECASE):
        return
    documents = {(): _parsed(page.html)}
    found = [element for element in elements if element.locator]
    # Lexbor finds the nth of its type in time that grows with the square of the siblings.
    some = 100 if page.html.count("<") < 1_000 else 1
    for element in found[:: 1 + len(found) // some]:
        node = _node_at(element, documents)
        if node is None:  # it is in a shadow root
            continue
        tag = "img" if element.tag == "img" and node.tag == "svg" else node.tag or ""
        # Where a parser would not take a tag as it is meant, a box or a neutral one is written.
        is_odd = not re.fullmatch("[a-z][a-z0-9-]*", tag)
        is_other = (is_odd and element.tag in ("div", "span")) or (element.tag == "span" and tag in MATTERS)
        if tag != element.tag and not is_other:
            raise Broken("locator", f"a {tag} for {element}")
        if tag == "a" and (node.attributes.get("href") or None) != (element.href or None):
            raise Broken("locator", f"{node.attributes} for {element}")


def _node_at(element: Element, documents: dict[tuple[str, ...], LexborHTMLParser]) -> LexborNode | None:
    """The one node that a locator finds, in frames too; None in shadow roots.

    Args:
        element: the element.
        documents: those parsed so far, by the way to the frame that each is in.
    """
    way = element.locator.split(" >>> ")
    if ":host" in element.locator:
        return None
    node = None
    for place, part in enumerate(way):
        above = tuple(way[:place])
        if above not in documents:
            assert node is not None
            documents[above] = _parsed(node.attributes.get("srcdoc") or "")
        nodes = documents[above].css(part)
        if len(nodes) != 1:
            raise Broken("locator", f"{len(nodes)} nodes for {part} of {element}")
        node = nodes[0]
    return node


def _parsed(html: str) -> LexborHTMLParser:
    # Events would fill `selectedcontent`, which other parsers leave to the browser.
    return LexborHTMLParser(
        preprocess(html).encode("utf-8", "replace"), options=LexborDocumentOptions.WO_EVENTS
    )


def _check_stored(simple: Page) -> None:
    again = simplify(simple.html)
    if again.html != simple.html:
        raise Broken("changes when simplified again", f"{simple.html}\n{again.html}")
    if [replace(e, locator="") for e in again.elements] != [replace(e, locator="") for e in simple.elements]:
        raise Broken("other elements when simplified again", simple.html)
    stored = read_page(simple.html)
    for was, is_now in zip(simple.elements, stored.elements, strict=False):
        if replace(was, locator="") != is_now:
            raise Broken("read back differently", f"{was}\n{is_now}")
    if len(stored.elements) != len(simple.elements):
        raise Broken("read back differently", f"{len(stored.elements)} of {len(simple.elements)}")
    names = [element.name for element in simple.elements]
    if names_in(simple.html) != names:
        raise Broken("names_in differs", simple.html)


def _check_parsed(simple: Page) -> None:
    """Any HTML parser finds the same elements, nested in the same way; scripts and the like are gone."""
    document = LexborHTMLParser(simple.html)
    if document.css(
        "script, style, template, noscript, iframe, input[type=hidden], input[type=password][value]"
    ):
        raise Broken("left in", simple.html)
    written, parsed = named_nodes(simple.html), named_nodes(document.html or "")
    if written != parsed:
        differing = next(
            (pair for pair in zip(written, parsed, strict=False) if pair[0] != pair[1]), "in number"
        )
        raise Broken("another parser reads other names", f"{differing}\n{simple.html}")


def named_nodes(html: str) -> list[tuple[str, str, int]]:
    """The elements with a name: tag, name, and in how many others each is."""
    tree = tokenize(html)
    depths = [0] * len(tree)
    found = []
    for node, (tag, attributes, parent) in enumerate(
        zip(tree.tags, tree.attributes, tree.parents, strict=True)
    ):
        name = attributes.get("name")
        around = depths[parent] if parent >= 0 else 0
        depths[node] = around + (name is not None)
        if name is not None:
            found.append((tag, name, around))
    return found


def check_reading(html: str) -> None:
    """Whatever claims to be a simplified page is read, and read alike by both readers."""
    for text in (html, f'<html data-simplified="1">{html}'):
        try:
            names = [element.name for element in read_page(text).elements]
            listed = names_in(text)
        except InputError:
            continue
        if names != list(dict.fromkeys(listed)):
            raise Broken("read_page and names_in differ", text)


class _Choices:
    """Decisions taken from bytes; 0 for all when they are used up."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def is_over(self) -> bool:
        return self._at >= len(self._data)

    def below(self, count: int) -> int:
        """A number below `count` (at most 256)."""
        if self.is_over:
            return 0
        self._at += 1
        return self._data[self._at - 1] % count

    def of(self, several: Sequence[str]) -> str:
        return several[self.below(len(several))]


_RECIPES = (
    None,
    None,
    None,
    Recipe(
        interactable=("div", "p"), drop=("h3",), names={"a": "link", "button": "cart.add", "[id]": "link_2"}
    ),
    Recipe(names={"div, span, a, p": "x"}),
    Recipe(drop=("*",)),
)
_ENCODINGS = (
    "",
    "",
    "",
    "",
    "utf-8",
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "cp1252",
    "shift_jis",
    "gb18030",
    "utf-7",
)


def hostile(data: bytes) -> Hostile:
    """A page from bytes: the first one says of what kind, the others are its content or decide it."""
    kind, rest = data[:1], data[1:]
    if kind <= b"\x1f":
        return Hostile(rest)
    if kind <= b"\x3f":
        return Hostile(rest.decode("utf-8", "surrogateescape" if kind > b"\x2f" else "replace"))
    choose = _Choices(rest)
    recipe = _RECIPES[choose.below(len(_RECIPES))]
    encoding = choose.of(_ENCODINGS)
    html = made_up(choose, LONGEST * 40 if kind >= b"\xfe" else LONGEST)
    if not encoding:
        return Hostile(html, recipe)
    raw = html.encode(encoding, "xmlcharrefreplace" if encoding != "utf-16" else "replace")
    return Hostile(raw[: len(raw) - choose.below(3)], recipe)


_TAG_WORDS = """
    a a a a div div div span p ul li li h1 h2 h3 section article nav header footer main aside form fieldset legend
    label label button button input input input select option optgroup textarea table caption thead tbody tr td th
    dl dt dd details summary dialog figure figcaption img svg g use title math mi mtext foreignObject desc iframe
    object area map b i em code pre del br hr x-card my-el slot template body html head frameset noscript
    script style xmp noembed noframes plaintext image isindex font nobr center menu datalist output meta
    link base selectedcontent search ruby rt marquee
"""
_TAGS = _TAG_WORDS.split()
_WORDS = (
    "Add", "Add", "add ", "Cart", "Cart (2)", "View", "Blue mug", "Blue mug", "Red mug", "1", "2", "$5", "€3.99 ", " ",
    "\n", "", "\u0421art", "c\u200bart", "\u202ecart", "\u05d0\u05d1", "\u0645\u0631\u062d\u0628\u0627", "日本", "é",
    "e\u0301", "\ufb01ne", "ﬀ", "ß", "İ", "\u0130", "Ǆ", "\u1e9e", "\u3164", "\u115f", "\u034f", "\u00a0", "\u2028",
    "\0", "\x0c", "\x1b", "\ud800", "\udfff", "\ufffe", "\U000e0041", "\U0001f6d2", "👩\u200d🚀", "\u0600", "\u06dd",
    "&amp;", "&amp;lt;b&amp;gt;", "&lt;", "&#0;", "&#x110000;", "&#xD800;", "&#150;", "&notit;", "&ampx", "&", "&nbsp;",
    "<", "</", "<3", "< b", "<!", "<?php ?>", "<![CDATA[x]]>", "]]>", "-->", "--!>", "<!-->", "<!-- - -->", "<!--",
    "<!doctype html>", "\"", "'", "`", "%", "a.b", "a..b", "...", "+", "×", "_", "__", "_2", "x_2", "x 2", "ªº", "①",
    "Ⅷ", "½", "Σς", "ŉ", "ΐ", "\u0345", "\u1c89", "ͺ", "ﷺ", "\uff21", "word " * 30, "W" * 300, "\u0301" * 40,
)  # fmt: skip
_ATTRIBUTES = (
    "href=/1", "href=/1", "href=/2", "href", "href='#'", "href=' javascript:x'", "id=a", "id=a", "id=b", "for=a", "for=b",
    "aria-labelledby=a", "aria-labelledby='b a c'", "aria-describedby=a", "aria-label='{}'", "aria-label='{}'",
    "title='{}'", "alt='{}'", "placeholder='{}'", "value='{}'", "name='{}'", "name=q", "label='{}'", "role=button",
    "role=link", "role=checkbox", "role=option", "role=listitem", "role=row", "role=heading", "role='{}'", "role=none",
    "role=group", "role=dialog", "role=img", "aria-level=9", "aria-level='{}'", "onclick", "onclick='x'", "tabindex=0",
    "tabindex=-1", "tabindex=²", "contenteditable", "contenteditable=false", "hidden", "hidden=until-found",
    "aria-hidden=true", "aria-hidden=false", "style='display:none'", "style='visibility: hidden'", "inert", "type=hidden",
    "type=checkbox", "type=radio", "type=submit", "type=image", "type=password", "type=SEARCH", "type='{}'", "checked",
    "selected", "disabled", "required", "multiple", "open", "aria-expanded=true", "aria-pressed=mixed", "aria-current=page",
    "data-facsim-visible=true", "data-facsim-visible=false", "data-simplified=1",
    "slot=s", "slot=''", "name=s", "shadowrootmode=open", "shadowrootmode=closed", "class='{}'", "=", "a\"b", "'", "/", "<",
    "x=<b>", "x='", "srcdoc='{}'", "xlink:href=#a", "autofocus", "usemap=#m", "is=x-card", "a='1' a='2'", "HREF=/3",
    "\0=\0", "é=é", "itemprop=name", "data-x='a>b'", "data-y=\"</a>\"",
)  # fmt: skip
_SHAPES = (
    "<li><a href=/p/{n}><img alt='{t}'></a><h3><a href=/p/{n}>{t}</a></h3>$5<button>Add</button></li>",
    "<div class=card><a href=/p/{n}>{t}</a> <b>$5</b> <button>Add</button></div>",
    "<tr><td><input type=checkbox></td><td>{t}</td><td><a href=/e/{n}>Edit</a></td></tr>",
    "<tr><th>{t}</th><td><button>Up</button></td></tr>",
    "<fieldset><legend>{t}</legend><label><input type=radio>{t}</label></fieldset>",
    "<section><h2>{t}</h2><a href=/s/{n}>More</a></section>",
    "<input type=checkbox id=c{n} hidden><label for=c{n}>{t}</label>",
    "<select aria-label='{t}'><option>{t}<option selected>{t} 2</select>",
    "<details><summary>{t}</summary><a href={n}>{t}</a></details>",
    "<nav aria-label='{t}'><ul><li><a href=/{n}>{t}</a><ul><li><a href=/{n}/1>{t}</a></ul></ul></nav>",
    "<article><header><h4>{t}</h4></header><a href=/{n}>Read</a></article>",
    "<x-card><template shadowrootmode=open><h3><slot name=s></slot></h3><slot>x</slot></template>"
    "<b slot=s>{t}</b><a href=/{n}>{t}</a></x-card>",
    "<div role=listitem><span>{t}</span><div role=button tabindex=0>{t}</div></div>",
    "<div onclick=x>{t}", "<a href=/{n}>{t}", "<b><a href=/{n}><button>{t}</b>", "<table><a href=/{n}>{t}<tr>",
    "<span role=combobox tabindex=0 aria-labelledby=a><span id=a role=textbox>{t}</span></span>",
)  # fmt: skip


def made_up(choose: _Choices, longest: int, depth: int = 0) -> str:
    """HTML of tags, attributes, words and whole cards, well and badly nested, as the bytes decide."""
    parts: list[str] = []
    opened: list[str] = []
    size = number = 0
    last = ""
    while not choose.is_over and size < longest:
        what = choose.below(16)
        if what < 5:
            tag = choose.of(_TAGS)
            last = _start(tag, choose)
            opened.append(tag)
        elif what < 8:
            last = choose.of(_WORDS)
        elif what < 10:
            last = f"</{opened.pop()}>" if opened else "</p>"
        elif what == 10:
            last = f"</{choose.of(_TAGS)}>"
        elif what < 13:
            number += choose.below(3)
            last = choose.of(_SHAPES).replace("{n}", str(number)).replace("{t}", choose.of(_WORDS))
        elif what == 13:
            # The same again, often: names collide, lists are long, nests are deep.
            start = max(0, len(parts) - 1 - choose.below(6))
            block = "".join(parts[start:])
            times = (2, 2, 3, 3, 5, 8, 20, 10_000)[choose.below(8)]
            last = block * min(times, (longest - size) // max(len(block), 1))
        elif what == 14 and depth < 6:
            inner = made_up(choose, longest // 4, depth + 1)
            last = f'<iframe srcdoc="{escape(inner)}"></iframe>'
        elif depth and choose.below(2):
            break
        else:
            mode = choose.of(("open", "closed", "OPEN", "none"))
            last = f"<div><template shadowrootmode={mode}>"
            opened += ("div", "template")
        parts.append(last)
        size += len(last)
    return "".join(parts)[: longest + 500]


def _start(tag: str, choose: _Choices) -> str:
    attributes = [
        attribute.replace("{}", choose.of(_WORDS)) if "{}" in attribute else attribute
        for attribute in (choose.of(_ATTRIBUTES) for _ in range(choose.below(5)))
    ]
    return f"<{' '.join((tag, *attributes))}{choose.of(('>', '>', '>', '/>', '', ' >'))}"
