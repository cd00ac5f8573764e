"""Several predictors in one call: endpoints are asked side by side, with the results of one after another."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from in_process_cli import facsim
from loopback import Answer, Hang, Loopback, Request, Status

from facsim.data import DataSet
from facsim.evaluation import CaseSelection, Run, evaluate, evaluate_many, resolve_targets
from facsim.evaluation.run_dir import run_name
from facsim.util.errors import FacsimError

pytestmark = [
    pytest.mark.usefixtures("few_resamples"),
    pytest.mark.filterwarnings("ignore:Cyclopts application invoked without tokens"),
]


def by_model(request: Request) -> Answer:
    """Another answer for each model and number of turns."""
    model, turns = request.body["model"], len(request.body["messages"])
    name = f"results.item_{len(model)}_{turns % 4}.title"
    return Answer(f'{{"rationale": "{model}", "action": {{"type": "click", "name": "{name}"}}}}')


def specs(server: Loopback, *models: str) -> list[str]:
    return [f"endpoint:{server.url}#{model}" for model in models]


class Callbacks:
    """Progress callbacks that remember the names of each display and the last count of each run."""

    def __init__(self) -> None:
        self.displays: list[list[str]] = []
        self.done: dict[str, int] = {}

    def __call__(self, names: list[str]) -> "Callbacks":
        self.displays.append(list(names))
        return self

    def __enter__(self) -> list:
        def report(name: str) -> object:
            return lambda done, _total, _note="": self.done.update({name: done})

        return [report(name) for name in self.displays[-1]]

    def __exit__(self, *_: object) -> None:
        pass


def many(shop: DataSet, names: list[str], runs: Path, *, resume: bool = False, **options: object) -> tuple:
    targets = resolve_targets(names, runs_dir=runs, **options)
    callbacks = Callbacks()
    cases = CaseSelection.of(shop, part="all", split_by="user", seed=0, first_step="exclude", limit=None)
    return list(evaluate_many(shop, targets, cases, resume=resume, progress=callbacks)), callbacks


def test_endpoints_are_asked_at_the_same_time(shop: DataSet, tmp_path: Path) -> None:
    asked: set[str] = set()

    def first_waits(request: Request) -> Answer:
        asked.add(request.body["model"])
        return Answer(by_model(request).text, delay=0.0 if len(asked) == 2 else 5.0)

    with Loopback(first_waits) as server:
        names = ["baseline:always-terminate", *specs(server, "one", "three"), "baseline:random-element"]
        outcomes, callbacks = many(shop, names, tmp_path, concurrency=1, retries=0)
        # The other model asked while the first one waited.
        assert {request.body["model"] for request in server.requests[:2]} == {"one", "three"}
        assert server.peak == 2
    assert callbacks.displays == [
        ["baseline-always-terminate"],
        ["endpoint-one", "endpoint-three"],
        ["baseline-random-element"],
    ]
    total = outcomes[0].config.counts.cases
    assert [outcome.name for outcome in outcomes] == [run_name(name) for name in names]
    assert callbacks.done == {run_name(name): total for name in names}


def test_results_are_those_of_one_after_another(shop: DataSet, tmp_path: Path, by_case: object) -> None:
    with Loopback(by_model) as server:
        names = specs(server, "one", "three")
        together, _ = many(shop, names, tmp_path / "together")
        asked = server.count
        alone = [
            evaluate(shop, target, run_dir=folder, part="all")
            for folder, target in resolve_targets(names, runs_dir=tmp_path / "alone").items()
        ]
        assert server.count == 2 * asked
        cached, _ = many(shop, names, tmp_path / "cached", cache=tmp_path / "answers.sqlite")
        assert server.count < 3 * asked  # some sessions begin alike
    assert [run.metrics["accuracy"] for run in cached] == [run.metrics["accuracy"] for run in alone]
    for one, other in zip(together, alone, strict=True):
        assert by_case(one.records()) == by_case(other.records())
        assert one.config.digest == other.config.digest
        assert one.metrics["accuracy"] == other.metrics["accuracy"]
        assert {file.name for file in one.path.iterdir()} == {file.name for file in other.path.iterdir()}


def test_an_error_of_one_endpoint_leaves_the_other_its_run(shop: DataSet, tmp_path: Path) -> None:
    def revoked(request: Request) -> Answer | Status:
        return Status(401, "key revoked") if request.body["model"] == "three" else by_model(request)

    with Loopback(revoked) as server:
        names = [*specs(server, "three", "one"), "baseline:always-terminate"]
        (failed, good), _ = many(shop, names, tmp_path)
        assert isinstance(failed, FacsimError)
        assert "key revoked" in str(failed)
        assert isinstance(good, Run)
        assert (
            good.metrics["accuracy"].n
            == good.config.counts.sessions - good.config.counts.sessions_without_case
        )
        assert not (tmp_path / "baseline-always-terminate").exists()  # nothing starts after an error

        server.script = by_model
        server.requests.clear()
        printed = facsim("evaluate", shop.path, *names, "--runs-dir", tmp_path, "--part", "all", "--resume")
        assert {request.body["model"] for request in server.requests} == {"three"}
        assert [f"{run_name(name)}  accuracy" in printed for name in names] == [True] * 3

        server.script = revoked
        printed = facsim("evaluate", shop.path, *names, "--runs-dir", tmp_path / "again", code=2)
        assert "endpoint-one  accuracy" in printed
        assert "facsim: endpoint:" in printed


def test_a_signal_stops_all_and_names_each_run(shop: DataSet, tmp_path: Path) -> None:
    def hangs(request: Request) -> Answer | Hang:
        return by_model(request) if request.index < 12 else Hang()

    with Loopback(hangs) as server:
        names = specs(server, "one", "three")
        command = [sys.executable, "-m", "facsim", "evaluate", shop.path, *names, "--runs-dir", tmp_path]
        with subprocess.Popen(
            [*map(str, command), "--part", "all"], stderr=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            deadline = time.monotonic() + 60
            while server.count < 20 and time.monotonic() < deadline:
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    kept = {}
    for name in ("endpoint-one", "endpoint-three"):
        lines = (tmp_path / name / "predictions.jsonl").read_text().splitlines()
        kept[name] = len(lines)
        assert all(json.loads(line)["rationale"] == name.removeprefix("endpoint-") for line in lines)
        assert f"{name}: stopped with {len(lines)} of" in said.decode()
    assert sum(kept.values()) == 12
