"""One step of learning: loss on answers only, Muon and AdamW, clipped, at a rate that warms up and decays."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import Qwen2ForCausalLM

from facsim.train.muon import MuonAdamW


def answer_loss(model: Qwen2ForCausalLM, tokens: Tensor, asked: Tensor) -> tuple[Tensor, float]:
    """Mean cross-entropy of the tokens that are asked for, and the share of them that are the most probable.

    Rows may be filled up at their ends: no token looks at what comes after it, so no mask is needed.

    Args:
        model: a causal model whose output embeddings are its input embeddings.
        tokens: ids, shape (rows, length).
        asked: which of them are to be said, same shape.
    """
    hidden = model.model(input_ids=tokens, use_cache=False).last_hidden_state
    places = asked[:, 1:]
    logits = hidden[:, :-1][places] @ model.model.embed_tokens.weight.T
    said = tokens[:, 1:][places]
    right = (logits.argmax(dim=1) == said).float().mean().item()
    return torch.nn.functional.cross_entropy(logits, said), right


@dataclass
class Descent:
    """Optimizer and rate: Muon for the matrices of the layers, AdamW for all else.

    Attributes:
        model: what is trained.
        rate: highest learning rate.
        warm: steps until it is reached.
        total: steps after which the rate is a twentieth of it; 0 for no decay.
    """

    model: Qwen2ForCausalLM
    rate: float
    warm: int = 20
    total: int = 0
    done: int = 0

    def __post_init__(self) -> None:
        self._optimizer = MuonAdamW(self.model, self.rate, weight_decay=0.01)

    def step(self, loss: Tensor) -> None:
        """Go one step down.

        Raises:
            RuntimeError: if the loss is no number.
        """
        if not torch.isfinite(loss):
            raise RuntimeError(f"the loss of step {self.done} is {loss.item()}")
        rate = self.rate * min(1.0, (self.done + 1) / self.warm)
        if self.total:
            way = min(1.0, self.done / self.total)
            rate *= 0.05 + 0.95 * (1 + math.cos(math.pi * way)) / 2
        self.model.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        self.done += 1
