"""What the tests of training share: one small shop, one small model, one thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("trl")

from small_training import make_data, make_model

from facsim.train import SftConfig


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("data") / "shop")


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "small")


@pytest.fixture
def config(shop: Path, small_model: Path, tmp_path: Path) -> Callable[..., SftConfig]:
    """A configuration for a training of a second or two."""

    def make(**choices: Any) -> SftConfig:
        small: dict[str, Any] = {
            "preset": "tiny",
            "style": "action",
            "context_tokens": 1024,
            "budget_tokens": None,
            "epochs": 1.0,
            "validations": 2,
            "sessions": 16,
            "global_batch": 4,
            "validation_sessions": 3,
        }
        out = tmp_path / choices.pop("out_name", "out")
        data = choices.pop("data", shop)
        model = choices.pop("model", str(small_model))
        return SftConfig.of(data, model, out, **small | choices)

    return make
