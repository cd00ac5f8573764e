"""HTML of a recorded DOM, as a snapshot that `facsim.page.simplify` reads.

Shadow roots become declarative ones and frames inline documents (`srcdoc`). Scripts, comments and rrweb's own
attributes are left out. A blocked part becomes an empty `span`: nobody knows what it was. Nodes that somebody
acted on, and options, carry their id as `data-rr-id`, so that a CSS selector finds them.
"""

from __future__ import annotations

from html import escape
from typing import Final

from facsim.data.sources.rrweb.dom_node import DOCTYPE, DOCUMENT, ELEMENT, TEXT, DomNode
from facsim.data.sources.rrweb.recorded_dom import RecordedDom
from facsim.data.sources.style_rules import StyleRules
from facsim.data.sources.style_sheets import hidden_values, mark_styles
from facsim.page.roles import is_hidden
from facsim.page.tags import UNSEEN, VOID

ID: Final = "data-rr-id"
_LEFT_OUT: Final = UNSEEN - {"iframe"} | {"link", "meta", "base"}
_KEPT_HTML: Final = 8_000
"""Characters. Larger nodes are put together from the kept HTML of those in them."""
_MOST_FRAMES: Final = 4
_LONGEST_DATA_URL: Final = 200


class DomWriter:
    """Serializes the DOM of a window.

    Args:
        dom: the DOM.
        targets: ids of the nodes that get the attribute `ID`.
    """

    def __init__(self, dom: RecordedDom, targets: frozenset[int]) -> None:
        self._dom, self._targets = dom, targets
        self._html = ""
        self._of: tuple[int, float] | None = None
        self._hidden: frozenset[str] = frozenset()
        self._hidden_of: tuple[int, float] | None = None
        self._rules: dict[int, StyleRules | None] = {}
        self._rules_of: tuple[int, float] | None = None
        self.width = 1280.0
        """Width of the window in pixels, for media queries."""

    def html(self) -> str:
        """The page as it is now; the same object as before if nothing changed."""
        if self._dom.root is None:
            return ""
        if self._of != (self._dom.version, self.width):
            self._html = self._document(self._dom.root, 0)
            self._of = (self._dom.version, self.width)
        return self._html

    def html_around(self, node: DomNode) -> str:
        """The page with `node` visible: somebody acted on it, so the pointer had opened what it is in."""
        html, document = self.html(), self._dom.root
        rules = self._style_rules().get(document.id) if document is not None else None
        if document is None or rules is None or not self._is_marked_hidden(node):
            return html
        return mark_styles(self._write(document, 0), rules, shown=selector_of(node))

    def is_hidden(self, node: DomNode) -> bool:
        """Whether a node that was acted on is hidden, by its attributes or by style sheets."""
        return self._is_marked_hidden(node) or any(
            is_hidden(one.tag, one.attributes) for one in (node, *node.ancestors())
        )

    def _is_marked_hidden(self, node: DomNode) -> bool:
        html = self.html()
        if self._hidden_of != self._of:
            self._hidden, self._hidden_of = hidden_values(html, ID), self._of
        return str(node.id) in self._hidden

    def _document(self, document: DomNode, depth: int) -> str:
        html = self._write(document, depth)
        rules = self._style_rules().get(document.id)
        return mark_styles(html, rules) if rules else html

    def _style_rules(self) -> dict[int, StyleRules | None]:
        """The rules of each document that tell something, by its id. Those in shadow roots are not read."""
        if self._rules_of != (self._dom.css_version, self.width):
            texts: dict[int, list[tuple[str, str]]] = {}
            for node in self._dom.styles.values():
                document: DomNode | None = node
                while document is not None and document.kind != DOCUMENT and not document.in_shadow:
                    document = document.parent
                css = _css_of(node)
                if css and document is not None and document.kind == DOCUMENT:
                    texts.setdefault(document.id, []).append((css, node.attributes.get("media", "")))
            self._rules = {number: StyleRules.read(sheets, self.width) for number, sheets in texts.items()}
            self._rules_of = (self._dom.css_version, self.width)
        return self._rules

    def _write(self, root: DomNode, depth: int) -> str:
        """One pass, without recursion: nodes are replaced by their children and an end."""
        written: list[str] = []
        length = 0
        pending: list[DomNode | str | tuple[DomNode, int, int]] = [root]
        while pending:
            item = pending.pop()
            if isinstance(item, tuple):
                node, start, before = item
                end = "" if node.kind == DOCUMENT else f"</{node.tag}>"
                written.append(end)
                length += len(end)
                if length - before <= _KEPT_HTML and node.kind == ELEMENT:
                    node.html = "".join(written[start:])
                    del written[start:]
                    written.append(node.html)
                continue
            if isinstance(item, str):
                text = item
            elif item.html is not None:
                text = item.html
            elif item.kind == DOCUMENT:
                pending.append((item, len(written), length))
                pending.extend(_contents(item))
                continue
            elif item.kind == ELEMENT and item.tag not in _LEFT_OUT:
                text = self._start(item, depth)
                if item.tag in VOID or item.is_blocked:
                    item.html = text
                else:
                    pending.append((item, len(written), length))
                    pending.extend(_contents(item))
            else:
                item.html = text = _text_of(item)
            written.append(text)
            length += len(text)
        return "".join(written)

    def _start(self, node: DomNode, depth: int) -> str:
        mark = f' {ID}="{node.id}"' if node.id in self._targets or node.tag == "option" else ""
        if node.is_blocked:
            return f"<span{mark}></span>"
        parts = [f"<{node.tag}{mark}"]
        for name, value in node.attributes.items():
            if _is_kept(name, node):
                shown = "data:," if len(value) > _LONGEST_DATA_URL and value.startswith("data:") else value
                parts.append(f' {name}="{escape(shown)}"' if shown else f" {name}")
        if node.content is not None and node.tag == "iframe" and depth < _MOST_FRAMES:
            parts.append(f' srcdoc="{escape(self._document(node.content, depth + 1))}"')
        return "".join((*parts, ">"))


def selector_of(node: DomNode) -> str:
    """CSS selector of a node that was acted on, or of an option."""
    return id_selector(node.id)


def id_selector(number: int) -> str:
    """CSS selector of the node with this id, if it was acted on."""
    return f'[{ID}="{number}"]'


def _is_kept(name: str, node: DomNode) -> bool:
    if name.startswith(("rr_", "_")) or name == ID:
        return False
    if name == "value":
        return node.tag not in ("textarea", "select")
    return name != "srcdoc" or node.content is None


def _contents(node: DomNode) -> list[DomNode | str]:
    """What is in a node, last first: its shadow root, then its children."""
    if node.tag == "textarea" and "value" in node.attributes:
        return [escape(node.attributes["value"])]
    light: list[DomNode | str] = []
    shadow: list[DomNode | str] = []
    child = node.last
    while child is not None:
        (shadow if child.in_shadow else light).append(child)
        child = child.previous
    if shadow:
        light += ["</template>", *shadow, '<template shadowrootmode="open">']
    return light


def _text_of(node: DomNode) -> str:
    if node.kind == TEXT:
        return escape(node.text, quote=False)
    return "<!doctype html>" if node.kind == DOCTYPE else ""


def _css_of(node: DomNode) -> str:
    """The CSS of a `style` or `link` element, as far as it was recorded."""
    if "_cssText" in node.attributes:
        return node.attributes["_cssText"]
    if node.tag != "style":
        return ""
    texts = []
    child = node.first
    while child is not None:
        texts.append(child.text)
        child = child.next
    return "".join(texts)
