"""`facsim show`: sessions and runs in the terminal, readable at any width, deaf to what the data says."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pytest
from hostile import HUGE, PAYLOADS
from in_process_cli import completed as facsim
from rich.cells import cell_len
from rich.console import Console, RenderableType

from facsim import Card, DataSet, DataSetWriter, Run, evaluate
from facsim.schema import Action, Prediction, Session, SessionSoFar, Step
from facsim.util.errors import ConfigError
from facsim.view.terminal import pick_session, run_metrics, session_list, session_replay


def drawn(what: RenderableType, width: int = 100, *, terminal: bool = False, piped: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, emoji=False, soft_wrap=piped)
    console.print(what)
    return out.getvalue()


def shop_page(number: int) -> str:
    items = "".join(
        f'<li><a name="results.item_{number}_{item}.title" href="/p/{item}">Item {number} {item}</a> ${item}.99</li>'
        for item in range(4)
    )
    return (
        f"<html><head><title>Results {number} | Shop</title></head><body>"
        f'<form><input type="search" name="search_input" aria-label="SessionFilter"></form><h1>Results {number}</h1>'
        f"<ul>{items}</ul><p>One more thing</p></body></html>"
    )


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    """40 visits of 20 people, of one to six steps."""
    folder = tmp_path_factory.mktemp("show") / "shop"
    with DataSetWriter(folder, Card(name="shop", source="jsonl", origin="made by a test")) as writer:
        for visit in range(40):
            last = visit % 6
            actions = [Action.type_and_submit("search_input", f"item {visit % 5}")]
            actions += [
                Action.click(f"results.item_{step % 5}_{(visit + step) % 4}.title") for step in range(1, last)
            ]
            actions = [*actions[:last], Action.terminate()]
            steps = tuple(
                Step(
                    writer.add_page(shop_page(step % 5)),
                    action,
                    action.type,
                    f"I want item {step} because of its price, its colour and everything else about it.",
                    "human",
                    elapsed=4.5 * step + 1,
                    url=f"https://shop.example/{step}",
                )
                for step, action in enumerate(actions)
            )
            persona, intent = (
                f"Nora, {20 + visit}, likes to look around for a long time.",
                "I need an item under $35.",
            )
            writer.add_session(
                Session(
                    f"visit-{visit:02d}",
                    f"u{visit // 2}",
                    steps,
                    persona,
                    intent,
                    "terminate",
                    "shop.example",
                )
            )
    return DataSet.open(folder)


@pytest.fixture(scope="module")
def runs(shop: DataSet) -> list[Run]:
    names = ("baseline:markov-1", "baseline:always-terminate")
    return [evaluate(shop, name, run_dir=shop.path.parent / name.replace(":", "-")) for name in names]


def answered(runs: Sequence[Run], shop: DataSet) -> Session:
    """A session of the test part with several steps."""
    return max(
        (shop.session(name) for name in set(runs[0].cases()["session_id"])), key=lambda s: len(s.steps)
    )


def test_a_replay_shows_every_step_and_prediction(shop: DataSet, runs: list[Run]) -> None:
    session = answered(runs, shop)
    text = drawn(session_replay(shop, session, runs), piped=True)
    lines = text.splitlines()
    assert session.persona in text
    assert session.intent in text
    for number, step in enumerate(session.steps, start=1):
        assert (
            sum(line.startswith(f"── Step {number} ·") or line == f"── Step {number}" for line in lines) == 1
        )
        assert step.url in text
        assert shop.page(step.page_id).outline.title in text
        assert f"“{step.rationale}”" in text
        if step.action.name:
            element = shop.page(step.page_id).by_name[step.action.name]
            assert any(line.startswith(f"  ▶ {element.text}") for line in lines)
            assert any(line.startswith("  → ") and step.action.name in line for line in lines)
    for run in runs:
        told = [line for line in lines if re.match(rf"  [✓✗·] {run.name} ", line)]
        assert len(told) == len(session.steps)
        assert told[0].startswith("  · ")  # first steps are no test cases
        cases = run.to_polars().filter(session_id=session.session_id).sort("step")
        assert [line.startswith("  ✓ ") for line in told[1:]] == cases["right_exact"].to_list()
        assert f"{run.name} {cases['right_exact'].sum()}/{cases.height}" in lines[-1]


def test_probabilities_are_those_of_the_run(shop: DataSet, runs: list[Run]) -> None:
    session = answered(runs, shop)
    text = drawn(session_replay(shop, session, runs[:1]), piped=True)
    for case in runs[0].cases().filter(session_id=session.session_id).iter_rows(named=True):
        shown = 100 * case["confidence"]
        assert f"probability {shown:.1f} %" in text or shown < 0.1


def test_pauses_are_shown(shop: DataSet) -> None:
    text = drawn(session_replay(shop, shop.session("visit-02")))
    assert "visit-02 · 3 steps · 10 s · outcome terminate · u1 · shop.example" in text
    assert re.findall(r"Step (\d) · (at .*?) ─", text) == [
        ("1", "at 1.0 s"), ("2", "at 5.5 s (+4.5 s)"), ("3", "at 10 s (+4.5 s)")
    ]  # fmt: skip


def test_one_step_alone(shop: DataSet, runs: list[Run]) -> None:
    session = answered(runs, shop)
    text = drawn(session_replay(shop, session, runs, step=2))
    assert re.findall(r"Step (\d+)", text) == ["2"]
    with pytest.raises(ConfigError, match=f"has no step 99: its steps are 1 to {len(session.steps)}"):
        session_replay(shop, session, runs, step=99)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_no_line_is_wider_than_the_terminal(shop: DataSet, runs: list[Run], width: int) -> None:
    session = answered(runs, shop)
    for what in (session_replay(shop, session, runs), session_list(shop, runs)):
        assert max(cell_len(line) for line in drawn(what, width).splitlines()) <= width


def test_in_a_pipe_no_text_is_folded_and_nothing_is_coloured(shop: DataSet, runs: list[Run]) -> None:
    session = answered(runs, shop)
    text = drawn(session_replay(shop, session, runs), 40, piped=True)
    assert f"Persona {session.persona}" in text.splitlines()
    assert "\x1b" not in text
    assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_the_list_names_sessions_and_what_runs_got_right(shop: DataSet, runs: list[Run]) -> None:
    text = drawn(session_list(shop, limit=5), 200)
    assert "40 sessions" in text
    for session_id in shop.session_ids[:5]:
        assert session_id in text
    assert "… and 35 more" in text
    asked = set(runs[0].cases()["session_id"])
    listed = drawn(session_list(shop, runs, limit=100), 200)
    assert f"{len(asked)} sessions with a prediction" in listed
    assert set(re.findall(r"visit-\d+", listed)) == asked
    cases = runs[1].to_polars()
    for session_id in asked:
        [row] = [line for line in listed.splitlines() if session_id in line]
        mine = cases.filter(session_id=session_id)
        assert f" {mine['right_exact'].sum()}/{mine.height} " in row


def test_sessions_are_picked_by_id_number_or_chance(shop: DataSet, runs: list[Run]) -> None:
    assert pick_session(shop, shop.session_ids[7]).session_id == shop.session_ids[7]
    assert pick_session(shop, "8").session_id == shop.session_ids[7]
    asked = [name for name in shop.session_ids if name in set(runs[0].cases()["session_id"])]
    assert pick_session(shop, "2", runs).session_id == asked[1]
    assert pick_session(shop, "random", runs).session_id in asked
    for wrong in ("0", "41", "nobody", "-1", "٣", "9" * 5000):
        with pytest.raises(ConfigError, match="a number from 1 to 40"):
            pick_session(shop, wrong)


def test_an_id_that_is_a_number_comes_first(tmp_path: Path) -> None:
    data = write(tmp_path, ["2", "random", "a"])
    assert pick_session(data, "2").session_id == "2"
    assert pick_session(data, "random").session_id == "random"
    assert pick_session(data, "3").session_id == "a"


def test_a_run_over_other_data_is_refused(tmp_path: Path, runs: list[Run]) -> None:
    data = write(tmp_path, ["a"])
    for what in (session_list, lambda data, runs: session_replay(data, data.session("a"), runs)):
        with pytest.raises(ConfigError, match="answers steps of another data set"):
            what(data, runs)


def test_a_session_that_no_run_was_asked_about(shop: DataSet, runs: list[Run]) -> None:
    asked = set(runs[0].cases()["session_id"])
    session = next(session for session in shop if session.session_id not in asked)
    assert "was not asked about this session" in drawn(session_replay(shop, session, runs))


def test_a_run_shows_its_metrics(runs: list[Run]) -> None:
    text = drawn(run_metrics(runs[0]))
    for name, found in runs[0].metrics.items():
        assert re.search(rf"^ *{name} ", text, re.MULTILINE)
        assert f"{found.n:,}" in text
    assert f"{100 * runs[0].metrics['accuracy'].value:.1f}" in text


def write(folder: Path, ids: Sequence[str], text: str = "x") -> DataSet:
    """Sessions that say `text` wherever they can."""
    page = f"<html><head><title>{text}</title></head><body><h1>{text}</h1><a name='go'>{text}</a>{text}</body></html>"
    with DataSetWriter(folder / "data", Card(name="made", source="jsonl", origin=text)) as writer:
        page_id = writer.add_page(page)
        for session_id in ids:
            steps = (
                Step(page_id, Action.click("go"), text, text, "human", url=text, elapsed=1.0),
                Step(page_id, Action.type_and_submit(None, text), text, text, "human", url=text, elapsed=0.5),
                Step(page_id, Action.type_and_submit(text or "go", text)),
                Step(page_id, Action.terminate()),
            )
            writer.add_session(Session(session_id, text, steps, persona=text, intent=text, site=text))
    return DataSet.open(folder / "data")


class Says:
    """Answers with a text wherever it can."""

    spec, concurrency = "test:says", 1

    def __init__(self, text: str) -> None:
        self.text = text

    def settings(self) -> dict[str, str]:
        return {}

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        action = Action.type_and_submit(self.text, self.text)
        return Prediction(
            action,
            self.text,
            {action: 0.5},
            parse="lenient",
            forgiven=(self.text,),
            answer=self.text,
            error=self.text,
        )

    async def close(self) -> None:
        """Nothing is held."""


def hostile_run(data: DataSet, text: str) -> Run:
    return evaluate(data, Says(text), run_dir=data.path.parent / "run", part="all")


def test_hostile_texts_steer_no_terminal(tmp_path: Path) -> None:
    texts = [text for text in PAYLOADS if text is not HUGE and "\ud800" not in text]
    text = " ".join(sorted(texts, key=len))  # what is meant for terminals is short, and not cut
    data = write(tmp_path, ["a\x1b[2Jb", "[bold]c[/]", "…"], text)
    run = hostile_run(data, text)
    for what in (
        session_list(data, [run]),
        *(session_replay(data, session, [run]) for session in data),
        run_metrics(run),
    ):
        # What is left of a terminal's own sequences is rich's: colours and weights, nothing else.
        shown = re.sub(r"\x1b\[[0-9;]*m", "", drawn(what, terminal=True))
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
        assert "\x1b" not in drawn(what, piped=True)
    replay = drawn(session_replay(data, data.session("[bold]c[/]"), [run]), 1_000)
    assert "Session [bold]c[/]" in replay
    assert "[bold red]markup[/bold red]" in replay
    assert ":warning:" in replay
    assert "\\x1b[31mred" in replay


def test_huge_texts_are_cut(tmp_path: Path) -> None:
    data = write(tmp_path, ["a"], HUGE)
    run = hostile_run(data, HUGE)
    assert len(drawn(session_replay(data, data.session("a"), [run]), piped=True)) < 30_000


def test_the_verb(shop: DataSet, runs: list[Run]) -> None:
    session = answered(runs, shop)
    done = facsim("show", shop.path, session.session_id, *(run.path for run in runs), "--step", 1)
    assert done.returncode == 0, done.stderr
    assert done.stdout == drawn(session_replay(shop, session, runs, step=1), 200, piped=True)
    assert "sessions with a prediction" in facsim("show", shop.path, runs[0].path).stdout
    assert "accuracy_micro" in facsim("show", runs[0].path).stdout


def test_sessions_as_data(shop: DataSet, runs: list[Run]) -> None:
    session = answered(runs, shop)
    paths = [run.path for run in runs]
    listed = json.loads(facsim("show", shop.path, *paths, "--format", "json").stdout)
    row = next(row for row in listed if row["session_id"] == session.session_id)
    cases = runs[0].to_polars().filter(session_id=session.session_id).sort("step")
    assert row["steps"] == len(session.steps)
    assert row[f"{runs[0].name} predicted"] == cases.height
    assert row[f"{runs[0].name} correct"] == cases["right_exact"].sum()
    steps = json.loads(facsim("show", shop.path, session.session_id, *paths, "--format", "json").stdout)
    assert [step["step"] for step in steps] == list(range(1, len(session.steps) + 1))
    assert steps[0][f"{runs[0].name} correct"] is None
    assert [step[f"{runs[0].name} correct"] for step in steps[1:]] == cases["right_exact"].to_list()
    table = list(
        csv.DictReader(StringIO(facsim("show", shop.path, session.session_id, "--format", "csv").stdout))
    )
    assert [row["action_type"] for row in table] == [step.action.type for step in session.steps]


def test_metrics_and_comparisons_as_data(runs: list[Run]) -> None:
    metrics = json.loads(facsim("show", runs[0].path, "--format", "json").stdout)
    assert {row["metric"]: row["value"] for row in metrics}["accuracy"] == runs[0].metrics["accuracy"].value
    rows = list(csv.DictReader(StringIO(facsim("show", runs[0].path, "--format", "csv").stdout)))
    assert [row["metric"] for row in rows] == list(runs[0].metrics)
    paths = [run.path for run in runs]
    [pair] = json.loads(facsim("compare", *paths, "--resamples", 200, "--format", "json").stdout)
    [row] = csv.DictReader(StringIO(facsim("compare", *paths, "--resamples", 200, "--format", "csv").stdout))
    assert pair["a"] == row["a"] == runs[0].name
    assert float(row["difference"]) == pair["difference"]["value"]
    assert pair["difference"]["value"] == pytest.approx(pair["accuracy_a"] - pair["accuracy_b"])


def test_what_is_no_run_is_skipped_with_a_note(runs: list[Run], tmp_path: Path) -> None:
    empty, file = tmp_path / "empty", tmp_path / "notes.txt"
    empty.mkdir()
    file.touch()
    done = facsim("report", *(run.path for run in runs), empty, file)
    assert done.returncode == 0
    assert f"{empty}: not a run, skipped" in done.stderr
    assert f"{file}: not a run, skipped" in done.stderr
    assert runs[0].name in done.stdout
    assert facsim("report", empty).returncode == 2
    assert facsim("report", runs[0].path, tmp_path / "missing").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["/nowhere"], "card.json"),
        (["{shop}", "nobody"], "has no session 'nobody'"),
        (["{shop}", "1", "/nowhere"], "config.json"),
        (["{shop}", "1", "--step", "77"], "has no step 77"),
        (["{shop}", "--step", "1"], "of which session?"),
        (["{shop}", "1", "--step", "-1"], "--step"),
    ],
)
def test_a_wrong_call_ends_in_a_sentence(shop: DataSet, arguments: list[str], says: str) -> None:
    done = facsim("show", *(argument.format(shop=shop.path) for argument in arguments))
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
