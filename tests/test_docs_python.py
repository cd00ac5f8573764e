"""The Python of the docs runs as it is written, on a small sample of the shop and its runs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from facsim import evaluate
from facsim.shop import sample
from facsim.shop.simulation import storefront_of

DOCS = Path(__file__).resolve().parents[1] / "docs"
# Names that a block takes from the text around it.
GIVEN = {
    "reference/prompt.md": "from facsim import DataSet, replay\n"
    "data = DataSet.open('data/shop')\n"
    "so_far, _ = list(replay(data, data.session(data.session_ids[0])))[-1]\n"
    'text = \'{"rationale": "I am done.", "action": {"type": "terminate"}}\'\n',
    "your-data/pages.md": "from facsim import Action\nraw_html = '<button>Buy now</button>'\n"
    "action, url = Action.click('buy_now'), None\n",
    "your-data/recipes.md": "html = '<div class=swatch>Red</div>'\n",
}
# Sizes that would take minutes, and what stands for them here.
SMALLER = {
    "sample(2000,": "sample(6,",
    "sessions=10_000": "sessions=4",
    "sessions=400": "sessions=4",
    ", workers=2": "",
    "seed=7)": "seed=0)",
}
# Needs a model from the hub; tests/train runs the same with `tiny`.
ELSEWHERE = {"your-model/training.md"}
RUNS = {
    "choice": ("choice", "standard/choice", "no-ratings/choice", "openai-gpt-4.1"),
    "baseline:markov-2": ("baseline-markov-2", "anthropic-claude-sonnet-4-5"),
    "oracle:": ("oracle",),
}


def blocks() -> list[tuple[str, str]]:
    """Every page with Python, and all its blocks as one script."""
    found = []
    for file in sorted(DOCS.rglob("*.md")):
        code = re.findall(
            r"^```python\n(.*?)^```", file.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        )
        page = str(file.relative_to(DOCS))
        if code and page not in ELSEWHERE:
            found.append((page, "\n".join(code)))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data sets and runs that the docs speak of: one sample and three predictors, under all names."""
    place = tmp_path_factory.mktemp("docs")
    store = storefront_of(0)  # as long as it is open, its pages are made once for all of the docs
    data = sample(40, 0, place / "data" / "shop")
    for name in ("own", "flight", "taught"):
        shutil.copytree(data.path, place / "data" / name)
    shutil.copytree(data.path, place / "rollouts" / "my-model")
    # As a teacher would have written the rationales.
    steps = place / "data" / "taught" / "steps.parquet"
    pl.read_parquet(steps).with_columns(rationale_source=pl.lit("synthetic")).write_parquet(steps)
    for spec, (first, *others) in RUNS.items():
        run = evaluate(data, spec, run_dir=place / "runs" / first)
        for name in others:
            shutil.copytree(run.path, place / "runs" / name)
    text = (DOCS / "your-data" / "recipes.md").read_text(encoding="utf-8")
    (place / "shop.yaml").write_text(re.search(r"```yaml\n(url: .*?)```", text, re.DOTALL)[1])
    yield place
    del store


def test_most_pages_with_python_are_tested() -> None:
    assert len(blocks()) >= 15


@pytest.mark.parametrize(("page", "code"), blocks(), ids=[page for page, _ in blocks()])
def test_the_python_of_a_page_runs(
    page: str, code: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    if "duckdb" in code:
        pytest.importorskip("duckdb")
    for long, short in SMALLER.items():
        code = code.replace(long, short)
    if 'out="data/shop"' in code:
        shutil.rmtree(tmp_path / "data" / "shop")
    if page == "reference/runs.md":
        shutil.rmtree(tmp_path / "runs")
    scope: dict[str, object] = {"__name__": "docs"}
    exec(compile(GIVEN.get(page, "") + code, page, "exec"), scope)
    if page == "your-model/overview.md":
        assert scope["run"].metrics.steps > 0
    if page == "reference/metrics.md":
        assert scope["metrics"]["accuracy"].value == 0.75
