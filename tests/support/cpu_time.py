"""Limits of CPU time that hold on slow and busy machines too."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

# CPU seconds that the fixed piece of work takes on a quiet core of about 2020.
_NOMINAL = 0.03


def slowness() -> float:
    """How many times slower than an ordinary core this one is right now, at least 1.

    Measured on a fixed piece of work of the kinds that tests do: objects, strings, C code.
    """
    began = time.process_time()
    rows = [{"name": f"results.item_{number}", "words": ["red", "shoes"] * 4} for number in range(4_000)]
    assert len("".join(sorted(row["name"] for row in json.loads(json.dumps(rows))))) > 4_000
    return max(1.0, (time.process_time() - began) / _NOMINAL)


@contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Fail if the block takes more CPU time than an ordinary core would in `seconds`.

    A core that shares its caches and its other thread with busy neighbours can take several times as long for the
    same work, so the limit grows with `slowness`, before or after. Limits are for work that would take minutes if it
    were not linear: choose one at least four times what the block takes.

    Args:
        seconds: CPU seconds on an ordinary core.
    """
    before = slowness()
    began = time.process_time()
    yield
    taken = time.process_time() - began
    slower = max(before, slowness())
    assert taken < seconds * slower, f"{taken:.1f} s of CPU on a core {slower:.1f} times slower than ordinary"
