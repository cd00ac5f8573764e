"""The environment of a run: time, code version, package versions."""

from __future__ import annotations

import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from facsim.util.node_checks import ClusterNode

_PACKAGES = (
    "anthropic",
    "lightgbm",
    "numpy",
    "openai",
    "polars",
    "pyarrow",
    "pydantic",
    "pydantic-ai-slim",
    "scipy",
    "selectolax",
    "torch",
    "transformers",
)


class Environment(BaseModel):
    """One start of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: datetime
    facsim: str
    """Version of the package."""
    commit: str | None
    """Git commit, if facsim runs from a checkout."""
    dirty: bool | None
    """Whether that checkout had changes on top of the commit."""
    python: str
    platform: str
    packages: dict[str, str]
    """Versions of the installed packages that can change a result."""
    nodes: tuple[ClusterNode, ...] | None = None
    """The nodes of the cluster that the run was started on; None for a run on one machine."""

    @classmethod
    def now(cls, nodes: tuple[ClusterNode, ...] | None = None) -> Environment:
        """The current environment, and the nodes of the cluster."""
        commit, dirty = _checkout()
        return cls(
            time=datetime.now(UTC),
            facsim=facsim_version(),
            commit=commit,
            dirty=dirty,
            python=platform.python_version(),
            platform=platform.platform(),
            packages=_versions(),
            nodes=nodes,
        )

    def changes(self, other: Environment) -> list[str]:
        """What differs in `other`, one phrase per difference; time and platform do not count."""
        names = ("facsim", "commit", "dirty", "python")
        mine = {name: getattr(self, name) for name in names} | self.packages
        theirs = {name: getattr(other, name) for name in names} | other.packages
        keys = [*mine, *(key for key in theirs if key not in mine)]
        return [
            f"{key} {mine.get(key)} → {theirs.get(key)}" for key in keys if mine.get(key) != theirs.get(key)
        ]


def facsim_version() -> str:
    """Version of the installed package."""
    return metadata.version("facsim")


@cache
def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache  # a process keeps running the code that it started with
def _checkout() -> tuple[str | None, bool | None]:
    """Commit and dirty flag, if this file is tracked in a git checkout."""
    here = Path(__file__)
    if _git("ls-files", "--error-unmatch", here.name, folder=here.parent) is None:
        return None, None
    commit = _git("rev-parse", "HEAD", folder=here.parent)
    changes = _git("status", "--porcelain", "--untracked-files=no", folder=here.parent)
    return commit, None if changes is None else bool(changes)


def _git(*arguments: str, folder: Path) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", *arguments],  # noqa: S607 - whichever git the user has
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
