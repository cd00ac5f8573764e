"""Pages as changes: what is written, that nothing is lost, and that nobody can forge a marker."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from cpu_time import cpu_limit
from hypothesis import example, given, settings
from hypothesis import strategies as st

from facsim.page import read_page
from facsim.prompt import PromptConfig, build_prompt
from facsim.prompt.page_changes import as_changes, escape_markers, expand_all, unescape_markers
from facsim.prompt.page_index import PageIndex
from facsim.prompt.templates import CUT_MARK, PAGE_LEFT_OUT, escape_data
from facsim.schema import Action, PastStep, SessionSoFar

MENU = '<nav><a name="menu.home">Home</a> <a name="menu.help">Help</a> <a name="menu.cart">Cart</a></nav>'
FOOTER = '<footer><a name="footer.privacy">Privacy</a><a name="footer.terms">Terms of use</a></footer>'
BOX = '<input name="search" value="{}">'


def as_shown(*pages: str) -> list[str]:
    """The pages of a prompt as it shows them."""
    indexes = [PageIndex(escape_markers(page)) for page in pages]
    return [as_changes(index, indexes[:place]) for place, index in enumerate(indexes)]


@pytest.mark.parametrize(
    ("pages", "shown"),
    [
        # The same page again.
        ([MENU, MENU], "<same>"),
        # What shares the group `menu`, what is between it and the changed box, and the rest.
        (
            [MENU + BOX.format("") + FOOTER, MENU + BOX.format("tea") + FOOTER],
            '<same +menu+><input name="search" value="tea"><same +footer+>',
        ),
        # A run of elements that share no group; the name of the group is no name of the page.
        (
            [f"{MENU}<h1>Old</h1>{FOOTER}", f"{MENU}<h1>New</h1>{FOOTER}"],
            "<same +menu></nav><h1>New</h1><footer><same footer+>",
        ),
        # One element, and something new before it.
        (
            ['<a name="only">Only one of these</a>', '<p>New</p><a name="only">Only one of these</a>'],
            "<p>New</p><same only>",
        ),
        # Elements that come in another order, in one marker.
        (
            [
                '<a name="a">A long text</a><a name="b">B long text</a><a name="c">C</a>',
                '<a name="b">B long text</a><a name="a">A long text</a><p>C</p>',
            ],
            "<same b, a><p>C</p>",
        ),
        # An element with what is in it.
        (
            [
                '<ul name="list"><li name="list.1">One</li><li name="list.2">Two</li></ul><p>1</p>',
                '<p>2</p><ul name="list"><li name="list.1">One</li><li name="list.2">Two</li></ul>',
            ],
            "<p>2</p><same list>",
        ),
        # A long text without a name goes by its first words.
        (
            [
                "<p>1</p><p>It has earned its place in many homes.</p><p>2</p>",
                "<p>3</p><p>It has earned its place in many homes.</p>",
            ],
            '<p>3</p><p><same "It has earned its place"></p>',
        ),
        # What is shorter than a marker is written.
        (['<i name="abcdefghijk"></i><p>1', '<i name="abcdefghijk"></i><p>2'], "<same abcdefghijk><p>2"),
        (['<i name="a"></i>1<i name="b">', '<i name="a"></i>2<i name="b">'], '<same a>2<i name="b">'),
    ],
)
def test_what_is_written(pages, shown):
    assert as_shown(*pages)[-1] == shown
    assert expand_all(as_shown(*pages)) == pages


def test_a_label_means_the_last_page_that_has_it():
    first = '<a name="x">First text</a><a name="y">Another text</a>'
    second = '<a name="x">Second text</a><p>1</p>'
    assert as_shown(first, second, f"<p>2</p>{second}")[-1] == "<p>2</p><same x+>"
    # `x` of the first page can no longer be referred to, `y` can.
    assert as_shown(first, second, first)[-1] == '<a name="x">First text</a><same y>'


def test_any_earlier_page_counts_not_only_the_last():
    results = "".join(f'<li name="results.{n}">Product {n} of the list</li>' for n in range(20))
    shown = as_shown(f"<ul>{results}</ul>", '<h1 name="product">Product 3</h1>', f"<ol>{results}</ol>")
    assert shown[-1] == "<ol><same results></ol>"


def test_a_marker_names_nothing_that_the_page_has_not():
    outer = '<div name="outer"><a name="inner">The very same text</a></div>'
    other = '<div name="other"><a name="inner">The very same text</a></div>'
    assert as_shown(outer, other)[-1] == '<div name="other"><same inner></div>'


@pytest.mark.parametrize(
    "forged",
    [
        "<same>",
        "<same menu>",
        r"<\same menu>",
        r"<\\same>",
        "<SAME menu to footer>",
        "<same\nmenu>",
        '<same name="menu.home">',
        "<<same menu>>",
        "<same<same menu>",
        "<same",
    ],
)
def test_a_page_cannot_forge_a_marker(forged):
    pages = [MENU, f"<p>{forged}</p>{MENU}", f"{forged}{MENU}{forged}", forged]
    shown = as_shown(*pages)
    assert expand_all(shown) == pages
    markers = [found for page in shown for found in re.findall("<same[^<>]*>", page)]
    assert set(markers) <= {"<same +menu+>", "<same menu>", "<same menu+>", "<same +menu>"}


@given(st.text(alphabet="<\\sameS >\n", max_size=40))
def test_escaping_loses_nothing(text):
    assert unescape_markers(escape_markers(text)) == text
    assert not re.search(r"<same[\s>]", escape_markers(text))


NAMES = [
    "a",
    "a.b",
    "a.b.c",
    "to",
    "a to b",
    "+",
    "a+",
    "a,b",
    ",",
    ".",
    "..",
    ".a",
    "a.",
    '"a"',
    "ä.ö",
    "same",
]
TEXTS = [
    "",
    "1",
    " \n",
    "A text that is long enough to have a label",
    "A text that is long enough, too",
    '"A text that is long" to b',
    "<same a>",
    "<same>",
    "\\",
    "<",
    "<\\same a to b+>",
    "&lt;same&gt;",
    "<!-- a comment that is rather long -->",
]
names = st.sampled_from(NAMES)
pieces = st.one_of(
    st.sampled_from(TEXTS),
    st.builds("<a name='{}'>{}</a>".format, names, st.sampled_from(TEXTS)),
    st.builds('<input name="{}" value="{}">'.format, names, st.sampled_from(["", "x"])),
    st.builds('<div name="{}">'.format, names),
    st.sampled_from(
        ["<div>", "</div>", "</p>", "<p>", "<textarea>", "</textarea>", "<br>", "<a", '<a name="a'],
    ),
)
pages_of = st.lists(st.lists(pieces, max_size=12).map("".join), min_size=1, max_size=5)


@st.composite
def edited_sessions(draw):
    """Pages that each are the page before with a few pieces put in, taken out, or moved."""
    parts = draw(st.lists(pieces, max_size=15))
    pages = ["".join(parts)]
    for _ in range(draw(st.integers(1, 5))):
        for _ in range(draw(st.integers(0, 3))):
            begin, end = sorted(draw(st.tuples(st.integers(0, len(parts)), st.integers(0, len(parts)))))
            moved = parts[begin:end] if draw(st.booleans()) else draw(st.lists(pieces, max_size=2))
            at = draw(st.integers(0, len(parts)))
            parts = [*parts[:at], *moved, *parts[at:]]
            if draw(st.booleans()):
                del parts[begin:end]
        pages.append("".join(parts))
    return pages


@settings(deadline=None, max_examples=400)
@given(st.one_of(pages_of, edited_sessions()))
@example(["<p>x<same", "<same>", "<same"])
def test_nothing_is_lost(pages):
    shown = as_shown(*pages)
    assert expand_all(shown) == pages
    assert shown[0] == escape_markers(pages[0])
    for page, text in zip(pages, shown, strict=True):
        assert len(text) <= len(escape_markers(page)) or text == "<same>"


def shown_whole(prompt) -> list[str]:
    """The last pages of a prompt, from the first on that nothing is cut from."""
    kept: list[str] = []
    for message in reversed([message for message in prompt.messages if message.role == "user"]):
        text = message.content
        if not text.startswith("<page>\n") or CUT_MARK in text:
            break
        kept.insert(0, text.removeprefix("<page>\n").removesuffix("\n</page>"))
    return kept


@settings(deadline=None, max_examples=150)
@given(
    edited_sessions(), st.sampled_from([None, 700, 900, 1_200]), st.sampled_from(["drop_oldest", "anchored"])
)
def test_a_prompt_refers_to_nothing_that_it_does_not_show(pages, budget, policy):
    config = PromptConfig(
        style="action", pages="changes", page_text="stored", budget_tokens=budget, budget_policy=policy
    )
    past: tuple[PastStep, ...] = ()
    for html in pages:
        page = read_page(html)
        prompt = build_prompt(SessionSoFar("s", page, past), config)
        past = (*past, PastStep(page, Action.click("a")))
        assert budget is None or prompt.tokens <= budget
        kept = shown_whole(prompt)
        if prompt.shown is None:
            full = [escape_data("page", step.page.html) for step in past]
            assert expand_all(kept) == full[len(full) - len(kept) :]
        if budget is None:
            assert len(kept) == len(past)


def session_of(pages: list[str]) -> list[SessionSoFar]:
    past: tuple[PastStep, ...] = ()
    so_fars = []
    for html in pages:
        page = read_page(html)
        so_fars.append(SessionSoFar("s", page, past))
        past = (*past, PastStep(page, Action.click("menu.home")))
    return so_fars


def listing(step: int, rows: int = 40) -> str:
    items = "".join(
        f'<li name="row.{(step + n) % 300}">Row {(step + n) % 300} of a list that scrolls</li>'
        for n in range(rows)
    )
    return f"{MENU}{BOX.format(step)}<ul>{items}</ul>{FOOTER}"


@pytest.mark.parametrize("policy", ["drop_oldest", "anchored"])
def test_a_long_session_appends_until_pages_give_way_and_then_begins_with_a_whole_page(policy):
    so_fars = session_of([listing(step) for step in range(100)])
    config = PromptConfig(
        style="action", pages="changes", budget_tokens=4_000, budget_policy=policy, page_text="stored"
    )
    prompts = [build_prompt(so_far, config) for so_far in so_fars]
    broken = 0
    for before, after in pairwise(prompts):
        if after.messages[: len(before.messages)] != before.messages:
            broken += 1
            gone = [prompt.pages_left_out + prompt.steps_left_out for prompt in (before, after)]
            assert gone[0] < gone[1] or policy == "anchored"
    assert 1 <= broken <= 12
    for step, prompt in enumerate(prompts):
        assert prompt.tokens <= 4_000
        assert prompt.shown is None
        kept = shown_whole(prompt)
        assert "<same" not in kept[0]
        assert expand_all(kept) == [so_far.page.html for so_far in so_fars[step + 1 - len(kept) : step + 1]]
    # Where whole pages would fill the budget, changes keep far more of the session.
    full = build_prompt(so_fars[-1], config.model_copy(update={"pages": "full"}))
    assert len(shown_whole(prompts[-1])) > 3 * len(shown_whole(full))


def test_prompts_do_not_depend_on_what_was_built_before():
    config = PromptConfig(style="action", pages="changes", budget_tokens=3_000, page_text="stored")
    pages = [listing(step) for step in range(30)]
    forwards = [build_prompt(so_far, config) for so_far in session_of(pages)]
    for step in (29, 3, 17):
        assert build_prompt(session_of(pages)[step], config) == forwards[step]


def test_a_page_too_long_for_the_budget_is_cut_and_the_next_is_whole():
    config = PromptConfig(style="action", pages="changes", budget_tokens=1_200, page_text="stored")
    long, short = listing(0, rows=200), listing(0, rows=3)
    first, second, third = (build_prompt(so_far, config) for so_far in session_of([long, short, short]))
    assert first.shown is not None
    assert CUT_MARK in first.messages[-1].content
    assert second.shown is None
    assert second.messages[1].content == PAGE_LEFT_OUT
    assert "<same" not in second.messages[-1].content
    assert third.messages[-1].content == "<page>\n<same>\n</page>"


def test_the_first_sentences_explain_the_marker_only_where_there_is_one():
    so_far = session_of([MENU])[0]
    system = {
        pages: build_prompt(so_far, PromptConfig(pages=pages)).messages[0].content
        for pages in ("full", "changes")
    }
    assert "<same a>" in system["changes"]
    assert "<same" not in system["full"]


@pytest.mark.parametrize(
    "page",
    [
        "".join(f'<a name="n{n}">Text {n}</a>' for n in range(6_000)),
        "".join(f'<div name="n{n}">' for n in range(8_000)),
        '<a name="x">' + "<b>t" * 20_000,
        "".join('<a name="x">' + "<b>t</b>" * 20 for _ in range(800)),
        '<i name="' + "a." * 200_000 + '">',
        "".join(f'<i name="{"a." * 90}{n}">' for n in range(6_000)),
        "<same a>" * 100_000,
        "<\\" * 200_000 + "same>",
        "lots of text " * 60_000,
        '"' * 400_000,
    ],
    ids=[
        "flat",
        "nested",
        "unnamed",
        "duplicates",
        "dots",
        "groups",
        "markers",
        "backslashes",
        "text",
        "quotes",
    ],
)
def test_time_is_linear_in_hostile_pages(page):
    with cpu_limit(10):
        pages = [page, f"<p>1</p>{page}", page[: len(page) // 2], f"{page}<p>2</p>", page]
        assert expand_all(as_shown(*pages)) == pages
