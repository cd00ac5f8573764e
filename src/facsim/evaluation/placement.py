"""How sessions are spread over the workers of a cluster: the rule, and its outcome without a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import islice
from math import ceil
from typing import Final, TypeVar

_UNIT_SESSIONS: Final = 16
_UNITS_PER_WORKER: Final = 4
"""With few sessions, units are smaller, so that each worker gets about this many and all end together."""
_GPU_HEADROOM: Final = 1.3
"""Memory that a model takes, in multiples of its weights, at least: KV cache and activations come on top."""

_Session = TypeVar("_Session")


def cut_into_units(sessions: Iterable[_Session], count: int, workers: int) -> Iterator[tuple[_Session, ...]]:
    """Sessions in the groups that workers get at a time, in order. They are taken as units are asked for.

    Args:
        sessions: what to cut.
        count: how many they are.
        workers: how many work at the same time.

    >>> [len(unit) for unit in cut_into_units(range(10), 10, 2)]
    [2, 2, 2, 2, 2]
    """
    size = max(1, min(_UNIT_SESSIONS, ceil(count / (_UNITS_PER_WORKER * workers))))
    rest = iter(sessions)
    return iter(lambda: tuple(islice(rest, size)), ())


@dataclass(frozen=True, slots=True)
class Placement:
    """Sessions on workers of equal speed.

    Attributes:
        workers: how many there are. Some are idle if there are fewer sessions.
        units: how many units the sessions were cut into.
        busiest: indices of the sessions of the worker that ends last.
        duration: the cost of these sessions together.
        share: of the rate at which all workers could work if none was ever idle.
    """

    workers: int
    units: int
    busiest: tuple[int, ...]
    duration: float
    share: float


def place_sessions(costs: Sequence[float], workers: int) -> Placement:
    """Place sessions as a cluster does: the next unit goes to the worker that is idle first.

    Args:
        costs: what each session takes, in any unit; at least one, not all 0.
        workers: how many work at the same time.

    >>> place_sessions([3.0, 1.0, 1.0, 1.0], 2)
    Placement(workers=2, units=4, busiest=(0,), duration=3.0, share=1.0)
    """
    working = min(workers, len(costs))
    units = list(cut_into_units(range(len(costs)), len(costs), working))
    idle = [(0.0, worker) for worker in range(working)]
    heapify(idle)
    placed: list[list[int]] = [[] for _ in range(working)]
    for unit in units:
        since, worker = heappop(idle)
        placed[worker] += unit
        heappush(idle, (since + sum(costs[session] for session in unit), worker))
    duration, busiest = max(idle, key=lambda entry: (entry[0], -entry[1]))
    return Placement(
        workers=workers,
        units=len(units),
        busiest=tuple(placed[busiest]),
        duration=duration,
        share=sum(costs) / workers / duration,
    )


def gpus_needed(weight_bytes: int, gpu_bytes: float) -> int:
    """How many GPUs of this memory a model takes; `local:` has one for each worker."""
    return max(1, ceil(weight_bytes * _GPU_HEADROOM / gpu_bytes))
