"""Muon for the matrices of a model's layers, AdamW for all other weights: one optimizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.optim.adamw import adamw

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_EPS = 1e-8


class MuonAdamW(torch.optim.Optimizer):  # type: ignore[misc] # the library is not typed
    """Muon (orthogonalised momentum; Jordan et al. 2024) for the matrices of layers, AdamW for the rest.

    Muon's steps are scaled to the size of AdamW's (root mean square 0.2; Liu et al. 2025), so that one
    learning rate fits both. `torch.optim.Muon` takes only matrices, and computes in bfloat16, which CPUs
    without such arithmetic emulate: twenty times slower for the matrices of a small model.

    Args:
        model: the model to train. Embeddings and the output head do not count as matrices of layers.
        lr: the learning rate.
        weight_decay: of AdamW's weights with two or more dimensions; other weights have none.
        momentum: of Muon.
        betas: of AdamW.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        lr: float,
        *,
        weight_decay: float = 0.0,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.98),
    ) -> None:
        heads = (model.get_input_embeddings(), model.get_output_embeddings())
        outside = {id(weight) for head in heads if head is not None for weight in head.parameters()}
        trained = [weight for weight in model.parameters() if weight.requires_grad]
        matrices = [weight for weight in trained if weight.ndim == 2 and id(weight) not in outside]
        taken = {id(weight) for weight in matrices}
        others = [weight for weight in trained if id(weight) not in taken]
        groups: list[dict[str, Any]] = [
            {"params": matrices, "muon": True, "weight_decay": 0.0},
            {"params": [weight for weight in others if weight.ndim > 1], "weight_decay": weight_decay},
            {"params": [weight for weight in others if weight.ndim < 2], "weight_decay": 0.0},
        ]
        defaults = {"lr": lr, "muon": False, "momentum": momentum, "betas": betas}
        super().__init__([group for group in groups if group["params"]], defaults)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self, closure: Callable[[], float] | None = None) -> None:  # noqa: ARG002
        """Update every weight that has a gradient. The closure is not called: gradients exist."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if group["muon"]:
                for weight in weights:
                    self._muon(weight, group)
            elif weights:
                self._adamw(weights, group)

    def _muon(self, weight: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state["mean"] = torch.zeros_like(weight)
        assert weight.grad is not None
        mean: Tensor = state["mean"].lerp_(weight.grad, 1 - group["momentum"])
        update = orthogonal(weight.grad.lerp(mean, group["momentum"]))
        weight.add_(update, alpha=-0.2 * max(weight.shape) ** 0.5 * group["lr"])

    def _adamw(self, weights: list[Tensor], group: dict[str, Any]) -> None:
        for weight in weights:
            state = self.state[weight]
            if not state:
                state["step"] = torch.zeros(())
                state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(weight), torch.zeros_like(weight)
        states = [self.state[weight] for weight in weights]
        adamw(
            weights,
            [weight.grad for weight in weights if weight.grad is not None],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=_EPS,
            maximize=False,
        )


def orthogonal(matrix: Tensor, iterations: int = 5) -> Tensor:
    """Roughly the nearest matrix with orthonormal rows or columns, by Newton-Schulz iteration.

    Args:
        matrix: `(rows, columns)`.
        iterations: of the quintic polynomial with the coefficients of Jordan et al.; after five of them
            singular values lie between 0.7 and 1.2.

    Returns:
        `(rows, columns)`.
    """
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if is_tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(iterations):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.T if is_tall else x
