"""The report as an object and its outputs, against metrics.json and independent counts."""

import csv
import io
import json
import math
import re
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from reporting import altered, varied

from facsim import Report, build_report
from facsim.data import Card
from facsim.evaluation import Run, score
from facsim.report.leaderboard_table import markdown_table
from facsim.report.reproduce import evaluate_command, view_command
from facsim.util.errors import ConfigError, InputError

Made = Callable[..., Run]


@pytest.fixture(scope="module")
def runs(made: Made, tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    return varied(made, tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def report(runs: list[Run]) -> Report:
    return build_report(runs, published="opera")


class Numbers(HTMLParser):
    """The attributes of every element that carries a number, and what has no place in the page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []
        self.tags: defaultdict[str, int] = defaultdict(int)
        self.styled = self.handlers = 0

    def handle_starttag(self, tag: str, attrs: list) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags[tag] += 1
        self.styled += "style" in attributes
        self.handlers += any(name.startswith("on") for name in attributes)
        if "data-value" in attributes:
            self.found.append(attributes)


def read(report: Report) -> Numbers:
    parser = Numbers()
    parser.feed(report.to_html())
    return parser


def test_every_number_of_the_page_is_that_of_metrics_json(report: Report, runs: list[Run]) -> None:
    stored = {run.name: json.loads((run.path / "metrics.json").read_text())["metrics"] for run in runs}
    seen: defaultdict[str, set[str]] = defaultdict(set)
    cells = 0
    for cell in read(report).found:
        if "data-metric" in cell:
            expected = stored[cell["data-run"]]["estimates"][cell["data-metric"]]
            values = {
                "data-value": expected["value"],
                "data-low": expected["low"],
                "data-high": expected["high"],
            }
            seen[cell["data-run"]].add(cell["data-metric"])
        elif "data-table" in cell:
            name = cell.get("data-run", runs[0].name)
            kind = {"types": "type", "categories": "category"}[cell["data-table"]]
            row = next(
                row for row in stored[name]["tables"][cell["data-table"]] if row[kind] == cell["data-key"]
            )
            column = cell["data-column"]
            values = {
                "data-value": row[column], "data-low": row[f"{column}_low"], "data-high": row[f"{column}_high"]
            }  # fmt: skip
        else:
            continue
        cells += 1
        for attribute, value in values.items():
            assert cell.get(attribute) == (None if value is None else repr(value)), cell
    assert cells > 500
    for name, metrics in stored.items():
        assert seen[name] == set(metrics["estimates"])


def test_what_is_read_is_what_is_meant(report: Report) -> None:
    page = report.to_html()
    for cell in re.finditer(
        r'<td[^>]*data-metric="accuracy"[^>]*data-value="([\d.]+)"[^>]*>(?:<b>)?([\d.]+)', page
    ):
        assert f"{100 * float(cell[1]):.1f}" == cell[2]


def test_accuracy_along_the_session_by_hand(report: Report, runs: list[Run]) -> None:
    for run in runs:
        right: defaultdict[int, list[bool]] = defaultdict(list)
        for line in run.records():
            matched = all(line[f"true_{part}"] == line[f"pred_{part}"] for part in ("type", "name", "text"))
            right[line["step"] + 1].append(matched)
        by_step = report.by_step.accuracy[run.name]
        assert [one.label for one in report.by_step.bins] == ["2", "3", "4"]
        for one, found in zip(report.by_step.bins, by_step, strict=True):
            wanted = right[one.low]
            assert found.value == pytest.approx(sum(wanted) / len(wanted))
            assert found.n == one.steps == len(wanted) == 40
            assert found.low <= found.value <= found.high
        # All sessions have four steps, the first of which is no test case.
        assert [one.label for one in report.by_length.bins] == ["4"]
        assert report.by_length.accuracy[run.name][0].value == pytest.approx(run.metrics["accuracy"].value)


def test_bins_are_of_about_the_same_weight(made: Made, tmp_path: Path) -> None:
    def longer(index: int, line: dict) -> None:
        # Session s has one case if s is even, else three.
        if int(line["session_id"][1:]) % 2 == 0:
            line["session_id"] += f"-{line['step']}"
            line["step"], line["is_last"] = 1, True

    run = altered(made(tmp_path / "mixed", right=lambda session, _: session < 20), longer)
    report = build_report([run])
    assert [(one.label, one.steps, one.sessions) for one in report.by_step.bins] == [
        ("2", 80, 80), ("3", 20, 20), ("4", 20, 20)
    ]  # fmt: skip
    assert [(one.label, one.steps, one.sessions) for one in report.by_length.bins] == [
        ("2", 60, 60), ("4", 60, 20)
    ]  # fmt: skip


def test_contrasts_hold_steps_that_only_one_gets_right(report: Report, runs: list[Run]) -> None:
    by_name = {run.name: {(line["session_id"], line["step"]): line for line in run.records()} for run in runs}
    assert [(found.comparison.a, found.comparison.b) for found in report.contrasts] == [
        ("tuned", "prompted"),
        ("tuned", "always-terminate"),
    ]
    for contrast in report.contrasts:
        pair = contrast.comparison
        assert contrast.both + contrast.neither + pair.only_a + pair.only_b == pair.steps == 120
        sessions = [example.session_id for example in contrast.examples if example.answers[0].run == pair.a]
        assert len(set(sessions)) == len(sessions) == 5
        for example in contrast.examples:
            winner, loser = example.answers
            assert winner.right and not loser.right
            for answer in example.answers:
                line = by_name[answer.run][example.session_id, example.step]
                matched = all(
                    line[f"true_{part}"] == line[f"pred_{part}"] for part in ("type", "name", "text")
                )
                assert matched is answer.right
            assert example.address.endswith(f"session?id={example.session_id}&step={example.step + 1}")


def test_unread_answers_are_shown(report: Report) -> None:
    found = [(one.run, one.how) for one in report.unread]
    assert found.count(("prompted", "unparseable")) == 5
    # Equal failures are told once.
    assert found.count(("prompted", "failed")) == 1
    assert {run for run, _ in found} == {"prompted"}
    page = report.to_html()
    assert "503 overloaded" in page
    assert "I would\nprobably scroll" in page


def test_the_headline_says_who_and_how_sure(report: Report, runs: list[Run]) -> None:
    assert report.headline.title.startswith(
        "tuned predicts simulated shoppers best: 66.7% of their next actions"
    )
    text = " ".join(report.headline.sentences)
    assert "Next comes prompted with" in text
    assert "The best trivial baseline is always-terminate with 33.3%" in text
    assert "The best possible accuracy on these data is 90.0%. From always-terminate" in text
    assert "tuned closes 58.8% of the gap to it (95% interval" in text
    by_name = {run.name: run for run in runs}
    title = build_report([by_name["prompted"], by_name["always-terminate"]]).headline.title
    assert title == "prompted leads with 40.0%, but cannot be separated statistically from always-terminate"
    title = build_report([by_name["random"], by_name["always-terminate"]]).headline.title
    assert title == "Of the trivial baselines, always-terminate is correct most often: 33.3%"
    assert build_report([by_name["tuned"]]).headline.title == "tuned predicts 66.7% of people's next actions"
    assert "nothing to rank" in build_report([by_name["oracle"]]).headline.sentences[0]


def test_a_trivial_baseline_on_top_is_said_so(made: Made, tmp_path: Path) -> None:
    base = made(tmp_path / "base", right=lambda session, _: session % 3 > 0, spec="baseline:majority-type")
    poor = made(tmp_path / "poor", right=lambda session, _: session % 8 == 0)
    near = made(tmp_path / "near", right=lambda session, _: session % 3 > 0 and session != 4)
    assert build_report([base, poor]).headline.title == (
        "No model beats a trivial baseline: base is correct 65.0% of the time, the best model, poor, 12.5%"
    )
    assert build_report([base, near]).headline.title == (
        "No model beats a trivial baseline: base is correct 65.0% of the time, the best model, near, 62.5%, not "
        "separable from it"
    )


def test_poor_inputs_give_pages_or_clear_refusals(made: Made, tmp_path: Path) -> None:
    nothing = made(tmp_path / "nothing", right=lambda *_: True, failed=lambda *_: True)
    wrong = made(tmp_path / "wrong", right=lambda _, step: False)
    alone = made(tmp_path / "alone", right=lambda *_: True, sessions=1)
    assert build_report([nothing]).headline.title == "No call of any run succeeded"
    for run in (nothing, wrong, alone):
        page = build_report([run]).to_html()
        for absent in ("No run gives probabilities", "No run has a known cost", "nothing to compare"):
            assert absent in page
    other = made(tmp_path / "other", right=lambda *_: True, content_hash="h2")
    with pytest.raises(ConfigError, match="did not answer the same steps: content_hash 'h1' and 'h2'"):
        build_report([wrong, other])
    with pytest.raises(ConfigError, match="is unfinished"):
        build_report([made(tmp_path / "half", right=lambda *_: True, owed=2)])
    with pytest.raises(ConfigError, match="no run given"):
        build_report([])
    with pytest.raises(InputError, match="the folder of a run"):
        build_report([tmp_path])
    score(wrong.path, resamples=0)
    bare = build_report([wrong.path]).to_html()
    assert "data-low" not in bare and "whisker" in bare


def test_csv_has_every_number(report: Report, runs: list[Run]) -> None:
    rows = list(csv.DictReader(io.StringIO(report.to_csv())))
    for run in runs:
        plain = {row["metric"]: row for row in rows if row["run"] == run.name and not row["table"]}
        assert plain.keys() == set(run.metrics)
        for name, found in run.metrics.items():
            assert float(plain[name]["value"]) == found.value
            assert plain[name]["low"] == ("" if found.low is None else repr(found.low))
    against = [row for row in rows if row["metric"] == "adjusted_p"]
    assert {row["run"] for row in against} == {"prompted", "always-terminate", "random"}
    assert all(math.isfinite(float(row["value"])) for row in rows)


def test_markdown_and_latex(report: Report) -> None:
    text = report.to_markdown()
    assert text.startswith("# tuned predicts simulated shoppers best")
    assert report.board.to_markdown().rstrip() in text
    for title in ("Exact match by true category", "Results of all steps", "by number of the step"):
        assert title in text
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1
    latex = report.to_latex()
    assert latex.count("\\begin{table}") == latex.count("\\end{table}") == 9
    assert "type\\_and\\_submit" in latex and "\\textbf{tuned}" in latex
    for row in re.findall(r"^ {4}(?!\\)(.*) \\\\$", latex, re.MULTILINE):
        assert not re.search(r"(?<!\\)[%_#]", row)


def test_figures(report: Report, tmp_path: Path) -> None:
    files = report.save_figures(tmp_path / "figures")
    assert [file.name for file in files] == [
        "accuracy.svg", "shares.svg", "errors.svg", "by-step.svg", "by-length.svg", "cost.svg", "reliability.svg"
    ]  # fmt: skip
    first = {file.name: file.read_bytes() for file in files}
    for file in files:
        svg = ElementTree.parse(file).getroot()
        assert svg.tag.endswith("svg")
        text = "".join(svg.itertext())
        assert "tuned" in text and "\\math" not in text
    report.save_figures(tmp_path / "figures")
    assert first == {file.name: file.read_bytes() for file in files}


def test_files(report: Report, tmp_path: Path) -> None:
    for name in ("r.html", "r.md", "r.csv", "r.json", "r.tex", "r.HTM"):
        assert report.save(tmp_path / name).stat().st_size > 1000
    assert report.save(tmp_path / "noname", "md").read_text() == report.to_markdown()
    with pytest.raises(ConfigError, match=r"r\.pdf: unknown suffix"):
        report.save(tmp_path / "r.pdf")
    with pytest.raises(ConfigError, match="there is no folder"):
        report.save(tmp_path / "none" / "r.html")


def test_markdown_of_hostile_names_stays_in_its_cells() -> None:
    lines = markdown_table(["Run", "a|b"], [["x\\|y\r\x1b[31m", "<img src=x>"]], left=1)
    assert lines == ["| Run | a\\|b |", "| --- | ---: |", "| x\\\\\\|y \\\\x1b[31m | &lt;img src=x> |"]


def test_the_page_is_whole(report: Report) -> None:
    found = read(report)
    assert found.tags["script"] == 2 and found.tags["style"] == 1  # the data, and the code
    assert not found.styled and not found.handlers
    assert not any(found.tags[tag] for tag in ("link", "img", "iframe", "object", "form", "base"))
    page = report.to_html()
    assert page.startswith("<!doctype html>")
    assert page == report.to_html()
    # Addresses are those of the local viewer, and the names of SVG's own attributes.
    assert set(re.findall(r"https?://[^/\"]+", page)) == {"http://127.0.0.1:8421"}


def test_commands(made: Made, tmp_path: Path) -> None:
    run = made(tmp_path / "a b", right=lambda *_: True, spec="openai:gpt-4.1", limit=40, split_by="session")
    identity = run.config.identity
    settings = {
        "provider": "openai", "model": "gpt-4.1", "address": None, "temperature": None, "seed": 3,
        "max_output_tokens": 4096, "thinking": "low", "structured": "auto", "replicate": 0,
        "prompt": {"style": "think", "budget_tokens": 40_000, "persona": False, "tokenizer": None,
                   "chars_per_token": 2.5, "person_after_pages": True},
    }  # fmt: skip
    run.config = run.config.model_copy(
        update={"identity": identity.model_copy(update={"settings": settings})}
    )
    assert evaluate_command(run) == (
        f"facsim evaluate data/made openai:gpt-4.1 --run-dir '{tmp_path}/a b' --split-by session --limit 40 "
        "--style think --chars-per-token 2.5 --no-persona --person-after-pages --page-text stored --temperature unset --sampling-seed 3 --thinking low"
    )
    assert view_command([run]) == f"facsim view data/made '{tmp_path / 'a b'}'"


def test_the_command_of_a_local_model_names_what_its_checkpoint_would_decide(
    made: Made, tmp_path: Path
) -> None:
    run = made(tmp_path / "mine", right=lambda *_: True, spec="local:models/mine")
    settings = {
        "model": "0f" * 32, "device": "cpu", "dtype": "float32", "decoding": "candidates",
        "prompt": {
            "style": "rationale", "budget_tokens": 1000, "budget_policy": "drop_oldest", "persona": True,
            "tokenizer": "its own",
        },
    }  # fmt: skip
    identity = run.config.identity.model_copy(update={"settings": settings})
    run.config = run.config.model_copy(update={"identity": identity})
    assert evaluate_command(run) == (
        f"facsim evaluate data/made local:models/mine --run-dir {tmp_path}/mine --style rationale "
        "--budget-tokens 1000 --budget-policy drop_oldest --persona --page-text stored --decoding candidates --device cpu --dtype float32"
    )


def test_runs_that_say_nothing_special_need_no_categories(made: Made, tmp_path: Path) -> None:
    def unknown(_: int, line: dict) -> None:
        line["true_category"] = line["pred_category"] = line["outcome"] = None

    run = altered(made(tmp_path / "plain", right=lambda session, _: session % 2 == 0), unknown)
    page = build_report([run]).to_html()
    assert "The data set has no categories." in page
    assert "does not say how sessions ended" in page
    assert "Shares of action types" in page and "Shares of categories" not in page


def test_many_runs_keep_their_letters(made: Made, tmp_path: Path) -> None:
    many = [
        made(
            tmp_path / f"run-{index:02d}", right=lambda session, _, index=index: session >= index, sessions=12
        )
        for index in range(11)
    ]
    report = build_report(many)
    assert [entry.letter for entry in report.entries] == list("ABCDEFGHIJK")
    assert "r-rest" in report.to_html()


def test_latex_takes_no_bracket_or_star_of_a_name_for_its_own(made: Made, tmp_path: Path) -> None:
    made(tmp_path / "[b] best", right=lambda *_: True)
    made(tmp_path / "[3pt] next", right=lambda index, *_: index % 2 == 0)
    made(tmp_path / "* last", right=lambda *_: False)
    text = build_report([tmp_path / "[b] best", tmp_path / "[3pt] next", tmp_path / "* last"]).to_latex()
    rows = [line.strip() for line in text.splitlines()]
    assert not [row for row in rows if row.startswith(("[", "*"))]
    assert any(row.startswith("{}[3pt] next") for row in rows)
    assert any(row.startswith("{}* last") for row in rows)


def test_figures_draw_the_runs_that_the_page_draws(made: Made, tmp_path: Path) -> None:
    """Of many models that are better than every baseline, the best baseline has a line all the same."""
    for place in range(6):
        made(tmp_path / f"model-{place}", right=lambda index, *_, place=place: index % 8 > place)
    made(tmp_path / "floor", right=lambda index, *_: index % 8 > 6, spec="baseline:majority-type")
    report = build_report(sorted(tmp_path.iterdir()))
    assert [entry.name for entry in report.lined] == [*(f"model-{place}" for place in range(4)), "floor"]
    [file] = [file for file in report.save_figures(tmp_path / "figures") if file.name == "by-step.svg"]
    drawn = file.read_text()
    assert "floor" in drawn
    assert "model-4" not in drawn


def test_the_headline_names_the_best_model_and_its_log_likelihood(made: Made, tmp_path: Path) -> None:
    """A rule that always leaves may win by accuracy; the log-likelihood shows which model knows more."""
    leave = made(tmp_path / "leave", right=lambda _, step: step == 2, spec="baseline:always-terminate")
    markov = made(
        tmp_path / "markov", right=lambda *_: False, spec="baseline:markov-1", log_probability=math.log(0.1)
    )
    weak = made(tmp_path / "weak", right=lambda session, _: session < 4, log_probability=math.log(0.2))
    oracle = made(tmp_path / "oracle", right=lambda *_: True, spec="oracle:", log_probability=math.log(0.4))
    report = build_report([leave, markov, weak, oracle])
    assert report.headline.title == (
        "No model beats a trivial baseline: leave is correct 33.3% of the time, the best model, weak, 10.0%"
    )
    text = " ".join(report.headline.sentences)
    assert "weak is best with -1.61 nats a step, 50% of the way from markov to the best possible" in text
    assert "the best trivial baseline is markov with -2.30" in text
    assert "leave has none: a fixed answer is no probability." in text
    rows = report.to_markdown().splitlines()
    assert any(row.startswith("|  | weak | 10.0 [") and "| -1.61 (50%) |" in row for row in rows)
    assert any(row.startswith("| ★ | **leave** | 33.3 [") and "] | – |" in row for row in rows)
    assert "LL: log-likelihood" in report.to_markdown()


def test_a_partly_known_likelihood_is_no_likelihood(made: Made, tmp_path: Path) -> None:
    def lose_every_other(index: int, line: dict) -> None:
        if index % 2:
            line["log_probability"] = None

    run = altered(made(tmp_path / "half", right=lambda *_: True, log_probability=-1.0), lose_every_other)
    assert build_report([run]).board.rows[0].log_likelihood is None
    assert "| LL |" not in build_report([run]).to_markdown()


@pytest.mark.parametrize(("source", "people"), [("shop", "simulated shoppers"), ("opera", "people")])
def test_simulated_shoppers_are_not_called_people(
    made: Made, tmp_path: Path, source: str, people: str
) -> None:
    run = made(tmp_path / "run", right=lambda session, _: session % 2 == 0)
    config = run.config.model_copy(update={"source": source})
    config.write(run.path)
    report = build_report([run.path])
    text = report.to_markdown()
    assert f"of what {people} do next" in text
    assert f"| {people.capitalize()} |" in text
    page = report.to_html()
    assert f"what {people} do next" in page
    if source == "shop":
        for said in (text, page, report.to_latex(), build_report([run.path]).board.to_markdown()):
            assert not re.search(r"\b[Pp]eople\b|\b[Tt]he person\b", said)


def test_old_runs_tell_simulated_people_by_the_card_or_the_oracle(made: Made, tmp_path: Path) -> None:
    run = made(tmp_path / "run", right=lambda *_: True, log_probability=-1.0)
    oracle = made(tmp_path / "oracle", right=lambda *_: True, spec="oracle:", log_probability=-0.5)
    assert build_report([run]).board.population.people == "people"
    assert build_report([run, oracle]).board.population.people == "simulated shoppers"
    data = tmp_path / "data"
    data.mkdir()
    card = Card(name="made", source="shop", origin="made", content_hash="h1")
    (data / "card.json").write_text(card.model_dump_json())
    run.config.model_copy(update={"data_path": str(data)}).write(run.path)
    assert build_report([run.path]).board.population.people == "simulated shoppers"
    card = card.model_copy(update={"content_hash": "another"})
    (data / "card.json").write_text(card.model_dump_json())
    assert build_report([run.path]).board.population.people == "people"
