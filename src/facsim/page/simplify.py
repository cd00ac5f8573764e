"""Raw HTML -> simplified page. Combines the steps of the pipeline, one module each."""

from __future__ import annotations

import gc
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from facsim.page.accessible_names import AccessibleNames
from facsim.page.addresses import destination
from facsim.page.class_words import ICON
from facsim.page.decode import decode
from facsim.page.locators import Locators
from facsim.page.names import name_elements
from facsim.page.read import MARK, is_ours, load_elements, load_outline, tree_of
from facsim.page.recipe import Recipe
from facsim.page.render import render
from facsim.page.roles import STATES, Reach, is_hidden, reach_of, role_of
from facsim.page.slugs import fold
from facsim.page.tags import FOREIGN, HOLDS_HTML, VOID
from facsim.page.text_runs import HIDDEN, TextRuns
from facsim.page.tree import Tree, parse
from facsim.schema import Element, Page

_MAX_UP = 512
_DRAWN = frozenset(
    {"img", "svg", "input", "button", "select", "textarea", "object", "canvas", "video", "picture"}
)
_PICKED = frozenset({"checkbox", "radio", "file"})


def simplify(html: str | bytes, *, url: str | None = None, recipe: Recipe | None = None) -> Page:
    """Simplify a page to what a person sees: text, structure, and uniquely named interactive elements.

        >>> page = simplify('<nav><a class="x1" href="/cart">Cart</a></nav>')
        >>> page.html.removeprefix('<html data-simplified="1">')
        '<body><nav><a name="navigation.cart" href="/cart">Cart</a></nav></body></html>'
        >>> page.elements[0].locator
        'html > body:nth-of-type(1) > nav:nth-of-type(1) > a:nth-of-type(1)'

    A simplified page is returned unchanged.

    Args:
        html: a page, as served or as serialized by a browser; bytes are decoded as browsers do.
        url: its address. It selects among a recipe's sites; names do not depend on it.
        recipe: hints for this site.

    Raises:
        InputError: if it is not a page (a picture, an archive) or exceeds the nesting or attribute limits.
        ConfigError: if a selector of the recipe is not a CSS selector.
    """
    text = decode(html)
    with _gc_paused():
        return _simplified(text, url, recipe)


def _simplified(text: str, url: str | None, recipe: Recipe | None) -> Page:
    if text.startswith(MARK):
        done = _already_simplified(text)
        if done is not None:
            return done
    tree = parse(text, recipe.marks(url) if recipe else (), flat=True)
    runs = TextRuns(tree, is_hidden)
    labels = AccessibleNames(tree, runs)
    targets, aria = _targets(tree, runs, labels)
    given = {
        node: attributes["data-facsim-name"]
        for node in targets
        if "data-facsim-name" in (attributes := tree.attributes[node])
    }
    names = name_elements(tree, runs, labels, targets, given)
    del labels, targets, given
    runs.forget()
    simplified = render(tree, runs, names, aria, _title(tree))
    nodes = {name: node for node, name in names.items()}
    return Page(
        simplified, partial(_located, simplified, Locators(tree), nodes), partial(load_outline, simplified)
    )


@contextmanager
def _gc_paused() -> Iterator[None]:
    """Pause the garbage collector so that it does not rescan a page again and again as it grows.

    Nothing here creates cycles. Collection would take a quarter of the time for a page of a few megabytes.
    """
    pauses = gc.isenabled()
    if pauses:
        gc.disable()
    try:
        yield
    finally:
        if pauses:
            gc.enable()


def _already_simplified(html: str) -> Page | None:
    """Return a page of ours unchanged; None if it only looks like one."""
    tree = tree_of(html)
    if not is_ours(html, tree):
        return None
    nodes = {
        attributes["name"]: node for node, attributes in enumerate(tree.attributes) if attributes.get("name")
    }
    return Page(html, partial(_located, html, Locators(tree), nodes), partial(load_outline, html))


def _located(html: str, locators: Locators, nodes: Mapping[str, int]) -> tuple[Element, ...]:
    return load_elements(html, {name: locators.of(node) for name, node in nodes.items()})


def _targets(tree: Tree, runs: TextRuns, labels: AccessibleNames) -> tuple[list[int], dict[int, str]]:
    """The nodes to name, in order, and the labels of those whose content does not describe them."""
    for node in tree.with_tags(("option",)):
        if tree.attributes[node] and is_hidden("option", tree.attributes[node]):
            runs.hidden[node] = runs.hidden[node] or HIDDEN
    reaches = [reach_of(tag, attributes) for tag, attributes in tree.kinds_of]
    likely = [kind for kind, (tag, _) in enumerate(tree.kinds_of) if reaches[kind] or tag == "label"]
    reached: list[tuple[int, Reach]] = []
    for node in tree.of_kinds(likely):
        if not runs.hidden[node]:
            reach = reaches[tree.kinds[node]]
            if tree.tags[node] == "label":
                reach = max(reach, _label_proxy(tree, runs, labels, node))
            if reach:
                reached.append((node, reach))
    beyond = _unreachable_in_foreign(tree, [node for node, _ in reached])
    if beyond:
        reached = [(node, reach) for node, reach in reached if node not in beyond]
    targets = _without_empty_links(tree, runs, labels, _resolve_nesting(tree, runs, reached))
    aria: dict[int, str] = {}
    for node in targets:
        label, content = labels.given(node), labels.content(node)
        if not label and not content:
            label = fold(tree.attributes[node].get("title", "")) or labels.inner(node)
        if label and label != content:
            aria[node] = label
        elif tree.tags[node] in ("area", "input") and content and tree.attributes[node].get("alt"):
            aria[node] = content
    return targets, aria


