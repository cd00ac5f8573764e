"""A small data set with runs over it, and the viewer of both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from viewing import ADDRESS, illegal, made_session, perfect, served, write_data, write_run, wrong

from facsim.prompt import PromptConfig
from facsim.view import build_app


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`data`, and `runs/good`, `runs/bad`, `runs/odd` over it."""
    folder = tmp_path_factory.mktemp("shelf")
    outcomes = ("purchase", "terminate", None)
    data = write_data(folder / "data", [made_session(number, outcomes[number % 3]) for number in range(60)])
    write_run(folder / "runs" / "good", data, perfect, prompt=PromptConfig(style="rationale"))
    write_run(folder / "runs" / "bad", data, wrong)
    write_run(folder / "runs" / "odd", data, illegal)
    return folder


@pytest.fixture(scope="session")
def runs(shelf: Path) -> list[Path]:
    return [shelf / "runs" / name for name in ("good", "bad", "odd")]


@pytest.fixture(scope="session")
def client(shelf: Path, runs: list[Path]) -> TestClient:
    return TestClient(build_app(shelf / "data", runs), base_url=ADDRESS)


@pytest.fixture(scope="module")
def viewer(shelf: Path, runs: list[Path]) -> Iterator[str]:
    with served(shelf / "data", runs) as address:
        yield address
