"""What a web application of the corpus is, and how one is installed and run on this machine alone."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from playwright.sync_api import Page as BrowserPage


class Visitor(Protocol):
    """A person's way through an application, in one browser session."""

    browser: BrowserPage

    def go(self, path: str) -> None:
        """Open an address of the application and wait until the page is quiet."""

    def save(self, name: str) -> None:
        """Keep the page as it is now."""

    def see(self, path: str, name: str) -> None:
        """Open and keep."""


@dataclass(frozen=True)
class App:
    """A web application that nobody here wrote.

    Attributes:
        name: folder name in the corpus.
        package: what it is and where it comes from, with its version.
        install: fills the home folder: packages, settings, content. Does nothing when that was done before.
        serve: runs it from its home folder on a port of this machine; yields its address.
        visit: the way through its pages; called once for each visit.
    """

    name: str
    package: str
    install: Callable[[Path], None]
    serve: Callable[[Path, int], AbstractContextManager[str]]
    visit: Callable[[Visitor], None]


def once(home: Path, step: str, work: Callable[[], object]) -> None:
    """Do a step of an installation unless it was done before."""
    mark = home / f".{step}.done"
    if mark.exists():
        return
    home.mkdir(parents=True, exist_ok=True)
    work()
    mark.touch()


def run(command: Sequence[str | Path], cwd: Path, env: Mapping[str, str] | None = None) -> None:
    """Run a command to its end; what it prints goes to `install.log` in the folder."""
    with (cwd / "install.log").open("ab") as log:
        subprocess.run(
            ["nice", "-n", "10", *map(str, command)],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=True,
        )


def pip_install(home: Path, *packages: str) -> None:
    """A virtual environment `venv` in the home folder with these packages."""
    run([sys.executable, "-m", "venv", "venv"], home)
    run(["venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", *packages], home)


def copy_files(home: Path, *names: str) -> None:
    """Copy the application's files from beside this module into its home folder."""
    for name in names:
        shutil.copyfile(Path(__file__).parent / "files" / name, home / Path(name).name)


@contextmanager
def server(
    command: Sequence[str | Path],
    home: Path,
    port: int,
    *,
    env: Mapping[str, str] | None = None,
    ready: str = "/",
    timeout: float = 180,
) -> Iterator[str]:
    """Run a server until the block ends; yields its address once it answers."""
    address = f"http://127.0.0.1:{port}"
    with (home / "server.log").open("ab") as log:
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=home,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait(address + ready, process, timeout, home)
            yield address
        finally:
            _stop(process)


def free_port() -> int:
    """A port nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(address: str, process: subprocess.Popen[bytes], timeout: float, home: Path) -> None:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(
                f"{home.name}: the server stopped with {process.returncode}: see {home}/server.log"
            )
        try:
            with urllib.request.urlopen(address, timeout=30):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.5)
    raise SystemExit(f"{home.name}: no answer at {address} in {timeout:.0f} s: see {home}/server.log")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
