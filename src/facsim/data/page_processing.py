"""Simplify a raw page and find all its targets: the slow part of an ingest, done once per page.

Everything here is picklable and depends only on its arguments, so it can run in worker processes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from facsim.data.writer import page_id_of
from facsim.page import Recipe, simplify
from facsim.page.element_lookup import elements_at
from facsim.schema import Page
from facsim.util.errors import InputError


@dataclass(frozen=True, slots=True)
class TargetQuery:
    """How a log identifies the target of an action.

    Attributes:
        by: `selector`: CSS in the raw page. `name`: a name of the simplified page. `text`: the visible text.
        value: the selector, the name or the text.
        role: the ARIA role that an element found by its text must have; any if None.
    """

    by: Literal["selector", "name", "text"]
    value: str
    role: str | None = None


@dataclass(frozen=True, slots=True)
class TargetResult:
    """The name of a target, or why there is none."""

    name: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class PageTask:
    """A raw page and the targets to find in it."""

    html: str
    url: str | None
    queries: tuple[TargetQuery, ...]


@dataclass(frozen=True, slots=True)
class PageResult:
    """The result of processing a raw page.

    Attributes:
        html: the simplified page; None if simplification failed.
        page_id: of the simplified page.
        targets: by query.
        problem: why there is no page, or why its elements cannot be parsed.
    """

    html: str | None = None
    page_id: str = ""
    targets: dict[TargetQuery, TargetResult] = field(default_factory=dict)
    problem: str | None = None


def process_page(recipe: Recipe | None, task: PageTask) -> PageResult:
    """Simplify a page and find its targets."""
    try:
        page = simplify(task.html, url=task.url, recipe=recipe)
    except InputError as error:
        return PageResult(problem=f"page cannot be simplified: {error.problem}")
    try:
        targets = find_targets(task.html, page, task.queries)
    except InputError as error:
        return PageResult(problem=f"page cannot be read: {error.problem}")
    return PageResult(page.html, page_id_of(page.html), targets)


def find_targets(
    raw_html: str, page: Page, queries: tuple[TargetQuery, ...]
) -> dict[TargetQuery, TargetResult]:
    """The targets of a page. The raw page is parsed at most once, however many there are.

    People click on the image or text inside a link, but the target is the link. So a selector's target is
    the matching element or its nearest named ancestor.

    Raises:
        InputError: if the page's elements cannot be parsed.
    """
    selectors = [query.value for query in queries if query.by == "selector"]
    found = (
        dict(zip(selectors, elements_at(raw_html, selectors, page=page), strict=True)) if selectors else {}
    )
    results: dict[TargetQuery, TargetResult] = {}
    for query in queries:
        if query.by == "selector":
            element = found[query.value]
            if isinstance(element, str):
                results[query] = TargetResult(problem=element)
            elif element is None:
                results[query] = TargetResult(problem="selector finds no named element")
            else:
                results[query] = TargetResult(element.name)
        elif query.by == "name":
            on_page = f' name="{query.value}"' in page.html or query.value in page
            problem = None if on_page else "target's name is not on its page"
            results[query] = TargetResult(query.value, problem)
        else:
            results[query] = _by_text(page, query)
    return results


def _by_text(page: Page, query: TargetQuery) -> TargetResult:
    """The one element with this text: exactly, else after case folding."""
    wanted = " ".join(query.value.split())
    candidates = [element for element in page.elements if query.role in (None, element.role)]
    exact = [element for element in candidates if element.text == wanted]
    same = exact or [element for element in candidates if element.text.casefold() == wanted.casefold()]
    # A product's image and title have the same text and destination: the first represents both.
    groups = {frozenset((element.name, *element.equivalents)) for element in same}
    if len(groups) == 1:
        return TargetResult(same[0].name)
    return TargetResult(problem="text is that of several elements" if same else "text is that of no element")
