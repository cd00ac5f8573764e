"""A small data set without rationales, and scripted teachers over real HTTP that write them."""

import json
import re
from pathlib import Path

from loopback import Answer

from facsim.data import Card, DataSet, DataSetWriter, page_id_of
from facsim.predict.endpoint.options import EndpointOptions
from facsim.schema import Action, Session, Step

HOME = (
    '<html><body><form><input name="search.search_input" type="search" placeholder="Search"></form>'
    '<a name="nav.deals" href="/deals">Deals of the day</a></body></html>'
)
RESULTS = (
    "<html><body><h1>2 results</h1>"
    '<div><a name="results.brewly_kettle.view_product" href="/1">Brewly Gooseneck Kettle</a> $54.99</div>'
    '<div><a name="results.harth_kettle.view_product" href="/2">Harth Steel Kettle</a> $31.00</div></body></html>'
)
PRODUCT = (
    "<html><body><h1>Brewly Gooseneck Kettle</h1><p>Sturdy Zirconia Handle, boils in 187 seconds</p>"
    '<button name="buy.buy_now">Buy now</button><a name="reviews.see_all" href="/r">All reviews</a></body></html>'
)
SEARCH = Action.type_and_submit("search.search_input", "kettle")
OPEN = Action.click("results.brewly_kettle.view_product")
REVIEWS = Action.click("reviews.see_all")


def visit(number: int, steps, **fields) -> Session:
    made = tuple(
        Step(
            page_id_of(html),
            action,
            rationale=rationale,
            rationale_source=rationale and "human",
            category="other",
        )
        for html, action, rationale in steps
    )
    return Session(f"s{number}", f"u{number}", made, persona="Careful with money.", **fields)


def whole_visit(number: int = 0, rationales=(None, None, None, None)) -> Session:
    """Search, open, read reviews, leave."""
    pages = (HOME, RESULTS, PRODUCT, PRODUCT)
    actions = (SEARCH, OPEN, REVIEWS, Action.terminate())
    return visit(number, zip(pages, actions, rationales, strict=True))


def written(folder: Path, sessions, pages=(HOME, RESULTS, PRODUCT), **card) -> DataSet:
    with DataSetWriter(folder, Card(name="tiny", source="jsonl", origin="made up", **card)) as writer:
        for html in pages:
            writer.add_page(html, f"<!doctype html>{html}")
        for session in sessions:
            writer.add_session(session)
    return DataSet.open(folder)


def done_in(request) -> str:
    """What the teacher is told was done."""
    user = next(message for message in request.body["messages"] if message["role"] == "user")["content"]
    if isinstance(user, list):  # Anthropic's blocks
        user = "".join(block.get("text", "") for block in user)
    return re.findall(r"<done>\n(.*?)\n</done>", user, re.DOTALL)[-1]


def good(request) -> str:
    """A rationale that passes every check."""
    done = done_in(request)
    if "closed the window" in done:
        return "I found nothing that convinces me, so I leave."
    return f"I want {re.findall('“(.*?)”', done)[0]}, so I try that."


def answer(text: str, **fields) -> Answer:
    return Answer(json.dumps({"rationale": text}), **fields)


def good_teacher(request) -> Answer:
    return answer(good(request))


def options(**fields) -> EndpointOptions:
    return EndpointOptions(**{"retries": 0, "timeout_s": 10, "concurrency": 4, **fields})
