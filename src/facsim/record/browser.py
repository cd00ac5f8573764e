"""Chromium with a clean profile and the extension, for studies in a lab."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from facsim.record.extension_package import EXTENSION_ID, write_extension
from facsim.record.recording import Recording
from facsim.util.chromium import find_chromium
from facsim.util.errors import ConfigError

_DELIVERY_SECONDS = 20.0
"""How long to wait for the queue of a closed browser."""
_START_SECONDS = 10.0
"""A browser that fails within this time could not start."""
_FLAGS = (
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--password-store=basic",
    # Branded builds switched this flag off in 2025; some still honour it this way.
    "--disable-features=DisableLoadExtensionCommandLineSwitch",
)


def require_chromium() -> str:
    """The path of Chromium.

    Raises:
        ConfigError: if there is none.
    """
    if path := find_chromium("microsoft-edge"):
        return path
    raise ConfigError(
        "no Chromium on this machine. Install it (Debian: apt-get install chromium), or load the extension "
        "of `facsim record export` into your own browser"
    )


class LabBrowser:
    """Chromium for one participant after the other, each with a clean profile.

    Args:
        recording: receives what is recorded.
        port: the collector's port.
        flags: further flags for Chromium.
        announce: called with lines for the person at the terminal.

    Raises:
        ConfigError: if there is no Chromium.
    """

    def __init__(
        self,
        recording: Recording,
        port: int,
        *,
        flags: Sequence[str] = (),
        announce: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._chromium = require_chromium()
        self._recording, self._port, self._flags = recording, port, tuple(flags)
        self._announce = announce
        self._extension = recording.folder / "extension"

    def run(self, participant: str | None, stop: threading.Event) -> None:
        """Run Chromium until the person closes it or `stop` is set, then deliver what its queue still holds.

        Args:
            participant: suggested on the consent page.
            stop: closes the browser.

        Raises:
            ConfigError: if Chromium cannot start, for example without a display.
        """
        recording = self._recording
        write_extension(
            recording.study,
            self._extension,
            port=self._port,
            token=recording.token,
            participant=participant,
        )
        # The profile of a browser that was killed may still hold a queue.
        for left in sorted(recording.folder.glob("profile-*")):
            self._announce("Delivering what an earlier browser still holds.")
            self.deliver(left)
        recording.delivering.clear()
        profile = recording.folder / f"profile-{secrets.token_hex(4)}"
        started = time.monotonic()
        process = self._start(profile)
        self._announce("Chromium is open. Close it to end the recording.")
        try:
            while process.poll() is None and not stop.wait(0.2):
                pass
            if process.poll() and time.monotonic() < started + _START_SECONDS and not recording.delivering:
                _remove_unused(profile, process)
                raise ConfigError(
                    f"Chromium ended at once, with exit status {process.returncode}. It needs a display: run "
                    f"this in a desktop session. To see what it says, run {self._chromium} by itself"
                )
        finally:
            was_closed = process.poll() == 0
            _end(process)
            if profile.exists():
                self.deliver(profile)
            if was_closed:
                for installation in recording.delivering:
                    recording.store.note_browser_closed(installation, time.time() * 1000)

    def deliver(self, profile: Path) -> None:
        """Start the browser once more, unseen, until its queue is empty; then remove the profile."""
        started = time.monotonic()
        process = self._start(profile, "--headless=new")
        try:
            while time.monotonic() < started + _DELIVERY_SECONDS and process.poll() is None:
                if self._recording.delivered_at > started:
                    break
                time.sleep(0.1)
        finally:
            _end(process)
        if self._recording.delivered_at > started:
            shutil.rmtree(profile, ignore_errors=True)
        else:
            self._announce(
                f"{profile} may hold events that could not be delivered. The next recording tries again."
            )

    def _start(self, profile: Path, *flags: str) -> subprocess.Popen[bytes]:
        if not profile.exists():
            # The toolbar shows the extension's button; otherwise it is in a menu, and its REC is not seen.
            preferences = profile / "Default" / "Preferences"
            preferences.parent.mkdir(parents=True)
            preferences.write_text(json.dumps({"extensions": {"pinned_extensions": [EXTENSION_ID]}}))
        extension = self._extension.resolve()
        command = [self._chromium, f"--user-data-dir={profile.resolve()}", *_FLAGS, *self._flags, *flags]
        command += [f"--disable-extensions-except={extension}", f"--load-extension={extension}"]
        if os.geteuid() == 0:
            command.append("--no-sandbox")  # Chromium refuses to run as root with it
        return subprocess.Popen(  # noqa: S603 - our own command
            [*command, "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def _remove_unused(profile: Path, process: subprocess.Popen[bytes]) -> None:
    """Remove the profile of a browser that could not start. Its helpers may still be writing to it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for _ in range(20):
        shutil.rmtree(profile, ignore_errors=True)
        time.sleep(0.1)
        if not profile.exists():
            return


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the browser and its children."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
