"""Tokens per second and GPU utilisation of training random models with the shapes of Qwen2.5-7B and 0.5B.

    python benchmarks/train_throughput.py [--shapes 7b 0.5b] [--tokens 8192 40960] [--steps 6]

One sequence per step: forward, backward, AdamW, in bf16, with activation checkpointing (off with
`--keep-activations`) and the loss by TRL's fused head, through the trainer that `facsim train sft` uses. A 7B
model in full takes about 120 GB with fp32 weights and AdamW; `--weights bf16` halves that.

Model FLOPs utilisation counts the model's FLOPs (6 per weight and token, and causal attention over half of
the square), without recomputation, over the peak of the GPU in dense bf16. For comparison:
31,865 sessions of 40,000 tokens in 192 GPU hours (arXiv 2503.20749) are 1,850 tokens per second for one H200.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch
from datasets import Dataset
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM, TrainerCallback
from trl import SFTConfig

from facsim.train.example_file import IGNORE_INDEX
from facsim.train.trainer import SessionTrainer
from facsim.train.training_folder import TrainingFolder

# Hidden size, layers, heads, key and value heads, width of the MLP, tied embeddings: as in their config.json.
SHAPES = {
    "7b": (3584, 28, 28, 4, 18944, False),
    "0.5b": (896, 24, 14, 2, 4864, True),
    "tiny": (64, 2, 4, 4, 128, True),  # to try this script without a GPU
}
VOCABULARY = 152_064
# Dense bf16, in FLOPs per second, from the manufacturer's data sheets.
PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12}
TRAINED_SHARE = 0.03


class Clock(TrainerCallback):
    """When each step ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *_: object, **__: object) -> None:
        """Note the time once the GPU is done."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())


def make_model(shape: str, weights: str, attention: str) -> Qwen2ForCausalLM:
    """A model with random weights."""
    hidden, layers, heads, kv_heads, mlp, tied = SHAPES[shape]
    config = Qwen2Config(
        vocab_size=VOCABULARY if shape != "tiny" else 512,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        intermediate_size=mlp,
        tie_word_embeddings=tied,
        max_position_embeddings=65_536,
    )
    config._attn_implementation = attention
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        return Qwen2ForCausalLM(config).to(getattr(torch, weights))


def flops_a_step(model: Qwen2ForCausalLM, tokens: int) -> float:
    """FLOPs of one forward and backward pass over one sequence."""
    config = model.config
    weights = sum(parameter.numel() for parameter in model.parameters())
    if not config.tie_word_embeddings:
        weights -= model.get_input_embeddings().weight.numel()  # looked up, not multiplied
    # The head is applied before trained tokens only.
    head = config.vocab_size * config.hidden_size
    dense = 6 * ((weights - head) * tokens + head * tokens * TRAINED_SHARE)
    return dense + 6 * config.num_hidden_layers * config.hidden_size * tokens**2


def measure(asked: argparse.Namespace, shape: str, tokens: int, work: Path) -> str:
    """One line of the table."""
    model = make_model(shape, {"fp32": "float32", "bf16": "bfloat16"}[asked.weights], asked.attention)
    vocabulary = model.config.vocab_size
    ids = torch.randint(10, vocabulary, (asked.steps, tokens)).tolist()
    every = round(1 / TRAINED_SHARE)
    labels = [
        [token if place % every == 0 else IGNORE_INDEX for place, token in enumerate(row)] for row in ids
    ]
    rows = Dataset.from_dict(
        {"session_id": [str(n) for n in range(asked.steps)], "input_ids": ids, "labels": labels}
    )
    raw = Tokenizer(models.WordLevel({"<pad>": 0, "<end>": 1}, unk_token="<pad>"))
    clock = Clock()
    trainer = SessionTrainer(
        model,
        SFTConfig(
            output_dir=str(work),
            per_device_train_batch_size=1,
            max_steps=asked.steps,
            bf16=torch.cuda.is_available(),
            use_cpu=not torch.cuda.is_available(),
            activation_checkpointing=not asked.keep_activations,
            dataset_kwargs={"skip_prepare_dataset": True},
            max_length=tokens,
            logging_steps=1,
            report_to=[],
            disable_tqdm=True,
            save_strategy="no",
        ),
        examples=rows,
        train_dataset=rows.select_columns(["input_ids", "labels"]),
        validation=None,
        folder=TrainingFolder(work),
        processing_class=PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="<end>"),
        callbacks=[clock],
    )
    trainer.train()
    # The first two steps compile kernels and fill AdamW's state.
    seconds = (clock.ends[-1] - clock.ends[1]) / (asked.steps - 2)
    found = f"shape={shape} tokens={tokens} tokens_per_second={tokens / seconds:.0f}"
    if torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        peak = next((flops for key, flops in PEAKS.items() if key in name), None)
        if peak:
            found += f" mfu={flops_a_step(model, tokens) / seconds / peak:.3f}"
        found += f" peak_gib={torch.cuda.max_memory_allocated() / 2**30:.1f}"
        torch.cuda.reset_peak_memory_stats()
    return found


def main() -> None:
    """Measure every shape at every length; report those that do not fit in memory."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--shapes", nargs="+", default=["0.5b", "7b"], choices=list(SHAPES))
    parser.add_argument("--tokens", nargs="+", type=int, default=[8192, 40960])
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--attention", default="sdpa")
    parser.add_argument("--weights", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--keep-activations", action="store_true")
    asked = parser.parse_args()
    for shape in asked.shapes:
        for tokens in asked.tokens:
            with tempfile.TemporaryDirectory() as work:
                try:
                    print("RESULT", measure(asked, shape, tokens, Path(work)), flush=True)
                except torch.cuda.OutOfMemoryError:
                    print(f"RESULT shape={shape} tokens={tokens} out_of_memory=1", flush=True)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
