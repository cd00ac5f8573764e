"""One interface for parallel work: processes of this machine, or a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeVar

from facsim.util.errors import ConfigError
from facsim.util.process_pool import ProcessExecutor

Item = TypeVar("Item")
Result = TypeVar("Result")


class Executor(AbstractContextManager["Executor"], Protocol):
    """Workers for ordered maps. A context manager; the workers end on exit.

    Results do not depend on the workers: neither on their number nor on where they run.

    Attributes:
        workers: how many items are worked on at a time.
        is_serial: whether all work is done in this process.
    """

    @property
    def workers(self) -> int:
        """How many items are worked on at a time."""

    @property
    def is_serial(self) -> bool:
        """Whether all work is done in this process."""

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """`function` of each item, in the order of the items.

        Items are taken from their iterable in this process and only as far ahead as the workers need. A
        worker gets its items in ascending order, apart from items that are repeated because another worker
        was lost.

        Args:
            function: picklable; must not depend on which worker runs it.
            items: picklable arguments.

        Raises:
            FacsimError: if workers keep being lost. Errors of `function` are raised as they are.
        """

    def check_files(self, files: Iterable[Path]) -> None:
        """Check that every worker sees these files of this machine, with the same content.

        Raises:
            ConfigError: if one does not.
        """

    def check_shared(self, folder: Path) -> None:
        """Check that every worker sees a folder of this machine. It is created if it does not exist.

        Raises:
            ConfigError: if one does not.
        """


def open_executor(workers: int | None = None, on: str | None = None) -> Executor:
    """The executor of `--workers` and `--on`.

    Args:
        workers: number of processes; by default one, on a cluster as many as it has cores.
        on: `ray` or `ray://HOST:PORT` for a Ray cluster (`facsim.util.ray_cluster.RayCluster`); None for this
            machine.

    Raises:
        ConfigError: if a value is invalid.
    """
    if workers is not None and workers < 1:
        raise ConfigError(f"workers is {workers}: expected a number of processes, at least 1")
    if on is None:
        return ProcessExecutor(workers or 1)
    from facsim.util.ray_executor import RayExecutor  # noqa: PLC0415 - needed for clusters only

    return RayExecutor(on, workers)


def map_ordered(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int | None = None,
    on: str | None = None,
) -> Iterator[Result]:
    """`function` of each item, in the order of the items; `Executor.map` with an executor of its own."""
    with open_executor(workers, on) as executor:
        yield from executor.map(function, items)
