"""One step of learning: loss on answers only, Muon and AdamW, clipped, at a rate that warms up and decays."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import Qwen2ForCausalLM


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
    """Optimizers and rate: Muon for the matrices of the layers, AdamW for all else.

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
        layers = list(self.model.model.layers.parameters())
        matrices = [weight for weight in layers if weight.ndim == 2]
        taken = {id(weight) for weight in matrices}
        others = [weight for weight in self.model.parameters() if id(weight) not in taken]
        self._optimizers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(others, lr=self.rate, betas=(0.9, 0.98), weight_decay=0.01),
            Muon(matrices, self.rate),
        ]

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
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
        self.done += 1


class Muon(torch.optim.Optimizer):
    """Momentum whose matrices are made orthogonal (Jordan and others 2024), in single precision.

    Its steps are as large as AdamW's at the same rate (root mean square 0.2). The version that comes with
    torch computes in bfloat16, which processors without such arithmetic emulate, slowly.
    """

    def __init__(self, matrices: list[torch.nn.Parameter], rate: float, momentum: float = 0.95) -> None:
        super().__init__(matrices, {"lr": rate, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # noqa: ARG002
        """Move every matrix."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                mean = state.setdefault("mean", torch.zeros_like(weight))
                mean.lerp_(weight.grad, 1 - group["momentum"])
                update = orthogonal(weight.grad.lerp(mean, group["momentum"]))
                weight.add_(update, alpha=-0.2 * max(weight.shape) ** 0.5 * group["lr"])


def orthogonal(matrix: Tensor, iterations: int = 5) -> Tensor:
    """Roughly the nearest matrix with orthonormal rows or columns, by Newton-Schulz iteration."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(iterations):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.T if tall else x
