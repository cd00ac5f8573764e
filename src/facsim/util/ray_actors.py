"""A pool of actors on a Ray cluster, for work that keeps state: a loaded model, an open data set.

Ray places the actors and carries the results. The pool gives every idle actor the next unit of work. When an
actor or its node is lost, a new actor takes its place, as soon as a node has room; the unit is repeated on
another, at most `RETRIES` times, without the results that have arrived.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Generic, Protocol, TypeVar

from facsim.util.errors import ConfigError, FacsimError
from facsim.util.ray_cluster import RayCluster
from facsim.util.ray_executor import RETRIES

_POLL_SECONDS: Final = 0.2
_START_SECONDS: Final = 1800.0

Unit = TypeVar("Unit")
Result = TypeVar("Result")
_WorkerUnit_contra = TypeVar("_WorkerUnit_contra", contravariant=True)
_WorkerResult_co = TypeVar("_WorkerResult_co", covariant=True)


class Worker(Protocol[_WorkerUnit_contra, _WorkerResult_co]):
    """What an actor holds and calls."""

    def run(self, unit: _WorkerUnit_contra) -> Iterator[_WorkerResult_co]:
        """Yield the results of a unit as they become known."""


@dataclass(frozen=True, slots=True)
class ActorResources:
    """What each actor of a pool takes.

    Attributes:
        cpus: CPU cores.
        gpus: GPUs.
    """

    cpus: float = 1
    gpus: float = 0


@dataclass(frozen=True, slots=True)
class FailedUnit(Generic[Unit]):
    """What is left of a unit whose actors were lost `RETRIES + 1` times."""

    unit: Unit
    reason: str


@dataclass(slots=True)
class _Running(Generic[Unit]):
    """A unit on an actor, with the generator of its results."""

    actor: Any
    unit: Unit
    attempt: int
    last_result: float


class ActorPool(Generic[Unit, Result]):
    """Actors that each hold one worker. A context manager; the actors end on exit.

    Args:
        cluster: the open connection. An actor without a result within its `timeout_s` is killed, and its
            unit repeated.
        create: makes the worker, in the actor. Sent once per node.
        actors: how many.
        resources: what each takes.

    Raises:
        ConfigError: on entering, if the cluster lacks the resources of a single actor.
    """

    def __init__(
        self,
        cluster: RayCluster,
        create: Callable[[], Worker[Unit, Result]],
        *,
        actors: int,
        resources: ActorResources,
    ) -> None:
        self._cluster, self._create, self._size = cluster, create, actors
        self._resources, self._timeout_s = resources, cluster.timeout_s
        self._actors: list[Any] = []
        self._idle: list[Any] = []
        self._starting: dict[Any, Any] = {}
        self._running: dict[Any, _Running[Unit]] = {}
        self._repeated: deque[tuple[Unit, int]] = deque()
        self._failed_starts = 0

    def __enter__(self) -> ActorPool[Unit, Result]:
        import ray  # noqa: PLC0415 - optional and slow to import

        wanted = self._resources
        if not any(node.gpus >= wanted.gpus and node.cpus >= wanted.cpus for node in self._cluster.nodes):
            raise ConfigError(
                f"no node of the cluster has {wanted.gpus:g} GPUs and {wanted.cpus:g} CPU cores, which one "
                f"worker takes. Nodes: {self._cluster.describe()}"
            )
        try:
            self._sent_create = ray.put(self._create)
        except (TypeError, AttributeError) as error:  # pickle raises either
            raise ConfigError(f"cannot be sent to the nodes of a cluster: {error}") from None
        self._actors = [self._new_actor() for _ in range(self._size)]
        return self

    def __exit__(self, *_: object) -> None:
        import ray  # noqa: PLC0415

        for actor in self._actors:
            ray.kill(actor)
        self._actors = []

    def ask(self, function: Callable[[Any], Any]) -> Any:
        """`function` of the worker of the first actor.

        Raises:
            FacsimError: if the actor cannot be started, or `function` raised one.
        """
        import ray  # noqa: PLC0415

        call = self._actors[0].ask.remote(self._sent_create, function)
        try:
            return ray.get(call, timeout=_START_SECONDS)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayError as error:
            raise self._cannot_start(_first_line(error)) from None

    def run(
        self, units: Iterable[Unit], remaining: Callable[[Unit], Unit | None]
    ) -> Iterator[Result | FailedUnit[Unit] | None]:
        """Yield the results of all units, in any order. A unit's results come from one actor, in order.

        None means no result yet, and lets the caller stop.

        Args:
            units: the work. Taken as actors become idle.
            remaining: what is left of a unit after the results that were yielded; None if nothing is.

        Raises:
            FacsimError: if no actor can be started, or a worker raised one.
        """
        waiting = iter(units)
        last_event = time.monotonic()
        while True:
            is_over = self._assign(waiting)
            if is_over and not self._repeated and not self._running:
                return
            ready = self._wait()
            now = time.monotonic()
            if ready is None:
                yield None
                for running in self._late(now):
                    yield from self._repeat(running, remaining, self._timeout_reason)
                if not self._running and now - last_event > _START_SECONDS:
                    raise self._cannot_start("no actor could be placed")
                continue
            last_event = now
            if ready in self._starting:
                self._started(ready)
                continue
            running = self._running[ready]
            try:
                result = self._next(ready)
            except _LostError as lost:
                del self._running[ready]
                self._replace(running.actor)
                yield from self._repeat(running, remaining, str(lost))
            except StopIteration:
                del self._running[ready]
                self._idle.append(running.actor)
            else:
                running.last_result = now
                yield result

    def _assign(self, waiting: Iterator[Unit]) -> bool:
        """Give units to idle actors, repeated ones first. Returns whether no new unit is left."""
        while self._idle:
            if self._repeated:
                unit, attempt = self._repeated.popleft()
                self._submit(self._idle.pop(), unit, attempt)
                continue
            for unit in islice(waiting, 1):
                self._submit(self._idle.pop(), unit, 0)
                break
            else:
                return True
        return False

    def _new_actor(self) -> Any:
        import ray  # noqa: PLC0415

        host = ray.remote(_ActorHost).options(
            num_cpus=self._resources.cpus,
            num_gpus=self._resources.gpus,
            max_restarts=0,
        )
        actor = host.remote()
        self._starting[actor.start.remote(self._sent_create)] = actor
        return actor

    def _replace(self, actor: Any) -> None:
        """Put a new actor in the place of a lost one."""
        import ray  # noqa: PLC0415

        ray.kill(actor)
        self._actors.remove(actor)
        self._actors.append(self._new_actor())

    def _started(self, call: Any) -> None:
        import ray  # noqa: PLC0415

        actor = self._starting.pop(call)
        try:
            ray.get(call)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayError as error:
            self._failed_starts += 1
            if self._failed_starts > (RETRIES + 1) * self._size:
                raise self._cannot_start(_first_line(error)) from None
            self._replace(actor)
        else:
            self._failed_starts = 0
            self._idle.append(actor)

    def _submit(self, actor: Any, unit: Unit, attempt: int) -> None:
        results = actor.run.remote(unit)
        self._running[results] = _Running(actor, unit, attempt, time.monotonic())

    def _wait(self) -> Any:
        import ray  # noqa: PLC0415

        calls = [*self._running, *self._starting]
        ready, _ = ray.wait(calls, num_returns=1, timeout=_POLL_SECONDS, fetch_local=False)
        return ready[0] if ready else None

    def _next(self, results: Any) -> Result:
        """The next result of a unit.

        Raises:
            StopIteration: after the last one.
            _LostError: if the actor was lost.
        """
        import ray  # noqa: PLC0415

        try:
            found: Result = ray.get(next(results))
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayError as error:
            raise _LostError(f"{type(error).__name__}: {_first_line(error)}") from None
        return found

    def _late(self, now: float) -> list[_Running[Unit]]:
        """Take back the units without a result in time. Their actors are killed and replaced."""
        late = {
            results: running
            for results, running in self._running.items()
            if now - running.last_result > self._timeout_s
        }
        for results, running in late.items():
            del self._running[results]
            self._replace(running.actor)
        return list(late.values())

    @property
    def _timeout_reason(self) -> str:
        return f"no result within {self._timeout_s:g} seconds"

    def _repeat(
        self,
        running: _Running[Unit],
        remaining: Callable[[Unit], Unit | None],
        reason: str,
    ) -> Iterator[FailedUnit[Unit]]:
        """Queue what is left of a unit again, or yield it as a failure."""
        rest = remaining(running.unit)
        if rest is None:
            return
        if running.attempt < RETRIES:
            self._repeated.append((rest, running.attempt + 1))
        else:
            yield FailedUnit(rest, reason)

    def _cannot_start(self, problem: str) -> FacsimError:
        wanted = self._resources
        return FacsimError(
            f"no worker can be started on the cluster ({problem}). A worker takes {wanted.cpus:g} CPU cores "
            f"and {wanted.gpus:g} GPUs; are they free? Nodes: {self._cluster.describe()}"
        )


class _LostError(Exception):
    """An actor, its node or its results were lost."""


class _ActorHost:
    """The actor: holds a worker. It is made in a call, not in the constructor, whose errors Ray hides."""

    def __init__(self) -> None:
        self._worker: Worker[Any, Any] | None = None

    def start(self, create: Callable[[], Worker[Any, Any]]) -> None:
        """Make the worker."""
        self._worker = self._worker or create()

    def ask(self, create: Callable[[], Worker[Any, Any]], function: Callable[[Any], Any]) -> Any:
        """`function` of the worker."""
        self.start(create)
        return function(self._worker)

    def run(self, unit: Any) -> Iterator[Any]:
        """The results of a unit, streamed."""
        assert self._worker is not None, "started before"
        yield from self._worker.run(unit)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else repr(error)
