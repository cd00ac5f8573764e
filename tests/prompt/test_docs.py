"""What docs/reference/prompt.md shows is what the code writes (FACSIM_WRITE_GOLDEN=1 writes it anew)."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import get_args

import pytest

from facsim.page import read_page
from facsim.prompt import (
    LENIENCIES,
    PromptConfig,
    Style,
    answer_schema,
    build_prompt,
    step_messages,
)
from facsim.prompt.templates import quoted
from facsim.schema import Action, PastStep, SessionSoFar

DOC = Path(__file__).resolve().parents[2] / "docs" / "reference" / "prompt.md"


def as_block(messages, language="text") -> str:
    return f"```{language}\n" + "\n".join(f"[{m.role}]\n{m.content}" for m in messages) + "\n```"


def prompt_block() -> str:
    search = '<input type="search" name="search_input">'
    results = '<input type="search" name="search_input" value="mug">\n<a name="results.blue_mug" href="/p/1">Blue mug</a> $9'
    past = (PastStep(read_page(search), Action.type_and_submit("search_input", "mug"), "I broke my mug."),)
    so_far = SessionSoFar("s", read_page(results), past, persona="Drinks tea.", intent="Buy a mug.")
    return as_block(build_prompt(so_far, PromptConfig()).messages)


def styles_block() -> str:
    action, page = Action.click("results.blue_mug"), quoted("page", "...")
    columns = [
        "".join(f"[{m.role}]\n{m.content}\n" for m in step_messages(page, action, rationale, style))
        for style in get_args(Style)
        for rationale in ("It is blue.", None)
    ]
    rows = [
        f"**`{style}`**, with a rationale and without:\n\n```text\n{columns[2 * i]}```\n\n```text\n{columns[2 * i + 1]}```"
        for i, style in enumerate(get_args(Style))
    ]
    return "\n\n".join(rows)


def leniencies_block() -> str:
    rows = [f"| `{name}` | {meaning} |" for name, meaning in LENIENCIES.items()]
    return "\n".join(["| forgiven | what |", "|---|---|", *rows])


def schema_block() -> str:
    return f"```json\n{json.dumps(answer_schema('rationale'), indent=2)}\n```"


BLOCKS = {
    "prompt": prompt_block,
    "styles": styles_block,
    "leniencies": leniencies_block,
    "schema": schema_block,
}


@pytest.mark.parametrize("name", BLOCKS)
def test_the_document_shows_what_the_code_writes(name):
    begin, end = f"<!-- begin {name} -->\n", f"\n<!-- end {name} -->"
    document = DOC.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(begin) + "(.*?)" + re.escape(end.lstrip("\n")), re.DOTALL)
    if os.environ.get("FACSIM_WRITE_GOLDEN"):
        document = pattern.sub(lambda _: begin + BLOCKS[name]() + end, document)
        DOC.write_text(document, encoding="utf-8")
    assert pattern.search(document)[1].strip() == BLOCKS[name]().strip()
