"""Training: speed compared with a bare loop, savings of whole sessions, and padding waste of packing.

    python benchmarks/bench_train.py [--examples 24] [--sessions 200]

1. `throughput_ratio`: examples per CPU second of `facsim train sft` (with TRL, callbacks and checks), over
   those of a bare PyTorch loop with the model's own loss on the same examples, in the same process.
   `same_loss_ratio`: over a bare loop that computes logits before trained tokens only, as Facsim does here.
2. `token_ratio`: tokens of one example per step over tokens of whole sessions, for the same answers under the
   same budget, on recorded sessions of people (MiniWoB demonstrations, if they are in ../shared).
3. `padding_waste`: share of positions without a token when these sessions are packed into 40,000 tokens.
4. `attention_speedup`: CPU time of PyTorch's fused attention over attention by blocks of queries (the default
   in bf16 on a CPU), forward and backward, for the heads of SmolLM2-135M and 2,500 tokens.

Targets: 0.9, 5, 0.05, 1.5. Times are CPU times on one thread: other processes hardly affect them.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch loads

import torch
from datasets import Dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    get_cosine_schedule_with_warmup,
)
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from trl import pack_dataset

from facsim.data import DataSet, replay
from facsim.data.ingest import ingest
from facsim.data.splits import split
from facsim.lm.blockwise_attention import blockwise_attention
from facsim.lm.chat_tokenizer import ChatTokenizer
from facsim.lm.checkpoint import load_chat_tokenizer, load_tokenizer
from facsim.lm.locate import find_checkpoint
from facsim.prompt import PromptConfig
from facsim.prompt.segments import segments
from facsim.shop import write_sample
from facsim.train import SftConfig, train_sft
from facsim.train.example_file import labels_of
from facsim.train.examples import session_examples
from facsim.train.session_selection import training_sessions

FLIGHT = Path(__file__).resolve().parents[2] / "shared" / "data" / "miniwob_flight"
CONTEXT = 40_000
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tokenizer_of(texts: list[str]) -> PreTrainedTokenizerFast:
    """The base model's tokenizer; if there is none, one of 8,192 tokens learned from pages."""
    tiny = find_checkpoint("tiny")
    if (tiny / "tokenizer.json").is_file():
        return load_tokenizer(tiny)
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<|im_start|>", "<|im_end|>"]
    raw.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=8192, special_tokens=special, initial_alphabet=alphabet, show_progress=False
        ),
    )
    return PreTrainedTokenizerFast(tokenizer_object=raw, chat_template=CHATML, eos_token="<|im_end|>")


