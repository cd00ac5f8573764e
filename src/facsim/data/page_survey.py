"""One pass over the pages of a data set: what `audit` needs to know of each, parsing each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from facsim.data.store import DataSet
from facsim.data.writer import page_id_of
from facsim.page import names_in
from facsim.util.errors import InputError
from facsim.util.progress import Progress

CountTokens = Callable[[str], int]


@dataclass(slots=True)
class PageSurvey:
    """What a pass over the pages found. Only pages that the selection's steps refer to are looked at.

    Attributes:
        names: number of different names on each page.
        characters: length of each page.
        tokens: the same in tokens, if they were counted.
        reachable: (page id, name) of every acted-on name that is on its page.
        ambiguous: (page id, name) of every acted-on name that its page has more than once.
        repeated: pages with any name more than once.
        altered: pages whose content does not give their id.
        complete: whether no page was missing.
    """

    names: dict[str, int] = field(default_factory=dict)
    characters: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    reachable: set[tuple[str, str]] = field(default_factory=set)
    ambiguous: set[tuple[str, str]] = field(default_factory=set)
    repeated: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    complete: bool = True


def survey_pages(data: DataSet, count_tokens: CountTokens | None, progress: Progress) -> PageSurvey:
    """Look at every page that a step of `data` refers to. Memory stays bounded: pages pass by one by one.

    Raises:
        InputError: if pages.parquet cannot be read to its end, or a page of it.
    """
    acted: dict[str, set[str]] = {page_id: set() for page_id in data.steps["page_id"].unique()}
    targets = data.steps.select("page_id", "action_name").drop_nulls().unique()
    for page_id, name in targets.iter_rows():
        acted[page_id].add(name)
    found = PageSurvey()
    for page_id, html in data.pages.scan():
        if page_id not in acted or page_id in found.names:
            continue
        try:
            counts = Counter(names_in(html))
        except InputError as error:
            raise InputError(error.problem, file=data.pages.name, where=f"page {page_id}") from None
        found.names[page_id] = len(counts)
        found.characters[page_id] = len(html)
        if count_tokens is not None:
            found.tokens[page_id] = count_tokens(html)
        if page_id_of(html) != page_id:
            found.altered.append(page_id)
        if len(counts) < counts.total():
            found.repeated.append(page_id)
        for name in acted[page_id]:
            if counts[name]:
                found.reachable.add((page_id, name))
            if counts[name] > 1:
                found.ambiguous.add((page_id, name))
        progress(len(found.names), len(acted), "pages")
    found.complete = len(found.names) == len(acted)
    return found
