"""Converts text to the words used in names."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

MAX_PART = 50
_MAX_END = 16
_LONGEST_NAME = 400
_LONGEST_AMOUNT = 40
_LONGER_THAN_WINDOW = 10
_ASCII_NAME = re.compile(r"[a-z0-9_.]+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_COUNT = re.compile(r"(?<=\S)\s*[(\[]\d[\d.,\s]{0,12}[)\]]$")
# Default-ignorable characters (UAX 44) that are not format characters (Cf): they draw nothing.
_NOT_DRAWN = frozenset(
    map(chr, (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x2065, 0x3164, 0xFFA0))
) | frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE1000))))
_DIGITS = r"\d{1,3}(?:[ \u00a0\u202f'’]\d{3})+(?:[.,]\d{1,2})?|\d[\d.,]*"  # noqa: RUF001
CURRENCY_SIGNS = "€£¥₹₩₽₺₫₪₴₸฿₱₦₲₡￥"
_CODES = (
    r"EUR|USD|GBP|CHF|CAD|AUD|NZD|SGD|HKD|TWD|SEK|NOK|DKK|ISK|PLN|CZK|HUF|BGN|RSD|UAH|INR|JPY|CNY|KRW|IDR|MYR"
    r"|THB|PHP|VND|BRL|MXN|ARS|CLP|RUB|KZT|TRY|ILS|AED|SAR|QAR|KWD|ZAR|NGN|KES"
)
_BEFORE = (
    rf"(?:(?:(?:US|AU|CA|NZ|HK|NT)\s?|S|R|MX|A|C)?\$|[{CURRENCY_SIGNS}]|\b(?:{_CODES}|Rs\b\.?|Rp\b\.?|KSh|S/\.?|Kč"
    r"|kr\b\.?))"
)
_AFTER = rf"(?:[{CURRENCY_SIGNS}円元원]|\$(?!\s?\d)|(?:{_CODES}|zł|kr|Kč|Ft|lei|TL|лв|грн|тг|руб|р)\b\.?)"  # noqa: RUF001
# `12,-` and `12:-`: no cents.
_WHOLE = r"\d{1,3}(?:[ .\u00a0]?\d{3})*[,:][-–](?!\s?\d)"  # noqa: RUF001
_AMOUNT = rf"(?:{_BEFORE}\s?(?:{_DIGITS})(?:\s?{_AFTER}(?!\s?\d))?|(?:{_DIGITS})\s?{_AFTER}|{_WHOLE})"
PRICE = re.compile(_AMOUNT)
# `$5.20/Item`, `€ 2,99 / 100 g`.
_UNIT = r"(?:\s?/\s?(?:\d+\s?)?[^\W\d_]{1,8})"
_MONEY = re.compile(rf"{_AMOUNT}{_UNIT}?")
_PRICE_ONLY = re.compile(rf"(?:[\s(),.:;/|*+-]*(?:{_AMOUNT}{_UNIT}?|-?\s?\d+\s?%|–))+[\s(),.:;/|*+-]*")  # noqa: RUF001
# A price to filter by is not the price of a product.
_RANGE = re.compile(
    rf"(?:\b(?:under|over|above|below|up to|from|to|than|and|or|min|max|between|unter|über|ab|bis|von|als"
    rf"|à|de|a|que|desde|hasta|entre)\b[.:]?|[&<>])\s*{_AMOUNT}|{_AMOUNT}\s*(?:(?:to|and|or|more|less|above|below"
    rf"|plus|bis|und|oder|à|et|ou|y|e|o|a)\b|[&+]|[-–]\s*{_AMOUNT})",  # noqa: RUF001
    re.IGNORECASE,
)
_PRICE_RANGE = re.compile(rf"({_AMOUNT})\s*[-–]\s*(?={_AMOUNT})")  # noqa: RUF001
_FROM = (
    r"(?:from|as low as|starting at|starting from|only|just|now|ab|nur|à partir de|dès|desde|a partir de"
    r"|od|vanaf|от)"
)
# "From" prices; alone, such a price is one to filter by.
_FROM_PRICE = re.compile(rf"(?<=\w)\W+{_FROM}\s*{_AMOUNT}\s*$", re.IGNORECASE)
_FROM_OR_PRICE = re.compile(rf"(?:\b{_FROM}\s*)?{_AMOUNT}", re.IGNORECASE)
_NUMBER_WORDS = r"\d{1,3}(?:[ .,\u00a0\u202f'’]\d{3})+|\d[\d.,]*"  # noqa: RUF001
_NOUNS = (
    r"(?:(?:items?|products?|articles?|results?|reviews?|ratings?|comments?|answers?|messages?|notifications?"
    r"|votes?|likes?|offers?|orders?|questions?|photos?|sellers?|rows?|left|sold|available|unread"
    r"|avis|évaluations?|notes|résultats?|produits?|commentaires?|offres?"
    r"|bewertung(?:en)?|rezension(?:en)?|ergebnis(?:se)?|produkte?|artikel|angebote?|kommentare?"
    r"|valoraci(?:ón|ones)|calificaci(?:ón|ones)|evaluaci(?:ón|ones)|opini(?:ón|ones)|reseñas?|resultados?|productos?|artículos?|comentarios?"
    r"|avaliaç(?:ão|ões)|classificaç(?:ão|ões)|opini(?:ão|ões)|produtos?|recensioni|valutazioni|risultati|prodotti|articoli"
    r"|beoordelingen|resultaten|producten|artikelen|omdömen|anmeldelser|recenzj[ei]|opinii|oceny|produktów"
    r"|отзыв\w*|товар\w*|результат\w*|оцен\w*|değerlendirme|yorum|ürün)\b"
    r"|レーティング|レビュー|件|個の評価|条评论|个评价)"
)
_COUNTED = re.compile(
    rf"(?<![\w.,:#-])(?:{_NUMBER_WORDS})\s?[×x]?"  # noqa: RUF001
    rf"(?=\s?(?:(?:new|active|unread|more|customer|global|answered|verified)\s)?{_NOUNS})"
    r"|(?<![\w.,:#-])\d+\s?[×x]?\sin (?:your|the|my) (?:cart|basket|bag|trolley)\b"  # noqa: RUF001
    r"|(?:(?<=\bsee all )|(?<=\bview all )|(?<=\bshow all )|(?<=\bread all ))"
    rf"(?:{_NUMBER_WORDS})(?=\s[^\W\d_]{{3}})",
    re.IGNORECASE,
)
# A count beside other words goes with its noun: `Used, 412 results`, `Used (412) items`.
_COUNT_BESIDE = re.compile(
    rf"(?<=[^\W\d])\s*(?:[,;–-]\s*(?:{_NUMBER_WORDS})\s{_NOUNS}|[(\[](?:{_NUMBER_WORDS})[)\]]\s?{_NOUNS})\s*$",  # noqa: RUF001
    re.IGNORECASE,
)
_COUNTED_NOUN = re.compile(rf"(?:{_NUMBER_WORDS})\s?[×x]?\s?{_NOUNS}", re.IGNORECASE)  # noqa: RUF001
_RATING = re.compile(
    r"(?:\b(?:average )?(?:customer )?rat(?:ing is|ing:|ed) )?(?:\b\d[.,]\d )?\b\d(?:[.,]\d)?"
    r" (?:out of|von|sur|su|van|de) (?:5|10)"
    r" (?:stars?|sternen?|étoiles|stelle|sterren|estrellas|estrelas)\b\.?"
    r"(?!\s*(?:&|\+|and up|or more|und mehr))",
    re.IGNORECASE,
)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*\.?"
_DATE = re.compile(
    rf"\b(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?\s)?"
    rf"(?:{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s\d{{4}})?|\d{{1,2}}\s{_MONTH}(?:\s\d{{4}})?)\b"
    r"|\b\d{4}-\d\d-\d\d\b|\b\d{1,2}[./]\d{1,2}[./]\d{4}\b",
    re.IGNORECASE,
)
# Notes for screen readers that a link opens a window.
_NEW_WINDOW = re.compile(
    r"[\s(\[,–-]*(?:\b(?:this link )?(?:will )?open(?:s|ed|ing)? (?:in )?(?:an? )?(?:new|another|external)"  # noqa: RUF001
    r" (?:browser )?(?:window|tab)(?: or (?:window|tab))?|\b(?:new|external) window\b"
    r"|\b(?:wird )?(?:öffnet )?(?:in|im) (?:einem )?neue[mn] (?:fenster|tab)(?: geöffnet)?"
    r"|\bs.ouvre dans (?:une?|le) (?:nouvelle fenêtre|nouvel onglet)"
    r"|\bse abre en una (?:nueva )?(?:ventana|pestaña)(?: nueva)?|\bsi apre in una nuova (?:finestra|scheda)"
    r"|\babre (?:em|numa) nova (?:janela|guia))[\s.)\]]*",
    re.IGNORECASE,
)
# Cheap signs that the slower patterns above may match, in lower-case text.
_MAY_BE_WINDOW = re.compile(r"window|open|neue[mn]|.ouvre|a[bp]re")
_MAY_BE_COUNTED = re.compile(r"\d[\d.,)\]]*\s?(?:[×x]\s?)?[^\W\d_]")  # noqa: RUF001
_LOWER_CODES = rf"(?:{_CODES.lower()}|rs|rp|ksh|s/|k[čr]|zł|ft|lei|tl|лв|грн|тг|р)"  # noqa: RUF001
_MAY_BE_AMOUNT = re.compile(
    rf"[${CURRENCY_SIGNS}円元원]|\d[.,]*\s?{_LOWER_CODES}|\b{_LOWER_CODES}\.?\s?\d|\d[,:][-–]"  # noqa: RUF001
)
_MAY_BE_RATING = re.compile(r"\b(?:5|10) (?:st|ét|estr)")
_MAY_BE_DATE = re.compile(r"jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|\d[-./]\d")
HAS_NUMBER = re.compile(rf"[\d${CURRENCY_SIGNS}]")
_HAS_WORD = re.compile(r"[^\W\d_]{2}")
_HAS_LONG_WORD = re.compile(r"[^\W\d_]{3}|[\u3040-\u30ff\u4e00-\u9fff]{2}")
_HAS_DIGIT = re.compile(r"\d")
SYMBOLS = {
    "+": "plus",
    "-": "minus",
    "−": "minus",  # noqa: RUF001
    "–": "minus",  # noqa: RUF001
    "×": "close",  # noqa: RUF001
    "✕": "close",
    "✖": "close",
    "☰": "menu",
    "←": "previous",
    "‹": "previous",  # noqa: RUF001
    "«": "previous",
    "<": "previous",
    "→": "next",
    "›": "next",  # noqa: RUF001
    "»": "next",
    ">": "next",
    "♥": "favourite",
    "♡": "favourite",
    "…": "more",
    "...": "more",
    "⋮": "more",
    "⋯": "more",
    "▶": "play",
    "►": "play",
    "🔍": "search",
    "★": "favourite",
    "☆": "favourite",
}
"""Meaning of a symbol if a control has no other text."""


@lru_cache(maxsize=20_000)
def slug(text: str) -> str:
    """Return words in lower case joined by `_`, at most `MAX_PART` characters, cut between words if possible.

    Unstable parts are omitted if other words remain: a count in brackets at the end, a number of `items`,
    `reviews` and the like, a price that is not a range. Long texts keep their end too, where variants of a
    product differ. Symbols without words (an emoji) are replaced by their Unicode name.

    >>> slug("4 Stars & Up (12)"), slug("Women's  KÄRCHER"), slug("+"), slug("☕")
    ('4_stars_up', 'womens_kärcher', 'plus', 'hot_beverage')
    >>> slug("Total: $208.90"), slug("Under $25"), slug("$5 - $10"), slug("1,204 ratings"), slug("$5")
    ('total', 'under_25', '5_to_10', 'ratings', '5')
    """
    return whole_slug(steady(text))


def steady(text: str) -> str:
    """Return a text without its unstable parts (counts, prices, dates), if any words remain.

    >>> steady("Used, 412 results"), steady("Jobs - opens in a new window"), steady("Sold on May 3, 2024")
    ('Used', 'Jobs', 'Sold on')
    >>> steady("See all 121 stories")
    'See all  stories'
    """
    text = text[:400].strip()
    if len(text) > _LONGER_THAN_WINDOW and _MAY_BE_WINDOW.search(text.lower()):
        text = _NEW_WINDOW.sub(" ", text).strip() or text
    if _HAS_DIGIT.search(text):
        if text[-1] in ")]":
            text = _COUNT.sub("", text) or text
        lower = text.lower()
        rest = _COUNTED.sub("", _COUNT_BESIDE.sub("", text)) if _MAY_BE_COUNTED.search(text) else text
        if _MAY_BE_AMOUNT.search(lower):
            rest = _FROM_PRICE.sub(" ", _PRICE_RANGE.sub(r"\1 to ", rest))
            if not _RANGE.search(rest):
                rest = _MONEY.sub(" ", rest)
        if _MAY_BE_RATING.search(lower):
            unrated = _RATING.sub(" ", rest)
            rest = unrated if _HAS_LONG_WORD.search(unrated) else _RATING.sub(" rating ", rest)
        if _MAY_BE_DATE.search(lower):
            rest = _DATE.sub(" ", rest)
        text = rest.strip() if _HAS_WORD.search(rest) else text
    return text


@lru_cache(maxsize=20_000)
def whole_slug(text: str) -> str:
    """Like `slug`, but keeps counts and prices."""
    words = words_of(text)
    if not words:
        return SYMBOLS.get(text[:400].strip(), "") or _signs(text[:400])
    return bounded("_".join(words))


def words_of(text: str) -> list[str]:
    """Return the words of a text's first 400 characters in the form used in names."""
    text = text[:400]
    if text.isascii():
        return _ASCII_WORD.findall(text.replace("'", "").lower())
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return folded.translate(_KEPT).split()


