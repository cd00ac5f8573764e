"""What the model can do on pages and in a shop that it has never seen, by kind of instruction."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from typing import Any

from transformers import Qwen2ForCausalLM

from facsim.lm.chat_tokenizer import ChatTokenizer
from facsim.lm.scoring import score_segments
from facsim.prompt import PromptConfig
from tiny.material import read_errands, some
from tiny.rows import Asked, Mixture, RowMaker, rows

SEED = "never used for training"


def measure(
    model: Qwen2ForCausalLM, chat: ChatTokenizer, held_out: Path, *, generic: int = 150, shop: int = 100
) -> dict[str, Any]:
    """Shares of answers that greedy decoding gives exactly, with 95% intervals (Wilson's).

    Args:
        model: to be measured.
        chat: its tokenizer.
        held_out: errands in a shop that nothing was learned from.
        generic: rows of generated pages.
        shop: rows of the shop's pages, as long as the model is made for.
    """
    maker = RowMaker(
        chat,
        PromptConfig(
            style="action",
            person_after_pages=True,
            budget_tokens=1000,
            chars_per_token=5.2,
            page_text="stored",
        ),
    )
    visits = some(read_errands(held_out), 1000)
    return {
        "generated pages": _by_kind(model, _some(maker, [], Mixture(0, (1, 3), (700, 1000)), generic)),
        "shop": _by_kind(model, _some(maker, visits, Mixture(1, (1, 1), (1100, 1250)), shop)),
    }


def _some(maker: RowMaker, visits: Any, mixture: Mixture, count: int) -> list[Asked]:
    found = rows(maker, visits, mixture, SEED)
    return [next(found) for _ in range(count)]


def _by_kind(model: Qwen2ForCausalLM, asked: list[Asked]) -> dict[str, Any]:
    right = defaultdict[str, list[bool]](list)
    for one, scores in zip(asked, score_segments(model, [one.row for one in asked]), strict=True):
        for kind, score in zip(one.kinds, scores, strict=True):
            right[kind].append(score.is_greedy)
            right["all"].append(score.is_greedy)
    return {kind: share(sum(found), len(found)) for kind, found in sorted(right.items())}


def share(right: int, count: int) -> dict[str, float]:
    """A share with its 95% interval.

    >>> share(8, 10)
    {'share': 0.8, 'low': 0.49, 'high': 0.943, 'n': 10}
    """
    z, p = 1.96, right / count
    middle = (p + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(p * (1 - p) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return {"share": round(p, 3), "low": round(middle - half, 3), "high": round(middle + half, 3), "n": count}
