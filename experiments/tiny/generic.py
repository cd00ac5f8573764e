"""Generated pages of all sorts of sites: forms, lists, tables, menus, calendars, with invented words.

They are raw HTML, to be simplified as real pages are. Nothing is taken from the shop or from any real site.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from random import Random

_THINGS = (  # noqa: SIM905 - easier to read
    "account address agenda airport album answer article atlas badge bag balance basket battery beach "
    "bench bike bill board boat book booking bottle box branch bread bridge bus button cabin cable "
    "calendar camera camp car card carpet case chair channel chapter chart city class clinic clock coat "
    "coffee coin concert contact contract cookie corner course cover cream cup cycle date deal debt desk "
    "dish doctor document door draft dress driver engine event exam fare farm fee ferry field file film "
    "flat flight floor folder form forum game garden gate gift glass group guest guide hall hat help hill "
    "hostel hotel house island item jacket job journey key kitchen label ladder lake lamp lesson letter "
    "library light line list loan lock lunch machine magazine map market match meal meeting member menu "
    "message mirror month museum news note offer office oil order page paint paper park parcel part "
    "partner party pass path pen people phone photo picture place plan plant plate pocket poem point "
    "policy pool port post price print prize profile project question quiz radio railway recipe record "
    "report request review rice ride ring river road room route rule sale salt school score sea season "
    "seat section service shelf ship shirt shoe shop show side sign site skill soap song soup spoon sport "
    "stage station step stop store story street suite summer table team tent term test text ticket tile "
    "time tool tour towel tower town toy track trade train travel tree trip update user valley van video "
    "view village visit voucher walk wall watch water weather week window winter wood work worker yard "
    "year zone"
).split()
_KINDS = (  # noqa: SIM905 - easier to read
    "active annual basic big blue bright brown calm cheap clean clear cold common cosy daily dark deep "
    "double dry early easy empty express extra fair family fast final fine first flat free fresh full "
    "general gentle golden grand gray great green happy hard heavy high hot large late light little local "
    "long lucky main modern monthly narrow national near new next nice old open other own past pink plain "
    "private public purple quick quiet rapid red regional rich round royal rural safe second senior sharp "
    "short silent silver simple single slow small smart soft solid special spring steady strong sunny "
    "super sweet tall thick thin tiny total travel urban warm weekly white whole wide wild wooden yellow "
    "young"
).split()
_SYLLABLES = (  # noqa: SIM905 - easier to read
    "ba be bo ca ce da de do fa fe fi ga go ha he ka ki la le lo ma mi mo na ne no pa pe ra re ri ro sa "
    "se si so ta te ti to va ve vi wa we za zo"
).split()
_VERBS = (
    *("Add", "Apply", "Book", "Buy", "Cancel", "Change", "Check", "Choose", "Close", "Compare", "Confirm"),
    *("Continue", "Copy", "Delete", "Download", "Edit", "Export", "Filter", "Find", "Follow", "Hide", "Join"),
    *("Keep", "Leave", "Like", "Load", "Open", "Order", "Pay", "Print", "Read", "Remove", "Rename", "Reply"),
    *("Reserve", "Reset", "Save", "Select", "Send", "Share", "Show", "Sign in", "Skip", "Start", "Stop"),
    *("Submit", "Subscribe", "Update", "Upload", "View", "Watch"),
)
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_FIELDS = (
    *(
        "Name",
        "First name",
        "Last name",
        "Email",
        "Phone",
        "City",
        "Street",
        "Country",
        "Postcode",
        "Company",
    ),
    *("From", "To", "Departure date", "Return date", "Check-in", "Check-out", "Subject", "Message"),
    *("User name", "Password", "Coupon code", "Amount", "Reference", "Website", "Age", "Title", "Notes"),
    *("Destination", "Departure city"),
)


def word(rng: Random) -> str:
    """A word: a thing, or an invented one."""
    if rng.random() < 0.6:
        return rng.choice(_THINGS)
    return "".join(rng.choices(_SYLLABLES, k=rng.choice((2, 2, 3))))


def phrase(rng: Random) -> str:
    """Two to four words, as a title says them."""
    words = [rng.choice(_KINDS)] if rng.random() < 0.7 else []
    words += [word(rng) for _ in range(rng.choice((1, 1, 2, 2, 3)))]
    return " ".join(words)


def title(rng: Random) -> str:
    """A phrase in the case of titles."""
    text = phrase(rng)
    return text.title() if rng.random() < 0.6 else text.capitalize()


def generic_page(rng: Random, size: int = 3) -> str:
    """Raw HTML of a page.

    Args:
        rng: decides everything.
        size: blocks on the page; a block is 40 to 150 tokens. 0: a page of a few elements.
    """
    if not size:
        return f"<body>{_bare(rng)}</body>"
    blocks = [rng.choice(_BLOCKS)(rng) for _ in range(size)]
    parts = [f"<main>{''.join(blocks)}</main>"]
    if rng.random() < 0.6:
        parts.insert(0, f"<header>{_menu(rng)}{_search(rng) if rng.random() < 0.6 else ''}</header>")
    if rng.random() < 0.3:
        parts.append(f"<footer>{_menu(rng)}</footer>")
    return f"<html><head><title>{title(rng)}</title></head><body>{''.join(parts)}</body></html>"


def _link(text: str, rng: Random) -> str:
    return f'<a href="/{rng.choice(_THINGS)}/{rng.randrange(1, 9999)}">{escape(text)}</a>'


def _heading(rng: Random) -> str:
    level = rng.choice((1, 2, 2, 3))
    return f"<h{level}>{escape(title(rng))}</h{level}>"


def _bare(rng: Random) -> str:
    """A handful of things to act on and nothing else."""
    parts = [_link(title(rng), rng) for _ in range(rng.randrange(0, 4))]
    parts += [f"<button>{verb}</button>" for verb in rng.sample(_VERBS, rng.randrange(0, 3))]
    if rng.random() < 0.7 or not parts:
        parts.append(_search(rng))
    parts += [f'<input aria-label="{field}">' for field in rng.sample(_FIELDS, rng.randrange(0, 3))]
    rng.shuffle(parts)
    return "".join(f"<div>{part}</div>" for part in parts)


def _menu(rng: Random) -> str:
    items = "".join(f"<li>{_link(title(rng), rng)}</li>" for _ in range(rng.randrange(3, 8)))
    return f'<nav aria-label="{escape(title(rng))}"><ul>{items}</ul></nav>'


def _search(rng: Random) -> str:
    label = rng.choice(
        ("Search", "Search the site", "Find", f"Search {word(rng)}s", "What are you looking for?")
    )
    button = rng.choice(("Search", "Go", "Find"))
    return (
        f'<form role="search"><input type="search" name="q" placeholder="{label}" aria-label="{label}">'
        f"<button>{button}</button></form>"
    )


def _form(rng: Random) -> str:
    fields = rng.sample(_FIELDS, rng.randrange(2, 6))
    parts = []
    for number, field in enumerate(fields):
        given = f' value="{escape(word(rng))}"' if rng.random() < 0.2 else ""
        parts.append(f'<label for="f{number}">{field}</label><input id="f{number}" type="text"{given}>')
    if rng.random() < 0.5:
        options = "".join(f"<option>{escape(title(rng))}</option>" for _ in range(3))
        parts.append(f"<label>{escape(title(rng))}<select>{options}</select></label>")
    for _ in range(rng.choice((0, 0, 1, 2))):
        kind = rng.choice(("checkbox", "checkbox", "radio"))
        parts.append(f'<label><input type="{kind}"> {escape(title(rng))}</label>')
    parts += [f"<button>{rng.choice(_VERBS)}</button>" for _ in range(rng.choice((1, 1, 2)))]
    legend = f"<legend>{escape(title(rng))}</legend>" if rng.random() < 0.5 else ""
    content = "".join(f"<div>{part}</div>" for part in parts)
    return f"<form>{_heading(rng)}<fieldset>{legend}{content}</fieldset></form>"


def _cards(rng: Random) -> str:
    has_rating, verb = rng.random() < 0.6, rng.choice((*_VERBS, "", ""))
    cards = []
    prices = rng.sample(range(3, 400), 8)
    stars = rng.sample(range(20, 50), 8)
    for number in range(rng.randrange(2, 8)):
        facts = f"<p>${prices[number]}.{rng.choice(('00', '50', '95', '99'))}</p>"
        if has_rating:
            facts += f"<p>{stars[number] / 10} out of 5 stars ({rng.randrange(1, 3000):,})</p>"
        button = f"<button>{verb}</button>" if verb else ""
        cards.append(f"<li><h3>{_link(title(rng), rng)}</h3>{facts}{button}</li>")
    return f"<section>{_heading(rng)}<ul>{''.join(cards)}</ul></section>"


def _table(rng: Random) -> str:
    columns = [title(rng) for _ in range(rng.randrange(1, 3))]
    verb = rng.choice(_VERBS)
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    rows = []
    for _ in range(rng.randrange(2, 6)):
        cells = "".join(f"<td>{rng.randrange(1, 900)}</td>" for _ in columns)
        rows.append(f"<tr><td>{escape(title(rng))}</td>{cells}<td>{_link(verb, rng)}</td></tr>")
    return (
        f"<section>{_heading(rng)}<table><tr><th></th>{head}<th></th></tr>{''.join(rows)}</table></section>"
    )


def _calendar(rng: Random) -> str:
    first, days = rng.randrange(7), rng.choice((28, 30, 31))
    begin = rng.randrange(1, 15)
    cells = ["<td></td>"] * first
    cells += [f'<td><a href="#{day}">{day}</a></td>' for day in range(begin, min(days, begin + 13) + 1)]
    rows = [f"<tr>{''.join(cells[at : at + 7])}</tr>" for at in range(0, len(cells), 7)]
    head = "".join(f"<th>{day}</th>" for day in _DAYS)
    return (
        f'<section><div><a href="#p">Prev</a><a href="#n">Next</a><h3>{rng.choice(_MONTHS)} '
        f"{rng.randrange(2016, 2030)}</h3></div><table><tr>{head}</tr>{''.join(rows)}</table></section>"
    )


def _buttons(rng: Random) -> str:
    buttons = "".join(f"<button>{verb}</button>" for verb in rng.sample(_VERBS, rng.randrange(2, 5)))
    return f"<section>{_heading(rng)}<p>{escape(phrase(rng).capitalize())}.</p>{buttons}</section>"


def _pager(rng: Random) -> str:
    last = rng.randrange(3, 9)
    links = "".join(f"<li>{_link(str(number), rng)}</li>" for number in range(1, last))
    return f'<nav aria-label="Pages"><ul>{links}<li>{_link("Next", rng)}</li></ul></nav>'


def _article(rng: Random) -> str:
    texts = "".join(
        f"<p>{escape(phrase(rng).capitalize())} {_link(phrase(rng), rng)}.</p>"
        for _ in range(rng.randrange(1, 4))
    )
    return f"<article>{_heading(rng)}{texts}</article>"


_BLOCKS: Sequence[Callable[[Random], str]] = (
    _menu, _search, _form, _form, _cards, _cards, _cards, _table, _calendar, _buttons, _pager, _article,
)  # fmt: skip
