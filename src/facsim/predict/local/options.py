"""Options of a model that runs in this process."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from facsim.predict.options import PredictorOptions

Decoding = Literal["greedy", "constrained", "candidates"]

DEFAULT_MAX_OUTPUT_TOKENS: Final = 512
"""Most tokens of an answer, unless `max_output_tokens` says otherwise."""


class LocalOptions(PredictorOptions):
    """How a local model predicts."""

    kind = "local"

    decoding: Decoding = "greedy"
    """How an answer is found. `greedy`: the most probable token at each position. `constrained`: the same,
    among the tokens that continue an action possible on the page. `candidates`: the probability of every
    action possible on the page is computed, and the most probable one is the answer."""
    max_output_tokens: int | None = Field(default=None, ge=1)
    """The most tokens of one answer; of each turn in the style `two_turn`. None: `DEFAULT_MAX_OUTPUT_TOKENS`;
    for a model trained on the style `action`, at most what the longest action possible on the page takes,
    plus room for a typed text: anything longer is no action."""
    device: str = "auto"
    """`cpu`, `cuda`, `cuda:1`, or `auto`: a GPU if there is one."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Of the weights. `auto`: on a GPU as stored; on a CPU bfloat16 where half a second of measuring finds it
    faster, otherwise float32."""
    batch_tokens: int = Field(default=16_384, ge=1)
    """Sessions share a forward pass of at most this many tokens, padding included. Answers do not depend on
    it; memory and speed do. Where sessions are continued step by step, as in rollouts, at most as many tokens
    of their prompts are kept computed."""
