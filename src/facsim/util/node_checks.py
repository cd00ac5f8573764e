"""Checks that the nodes of a cluster compute what this machine would: versions, code, files and folders."""

from __future__ import annotations

import hashlib
import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final, TypeVar

from facsim.util.errors import ConfigError, FacsimError
from facsim.util.remote_files import RemoteFile

PACKAGE: Final = __name__.partition(".")[0]
"""The package whose code must be the same on every node."""

PACKAGES: Final = ("lightgbm", "numpy", "polars", "pyarrow", "ray", "selectolax", "torch", "transformers")
"""Packages whose versions must be the same on every node: they can change a result."""

_DIGEST_BYTES: Final = 2**20
"""Files up to this size are compared by content, larger ones by size."""

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class ClusterNode:
    """A node of a cluster.

    Attributes:
        node_id: Ray's id.
        host: host name.
        cpus: CPU cores that Ray may use.
        gpus: GPUs that Ray may use.
        memory_gb: memory that Ray may use, in GB (10^9 bytes).
        accelerator: type of its GPUs, as Ray names it; None without.
    """

    node_id: str
    host: str
    cpus: float
    gpus: float
    memory_gb: float
    accelerator: str | None = None


class NodeChecks(ABC):
    """The checks of a cluster that can call a function on each of its nodes."""

    @abstractmethod
    def on_each_node(self, function: Callable[..., _Result], *arguments: Any) -> dict[ClusterNode, _Result]:
        """Call a function once on every node."""

    def check_versions(self) -> None:
        """Check that every node has this machine's Python, packages and code.

        Raises:
            ConfigError: if one differs, with node, name and both versions.
        """
        mine = software()

        def theirs(package: str, packages: tuple[str, ...]) -> dict[str, str | None] | None:
            from importlib.util import find_spec  # noqa: PLC0415

            if find_spec(package) is None:
                return None
            from importlib import import_module  # noqa: PLC0415

            try:
                found: dict[str, str | None] = import_module(f"{package}.util.node_checks").software(packages)
            except (ImportError, AttributeError):  # an earlier version without this module
                return {package: "an earlier version"}
            return found

        for node, found in self.on_each_node(theirs, PACKAGE, PACKAGES).items():
            if found is None:
                raise ConfigError(
                    f"node {node.host} of the cluster has no {PACKAGE}. Install it there, in the version of "
                    f"this machine ({mine[PACKAGE]})"
                )
            differences = [
                f"{name} {found.get(name) or 'missing'} instead of {mine[name] or 'none'}"
                for name in mine
                if found.get(name) != mine[name]
            ]
            if differences:
                raise ConfigError(
                    f"node {node.host} of the cluster has other versions than this machine, which can change "
                    f"results: {', '.join(differences)}. Use one environment or image for all nodes"
                )

    def check_files(self, files: Iterable[Path]) -> None:
        """Check that every node sees these files of this machine, with the same content.

        Raises:
            ConfigError: if one does not.
        """
        wanted = {str(file.absolute()): digest(file) for file in files}
        for file, value in wanted.items():
            if not value:
                raise ConfigError(f"{file}: cannot be read")
        here = digest

        def differing(expected: Mapping[str, str]) -> str | None:
            return next((name for name, value in expected.items() if here(name) != value), None)

        for node, name in self.on_each_node(differing, wanted).items():
            if name is not None:
                raise ConfigError(
                    f"{name}: node {node.host} of the cluster does not see this file, or has another one in "
                    "its place. All nodes need the same files under the same path, for example on a shared "
                    "disk"
                )

    def check_remote(self, file: RemoteFile) -> None:
        """Check that every node can read a file on an object store.

        Raises:
            ConfigError: if one cannot.
        """

        def problem(sent: RemoteFile) -> str | None:
            try:
                sent.check()
            except Exception as error:  # whatever is missing on that node
                return str(error)
            return None

        for node, found in self.on_each_node(problem, file).items():
            if found is not None:
                raise ConfigError(
                    f"node {node.host} of the cluster does not read the store: {found}. Credentials and "
                    "packages are needed on every node"
                )

    def check_shared(self, folder: Path) -> None:
        """Check that a folder of this machine is on a disk that every node sees.

        Raises:
            ConfigError: if a node does not see it.
            FacsimError: if nothing can be written there.
        """
        probe = folder / f".probe-{os.getpid()}-{os.urandom(4).hex()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(os.urandom(16))
        except OSError as error:
            raise FacsimError(f"{folder}: cannot be written: {error.strerror}") from None
        try:
            self.check_files([probe])
        except ConfigError:
            host = socket.gethostname()
            raise ConfigError(
                f"{folder} of {host} is not visible on every node of the cluster. Use a folder on a shared "
                "disk, mounted under the same path on all nodes"
            ) from None
        finally:
            probe.unlink(missing_ok=True)


def software(packages: Iterable[str] = PACKAGES) -> dict[str, str | None]:
    """Versions of Python and of packages here, and the version of this package's code; None if missing."""
    import platform  # noqa: PLC0415

    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    root = Path(__file__).parents[1]
    code = hashlib.blake2b(digest_size=5)
    for file in sorted(root.rglob("*.py")):
        code.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes())
    try:
        version = metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        version = "0"
    # Two checkouts of one version may differ.
    found[PACKAGE] = f"{version}+{code.hexdigest()}"
    return found


def digest(file: str | Path) -> str:
    """A hash of a file's content; the size of a large one; empty if the file cannot be read."""
    path = Path(file)
    try:
        size = path.stat().st_size
        if size > _DIGEST_BYTES:
            return f"{size} bytes"
        return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    except OSError:
        return ""
