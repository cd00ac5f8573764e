"""Rollouts on a shop that nobody here wrote: recorded sessions, a predictor that learns them, and its own.

    python benchmarks/check_rollout.py [--recorded 60] [--sessions 50] [--predictor SPEC] [--out DIR]

Scripted people shop at django-oscar (installed as for the page corpus, benchmarks/page_corpus) in Chromium
with the recorder: they open categories, search, look at products, fill the basket; some check out as guests.
A predictor learns their sessions and shops there by itself. Counted are the ends of its sessions, unusable
answers, findings of the audit, and fidelity to the recorded sessions. Exit code 1 if a session ended by a
fault of the site or the browser, an action was not possible, or the audit found an error in the recordings.
(Short sessions of a Markov model are often the same, which the audit of the rollout says.)
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from playwright.sync_api import sync_playwright

from facsim import measure_fidelity
from facsim.data import DataSet
from facsim.data.audit import audit
from facsim.record import Recording
from facsim.report import save_fidelity
from facsim.rollout import BrowserOptions, rollout
from facsim.util.progress import no_progress

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
sys.path.insert(0, str(Path(__file__).parent / "page_corpus"))

from app import free_port
from oscar import OSCAR
from recorded_browser import recorded_browser, study_of

from check_record import OSCAR_HOME, OSCAR_WORDS, Person

ADDRESS = {"first_name": "Ana", "last_name": "Silva", "line1": "1 Mill Lane", "line4": "York"}
PEOPLE = 10


def shop_session(person: Person) -> None:
    """Look around for a while; then buy, or leave."""
    tab, luck = person.tab, person.luck
    products = tab.locator("article.product_pod h3 a")
    has_basket = False
    for _ in range(luck.randint(1, 7)):
        kind = luck.choices(("category", "search", "product", "add"), (2, 3, 4, 2))[0]
        if kind == "category":
            categories = tab.locator("aside .side_categories a")
            if categories.count():
                person.click(categories.nth(luck.randrange(categories.count())), goes_on=True)
        elif kind == "search":
            person.write(tab.locator("input[name=q]").first, luck.choice(OSCAR_WORDS), enter=True)
        elif kind == "product" and (found := products.count()):
            person.click(products.nth(luck.randrange(found)), goes_on=True)
        elif kind == "add":
            add = tab.locator("article.product_pod button[type=submit]:not([disabled]), .btn-add-to-basket")
            if add.count():
                person.click(add.first, goes_on=True)
                has_basket = True
    if has_basket and luck.random() < 0.6:
        check_out(person)
    person.leave()


def check_out(person: Person) -> None:
    """From the basket to the order, as a guest."""
    tab = person.tab
    person.click(tab.get_by_role("button", name="View basket").first, goes_on=True)
    proceed = tab.get_by_role("link", name="Proceed to checkout")
    if not proceed.count():
        return
    person.click(proceed.first, goes_on=True)
    person.write(tab.locator("[name=username]"), "guest@example.com", enter=True)
    for field, value in ADDRESS.items():
        person.write(tab.locator(f"[name={field}]"), value, enter=False)
    person.write(tab.locator("[name=postcode]"), "YO1 7AB", enter=True)
    for name in ("Continue", "Place order"):
        button = tab.get_by_role("button", name=name)
        if button.count():
            person.click(button.first, goes_on=True)


def record(address: str, folder: Path, sessions: int) -> None:
    """Record sessions of scripted people, each with a browser of their own."""
    recording = Recording(study_of(address), folder / "recorded")
    numbers = range(sessions)
    with sync_playwright() as playwright, recording.collector(0) as port:
        for who in range(PEOPLE):
            profile = folder / f"profile-{who}"
            with recorded_browser(playwright, recording, port, profile) as browser:
                browser.consent(f"p{who}", intent="To find something for the house or the garden")
                for number in numbers[who::PEOPLE]:
                    browser.context.clear_cookies()
                    person = Person(browser.open(f"{address}/catalogue/"), random.Random(number))
                    shop_session(person)
                    print(f"recorded {number + 1}: {len(person.done)} actions", flush=True)
                browser.wait_until_delivered(120)
        recording.write()
    recording.store.close()


def main() -> int:
    """Record, learn, roll out, and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recorded", type=int, default=60)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--predictor", default="baseline:markov-2")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    folder = options.out or Path(tempfile.mkdtemp(prefix="facsim-oscar-"))
    OSCAR.install(OSCAR_HOME)
    with OSCAR.serve(OSCAR_HOME, free_port()) as address:
        recorded = folder / "recorded"
        if not (recorded / "card.json").exists():
            record(address, folder, options.recorded)
        people = DataSet.open(recorded)
        done = rollout(
            f"{address}/catalogue/",
            options.predictor,
            sessions=options.sessions,
            people=people,
            train=people,
            out=folder / "rolled",
            max_seconds=1800,
            browser=BrowserOptions(),
            overwrite=True,
            progress=no_progress,
        )
    print(done)
    report = json.loads((folder / "rolled" / "rollout.json").read_text())
    failures = [one for row in report["sessions"] for one in row.get("failures", ())]
    for (kind, message), count in Counter((one["kind"], one["message"]) for one in failures).most_common():
        print(f"{count} {kind}: {message}")
    for row in report["sessions"]:
        if row["end"] in ("site", "failed"):
            print(f"{row['session_id']}: {row['end']}: {row.get('message')}")
    errors = {name: findings(data) for name, data in (("recorded", people), ("rolled", done.data))}
    fidelity = measure_fidelity(people, done.data, resamples=500)
    save_fidelity(fidelity, folder / "fidelity")
    score = fidelity["rolled"].score
    impossible = done.failures.get("not_possible", 0)
    print(
        f"RESULT recorded={len(people)} recorded_steps={people.steps.height} sessions={done.sessions} "
        f"answers={done.answers} "
        + " ".join(f"{kind}={count}" for kind, count in {**done.ends, **done.failures}.items())
        + f" audit_errors={sum(errors.values())} fidelity={'' if score is None else f'{score.value:.2f}'}"
    )
    return int(bool(done.ends.get("site") or impossible or errors["recorded"]))


def findings(data: DataSet) -> int:
    """Number of errors of the audit, which are printed."""
    errors = [one.message for one in audit(data).findings if one.severity == "error"]
    for message in errors:
        print(f"audit of {data.path.name}: {message}")
    return len(errors)


if __name__ == "__main__":
    sys.exit(main())
