"""What a forward pass takes, by arithmetic: floating-point operations, and seconds on an assumed GPU."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

PEAK_OPERATIONS: Final = 989e12
"""Dense bfloat16 operations per second of an H100 or H200, from NVIDIA's data sheet."""
UTILISATION: Final = 0.4
"""Assumed share of the peak rate."""
GPU_BYTES: Final = 80e9
"""Memory of an H100."""

_EXPERTS: Final = ("num_experts", "num_local_experts", "n_routed_experts")


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What the cost of a decoder-only model depends on.

    Attributes:
        parameters: outside the embedding and the output layer.
        layers: how many.
        width: of attention: heads times their dimension.
    """

    parameters: float
    layers: int
    width: int

    def forward_operations(self, tokens: int) -> float:
        """Operations of one pass over a sequence of T tokens: 2 N T + 2 L d T^2, with causal attention."""
        return 2 * self.parameters * tokens + 2 * self.layers * self.width * tokens**2


def model_shape(folder: Path) -> ModelShape | None:
    """The shape of a checkpoint, from its configuration; no weights are read.

    None if the formula does not hold for it: a mixture of experts uses some of its parameters only, and
    other models have no attention.

    Raises:
        ConfigError: if the folder has no causal language model.
        InputError: if a file is missing or damaged.
    """
    from facsim.lm.checkpoint_files import read_config  # noqa: PLC0415 - slow to import
    from facsim.lm.model_loading import model_outline  # noqa: PLC0415

    config = read_config(folder)
    text = config.get_text_config()
    layers, heads = (getattr(text, name, None) for name in ("num_hidden_layers", "num_attention_heads"))
    if not layers or not heads or any((getattr(text, name, None) or 0) > 1 for name in _EXPERTS):
        return None
    outline = model_outline(folder, config)
    ends = (outline.get_input_embeddings(), outline.get_output_embeddings())
    outside = {id(end.weight) for end in ends if end is not None}
    parameters = sum(weight.numel() for weight in outline.parameters() if id(weight) not in outside)
    width = (getattr(text, "head_dim", None) or text.hidden_size // heads) * heads
    return ModelShape(parameters, layers, width)


def gpu_hours(operations: float, *, utilisation: float = UTILISATION) -> float:
    """Hours that one H100 takes for so many operations, at an assumed share of its peak rate."""
    return operations / (PEAK_OPERATIONS * utilisation * 3600)
