"""Finds what a page in a prompt would say twice: texts, descriptions and labels that say nothing new."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from facsim.page.characters import drawn
from facsim.page.slugs import fold, words_of
from facsim.page.tags import HEADINGS
from facsim.page.tree import TEXT, Tree

_NEAR = 12
"""How many pieces of text before and after a piece count as nearby."""
_ADJACENT = 3
_SHORTEST_REPEATED = 4
_SHORTEST_HEADING = 8
_CELLS_AND_VALUES = ("td", "th", "textarea")
_FILE_NAME = re.compile(
    r"([\w@%+.-]*)\.(?:png|jpe?g|gif|svg|webp|avif|bmp)|(?:img|dscn?|dscf|pict)[ _-]?\d{3,}", re.IGNORECASE
)
_OF_ANY_FILE = re.compile(
    r"@\dx|\d+x\d+|(?<![^\W_])(?:\d+|img|image|logo|icon|pic|photo|banner|thumb)(?![^\W_])", re.IGNORECASE
)
_LONG_MENU = 50
_LONGEST_SAID = 100
# Signs and capitals that a name leaves out tell nothing in these texts, but do in `$5`, `1.5` and `C++`.
_PLAIN = re.compile(r"(?:[^\W_]|[\s'’()&/!?:;|»›–-]|[.,](?!\d))+")  # noqa: RUF001


@dataclass(slots=True)
class _Piece:
    """A text, alternative text or label, with white space and case folded."""

    node: int
    kind: str
    text: str


def repeats_in(tree: Tree, names: Sequence[str | None]) -> set[int]:
    """Return the nodes of a simplified page whose text, alternative text or label says nothing new.

    Args:
        tree: the page.
        names: the name of each node; None for nodes that are not elements to act on.
    """
    return _Finder(tree, names).found | _said_in_menus(tree, names)


def description(alt: str) -> str:
    """Return the alternative text of a picture; of the name of a file only the words that tell something.

    >>> description("Blue mug"), description("pay_by_card@2x.png"), description("logo-120x80.gif")
    ('Blue mug', 'pay by card', '')
    """
    file = _FILE_NAME.fullmatch(alt)
    if file is None:
        return alt
    words = fold(re.sub(r"[\W_]+", " ", _OF_ANY_FILE.sub(" ", file[1] or "")))
    return words if re.search(r"[^\W\d_]{3}", words) else ""


def _said_in_menus(tree: Tree, names: Sequence[str | None]) -> set[int]:
    """Texts and labels of the elements of long menus whose names say them.

    A menu is the outermost group: a site's header with all its departments, a list of filters, a footer.
    """
    inside: dict[str, list[tuple[int, str]]] = {}
    for node, name in enumerate(names):
        if name and "." in name and tree.tags[node] != "option":
            inside.setdefault(name[: name.index(".")], []).append((node, name))
    # Twice as many may be said as there are elements: a label and a text of each.
    large = {menu: elements for menu, elements in inside.items() if 2 * len(elements) > _LONG_MENU}
    menus: dict[str, list[int]] = {}
    for menu, node, name in ((menu, *element) for menu, elements in large.items() for element in elements):
        if _says(name, tree.attributes[node].get("aria-label", "")):
            menus.setdefault(menu, []).append(node)
        inner = _only_content(tree, names, node)
        if inner is not None:
            is_text = tree.tags[inner] == TEXT
            if _says(name, tree.texts[inner] if is_text else tree.attributes[inner].get("alt", "")):
                menus.setdefault(menu, []).append(inner)
    return {node for nodes in menus.values() if len(nodes) > _LONG_MENU for node in nodes}


def _only_content(tree: Tree, names: Sequence[str | None], node: int) -> int | None:
    """The text or picture that is all an element holds, perhaps in boxes."""
    end, inner = tree.ends[node], node + 1
    while inner < end == tree.ends[inner] and not names[inner]:
        if tree.tags[inner] in (TEXT, "img"):
            return inner
        inner += 1
    return None


def _says(name: str, text: str) -> bool:
    """Whether a name has all words of a text in their order, the last one at its end, and no sign matters.

    The end is the last part, or the group that `view` opens. `hats.sun.from_straw` says `Sun hats from straw`
    not, but `Hats from straw`.
    """
    if not text or len(text) > _LONGEST_SAID or not _PLAIN.fullmatch(text):
        return False
    said = words_of(text)
    group, _, last = name.rpartition(".")
    if last == "view":
        group, _, last = group.rpartition(".")
    end = last.split("_")
    if not said or said[-1] not in end:
        return False
    words = iter([*re.split("[._]", group), *end])
    return all(word in words for word in said)


class _Finder:
    def __init__(self, tree: Tree, names: Sequence[str | None]) -> None:
        self._tree, self._names = tree, names
        self.found: set[int] = set()
        self._titles: list[int] = []
        self._pieces: list[_Piece] = []
        self._read()
        self._headings = self._find_headings()
        self._said_by_headings = said = set(self._headings.values())
        for place, piece in enumerate(self._pieces):
            if self._is_repeated(place, piece):
                self.found.add(piece.node)
        self.found.update(node for node in self._titles if fold(tree.texts[node]).casefold() in said)

    def _read(self) -> None:
        tree, pieces = self._tree, self._pieces
        for node, tag in enumerate(tree.tags):
            attributes = tree.attributes[node]
            if tag == TEXT:
                parent = tree.parents[node]
                if parent >= 0 and tree.tags[parent] == "title":
                    # The title appears in the tab, not on the page.
                    self._titles.append(node)
                    continue
                kind, text = "text", tree.texts[node]
            elif not attributes:
                continue
            elif tag == "img":
                kind, text = "alt", description(attributes.get("alt", ""))
            else:
                kind, text = "label", attributes.get("aria-label", "")
            text = fold(drawn(text)).casefold()
            if text:
                pieces.append(_Piece(node, kind, text))

    def _find_headings(self) -> dict[int, str]:
        """Texts of headings by the places of their pieces, if a heading has only one piece."""
        tree = self._tree
        found: dict[int, str] = {}
        for place, piece in enumerate(self._pieces):
            if piece.kind != "text" or len(piece.text) < _SHORTEST_HEADING:
                continue
            above = tree.parents[piece.node]
            if above >= 0 and tree.tags[above] not in HEADINGS:
                above = tree.parents[above]
            if (
                above >= 0
                and tree.tags[above] in HEADINGS
                and fold(drawn(tree.text_content(above))).casefold() == piece.text
            ):
                found[place] = piece.text
        return found

    def _is_repeated(self, place: int, piece: _Piece) -> bool:
        pieces, found = self._pieces, self.found
        before = pieces[max(0, place - _NEAR) : place]
        after = pieces[place + 1 : place + 1 + _NEAR]
        if piece.kind == "alt":
            return (
                any(other.text == piece.text and other.node not in found for other in before)
                or any(other.text == piece.text and other.kind == "text" for other in after)
                or self._is_in_name(piece)
            )
        if piece.kind == "label":
            return self._is_repeated_label(piece, before[-1:], after)
        return self._is_repeated_text(place, piece, before[-_ADJACENT:], after[:_ADJACENT])

    def _is_in_name(self, picture: _Piece) -> bool:
        """Whether the name of the element that a picture fills is the picture's alternative text."""
        parent = self._tree.parents[picture.node]
        name = self._names[parent] if parent >= 0 else None
        return name is not None and "_".join(words_of(picture.text)) == name.rpartition(".")[2]

    def _is_repeated_label(self, label: _Piece, before: list[_Piece], after: list[_Piece]) -> bool:
        """Whether a label equals content, placeholder or text beside it, or content plus text nearby."""
        if any(other.kind == "text" and other.text == label.text for other in (*before, *after[:1])):
            return True
        placeholder = self._tree.attributes[label.node].get("placeholder")
        if placeholder and fold(drawn(placeholder)).casefold() == label.text:
            return True
        content = [other for other in after if other.node < self._tree.ends[label.node]]
        said = " ".join(other.text for other in content)
        if not said or not any(map(str.isalpha, said)) or said not in label.text:
            return False
        rest = label.text.replace(said, "", 1).strip(" -:,.|")
        return not rest or any(rest in other.text for other in (*before, *after[len(content) :]))

    def _is_repeated_text(self, place: int, text: _Piece, before: list[_Piece], after: list[_Piece]) -> bool:
        tree, found = self._tree, self.found
        parent = tree.parents[text.node]
        if parent < 0:
            return False
        name = self._names[parent]
        if tree.tags[parent] == "option" and name:
            return "_".join(words_of(text.text)) == name.rpartition(".")[2]
        if name is not None or len(text.text) < _SHORTEST_REPEATED or tree.tags[parent] in _CELLS_AND_VALUES:
            return False
        same = [other for other in before if other.kind == "text" and other.text == text.text]
        if place in self._headings:
            return any(other.node not in found for other in same)
        if same:
            return True
        # A heading says it, or the element to act on that follows.
        is_in_heading = text.text in self._said_by_headings and any(
            text.text == self._headings.get(other) for other in range(place - _NEAR, place + _NEAR + 1)
        )
        return is_in_heading or any(
            other.kind == "text" and other.text == text.text and self._is_name(other) for other in after
        )

    def _is_name(self, text: _Piece) -> bool:
        """Whether a text is directly in an element to act on."""
        parent = self._tree.parents[text.node]
        return self._names[parent] is not None and self._tree.tags[parent] != "option"
