"""Whether a CPU computes faster in bfloat16 than in float32: measured, because it depends on the machine.

A CPU with bfloat16 instructions (AVX512-BF16, AMX) is about twice as fast; one without emulates them, and is
slower than in float32. The answer is kept for the machine, so that a run that is resumed computes as before.
"""

from __future__ import annotations

import json
import logging
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch

from facsim.lm.model_catalog import models_folder
from facsim.util.errors import FacsimError
from facsim.util.files import write_atomically

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

_SECONDS: Final = 0.5
_TOKENS: Final = 256
_MIN_SPEEDUP: Final = 1.2
"""Less is not worth the rounding."""
_MIN_HIDDEN: Final = 256
"""In narrower models, other work than matrix products takes most of the time."""

_log = logging.getLogger(__name__)


def cpu_dtype(config: PreTrainedConfig) -> torch.dtype:
    """The faster of float32 and bfloat16 for a model on this CPU; says which, through `logging`.

    Args:
        config: of the model, for the sizes of its matrices.
    """
    text = config.get_text_config()
    hidden = int(getattr(text, "hidden_size", 0) or 0)
    if hidden < _MIN_HIDDEN:
        return torch.float32
    inner = getattr(text, "intermediate_size", None)
    speedup = _known_speedup(hidden, inner if isinstance(inner, int) else 4 * hidden)
    dtype = torch.bfloat16 if speedup >= _MIN_SPEEDUP else torch.float32
    name = str(dtype).removeprefix("torch.")
    _log.warning("Computing in %s: bfloat16 is %.1f times as fast as float32 on this CPU", name, speedup)
    return dtype


def measured_speedup(hidden: int, inner: int, seconds: float = _SECONDS) -> float:
    """How many times as fast this CPU multiplies matrices in bfloat16 as in float32.

    Multiplies `(256, hidden) @ (hidden, inner)` alternately, and compares the processor time of the fastest
    rounds: other work on the machine only ever slows rounds down.
    """
    pairs = {
        dtype: (torch.ones(_TOKENS, hidden, dtype=dtype), torch.ones(hidden, inner, dtype=dtype))
        for dtype in (torch.float32, torch.bfloat16)
    }
    best = dict.fromkeys(pairs, float("inf"))
    end = time.perf_counter() + seconds
    rounds = 0
    while rounds < 3 or time.perf_counter() < end:
        for dtype, (left, right) in pairs.items():
            start = time.process_time()
            torch.mm(left, right)
            best[dtype] = min(best[dtype], time.process_time() - start)
        rounds += 1
    return best[torch.float32] / best[torch.bfloat16]


def _known_speedup(hidden: int, inner: int) -> float:
    """The speed-up that was measured on this machine before, or is measured now and kept."""
    file = models_folder().parent / "cpu_precision.json"
    key = f"{_cpu_name()}, torch {torch.__version__}, {torch.get_num_threads()} threads, {hidden} x {inner}"
    known = _read(file)
    if key in known:
        return known[key]
    speedup = round(measured_speedup(hidden, inner), 2)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, json.dumps({**known, key: speedup}, indent=1) + "\n")
    except (OSError, FacsimError):
        pass  # it is measured again the next time
    return speedup


def _read(file: Path) -> dict[str, float]:
    """Speed-ups measured before; empty if the file is missing or damaged."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    known = found.items() if isinstance(found, dict) else ()
    return {str(key): float(value) for key, value in known if isinstance(value, int | float)}


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
