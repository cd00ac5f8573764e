"""A connection to a Ray cluster.

Ray is an optional dependency (`facsim[ray]`). It is imported when a connection is opened, never before.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Final, Self, TypeVar

from facsim.util.errors import ConfigError, FacsimError
from facsim.util.node_checks import ClusterNode, NodeChecks

TIMEOUT_SECONDS: Final = 900.0

_ADDRESS: Final = re.compile(r"ray|ray://(?P<host>[^\s:/]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})/?")
_CLIENT_PORT: Final = "10001"
_CONNECT_SECONDS: Final = 5.0
_NODE_SECONDS: Final = 120.0
_SETTLE_ATTEMPTS: Final = 7
_SETTLE_SECONDS: Final = 5.0
_MB: Final = 2**20
_LOCAL_OBJECT_STORE: Final = 512 * _MB

_Result = TypeVar("_Result")


class _LostNodeError(FacsimError):
    """A node that Ray listed is not there any more."""


class RayCluster(NodeChecks):
    """A connection to a cluster. A context manager; the connection is closed on exit.

    With `ray`, it is the cluster of the environment variable RAY_ADDRESS or one that runs on this machine. If
    there is none, Ray is started on this machine, and stopped on exit. With `ray://HOST:PORT`, it is the
    cluster whose head has that address. This machine must be one of its nodes. A connection that the calling
    program has opened itself is used, and left open.

    Args:
        on: `ray` or `ray://HOST:PORT`.
        timeout_s: seconds without a result after which work is repeated on another worker, at most twice.
        local_cpus: cores to use if Ray is started on this machine; all by default.
        announce: called once connected with a line for people: the nodes, and the URL of Ray's dashboard.

    Attributes:
        nodes: the live nodes, by host and id, once connected.
        dashboard: URL of Ray's dashboard, if it runs.

    Raises:
        ConfigError: on entering, if Ray is not installed, there is no such cluster, or its nodes have other
            versions of the code than this machine.
    """

    def __init__(
        self,
        on: str,
        *,
        timeout_s: float = TIMEOUT_SECONDS,
        local_cpus: int | None = None,
        announce: Callable[[str], None] | None = None,
    ) -> None:
        self._address, self._local_cpus, self._announce = parse_address(on), local_cpus, announce
        self.timeout_s = timeout_s
        self._is_ours = False
        self.nodes: tuple[ClusterNode, ...] = ()
        self.dashboard: str | None = None

    def __enter__(self) -> Self:
        if find_spec("ray") is None:
            raise ConfigError("--on ray needs Ray: pip install 'facsim[ray]', with one version on all nodes")
        # No telemetry; bounded logs. A cluster that runs already has its own settings.
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        import ray  # noqa: PLC0415 - optional and slow to import

        if not ray.is_initialized():
            self._connect()
            self._is_ours = True
        try:
            self.dashboard = _dashboard()
            self._meet_nodes()
            if self._announce is not None:
                link = f". Dashboard: {self.dashboard}" if self.dashboard else ""
                self._announce(f"On Ray: {self.describe()}{link}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def _meet_nodes(self) -> None:
        """Find the nodes and check their versions. For some seconds Ray lists a node that was just lost."""
        for attempt in range(_SETTLE_ATTEMPTS):
            self.nodes = _live_nodes()
            try:
                self.check_versions()
            except _LostNodeError:
                if attempt == _SETTLE_ATTEMPTS - 1:
                    raise
                time.sleep(_SETTLE_SECONDS)
            else:
                return

    def __exit__(self, *_: object) -> None:
        if self._is_ours:
            import ray  # noqa: PLC0415

            self._is_ours = False
            with _sigterm_kept():
                ray.shutdown()

    @property
    def cpus(self) -> int:
        """CPU cores of all nodes."""
        return int(sum(node.cpus for node in self.nodes))

    @property
    def gpus(self) -> int:
        """GPUs of all nodes."""
        return int(sum(node.gpus for node in self.nodes))

    def describe(self) -> str:
        """The nodes with their resources, for messages."""
        return "; ".join(f"{node.host} {node.cpus:g} CPU cores, {node.gpus:g} GPUs" for node in self.nodes)

    def on_each_node(self, function: Callable[..., _Result], *arguments: Any) -> dict[ClusterNode, _Result]:
        """Call a function once on every node, at the same time.

        Args:
            function: a nested function, so that it is sent by value: a node may lack this code.
            arguments: its arguments.

        Raises:
            FacsimError: if a node does not answer.
        """
        import ray  # noqa: PLC0415
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415

        task = ray.remote(function)
        calls = {
            node: task.options(
                num_cpus=0,
                max_retries=0,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node.node_id, soft=False),
            ).remote(*arguments)
            for node in self.nodes
        }
        found = {}
        for node, call in calls.items():
            try:
                found[node] = ray.get(call, timeout=_NODE_SECONDS)
            except ray.exceptions.RayError as error:
                reason = str(error).strip().splitlines()
                is_lost = isinstance(error, ray.exceptions.TaskUnschedulableError)
                raise (_LostNodeError if is_lost else FacsimError)(
                    f"node {node.host} of the cluster does not run tasks: {reason[-1] if reason else error}"
                ) from None
        return found

    def call(self, function: Callable[[], _Result], *, gpus: float = 0) -> _Result:
        """Call a function on some node, with this many GPUs.

        Raises:
            FacsimError: if no node runs it in time.
        """
        import ray  # noqa: PLC0415

        call = ray.remote(function).options(num_cpus=0, num_gpus=gpus, max_retries=1).remote()
        try:
            found: _Result = ray.get(call, timeout=_NODE_SECONDS)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayError as error:
            raise FacsimError(
                f"the cluster does not run a task with {gpus:g} GPUs ({type(error).__name__}). Are they "
                f"free? Nodes: {self.describe()}"
            ) from None
        return found

    def _connect(self) -> None:
        import ray  # noqa: PLC0415

        # What Ray says about lost workers goes to standard output, where results are.
        vars(ray._private.worker)["_worker_logs_enabled"] = False
        address = self._address or _address_of_environment()
        quiet = {"log_to_driver": False, "logging_level": "ERROR"}
        with _sigterm_kept():
            if address is None:
                try:
                    ray.init(address="auto", **quiet)
                except ConnectionError:
                    ray.init(
                        address="local",
                        num_cpus=self._local_cpus,
                        include_dashboard=False,
                        object_store_memory=_LOCAL_OBJECT_STORE,
                        **quiet,
                    )
                return
            if ":" in address:  # RAY_ADDRESS may be `local`
                _check_reachable(address)
            try:
                ray.init(address=address, **quiet)
            except (ConnectionError, RuntimeError, ValueError, OSError, AssertionError) as error:
                lines = str(error).strip().splitlines()
                raise ConfigError(
                    f"cannot join the Ray cluster at {address}: {lines[0] if lines else error!r}. {_WHERE}"
                ) from None


_ENVIRONMENT: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ROTATION_MAX_BYTES": str(64 * _MB),
    "RAY_ROTATION_BACKUP_COUNT": "1",
    # Every error is raised here; of those that come after the first, Ray would print the traceback.
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",
    # Ray warns about GPUs of tasks without one.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1",
}
_WHERE: Final = (
    "Give the address of the head's GCS (port 6379 unless `ray start --head --port` said otherwise), and run "
    "the command on a node of the cluster, for example with `ray job submit`"
)


def parse_address(on: str) -> str | None:
    """HOST:PORT of `ray://HOST:PORT`; None for `ray`.

    >>> parse_address("ray"), parse_address("ray://head:6379")
    (None, 'head:6379')

    Raises:
        ConfigError: if it is neither.
    """
    match = _ADDRESS.fullmatch(on)
    if match is None:
        raise ConfigError(f"--on {on}: expected ray, or ray://HOST:PORT")
    host, port = match["host"], match["port"]
    if host is None:
        return None
    if port == _CLIENT_PORT:
        raise ConfigError(
            f"--on {on}: port {_CLIENT_PORT} is that of Ray Client, which is not used. {_WHERE}"
        )
    return f"{host}:{port}"


def _address_of_environment() -> str | None:
    address = os.environ.get("RAY_ADDRESS")
    return parse_address(address) if address and address.startswith("ray://") else address or None


def _check_reachable(address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ConfigError(f"no Ray cluster at {address}: {problem}. {_WHERE}") from None


def _live_nodes() -> tuple[ClusterNode, ...]:
    import ray  # noqa: PLC0415

    nodes = []
    for node in ray.nodes():
        if not node["Alive"]:
            continue
        resources = node["Resources"]
        accelerator = next(
            (
                name.removeprefix("accelerator_type:")
                for name in resources
                if name.startswith("accelerator_type:")
            ),
            None,
        )
        nodes.append(
            ClusterNode(
                node_id=node["NodeID"],
                host=node["NodeManagerHostname"],
                cpus=resources.get("CPU", 0.0),
                gpus=resources.get("GPU", 0.0),
                memory_gb=round(resources.get("memory", 0.0) / 1e9, 1),
                accelerator=accelerator,
            )
        )
    return tuple(sorted(nodes, key=lambda node: (node.host, node.node_id)))


def _dashboard() -> str | None:
    from ray._private.worker import get_dashboard_url  # noqa: PLC0415 - no public way once connected

    url: str | None = get_dashboard_url()
    return f"http://{url}" if url else None


@contextmanager
def _sigterm_kept() -> Iterator[None]:
    """Keep this program's handling of SIGTERM, which Ray replaces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
