"""Make the tiny base model, from nothing to a checkpoint: `python experiments/pretrain_tiny.py --out DIR`.

1. Errands in shops and a tokenizer (`tiny.shop`, `tiny.tokenizer`).
2. Look-up over the whole vocabulary, until its gate opens (`tiny.lookup`).
3. Instructions about pages, small ones first (`tiny.rows`, `STAGES`).
4. What it can do, on pages and a shop that it has never seen (`tiny.measure`), in
   `experiments/tiny/measured.json`.

One thread. What is done is kept in the working folder, so that a run that was ended goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from transformers import AutoTokenizer, GenerationConfig, Qwen2ForCausalLM

from facsim.lm.chat_tokenizer import ChatTokenizer
from facsim.lm.checkpoint_settings import write_settings
from facsim.prompt import PromptConfig
from tiny.lookup import Gate, both, learn_lookup
from tiny.material import read_errands, some, texts_for_tokenizer, write_errands
from tiny.measure import measure
from tiny.model import Shape, as_llama, new_model
from tiny.optimizer import Descent, answer_loss
from tiny.rows import RowMaker, batches, rows
from tiny.shop import HELD_OUT
from tiny.stages import STAGES, Stage
from tiny.tokenizer import prompt_wording, save_tokenizer, stock_names, stock_phrases, train_tokenizer

ERRANDS, ERRANDS_FOR_TOKENIZER, HELD_OUT_ERRANDS = 800, 75, 60
MEASURED = Path(__file__).parent / "tiny" / "measured.json"
REHEARSED = (256, 512, 768)
"""Lengths of the look-up that goes with pages."""
BUDGET = 1000
"""Tokens of the prompts that the model is made for, in its own tokens."""


def main() -> None:
    """Make it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--work", type=Path, default=Path("build/tiny"), help="what is kept between runs")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    work: Path = options.work
    work.mkdir(parents=True, exist_ok=True)
    errands, held_out, words = work / "errands.jsonl", work / "held_out.jsonl", work / "tokenizer"
    write_errands(errands, ERRANDS, options.seed)
    write_errands(held_out, HELD_OUT_ERRANDS, options.seed + 1, (HELD_OUT,))
    if not (words / "tokenizer.json").exists():
        make_tokenizer(errands, words)
    log = Log(work / "log.jsonl")
    model = formed(work / "lookup", words, options.seed, log)
    for stage in STAGES:
        model = taught(model, stage, work, words, log)
    save(model, words, options.out)
    found = measure(model, chat_of(words), held_out)
    MEASURED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


class Log:
    """Lines of JSON, each with the seconds of processor time that the run has taken."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def line(self, **facts: object) -> None:
        """Write a line."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**facts, "cpu": round(time.process_time(), 1)}) + "\n")


def make_tokenizer(errands: Path, folder: Path) -> None:
    """Learn the tokenizer from the first errands and what else `texts_for_tokenizer` gives."""
    visits = some(read_errands(errands), ERRANDS_FOR_TOKENIZER)
    pages = [so_far.page.html for visit in visits for so_far, _ in visit]
    config = PromptConfig(style="action", budget_tokens=BUDGET, page_text="stored")
    wording = [*prompt_wording(config), "[page left out]", " earlier steps left out]"]
    wording += [*stock_phrases(pages), *stock_names(pages)]
    texts = texts_for_tokenizer(visits, config, seed=5)
    save_tokenizer(train_tokenizer(texts, vocabulary=Shape().vocabulary, wording=wording), folder)


def chat_of(words: Path) -> ChatTokenizer:
    """The tokenizer of a folder."""
    return ChatTokenizer(AutoTokenizer.from_pretrained(str(words)))


def formed(folder: Path, words: Path, seed: int, log: Log) -> Qwen2ForCausalLM:
    """A model that looks up."""
    if (folder / "config.json").exists():
        return Qwen2ForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = chat_of(words).tokenizer
    shape = Shape()
    model = new_model(shape, [tokenizer.decode([token]) for token in range(shape.vocabulary)], seed)
    for facts in learn_lookup(model, Descent(model, 2e-3), Gate(), 7):
        log.line(stage="lookup", **facts)
    model.save_pretrained(folder)
    return model


def taught(model: Qwen2ForCausalLM, stage: Stage, work: Path, words: Path, log: Log) -> Qwen2ForCausalLM:
    """The model after a stage."""
    folder = work / stage.name
    if (folder / "config.json").exists():
        return Qwen2ForCausalLM.from_pretrained(folder, dtype=torch.float32)
    found = material(stage, work, words)
    descent = Descent(model, stage.rate, total=stage.decay)
    draw = torch.Generator().manual_seed(99)
    lost = right = 0.0
    for step in range(1, stage.steps + 1):
        loss, share = answer_loss(model, *next(found))
        if step % stage.rehearses == 0:
            length = REHEARSED[step % len(REHEARSED)]
            loss = loss + answer_loss(model, *both(draw, model.config.vocab_size, 1, length))[0]
        descent.step(loss)
        lost, right = lost + loss.item(), right + share
        if step % 50 == 0:
            facts = {"loss": round(lost / 50, 4), "tokens_right": round(right / 50, 4)}
            log.line(stage=stage.name, step=step, **facts)
            lost = right = 0.0
    model.save_pretrained(folder)
    return model


def material(stage: Stage, work: Path, words: Path) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The batches of a stage."""
    config = prompts(stage.near, words)
    visits = some(read_errands(work / "errands.jsonl"), ERRANDS) if stage.mixture.errands else []
    maker = RowMaker(chat_of(words), config)
    return batches(rows(maker, visits, stage.mixture, stage.name), stage.tokens)


def prompts(near: bool, words: Path) -> PromptConfig:
    """How sessions are shown in a stage."""
    return PromptConfig(
        style="action", budget_tokens=BUDGET, tokenizer=words, person_after_pages=near, page_text="stored"
    )


def save(model: Qwen2ForCausalLM, words: Path, folder: Path) -> None:
    """Write the checkpoint: half precision, tokenizer, prompt settings."""
    llama = as_llama(model).to(torch.float16)
    llama.generation_config = GenerationConfig(eos_token_id=1, pad_token_id=0, do_sample=False)
    llama.save_pretrained(folder)
    AutoTokenizer.from_pretrained(str(words)).save_pretrained(str(folder))
    prompt = prompts(STAGES[-1].near, folder / "tokenizer.json")
    write_settings(
        folder, prompt, script="experiments/pretrain_tiny.py", stages=[asdict(stage) for stage in STAGES]
    )


if __name__ == "__main__":
    main()
