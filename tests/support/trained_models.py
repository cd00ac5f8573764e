"""Fixtures: small trained models, each made once; one thread, because tests run in parallel."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from local_models import chat_tokenizer, make_model, teach
from made_once import made_once

from facsim.lm.checkpoint_settings import write_settings
from facsim.prompt import PromptConfig


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Makes folders of models that were trained on a style, each once."""
    made: dict[str, Path] = {}

    def make(style: str = "action", kind: str = "qwen2", steps: int = 60, **options) -> Path:
        def save(folder: Path) -> None:
            chat, prompt = chat_tokenizer(), PromptConfig(style=style)
            torch.set_num_threads(1)
            model = make_model(kind, chat, **options)
            teach(model, chat, prompt, steps)
            model.save_pretrained(folder)
            chat.tokenizer.save_pretrained(folder)
            write_settings(folder, prompt)

        name = "-".join([kind, style, str(steps), *sorted(options)])
        if name not in made:
            made[name] = made_once(tmp_path_factory, name, save)
        return made[name]

    return make