def make_model(folder: Path, tokenizer: PreTrainedTokenizerFast) -> Path:
    """A model of the size and type of the base model, with random weights."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
    )
    Qwen2ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def facsim_seconds(config: SftConfig) -> float:
    """CPU seconds from the end of the first example to the end of the last one."""
    times: list[float] = []

    def progress(_done: int, _total: int | None, note: str = "") -> None:
        if note != "sessions":
            times.append(time.process_time())

    train_sft(config, progress=progress)
    return times[-1] - times[0]


def bare_seconds(
    model_folder: Path, rows: list[tuple[list[int], list[int]]], batch: int, *, selected: bool
) -> float:
    """The same in a bare PyTorch loop: forward, backward, clip, AdamW, schedule."""
    model = Qwen2ForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    model.train(True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0, fused=True)
    schedule = get_cosine_schedule_with_warmup(optimizer, 0, -(-len(rows) // batch))
    start = 0.0
    for begin in range(0, len(rows), batch):
        part = rows[begin : begin + batch]
        total = sum(label != -100 for _, labels in part for label in labels)
        for ids, labels in part:
            tokens, targets = torch.tensor([ids]), torch.tensor([labels])
            if selected:
                positions = (targets[0, 1:] != -100).nonzero().squeeze(1)
                logits = model(input_ids=tokens, use_cache=False, logits_to_keep=positions).logits[0]
                loss = (
                    torch.nn.functional.cross_entropy(logits, targets[0, 1 + positions], reduction="sum")
                    / total
                )
            else:
                loss = model(input_ids=tokens, labels=targets, use_cache=False, num_items_in_batch=total).loss
            loss.backward()
            if not start:
                start = time.process_time()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return time.process_time() - start


def throughput(work: Path, examples: int) -> tuple[float, float]:
    """Facsim's speed over that of a bare loop, and over that of a bare loop with Facsim's loss."""
    write_sample(max(40, 2 * examples), 7, work / "shop")
    data = DataSet.open(work / "shop")
    tokenizer = tokenizer_of([html for _, html in data.pages.scan()])
    model = make_model(work / "model", tokenizer)
    config = SftConfig.of(
        work / "shop",
        str(model),
        work / "out",
        preset="tiny",
        sessions=max(4, examples // 5),
        validation_sessions=0,
        epochs=1,
        global_batch=8,
        optimizer="adamw",  # as in the bare loops
        precision="fp32",
    )
    took = facsim_seconds(config)
    chat = load_chat_tokenizer(model)
    prompt = config.prompt(model / "tokenizer.json", config.budget_tokens or config.context_tokens)
    rows = [
        (list(example.tokenized.tokens), labels_of(example.masked))
        for session in training_sessions(data, config)
        for example in session_examples(data, session, chat, prompt)
        if example.trained
    ]
    plain = bare_seconds(model, rows, config.global_batch, selected=False)
    same = bare_seconds(model, rows, config.global_batch, selected=True)
    tokens = sum(len(ids) for ids, _ in rows)
    print(f"{len(rows)} examples of {tokens / len(rows):,.0f} tokens, one thread:")
    for name, seconds in (("facsim train sft", took), ("bare loop", plain), ("bare loop, same loss", same)):
        print(f"  {name:22} {seconds:6.2f} CPU s, {tokens / seconds:,.0f} tokens per CPU second")
    return plain / took, same / took


def savings(work: Path, sessions: int) -> tuple[float, float]:
    """Tokens of one example per step over those of whole sessions; share of padding after packing."""
    ingest("miniwob", FLIGHT, out=work / "flight")
    data = split(DataSet.open(work / "flight"), "train", "user")
    data = data.select(data.session_ids[:sessions])
    chat = ChatTokenizer(
        tokenizer_of([step.html for session in data for step in map(_page_of(data), session.steps)])
    )
    prompt = PromptConfig(style="action", budget_tokens=CONTEXT - 500)
    whole = stepwise = answers = 0
    rows: dict[str, list[list[int]]] = {"input_ids": [], "labels": []}
    for session in data:
        for segment in segments(replay(data, session), prompt):
            row = chat.encode_segment(segment)
            whole += len(row.tokens)
            answers += len(segment.turns)
            # One row per step is the segment up to that step's answer: the prompt and the earlier answers.
            stepwise += sum(span.end for span in row.spans if span.part == "action")
            rows["input_ids"].append(list(row.tokens))
            rows["labels"].append(labels_of(row))
    packed = pack_dataset(Dataset.from_dict(rows), CONTEXT, "bfd")
    waste = 1 - whole / (len(packed) * CONTEXT)
    print(f"{len(data)} sessions, {answers} steps: {whole:,} tokens whole, {stepwise:,} with one row a step;")
    print(f"  {len(packed)} packed examples of {CONTEXT:,} tokens, {waste:.1%} of positions empty")
    return stepwise / whole, waste


def attention_speedup(tokens: int = 2500, rounds: int = 5) -> float:
    """CPU time of PyTorch's fused attention over that of blocks of queries; the best of some rounds each."""
    module = torch.nn.Module()
    module.num_key_value_groups, module.is_causal = 3, True
    states = [torch.randn(1, heads, tokens, 64, dtype=torch.bfloat16) for heads in (9, 3, 3)]
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for attention, taken in zip((sdpa_attention_forward, blockwise_attention), times, strict=True):
            inputs = [one.clone().requires_grad_() for one in states]
            start = time.process_time()
            attention(module, *inputs, None)[0].float().sum().backward()
            taken.append(time.process_time() - start)
    fused, blocks = map(min, times)
    print(f"attention of {tokens:,} tokens: {fused:.3f} CPU s fused, {blocks:.3f} CPU s by blocks of queries")
    return fused / blocks


def _page_of(data: DataSet):
    return lambda step: data.page(step.page_id)


def main() -> None:
    """Measure, and print the line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, default=24)
    parser.add_argument("--sessions", type=int, default=200)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        ratio, same = throughput(work, asked.examples)
        line = f"RESULT throughput_ratio={ratio:.2f} same_loss_ratio={same:.2f}"
        if FLIGHT.is_dir():
            tokens, waste = savings(work, asked.sessions)
            line += f" token_ratio={tokens:.1f} padding_waste={waste:.3f}"
        else:
            print(f"{FLIGHT} is not here: token_ratio and padding_waste were not measured")
    line += f" attention_speedup={attention_speedup():.2f}"
    print(line)


if __name__ == "__main__":
    main()