def _without_empty_links(
    tree: Tree, runs: TextRuns, labels: AccessibleNames, targets: list[int]
) -> list[int]:
    """Remove links that show nothing and lead nowhere, or only where another link leads."""
    empty = [node for node in targets if tree.tags[node] == "a" and _shows_nothing(tree, runs, labels, node)]
    if not empty:
        return targets
    addresses = Counter(destination(tree.attributes[node].get("href", "")) for node in targets)
    dropped = set()
    for node in empty:
        address = destination(tree.attributes[node].get("href", ""))
        if not address or addresses[address] > 1:
            addresses[address] -= 1
            dropped.add(node)
    return [node for node in targets if node not in dropped] if dropped else targets


def _shows_nothing(tree: Tree, runs: TextRuns, labels: AccessibleNames, node: int) -> bool:
    attributes = tree.attributes[node]
    if (
        runs.has_text(node)
        or "href" not in attributes
        or "data-facsim-name" in attributes
        or "data-facsim-interactable" in attributes
    ):
        return False
    inside = range(node, tree.ends[node])
    return not any(
        tree.tags[inner] in _DRAWN or ICON in tree.attributes[inner] for inner in inside
    ) and not labels.of(node)


def _unreachable_in_foreign(tree: Tree, nodes: list[int]) -> set[int]:
    """The given nodes that are inside SVG, which is not written, or after an odd tag in MathML.

    `<math><input><input>` nests, but Lexbor writes it without end tags; browsers draw nothing for these.
    """
    beyond: set[int] = set()
    done = 0
    for start in tree.with_tags(FOREIGN):
        if start < done:
            continue
        done = tree.ends[start]
        inside = nodes[bisect_right(nodes, start) : bisect_left(nodes, tree.ends[start])]
        if inside and tree.tags[start] == "math":
            end = tree.ends[start]
            odd = next((node for node in range(start, end) if _is_odd(tree, node)), end)
            inside = inside[bisect_left(inside, odd) :]
        beyond.update(inside)
    return beyond


def _is_odd(tree: Tree, node: int) -> bool:
    """Whether an element in MathML has the tag of a void HTML element but is not one."""
    if tree.tags[node] not in VOID and tree.tags[node] != "textarea":
        return False
    for _ in range(_MAX_UP):
        if tree.tags[node] in FOREIGN:
            break
        node = tree.parents[node]
        if tree.tags[node].lower() in HOLDS_HTML:
            return False
    return True


def _resolve_nesting(tree: Tree, runs: TextRuns, reached: list[tuple[int, Reach]]) -> list[int]:
    """Of nested elements, keep those that a click would reach.

    An element that only listens or takes focus yields to a control around or inside it. A control yields to
    an inner control with the same text.
    """
    strong = [node for node, reach in reached if reach is Reach.STRONG]
    nodes = [node for node, _ in reached]
    targets: list[int] = []
    around: list[int] = []
    pressed: set[int] = set()  # buttons that are a link's content: clicking them follows the link
    for place, (node, reach) in enumerate(reached):
        end = tree.ends[node]
        while around and around[-1] <= node:
            around.pop()
        if reach is Reach.WEAK:
            if not around and not (place + 1 < len(nodes) and nodes[place + 1] < end):
                targets.append(node)
            continue
        inner = bisect_right(strong, node)
        wraps = tree.tags[node] not in ("select", "summary") and inner < len(strong) and strong[inner] < end
        if wraps and runs.text(node, limit=200) == runs.text(strong[inner], limit=200):
            if not (_is_link_with_address(tree, node) and _only_presses(tree, strong[inner])):
                continue
            pressed.add(strong[inner])
        elif node in pressed:
            continue
        targets.append(node)
        around.append(end)
    return targets


def _is_link_with_address(tree: Tree, node: int) -> bool:
    return tree.tags[node] == "a" and "href" in tree.attributes[node]


def _only_presses(tree: Tree, node: int) -> bool:
    attributes = tree.attributes[node]
    return role_of(tree.tags[node], attributes) == "button" and "href" not in attributes


def _label_proxy(tree: Tree, runs: TextRuns, labels: AccessibleNames, label: int) -> Reach:
    """Reach of a label of a hidden checkbox, radio button or file input; gives it their role and states."""
    control = labels.controls.get(label)
    if control is None or not runs.hidden[control]:
        return Reach.NONE
    attributes = tree.attributes[control]
    if tree.tags[control] != "input" or attributes.get("type", "").lower() not in _PICKED:
        return Reach.NONE
    states = {state: attributes[state] for state in STATES if state in attributes}
    tree.attributes[label] = {
        "role": role_of("input", attributes),
        **tree.attributes[label],
        **{f"aria-{state}": "true" for state in states},
    }
    return Reach.STRONG


def _title(tree: Tree) -> str:
    for node in tree.with_tags(("title",)):
        # Not the title of a picture or a frame.
        parent = tree.parents[node]
        if tree.parents[parent] <= 0 and tree.tags[parent] != "svg":
            return tree.text_content(node)[:300]
    return ""
