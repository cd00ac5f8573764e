"""A page as tokens (tags and texts), with the labels by which a later page can refer to a stretch of them.

Labels are the names of elements, the dotted groups that names share (`header` for `header.cart`), and the
first words of long texts, in double quotes. A label means the first element or text of its page that has it;
a group means everything from its first element to its last. A group that is an element's own name means that
element.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from facsim.prompt.markup import attributes_in, tags

_NAME = re.compile(r"[^\s\"'<>&=`+,]{1,200}")
"""Names that a marker can write. Other elements are referred to as parts of longer stretches."""

_MAX_GROUPS = 5
"""Groups of a name that count: a name of a thousand dots has a thousand."""

_MIN_GAP = 3
"""Characters between named tags that are worth a `+`."""

_MIN_TEXT = 20
"""Characters of a text that gets a label."""

_FIRST_WORDS = re.compile(r"\s*([^\s\"<>][^\"<>\n]{0,30})")
_LABEL_LENGTH = 24


class PageIndex:
    """The tokens of a page and its labels. Building it takes one pass, linear in the page.

    Attributes:
        html: the page.
        tokens: its tags, and the texts between them; together they are the page.
        offsets: where each token begins in the page (characters), and where the last one ends.
        labels: the label of the element or text that begins at a token, where it has one of its own.
        begins: first token of what a label means.
        ends: last token of what a label means; a label whose element is never closed has none.
        gaps_before: first token of what is between a label's first element and the named tag before it.
        gaps_after: last token of what is between a label's last element and the named tag after it.
        closing: labels of elements and texts that end at a token.
        gap_of: the label whose gap after it ends at a token.
    """

    __slots__ = (
        "begins",
        "closing",
        "ends",
        "gap_of",
        "gaps_after",
        "gaps_before",
        "html",
        "labels",
        "offsets",
        "tokens",
    )

    def __init__(self, html: str) -> None:
        self.html = html
        self.tokens: list[str] = []
        self.offsets: list[int] = []
        self.labels: dict[int, str] = {}
        self.begins: dict[str, int] = {}
        self.ends: dict[str, int] = {}
        self.gaps_before: dict[str, int] = {}
        self.gaps_after: dict[str, int] = {}
        self.closing: dict[int, list[str]] = {}
        self.gap_of: dict[int, str] = {}
        self._read()
        self._add_groups()

    def stretch(self, first: str, last: str, *, before: bool, after: bool) -> str:
        """The source from where `first` begins to where `last` ends, with the gaps around it where asked.

        Raises:
            KeyError: if the page has no such stretch.
        """
        begin = self.gaps_before[first] if before else self.begins[first]
        end = self.gaps_after[last] if after else self.ends[last]
        return self.html[self.offsets[begin] : self.offsets[end + 1]]

    def _read(self) -> None:
        html, tokens = self.html, self.tokens
        open_names: list[str | None] = []
        # Tags of named elements: their tokens, and whether the element begins or ends there.
        named_tags: list[tuple[int, str, bool]] = []
        at = 0
        for tag in tags(html):
            self._add_text(at, tag.begin)
            at, here = tag.end, len(tokens)
            if tag.name:
                name = self._new_name(tag.attributes)
                self._add(tag.begin, tag.end)
                if name is not None:
                    self._begin(name, here)
                    named_tags.append((here, name, True))
                    if tag.is_end:
                        self._end(name, here)
                        named_tags.append((here, name, False))
                if not tag.is_end:
                    open_names.append(name)
                continue
            depth = tag.inside.depth if tag.inside else 0
            for name in reversed(open_names[depth + 1 :]):  # left open inside: they end before this tag
                if name is not None:
                    self._end(name, here - 1)
            self._add(tag.begin, tag.end)
            if (name := open_names[depth]) is not None:
                self._end(name, here)
                named_tags.append((here, name, False))
            del open_names[depth:]
        self._add_text(at, len(html))
        self.offsets.append(len(html))
        self._find_gaps(named_tags)

    def _add(self, begin: int, end: int) -> None:
        self.offsets.append(begin)
        self.tokens.append(self.html[begin:end])

    def _add_text(self, begin: int, end: int) -> None:
        if begin == end:
            return
        here = len(self.tokens)
        self._add(begin, end)
        text = self.tokens[here]
        if len(text) < _MIN_TEXT or not (words := _FIRST_WORDS.match(text)):
            return
        beginning = words[1]
        if len(beginning) > _LABEL_LENGTH:
            beginning = beginning[:_LABEL_LENGTH].rpartition(" ")[0] or beginning[:_LABEL_LENGTH]
        label = f'"{beginning.rstrip()}"'
        if label not in self.begins:
            self._begin(label, here)
            self._end(label, here)

    def _new_name(self, attributes: str) -> str | None:
        """The name of an element if it can stand in a marker and none before it has the same."""
        if "name" not in attributes.lower():
            return None
        name = next((value for key, value in attributes_in(attributes) if key == "name"), None)
        return name if name and _NAME.fullmatch(name) and name not in self.begins else None

    def _begin(self, label: str, token: int) -> None:
        self.labels[token] = label
        self.begins[label] = token

    def _end(self, label: str, token: int) -> None:
        self.ends[label] = token
        self.closing.setdefault(token, []).append(label)

    def _find_gaps(self, named_tags: list[tuple[int, str, bool]]) -> None:
        previous, ended = -1, ""
        for token, name, begins in [*named_tags, (len(self.tokens), "", False)]:
            if self.offsets[token] - self.offsets[previous + 1] >= _MIN_GAP:
                if ended:
                    self.gaps_after[ended] = token - 1
                    self.gap_of[token - 1] = ended
                if begins:
                    self.gaps_before[name] = previous + 1
            previous, ended = min(token, len(self.tokens) - 1), "" if begins else name

    def _add_groups(self) -> None:
        begins: dict[str, int] = {}
        last: dict[str, str] = {}
        for name, begin in self.begins.items():
            if name[0] == '"':
                continue
            for group in _groups(name):
                if group in self.begins:
                    continue
                begins.setdefault(group, begin)
                if name in self.ends and (group not in last or self.ends[name] >= self.ends[last[group]]):
                    last[group] = name
        for group, begin in begins.items():
            first = self.labels[begin]
            if first in self.gaps_before:
                self.gaps_before[group] = self.gaps_before[first]
        for group, name in last.items():
            self.ends[group] = self.ends[name]
            if name in self.gaps_after:
                self.gaps_after[group] = self.gaps_after[name]
        self.begins |= begins


def labels_for(label: str) -> Iterator[str]:
    """The labels that may mean the element or text with this label of its own: its groups, then itself."""
    if label[0] != '"':
        yield from _groups(label)
    yield label


def _groups(name: str) -> Iterator[str]:
    end = name.find(".", 1)
    for _ in range(_MAX_GROUPS):
        if end < 0:
            return
        yield name[:end]
        end = name.find(".", end + 1)
