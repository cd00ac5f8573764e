"""What can be chosen about a model that runs in this process."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from facsim.predict.options import PredictorOptions

Decoding = Literal["greedy", "constrained", "candidates"]

MOST_OUTPUT: Final = 512
"""Most tokens of an answer, where nothing is said of it."""


class LocalOptions(PredictorOptions):
    """How a local model is asked."""

    kind = "local"

    decoding: Decoding = "greedy"
    """How an answer is found. `greedy`: the most probable token, again and again. `constrained`: the same
    among the tokens that continue an action possible on the page. `candidates`: every action possible on the
    page gets its probability, and the most probable one is the answer."""
    max_output_tokens: int | None = Field(default=None, ge=1)
    """The most tokens of one answer; of each turn in the style `two_turn`. None: `MOST_OUTPUT`; of a model
    that was trained on the style `action` no more than the longest action that is possible on the page takes,
    and some for a text that is typed: whatever is longer is no action."""
    device: str = "auto"
    """`cpu`, `cuda`, `cuda:1`, or `auto`: a GPU if there is one."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Of the weights. `auto`: float32 on a CPU, else as they are stored."""
    batch_tokens: int = Field(default=16_384, ge=1)
    """Sessions go through the model together up to so many tokens, padding counted. Answers do not depend on
    it; memory and speed do."""
