"""Look-up, the first thing to learn: random entries, then each key again, to be continued.

All tokens take part, and keys and values are several tokens, as names are: copying is to continue what
followed the last place where this stood. Training on pages begins only once this works (`Gate`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import Qwen2ForCausalLM

from tiny.optimizer import Descent, answer_loss


@dataclass(frozen=True, slots=True)
class Gate:
    """When look-up is good enough: this share of value tokens right, at this length of sequences.

    Attributes:
        accuracy: share of unseen value tokens that are the most probable.
        length: tokens of a sequence.
        most_steps: more steps than this mean that it does not form.
    """

    accuracy: float = 0.9
    length: int = 512
    most_steps: int = 1500


def entries(draw: torch.Generator, vocabulary: int, rows: int, length: int) -> tuple[Tensor, Tensor]:
    """Rows of entries and their repetition in another order, and which tokens are values to be said.

    Args:
        draw: decides.
        vocabulary: number of tokens; the first 16 stay out, for they are marks.
        rows: how many.
        length: tokens of a row.

    Returns:
        Token ids and a mask, both of shape (rows, length).
    """
    tokens = torch.full((rows, length), 4)
    asked = torch.zeros((rows, length), dtype=torch.bool)
    for row in range(rows):
        ids = (torch.randperm(vocabulary - 16, generator=draw)[:length] + 16).tolist()
        sizes = torch.randint(2, 6, (length,), generator=draw).tolist()
        chunks: list[list[int]] = []
        while sum(map(len, chunks)) + len(chunks) + sizes[len(chunks)] + 1 <= length // 2:
            chunks.append([ids.pop() for _ in range(sizes[len(chunks)])])
        again = [chunks[place] for place in torch.randperm(len(chunks), generator=draw).tolist()]
        at = 0
        for number, chunk in enumerate((*chunks, *again)):
            tokens[row, at : at + len(chunk)] = torch.tensor(chunk)
            if number >= len(chunks):
                asked[row, at + 1 : at + len(chunk)] = True
            at += len(chunk) + 1
    return tokens, asked


def learn_lookup(
    model: Qwen2ForCausalLM, descent: Descent, gate: Gate, seed: int, *, rows_tokens: int = 2048
) -> Iterator[dict[str, float]]:
    """Train until the gate opens, lengths growing from 64 on; gives a line of the log now and then.

    Raises:
        RuntimeError: if it does not open.
    """
    draw = torch.Generator().manual_seed(seed)
    vocabulary, length, step = model.config.vocab_size, 64, 0
    while step < gate.most_steps:
        tokens, asked = entries(draw, vocabulary, max(1, rows_tokens // length), length)
        loss, _ = answer_loss(model, tokens, asked)
        descent.step(loss)
        step += 1
        if step % 20:
            continue
        accuracy = lookup_accuracy(model, length, seed + step)
        yield {"step": step, "length": length, "loss": round(loss.item(), 4), "accuracy": round(accuracy, 4)}
        if accuracy >= gate.accuracy:
            if length >= gate.length:
                return
            length *= 2
    raise RuntimeError(f"look-up did not reach {gate.accuracy} in {gate.most_steps} steps")


@torch.inference_mode()
def lookup_accuracy(model: Qwen2ForCausalLM, length: int, seed: int) -> float:
    """Share of value tokens that are the most probable ones, on entries never seen."""
    draw = torch.Generator().manual_seed(1_000_000 + seed)
    tokens, asked = entries(draw, model.config.vocab_size, max(2, 2048 // length), length)
    _, right = answer_loss(model, tokens, asked)
    return right
