"""Look-up, the first thing to learn: random entries, then each of them again, to be continued.

Entries are of two sorts. Some are drawn from all tokens, so one token tells what follows. The others are made
of few words, as the names on a page are, so that it takes two. Training on pages begins only once both work
(`Gate`), and look-up goes on beside it (`both`), or pages make the model forget it.
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
        accuracy: share of unseen tokens that are the most probable, mean of both sorts of entries.
        length: tokens of a sequence.
        most_steps: more steps than this mean that it does not form.
    """

    accuracy: float = 0.9
    length: int = 512
    most_steps: int = 1500


def entries(
    draw: torch.Generator, vocabulary: int, rows: int, length: int, words: int | None = None
) -> tuple[Tensor, Tensor]:
    """Rows of entries and their repetition in another order, and which tokens are to be said.

    Args:
        draw: decides.
        vocabulary: number of tokens; the first 16 stay out, for they are marks.
        rows: how many.
        length: tokens of a row.
        words: tokens that a row's entries are made of, 8 at least; each entry has a token once. None: no
            token is in two entries, and one token of an entry is given when it comes again, rather than two.

    Returns:
        Token ids and a mask, both of shape (rows, length).
    """
    tokens = torch.full((rows, length), 4)
    asked = torch.zeros((rows, length), dtype=torch.bool)
    given, sizes_from, sizes_to = (1, 2, 6) if words is None else (2, 4, 9)
    for row in range(rows):
        ids = (torch.randperm(vocabulary - 16, generator=draw)[: words or length] + 16).tolist()
        sizes = torch.randint(sizes_from, sizes_to, (length,), generator=draw).tolist()
        chunks: list[list[int]] = []
        while sum(map(len, chunks)) + len(chunks) + sizes[len(chunks)] + 1 <= length // 2:
            size = sizes[len(chunks)]
            if words is None:
                chunks.append([ids.pop() for _ in range(size)])
            else:
                chunks.append([ids[place] for place in torch.randperm(words, generator=draw)[:size].tolist()])
        again = [chunks[place] for place in torch.randperm(len(chunks), generator=draw).tolist()]
        at = 0
        for number, chunk in enumerate((*chunks, *again)):
            tokens[row, at : at + len(chunk)] = torch.tensor(chunk)
            if number >= len(chunks):
                asked[row, at + given : at + len(chunk)] = True
            at += len(chunk) + 1
    return tokens, asked


def both(draw: torch.Generator, vocabulary: int, rows: int, length: int) -> tuple[Tensor, Tensor]:
    """As many rows of either sort."""
    words = (12, 24, 48)[int(torch.randint(3, (), generator=draw))]
    plain = entries(draw, vocabulary, rows, length)
    alike = entries(draw, vocabulary, rows, length, words)
    return torch.cat([plain[0], alike[0]]), torch.cat([plain[1], alike[1]])


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
        loss, _ = answer_loss(model, *both(draw, vocabulary, max(1, rows_tokens // 2 // length), length))
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
    """Share of tokens that are the most probable ones, on entries never seen; mean of both sorts."""
    draw = torch.Generator().manual_seed(1_000_000 + seed)
    rows = max(2, 2048 // length)
    found = [
        answer_loss(model, *entries(draw, model.config.vocab_size, rows, length, words))[1]
        for words in (None, 24)
    ]
    return sum(found) / len(found)
