"""What can be chosen about a model that runs in this process."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from facsim.predict.options import Options

Decoding = Literal["greedy", "constrained", "candidates"]


class LocalOptions(Options):
    """How a local model is asked."""

    kind = "local"

    decoding: Decoding = "greedy"
    """How an answer is found. `greedy`: the most probable token, again and again. `constrained`: the same
    among the tokens that continue an action possible on the page. `candidates`: every action possible on the
    page gets its probability, and the most probable one is the answer."""
    max_output_tokens: int = Field(default=512, ge=1)
    """The most tokens of one answer; of each turn in the style `two_turn`."""
    device: str = "auto"
    """`cpu`, `cuda`, `cuda:1`, or `auto`: a GPU if there is one."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Of the weights. `auto`: float32 on a CPU, else as they are stored."""
    batch_tokens: int = Field(default=16_384, ge=1)
    """Sessions go through the model together up to so many tokens, padding counted. Answers do not depend on
    it; memory and speed do."""
