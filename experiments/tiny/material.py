"""What is learned from, made once and kept: errands in shops as JSON lines, and the tokenizer's texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from facsim.page import read_page, simplify
from facsim.prompt import PromptConfig
from facsim.prompt.page_fitting import PageFitter
from facsim.prompt.templates import quoted, render_answer, system_message
from facsim.schema import Action, PastStep, SessionSoFar, Step
from tiny.generic import generic_page
from tiny.questions import questions
from tiny.shop import SEEDS, Visit, catalogue, errands, population

SHORTEST = (2000, 3000, 4000, 5000, 6000, 8000, 10_000)
"""Characters to which the tokenizer's pages are shortened, as prompts shorten them."""


def write_errands(path: Path, count: int, seed: int, seeds: tuple[int, ...] = SEEDS) -> None:
    """Make errands, one a line; what is there already is kept."""
    done = sum(1 for _ in path.open(encoding="utf-8")) if path.exists() else 0
    with path.open("a", encoding="utf-8") as file:
        for number in range(done, count):
            visit = next(errands(Random(f"{seed}:{number}"), seeds))
            file.write(json.dumps(_stored(visit), ensure_ascii=False) + "\n")
            file.flush()


def _stored(visit: Visit) -> dict[str, Any]:
    first = visit[0][0]
    steps = [{"page": so_far.page.html, "action": step.action.to_dict()} for so_far, step in visit]
    return {"persona": first.persona, "intent": first.intent, "steps": steps}


def read_errands(path: Path) -> Iterator[Visit]:
    """The errands of a file that is complete, or still being written."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file):
            if not line.endswith("\n"):
                return
            stored = json.loads(line)
            past: tuple[PastStep, ...] = ()
            visit: Visit = []
            for made in stored["steps"]:
                page, action = read_page(made["page"]), Action(**made["action"])
                so_far = SessionSoFar(
                    f"errand-{number}", page, past, persona=stored["persona"], intent=stored["intent"]
                )
                visit.append((so_far, Step("", action)))
                past = (*past, PastStep(page, action))
            yield visit


def texts_for_tokenizer(visits: Iterable[Visit], config: PromptConfig, seed: int) -> Iterator[str]:
    """Pages whole and shortened, personas and intents, queries, instructions, answers, prices."""
    rng = Random(seed)
    for visit in visits:
        first = visit[0][0]
        yield system_message(first.persona, first.intent, config).partition("# The visit")[2]
        for so_far, step in visit:
            yield render_answer(step.action, None, "action")
            for html in (so_far.page.html, PageFitter(so_far.page.html).to(rng.choice(SHORTEST))):
                yield quoted("page", html)
    for shop in SEEDS[:3]:
        for product in catalogue(shop).products:
            yield product.title
            yield "." + "_".join(product.title.lower().split())
        for number in range(2500):
            shopper = population(shop).shopper(number, 5000)
            yield f"{shopper.persona}\n</persona>\n\n<intent>\n{shopper.intent}"
            yield from (f'", "text": "{wording.text}"}}' for wording in shopper.wordings[:8])
    for _ in range(1500):
        page = simplify(generic_page(rng, rng.randrange(1, 4)))
        yield quoted(
            "page", page.html if rng.random() < 0.5 else PageFitter(page.html).to(len(page.html) * 2 // 3)
        )
        for question in questions(rng, page, 6):
            yield question.text
            yield render_answer(question.action, None, "action")
    for dollars in range(150):
        yield from (f" ${dollars}", f"${dollars}") * 50


def some(visits: Iterable[Visit], count: int) -> list[Visit]:
    """The first visits."""
    return list(islice(visits, count))
