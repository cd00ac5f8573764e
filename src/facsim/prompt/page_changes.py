r"""Pages as changes: markers refer to what earlier pages of the prompt already show.

The first page of a prompt is complete. On a later page, a marker replaces each span that is identical on an
earlier page:

- `<same a>`: the element `a`; or if no element is named `a`, everything from the first to the last element
  whose name begins with `a.`;
- `<same a to b>`: everything from the start of `a` to the end of `b`;
- `+` before or after it: also everything up to the next named tag on that side;
- `<same a, b to c+>`: several spans in a row;
- `<same>`: the whole page is the same as the page before.

A label refers to the last earlier page that has it (`facsim.prompt.page_index`), so pages need no numbers.
`expand` restores every page exactly. Page text that looks like a marker is escaped with a backslash:
`<\same`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from facsim.prompt.page_index import PageIndex, labels_for

_MIN_SAVED = 5
"""A span is replaced only if that saves at least this many characters."""

_MAX_RETRIED = 64
"""A failed match of more tokens than this is not searched for matches that begin inside it. This keeps the
time linear in the page."""

_MARKER_LOOKALIKE = re.compile(r"<(?=\\*+same[\s>])", re.IGNORECASE)
_ESCAPED = re.compile(r"<\\(?=\\*+same[\s>])", re.IGNORECASE)
_MARKER = re.compile(r"<same(?: ([^<>]*))?>")
_LABEL = r"(\"[^\"]*\"|[^\s\"+,]+)"
_STRETCH = re.compile(rf"(\+?){_LABEL}(?: to {_LABEL})?(\+?)(?:, |\Z)")


def escape_markers(html: str) -> str:
    """`html` with all text that looks like a marker escaped."""
    return _MARKER_LOOKALIKE.sub(r"<\\", html)


def unescape_markers(html: str) -> str:
    """The inverse of `escape_markers`."""
    return _ESCAPED.sub("<", html)


@dataclass(frozen=True, slots=True)
class _Copy:
    """A span of tokens that an earlier page has, and how a marker refers to it."""

    begin: int
    end: int
    reference: str


def as_changes(page: PageIndex, earlier: Sequence[PageIndex]) -> str:
    """A page with markers for what earlier pages show. Time is linear in the length of all pages.

    Args:
        page: the page, with its text escaped.
        earlier: the pages before it in the prompt, oldest first.
    """
    if earlier and earlier[-1].html == page.html:
        return "<same>"
    written: list[str] = []
    references: list[str] = []
    at = 0
    for copy in _copies(page, _latest(earlier)):
        if references and copy.begin > at:
            written.append(f"<same {', '.join(references)}>")
            references = []
        written.extend(page.tokens[at : copy.begin])
        references.append(copy.reference)
        at = copy.end
    if references:
        written.append(f"<same {', '.join(references)}>")
    written.extend(page.tokens[at:])
    return "".join(written)


def expand(shown: str, earlier: Sequence[PageIndex]) -> str:
    """The inverse of `as_changes`: replaces every marker by the span that it refers to.

    Args:
        shown: the page as in the prompt.
        earlier: the pages before it, as passed to `as_changes`.

    Raises:
        ValueError: if a marker refers to nothing.
    """
    latest = _latest(earlier)

    def stretches(marker: re.Match[str]) -> str:
        if marker[1] is None and earlier:
            return earlier[-1].html
        return "".join(_referred(marker[1] or "", latest))

    return _MARKER.sub(stretches, shown)


def expand_all(shown: Sequence[str]) -> list[str]:
    """The full text of consecutive pages of a prompt. The first must be complete.

    Raises:
        ValueError: if a marker refers to nothing.
    """
    pages: list[PageIndex] = []
    for text in shown:
        pages.append(PageIndex(expand(text, pages)))
    return [unescape_markers(page.html) for page in pages]


def _referred(references: str, latest: dict[str, PageIndex]) -> Iterator[str]:
    at = 0
    while at < len(references) or not at:
        found = _STRETCH.match(references, at)
        page = latest.get(found[2]) if found else None
        if found is None or page is None:
            raise ValueError(f"<same {references}> refers to nothing")
        before, first, last, after = found.groups()
        try:
            yield page.stretch(first, last or first, before=bool(before), after=bool(after))
        except KeyError:
            raise ValueError(f"<same {references}> refers to nothing") from None
        at = found.end()


def _latest(earlier: Sequence[PageIndex]) -> dict[str, PageIndex]:
    """The last page that has each label."""
    latest: dict[str, PageIndex] = {}
    for page in earlier:
        latest.update(dict.fromkeys(page.begins, page))
    return latest


@dataclass(frozen=True, slots=True)
class _Match:
    """A run of tokens that a page shares with an earlier page.

    Attributes:
        page: the page.
        token: index of the first matching token in `page`.
        source: the earlier page.
        begin: index of the first matching token in `source`, an element or text with a label.
        length: number of matching tokens.
        end: index in `source` of the last matching token where a marker can end; None if there is none.
    """

    page: PageIndex
    token: int
    source: PageIndex
    begin: int
    length: int
    end: int | None


def _copies(page: PageIndex, latest: dict[str, PageIndex]) -> Iterator[_Copy]:
    at = free = 0  # tokens before `free` are copied already
    for token, label in page.labels.items():
        source = latest.get(label)
        # On that page the label may belong to a group.
        if token < at or source is None or source.labels[source.begins[label]] != label:
            continue
        match = _match(page, token, source, source.begins[label])
        reference = _reference(match, latest)
        if reference is not None and match.end is not None:
            gap = _gap_before(match, free)
            at = free = token + match.end + 1 - match.begin
            yield _Copy(token - gap, free, f"+{reference}" if gap else reference)
        if token + match.length - at > _MAX_RETRIED:
            at = token + match.length


def _match(page: PageIndex, token: int, source: PageIndex, begin: int) -> _Match:
    tokens, others = page.tokens, source.tokens
    limit = min(len(tokens) - token, len(others) - begin)
    length, end = 0, None
    while length < limit and tokens[token + length] == others[begin + length]:
        here = begin + length
        if (here in source.closing or here in source.gap_of) and _can_end(source, here, begin):
            end = here
        length += 1
    return _Match(page, token, source, begin, length, end)


def _can_end(source: PageIndex, here: int, begin: int) -> bool:
    """Whether a marker that begins at `begin` can end here: what ends here must not begin before `begin`."""
    labels = [*source.closing.get(here, ()), *filter(None, [source.gap_of.get(here)])]
    return any(source.begins[label] >= begin for label in labels)


def _reference(match: _Match, latest: dict[str, PageIndex]) -> str | None:
    """How a marker refers to a match up to its end; None if that saves nothing."""
    source, begin, end = match.source, match.begin, match.end
    if end is None:
        return None
    firsts = [
        label
        for label in labels_for(source.labels[begin])
        if source.begins.get(label) == begin and latest[label] is source
    ]
    closing = [label for label in source.closing.get(end, ()) if source.begins[label] >= begin]
    if closing:
        lasts = [label for own in closing for label in labels_for(own) if source.ends.get(label) == end]
    else:
        own = source.gap_of[end]
        lasts = [f"{label}+" for label in labels_for(own) if source.gaps_after.get(label) == end]
    references = [
        last if last.rstrip("+") == first else f"{first} to {last}" for first in firsts for last in lasts
    ]
    reference = min(references, key=len)
    saved = source.offsets[end + 1] - source.offsets[begin] - len(reference)
    return reference if saved >= _MIN_SAVED else None


def _gap_before(match: _Match, free: int) -> int:
    """Number of tokens between the match and the previous named tag, if all of them match too; else 0.

    Args:
        match: the match.
        free: index of the first token that is not covered yet.
    """
    source = match.source
    gap = source.gaps_before.get(source.labels[match.begin], match.begin)
    length = match.begin - gap
    if match.token - length < free:
        return 0
    same = match.page.tokens[match.token - length : match.token] == source.tokens[gap : match.begin]
    return length if same else 0
