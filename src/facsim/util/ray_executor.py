"""The executor of a Ray cluster: stateless tasks, which Ray places and repeats.

An item is lost with the worker or node that works on it. Ray repeats it elsewhere, at most `RETRIES` times.
An item without a result in time is cancelled and repeated as often.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from facsim.util.errors import FacsimError
from facsim.util.ray_cluster import TIMEOUT_SECONDS, RayCluster

if TYPE_CHECKING:
    from ray import ObjectRef

RETRIES: Final = 2
"""How often an item is repeated after a lost worker or a timeout."""

_AHEAD: Final = 3
"""Results each worker may be ahead of the consumer. More would fill the memory."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class RayExecutor:
    """Workers of a Ray cluster, one CPU core each. See `facsim.util.executor.Executor`.

    Args:
        on: which cluster (`RayCluster`).
        workers: items at a time; by default as many as the cluster has cores.
        timeout_s: seconds without a result after which an item is repeated.
    """

    is_serial = False

    def __init__(self, on: str, workers: int | None = None, *, timeout_s: float = TIMEOUT_SECONDS) -> None:
        self._cluster = RayCluster(on, timeout_s=timeout_s, local_cpus=workers)
        self._workers = workers

    def __enter__(self) -> Self:
        self._cluster.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._cluster.__exit__(*error)

    @property
    def workers(self) -> int:
        """Items at a time."""
        return self._workers or max(1, self._cluster.cpus)

    def check_files(self, files: Iterable[Path]) -> None:
        """Check that every node sees these files.

        Raises:
            ConfigError: if one does not.
        """
        self._cluster.check_files(files)

    def check_shared(self, folder: Path) -> None:
        """Check that every node sees a folder of this machine.

        Raises:
            ConfigError: if one does not.
        """
        self._cluster.check_shared(folder)

    def map(self, function: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
        """`function` of each item, in the order of the items.

        Raises:
            FacsimError: if an item has no result after `RETRIES` repeats. Errors of `function` are raised as
                they are.
        """
        import ray  # noqa: PLC0415 - optional and slow to import

        sent_function = ray.put(function)  # once per node, not once per item
        task = ray.remote(_call).options(num_cpus=1, max_retries=RETRIES)

        def submit(item: _Item) -> ObjectRef[_Result]:
            return task.remote(sent_function, item)

        pending: deque[_Pending] = deque()
        rest = iter(items)
        try:
            while True:
                ahead = islice(rest, self.workers * _AHEAD - len(pending))
                pending.extend(_Pending(item, submit(item)) for item in ahead)
                if not pending:
                    return
                yield self._result(pending[0], submit)
                pending.popleft()
        finally:
            for left in pending:
                ray.cancel(left.ref, force=True)

    def _result(self, pending: _Pending, submit: Callable[[Any], Any]) -> Any:
        import ray  # noqa: PLC0415

        for attempt in range(RETRIES + 1):
            if attempt:
                ray.cancel(pending.ref, force=True)
                pending.ref = submit(pending.item)
            try:
                return _get(pending.ref, self._cluster.timeout_s)
            except ray.exceptions.GetTimeoutError:
                continue
            except ray.exceptions.RayTaskError as error:
                raise error.cause from None
            except ray.exceptions.RayError as error:
                reason = type(error).__name__
                raise FacsimError(
                    f"workers of the cluster were lost {RETRIES + 1} times over the same piece of work "
                    f"({reason}), most often for lack of memory. Use fewer workers, or nodes with more memory"
                ) from None
        raise FacsimError(
            f"no worker of the cluster gave a result within {self._cluster.timeout_s:.0f} seconds, in "
            f"{RETRIES + 1} attempts. Does the cluster have free cores? `ray status` shows it"
        )


@dataclass(slots=True)
class _Pending:
    item: Any
    ref: Any


def _call(function: Callable[[Any], Any], item: Any) -> Any:
    return function(item)


def _get(ref: Any, timeout_s: float) -> Any:
    """The result, waited for in short periods: signals are handled between them."""
    import ray  # noqa: PLC0415

    end = time.monotonic() + timeout_s
    while True:
        ready, _ = ray.wait([ref], timeout=min(1.0, max(0.0, end - time.monotonic())))
        if ready:
            return ray.get(ref)
        if time.monotonic() >= end:
            raise ray.exceptions.GetTimeoutError