def _signs(text: str) -> str:
    """Names of the first symbols of a text without words."""
    names = [
        unicodedata.name(sign, "")
        for sign in text
        if unicodedata.category(sign) in ("So", "Sm") and sign > "~"
    ]
    return bounded("_".join(_ASCII_WORD.findall(" ".join(names[:3]).lower())))


def _keep(character: str) -> str:
    if character in _NOT_DRAWN:
        return ""
    kind = unicodedata.category(character)
    if kind[0] in "LNM":
        return character
    # Invisible characters and apostrophes join the text around them; anything else separates words.
    return "" if kind == "Cf" or character in "'’ʼ" else " "  # noqa: RUF001


class _Kept(dict[int, str]):
    """What `_keep` returns for each character met so far; for `str.translate`."""

    def __missing__(self, code: int) -> str:
        kept = self[code] = _keep(chr(code))
        return kept


_KEPT = _Kept()


def bounded(words: str) -> str:
    """Cut words joined by `_` to `MAX_PART` characters; long ones keep their beginning and end."""
    if len(words) <= MAX_PART:
        return words
    end = words[-_MAX_END:]
    begins = end.find("_") + 1
    end = end[begins:] if 0 < begins < len(end) else end
    room = MAX_PART - len(end) - 1
    cut = words.rfind("_", 10, room + 1)
    return f"{words[: cut if cut > 0 else room]}_{end}"


