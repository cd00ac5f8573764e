"""A few people in a small shop, and a model of a few thousand weights, for real trainings of seconds."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("trl")

from chat_tokenizers import CHATML, make_tokenizer

from facsim.data import Card, DataSetWriter
from facsim.schema import Action, Session, Step
from facsim.train import SftConfig

GOODS = ("kettle", "pan", "cup")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make_data(folder: Path, people: int = 30, *, pages: int = 1, seed: int = 0) -> Path:
    """Two sessions a person, who wants one thing: search for it, click it, leave."""
    chance = random.Random(seed)
    with DataSetWriter(folder, Card(name="small", source="jsonl", origin="tests")) as writer:
        for person in range(people):
            for visit in range(2):
                wanted = chance.choice(GOODS)
                start = writer.add_page('<input name="q">' + "<p>Tea and more.</p>" * (pages - 1))
                shelf = chance.sample(GOODS, 3)
                results = writer.add_page(
                    "".join(f'<a name="results.{good}">{good}</a>' for good in shelf)
                    + f"<p>{person} {visit}</p>" * pages
                )
                bare = writer.add_page(f"<p>Sold out {person}</p>")
                steps = [
                    Step(start, Action.type_and_submit("q", wanted), rationale=f"I need a {wanted}"),
                    Step(results, Action.click(f"results.{wanted}"), rationale=f"This {wanted} will do"),
                ]
                if person % 5 == 0:
                    steps.append(Step(bare, Action.click(None), rationale="I try the picture"))
                steps.append(Step(start, Action.terminate()))
                writer.add_session(
                    Session(f"s{person}-{visit}", f"u{person}", tuple(steps), persona=f"Wants a {wanted}")
                )
    return folder


def make_model(folder: Path, *, context: int = 2048, seed: int = 0, template: str | None = CHATML) -> Path:
    """A Qwen2 of random weights with a byte-level tokenizer, as a checkpoint."""
    torch.manual_seed(seed)
    tokenizer = make_tokenizer(template, eos="<|im_end|>" if template else "</s>")
    config = transformers.Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=context,
        tie_word_embeddings=True,
    )
    transformers.Qwen2ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


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
            "context_tokens": 2048,
            "epochs": 1.0,
            "global_batch": 8,
            "validations": 2,
            "sessions": 24,
            "validation_sessions": 4,
        }
        out = choices.pop("out", tmp_path / "out")
        data = choices.pop("data", shop)
        model = choices.pop("model", str(small_model))
        return SftConfig.of(data, model, out, **small | choices)

    return make
