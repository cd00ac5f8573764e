"""A few people in a small shop, and a model of a few thousand weights, for real trainings of seconds."""

from __future__ import annotations

import random
from pathlib import Path
from typing import get_args

import torch
from chat_tokenizers import CHATML
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from facsim.data import Card, DataSetWriter
from facsim.prompt import PromptConfig, Style
from facsim.prompt.templates import system_message
from facsim.schema import Action, Session, Step

GOODS = ("kettle", "pan", "cup")


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


def make_short_tokenizer(template: str | None = CHATML) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer that knows the system message by heart: sessions are few tokens."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    texts = [system_message("Wants a pan", None, PromptConfig(style=style)) for style in get_args(Style)]
    answers = [f'{{"type": "click", "name": "results.{good}"}} I need a {good}' for good in GOODS]
    raw.train_from_iterator(
        [*texts, *answers * 5],
        trainers.BpeTrainer(
            vocab_size=1200,
            special_tokens=["<|im_start|>", "<|im_end|>", "</s>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    eos = "<|im_end|>" if template else "</s>"
    return PreTrainedTokenizerFast(tokenizer_object=raw, chat_template=template, eos_token=eos)


def make_model(folder: Path, *, context: int = 4096, seed: int = 0, template: str | None = CHATML) -> Path:
    """A Qwen2 of random weights with a byte-level tokenizer, as a checkpoint."""
    torch.manual_seed(seed)
    tokenizer = make_short_tokenizer(template)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=context,
        tie_word_embeddings=True,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