def is_name(text: str) -> bool:
    """Whether a text is a valid name: dot-separated parts of normalised lower-case words.

    >>> is_name("cart.add_2"), is_name("kärcher"), is_name("Cart"), is_name("a..b"), is_name("add 2")
    (True, True, False, False, False)
    """
    if not all(text.split(".")) or len(text) > _LONGEST_NAME:
        return False
    if text.isascii():
        return _ASCII_NAME.fullmatch(text) is not None
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return folded == text and all(character in "_." or _keep(character) for character in text)


def is_generated(words: str) -> bool:
    """Whether the slug of an attribute looks auto-generated: `field_8f3a21`, `q_1093847`."""
    return any(len(word) > 4 and len(_HAS_DIGIT.findall(word)) > 1 for word in words.split("_"))


def is_count(text: str) -> bool:
    """Whether a text is a number or a price and nothing else: `11`, `100/100`, `$40.00`.

    >>> is_count(" (3) "), is_count("4th"), is_count("$"), is_count("€ 40")
    (True, False, True, True)
    """
    if len(text) >= _LONGEST_AMOUNT or not HAS_NUMBER.search(text):
        return False
    return not any(map(str.isalpha, text)) or is_price(text)


def is_price(text: str) -> bool:
    """Whether a text is a price, or several, and nothing else.

    >>> is_price("-15% $59.49 $69.99"), is_price("12 990 Kč"), is_price("from $5"), is_price("11")
    (True, True, False, False)
    """
    return (
        len(text) < _LONGEST_AMOUNT
        and _PRICE_ONLY.fullmatch(text) is not None
        and PRICE.search(text) is not None
    )


def begins_with_prices(text: str) -> bool:
    """Whether a text begins with a price and shows another one, and is no range to choose by.

    >>> begins_with_prices("$5 List: $8"), begins_with_prices("$5 to $8"), begins_with_prices("$5 off")
    (True, False, False)
    """
    first = PRICE.match(text) if HAS_NUMBER.match(text) else None
    return first is not None and PRICE.search(text, first.end()) is not None and not _RANGE.search(text)


def is_passing(text: str) -> bool:
    """Whether a text is only what changes while the thing stays: prices, counts, dates.

    >>> is_passing("From $5"), is_passing("on May 3, 2024"), is_passing("12 reviews"), is_passing("Red, $5")
    (True, True, True, False)
    """
    text = text[:200]
    if not _HAS_DIGIT.search(text):
        return not _HAS_LONG_WORD.search(text)
    rest = _COUNTED_NOUN.sub("", _DATE.sub("", _FROM_OR_PRICE.sub("", text)))
    return not _HAS_LONG_WORD.search(rest)


def fold(text: str) -> str:
    """Collapse white space to single spaces and strip the ends."""
    return " ".join(text.split())
