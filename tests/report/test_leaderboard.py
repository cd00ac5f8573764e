from collections.abc import Callable
from io import StringIO
from pathlib import Path
from shutil import copytree

import pytest
from reporting import altered
from rich.console import Console, RenderableType

from facsim.evaluation import Run, compare, score
from facsim.report import comparison_table, leaderboard, published_boards, run_summary
from facsim.util.errors import ConfigError, InputError

Made = Callable[..., Run]


@pytest.fixture(scope="module")
def originals(made: Made, tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    folder = tmp_path_factory.mktemp("runs")
    return [
        made(folder / "poor", right=lambda session, step: session % 4 == 0, cost=0.001),
        made(folder / "best", right=lambda session, step: session % 10 != 0 or step == 0),
        made(folder / "nearly", right=lambda session, step: session % 10 != 1 and session != 2),
    ]


@pytest.fixture
def runs(originals: list[Run], tmp_path: Path) -> list[Run]:
    return [Run.open(copytree(run.path, tmp_path / run.name)) for run in originals]


def drawn(*shown: RenderableType, width: int = 100) -> str:
    file = StringIO()
    Console(width=width, file=file).print(*shown, sep="\n")
    return file.getvalue()


def test_rows_are_ranked_and_what_is_not_separable_is_marked(runs: list[Run]) -> None:
    board = leaderboard(runs)
    assert [row.name for row in board.rows] == ["best", "nearly", "poor"]
    best, nearly, poor = board.rows
    assert (best.best, best.separable, best.p_value) == (True, None, None)
    assert (nearly.best, nearly.separable, poor.separable) == (False, False, True)
    assert nearly.p_value > 0.05 > poor.p_value
    assert best.values["accuracy"].value == pytest.approx(0.9 + 0.1 / 3)
    assert best.values["accuracy"].low < best.values["accuracy"].value < best.values["accuracy"].high
    assert (best.steps, best.sessions) == (120, 40)
    assert (best.cost, poor.cost) == (None, pytest.approx(0.12))


def test_the_order_of_runs_does_not_matter(runs: list[Run]) -> None:
    assert leaderboard(runs) == leaderboard(runs[::-1])
    assert leaderboard([str(run.path) for run in runs]) == leaderboard(runs)


def test_markdown(runs: list[Run]) -> None:
    text = leaderboard(runs).to_markdown()
    lines = text.splitlines()
    assert lines[0] == (
        "**made (test part, split by user) · 120 steps of 40 sessions · 100.0% of targets reachable**"
    )
    assert lines[2] == (
        "|  | Run | Acc. [95%] | Click | Type | Leave | Type F1 | Outc. F1 | Illegal | Unread | Cost |"
    )
    assert lines[4].startswith("| ★ | **best** | 93.3 [")
    assert lines[5].startswith("| ≈ | nearly |")
    assert lines[6].startswith("|  | poor |")
    assert lines[4].endswith("| 0.0 | 0.0 | – |")
    assert lines[6].endswith("| $0.12 |")
    assert "Published" not in text
    assert {line.count("|") for line in lines[2:7]} == {12}


@pytest.mark.parametrize("width", [80, 100, 120])
def test_tables_fit_the_terminal(runs: list[Run], made: Made, tmp_path: Path, width: int) -> None:
    long = made(tmp_path / "baseline-most-frequent-name", right=lambda *_: False)
    text = drawn(
        leaderboard([*runs, long], published="opera").to_table(),
        comparison_table(compare([*runs, long])),
        width=width,
    )
    assert max(len(line) for line in text.splitlines()) <= width
    assert "…" not in text
    for word in ("★", "≈", "best", "nearly", "poor", "93.3", "$0.12", "GPT-4.1", "35.14"):
        assert word in text
    # Long names are broken after hyphens, intervals stay whole, and numbers stand in the first line.
    row = next(line for line in text.splitlines() if "baseline-" in line)
    assert " 0.0 " in row
    if width == 120:
        assert "baseline-most-frequent-name" in text
        assert "93.3 [" in text
    for piece in ("baseline-", "most-", "frequent-", "name"):
        assert piece in text


def test_the_legend_is_whole_where_lines_are_not_folded(runs: list[Run]) -> None:
    file = StringIO()
    Console(width=200, file=file, soft_wrap=True).print(leaderboard(runs).to_table())
    assert "no action in the answer." in " ".join(file.getvalue().split())


def test_another_rule_ranks_by_its_accuracy(runs: list[Run], made: Made, tmp_path: Path) -> None:
    # Right but for the typed text: the best by target alone.
    other = made(tmp_path / "typist", right=lambda *_: True)

    def boots(_: int, record: dict) -> None:
        record["pred_text"] = record["pred_text"] and record["pred_text"].replace("shoes", "boots")

    altered(other, boots)
    assert leaderboard([*runs, other]).rows[0].name == "best"
    board = leaderboard([*runs, other], rule="target")
    assert board.rows[0].name == "typist"
    assert board.rows[0].values[board.ranking_metric].value == 1.0
    assert "| ★ | **typist** | 100.0 [" in board.to_markdown()
    assert "Acc.: match of type and name, whatever the text" in board.to_markdown()
    assert board.to_polars()["accuracy_target"].to_list()[0] == 1.0
    with pytest.raises(ConfigError, match="unknown matching rule 'text'"):
        leaderboard(runs, rule="text")


def test_intervals_of_different_kinds_are_not_mixed(runs: list[Run]) -> None:
    score(runs[0].path, resamples=50, level=0.5)
    with pytest.raises(ConfigError, match=r"poor and .*best have intervals of different kinds: 50% by ses"):
        leaderboard([run.path for run in runs])
    for run in runs:
        score(run.path, resamples=50, level=0.8, cluster="user")
    text = leaderboard([run.path for run in runs]).to_markdown()
    assert "Acc. [80%]" in text
    assert "with its 80% interval" in text
    assert "permutation test by user" in text


def test_published_numbers_are_set_apart_and_never_ranked(runs: list[Run]) -> None:
    board = leaderboard(runs, published="shopcart")
    assert [row.name for row in board.rows] == ["best", "nearly", "poor"]
    measured, published = board.to_markdown().split("### Published, not measured here: ShopCART")
    assert "Qwen2.5-7B" not in measured
    assert "| Qwen2.5-7B | fine-tuned with rationales | 17.26 | 33.86 | paper |" in published
    assert "arXiv 2503.20749" in published
    assert board.to_polars()["name"].to_list() == ["best", "nearly", "poor"]
    with pytest.raises(ConfigError, match=r"no published numbers for 'webshop': known are shopcart, opera"):
        leaderboard(runs, published="webshop")


def test_columns_that_tell_nothing_are_left_out(runs: list[Run], made: Made, tmp_path: Path) -> None:
    assert "Failed" not in leaderboard(runs).to_markdown()
    failing = made(
        tmp_path / "failing", right=lambda *_: True, failed=lambda session, step: session == 3, shown=False
    )
    board = leaderboard([*runs, failing])
    head = board.to_markdown().splitlines()[2]
    assert "| Failed | Shown |" in head
    assert board.notes == ("failing: 3 calls failed and count as wrong; finish the run with --resume",)
    assert board.notes[0] in drawn(board.to_table(), width=140)


def test_absent_metrics_are_dashes_not_zeros(made: Made, tmp_path: Path) -> None:
    run = made(tmp_path / "one", right=lambda *_: True)

    def unknown(_: int, record: dict) -> None:
        for name, value in record.items():
            if value == "purchase" or name == "outcome":
                record[name] = None

    altered(run, unknown, resamples=50)
    row = leaderboard([run.path]).to_markdown().splitlines()[4].split("|")
    assert row[8].strip() == "–"
    assert leaderboard([run.path]).to_polars()["outcome_f1"].to_list() == [None]


def test_polars(runs: list[Run]) -> None:
    frame = leaderboard(runs).to_polars()
    assert frame["best"].to_list() == [True, False, False]
    assert frame["separable"].to_list() == [None, False, True]
    assert (frame["accuracy_low"] <= frame["accuracy"]).all()
    assert frame["cost"].null_count() == 2


@pytest.mark.parametrize(
    ("selection", "named"),
    [
        ({"content_hash": "h2"}, "content_hash 'h1' and 'h2'"),
        ({"sessions": 30, "limit": 30}, "limit None and 30"),
        ({"sessions": 20, "split_by": "session", "seed": 4}, "split_by 'user' and 'session'; seed 0 and 4"),
    ],
)
def test_runs_over_other_steps_are_refused(
    runs: list[Run], made: Made, tmp_path: Path, selection: dict, named: str
) -> None:
    other = made(tmp_path / "other", right=lambda *_: True, **selection)
    for function in (leaderboard, compare):
        with pytest.raises(ConfigError) as caught:
            function([*runs, other])
        assert f"poor and {other.path} did not answer the same steps: {named}" in str(caught.value)


def test_unfinished_runs_are_refused(runs: list[Run], made: Made, tmp_path: Path) -> None:
    half = made(tmp_path / "half", right=lambda *_: True, owed=5)
    with pytest.raises(ConfigError, match=r"half is unfinished: 120 of 125 steps are answered\. Finish it"):
        leaderboard([*runs, half])


def test_stale_or_missing_metrics_are_refused(made: Made, tmp_path: Path) -> None:
    run = made(tmp_path / "one", right=lambda *_: True)
    text = (run.path / "metrics.json").read_text()
    (run.path / "metrics.json").write_text(text.replace('"steps": 120', '"steps": 60'))
    with pytest.raises(ConfigError, match=r"older than predictions\.jsonl\. Run `facsim score"):
        leaderboard([run.path])
    (run.path / "metrics.json").unlink()
    with pytest.raises(InputError, match="facsim score"):
        leaderboard([run.path])


def test_what_is_given(runs: list[Run], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no run given"):
        leaderboard([])
    with pytest.raises(ConfigError, match="given twice"):
        leaderboard([runs[0], runs[0].path])
    with pytest.raises(InputError, match="the folder of a run"):
        leaderboard([tmp_path])


def test_equal_names_are_told_apart(made: Made, tmp_path: Path) -> None:
    one = made(tmp_path / "a" / "choice", right=lambda *_: True)
    two = made(tmp_path / "b" / "choice", right=lambda session, _: session > 20)
    assert [row.name for row in leaderboard([one, two]).rows] == ["a/choice", "b/choice"]


def test_comparison_and_summary_for_the_terminal(runs: list[Run]) -> None:
    text = drawn(comparison_table(compare(runs)), run_summary(runs[0]), width=200)
    assert "corrected over 3 comparisons" in text
    assert "<0.001" in text
    assert "poor  accuracy 25.0 [" in text
    assert "$0.12" in text


def test_published_data_is_whole() -> None:
    boards = published_boards()
    assert {name: len(board.rows) for name, board in boards.items()} == {
        "shopcart": 28, "opera": 20, "opera-full": 4, "shop-r1": 5
    }  # fmt: skip
    for board in boards.values():
        assert all(row.source in board.sources for row in board.rows)
        assert all(0 < number < 100 for row in board.rows for number in row.numbers.values())
        keys = [(row.name, row.how, row.source) for row in board.rows]
        assert len(set(keys)) == len(keys)


def test_derived_rows_follow_from_the_published_counts() -> None:
    """Shop-R1 has 690 clicks, 677 inputs and 512 terminates; Customer-R1 has 786, 76 and 40."""
    boards = published_boards()
    rows = {(board, row.name): row for board, found in boards.items() for row in found.rows if row.derived}
    assert rows.keys() == {
        ("shop-r1", "always terminate"), ("opera-full", "always click"), ("opera", "always click"),
        ("opera", "always purchase"),
    }  # fmt: skip
    terminate = rows["shop-r1", "always terminate"]
    assert terminate.accuracy == round(100 * 512 / (690 + 677 + 512), 2) == 27.25
    click = 2 * 786 / 902 / (1 + 786 / 902)  # F1 of always clicking; the F1 of the other two types is 0
    assert rows["opera", "always click"].type_f1_macro == round(100 * click / 3, 2)
    opera = {(row.name, row.how): row.accuracy for row in boards["opera"].rows}
    assert opera["Qwen2.5-7B-1M", "SFT + RL"] == 39.58
    assert opera["AlignUSER", "world-model pre-training"] == 52.92


def test_derived_rows_say_so(runs: list[Run]) -> None:
    text = leaderboard(runs, published="shop-r1").to_markdown()
    assert "| always terminate | trivial rule, derived | 27.25 | 27.25 | shop-r1 |" in text
    assert "| Qwen2.5-3B | SFT + RL (Shop-R1) | 27.72 | 36.40 | shop-r1 |" in text
