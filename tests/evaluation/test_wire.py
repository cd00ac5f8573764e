"""Whole runs of an endpoint against a loopback server: what is asked, what it costs, what a kill costs."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from loopback import Answer, Hang, Loopback, Request, Status

from facsim.data import DataSet
from facsim.evaluation import Run, evaluate, resolve_targets
from facsim.evaluation.dry_run import plan_run
from facsim.predict import load_predictor
from facsim.util.errors import FacsimError

pytestmark = pytest.mark.usefixtures("few_resamples")

OPTIONS = {"retries": 0, "timeout_s": 20.0, "price": {"input": 1.0, "output": 2.0}}


def endpoint(server: Loopback, **options: object) -> object:
    return load_predictor(f"endpoint:{server.url}#tiny", **(OPTIONS | options))


def answer_by_page(request: Request) -> Answer:
    """Clicks a product of the page that is shown, so that answers depend on what is asked."""
    names = re.findall(r"results\.item_\d_\d\.title", request.body["messages"][-1]["content"])
    name = names[len(request.body["messages"]) % len(names)]
    return Answer(f'{{"rationale": "Hm.", "action": {{"type": "click", "name": "{name}"}}}}')


def test_an_interrupted_run_pays_for_every_step_once(
    shop: DataSet, tmp_path: Path, by_case: Callable
) -> None:
    with Loopback(answer_by_page) as server:
        whole = evaluate(shop, endpoint(server), run_dir=tmp_path / "whole", part="all")
        asked = server.count
    assert asked == whole.config.counts.cases
    assert whole.metrics["cost_total"].value == pytest.approx(asked * (100 + 2 * 10) / 1e6)

    def breaks(request: Request) -> Answer | Status:
        return Status(401, "key revoked") if request.index >= 40 else answer_by_page(request)

    with Loopback(breaks) as server:
        with pytest.raises(FacsimError, match="key revoked"):
            evaluate(shop, endpoint(server, concurrency=4), run_dir=tmp_path / "run", part="all")
        assert len(Run.open(tmp_path / "run").records()) == 40
        server.script = answer_by_page
        server.count = 0
        again = evaluate(
            shop, endpoint(server, concurrency=4), run_dir=tmp_path / "run", part="all", resume=True
        )
        assert server.count == asked - 40
    # The port differs, and so does the address in the settings; answers and numbers do not.
    assert by_case(again.records()) == by_case(whole.records())
    assert again.metrics["accuracy"] == whole.metrics["accuracy"]


def test_calls_that_failed_are_counted_and_asked_again(shop: DataSet, tmp_path: Path) -> None:
    def flaky(request: Request) -> Answer | Status:
        return Status(500) if request.index % 5 == 4 else answer_by_page(request)

    with Loopback(flaky) as server:
        run = evaluate(shop, endpoint(server, concurrency=3), run_dir=tmp_path / "run", part="all")
        asked = server.count
        failed = [line for line in run.records() if line["failed"]]
        assert len(failed) == asked // 5
        assert all(line["pred_type"] is None and "500" in line["error"] for line in failed)
        server.script, server.count = answer_by_page, 0
        again = evaluate(shop, endpoint(server), run_dir=tmp_path / "run", part="all", resume=True)
        assert server.count == len(failed)
    assert not any(line["failed"] for line in again.records())


def test_answers_in_flight_are_kept_when_the_run_stops(shop: DataSet, tmp_path: Path) -> None:
    def mixed(request: Request) -> Answer | Status | Hang:
        if request.index < 8:
            return answer_by_page(request)
        return Status(401) if request.index == 8 else Answer(delay=0.3)

    with Loopback(mixed) as server:
        with pytest.raises(FacsimError):
            evaluate(shop, endpoint(server, concurrency=4), run_dir=tmp_path / "run", part="all")
        kept = len(Run.open(tmp_path / "run").records())
        assert kept == server.count - 1


def test_what_the_cache_holds_is_not_asked_by_another_run(shop: DataSet, tmp_path: Path) -> None:
    with Loopback(answer_by_page) as server:
        cache = tmp_path / "answers.sqlite"
        one = evaluate(shop, endpoint(server, cache=cache), run_dir=tmp_path / "one", part="all")
        asked = server.count
        two = evaluate(shop, endpoint(server, cache=cache), run_dir=tmp_path / "two", part="all")
        assert server.count == asked
    assert all(line["from_cache"] for line in two.records())
    assert two.metrics["accuracy"] == one.metrics["accuracy"]


def test_the_prompt_identifies_the_run(shop: DataSet, tmp_path: Path) -> None:
    with Loopback(answer_by_page) as server:
        run = evaluate(shop, endpoint(server), run_dir=tmp_path / "run", part="all", limit=5)
    identity = run.config.identity
    assert re.fullmatch(r"[0-9a-f]{16,}", identity.prompt_hash)
    assert identity.settings["prompt"]["style"] == "rationale"
    assert "FACSIM" not in (run.path / "config.json").read_text()


def test_a_plan_asks_nobody_and_counts_the_same_steps(shop: DataSet, tmp_path: Path) -> None:
    with Loopback(answer_by_page) as server:
        planned = plan_run(shop, endpoint(server), part="all")
        assert server.count == 0
        run = evaluate(shop, endpoint(server), run_dir=tmp_path / "run", part="all")
    assert planned.steps == planned.estimate.calls == run.config.counts.cases
    assert planned.estimate.cost > 0
    assert planned.estimate.example.messages[0].role == "system"
    assert plan_run(shop, load_predictor("baseline:markov-1"), part="all").estimate is None


def test_many_predictors_get_a_folder_each(tmp_path: Path) -> None:
    specs = ["baseline:markov-1", "endpoint:http://localhost:1/v1#a/b", "openai:gpt-4.1"]
    targets = resolve_targets(specs, runs_dir=tmp_path, prompt={"style": "think"}, temperature=0.5)
    assert {folder.name: predictor.spec for folder, predictor in targets.items()} == {
        "baseline-markov-1": specs[0],
        "endpoint-b": specs[1],
        "openai-gpt-4.1": specs[2],
    }
    assert targets[tmp_path / "openai-gpt-4.1"].settings()["temperature"] == 0.5
    assert targets[tmp_path / "endpoint-b"].settings()["prompt"]["style"] == "think"
    for wrong, message in (
        ({"specs": []}, "no predictor"),
        ({"specs": ["baseline:markov-3"]}, "markov-3"),
        ({"specs": specs, "run_dir": "x"}, "one run folder (x) for 3 predictors"),
        ({"specs": [specs[1], "endpoint:http://other:1/v1#b"]}, "both be written"),
        ({"specs": specs[:1], "temperature": 1.0}, "take no temperature"),
        ({"specs": specs, "prompt": {"budget_tokens": -1}}, "budget_tokens -1"),
        ({"specs": specs, "temperature": 9}, "temperature 9"),
    ):
        with pytest.raises(FacsimError, match=re.escape(message)):
            resolve_targets(runs_dir=tmp_path, **wrong)


def test_the_leniencies_of_an_answer_are_in_its_line(shop: DataSet, tmp_path: Path) -> None:
    fenced = '```json\n{"rationale": "Hm.", "action": {"type": "terminate"},}\n```'
    with Loopback((Answer(fenced),)) as server:
        run = evaluate(shop, endpoint(server), run_dir=tmp_path / "run", part="all", limit=5)
    cases = run.config.counts.cases
    assert run.leniencies() == {"code_fence": cases, "trailing_comma": cases}
    assert run.metrics["parse_lenient"].value == 1.0


def test_the_temperature_can_be_left_to_the_server(tmp_path: Path) -> None:
    targets = resolve_targets(["openai:gpt-4.1"], runs_dir=tmp_path, temperature="unset")
    assert targets[tmp_path / "openai-gpt-4.1"].settings()["temperature"] is None
