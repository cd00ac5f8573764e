"""A recording: its folder, its collector, and the data set made from it."""

from __future__ import annotations

import re
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from facsim.data.ingest import write_source
from facsim.data.ingest_report import IngestReport
from facsim.record.event_store import EventStore
from facsim.record.recorded_sessions import RecordedSessions
from facsim.record.study import Study
from facsim.util.errors import ConfigError
from facsim.util.files import write_atomically
from facsim.util.localhost import bind_localhost, localhost_server, require_web_packages, running_in_thread
from facsim.util.progress import Progress, no_progress

_TOKEN = re.compile(r"[\w-]{32}", re.ASCII)
_LONGEST_HEAD = 64 * 2**10


class Recording:
    """The folder of a recording, `OUT.recording`: its events, its token and the extension for its browser.

    Args:
        study: the study.
        out: the data set folder that will be written.

    Raises:
        ConfigError: if `out` is a data set that was not made from this recording.
    """

    def __init__(self, study: Study, out: str | Path) -> None:
        self.study, self.out = study, Path(out)
        self.folder = self.out.with_name(f"{self.out.name}.recording")
        if self.out.exists() and not (self.folder / "events.sqlite").exists():
            raise ConfigError(f"{self.out} exists and was not recorded here. Choose another folder")
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.token = self._token()
        except OSError as error:
            raise ConfigError(f"{self.folder} cannot be written: {error.strerror}") from None
        self.store = EventStore(self.folder / "events.sqlite")
        self.delivered_at = 0.0
        """When a browser last had nothing left to deliver (`time.monotonic`)."""
        self.delivering: set[str] = set()
        """The installations that have delivered since this object was made."""

    def _token(self) -> str:
        file = self.folder / "token"
        if not file.exists():
            write_atomically(file, secrets.token_urlsafe(24))
            file.chmod(0o600)
        token = file.read_text(encoding="utf-8", errors="replace").strip()
        if not _TOKEN.fullmatch(token):  # an empty one would let every program on this machine in
            raise ConfigError(f"{file} is damaged. Delete it: the next recording makes a new connection code")
        return token

    def write(self, progress: Progress = no_progress) -> IngestReport | None:
        """Write the data set of what is recorded so far, atomically. None if there is no session.

        A data set of which everything was deleted is removed.
        """
        if not self.store.count("action") and not self.store.count("leave"):
            if (self.out / "card.json").exists():
                shutil.rmtree(self.out)
            return None
        source = RecordedSessions(self.store, self.study, self.out.name)
        return write_source(source, self.store.file, self.out, overwrite=True, progress=progress)

    @contextmanager
    def collector(
        self, port: int | None = None, stored: Callable[[int], None] | None = None
    ) -> Iterator[int]:
        """Run the collector in a thread; yields its port.

        Raises:
            ConfigError: if a package is missing or the port is taken.
        """
        require_web_packages("recording")
        from facsim.record.collector import Collector  # noqa: PLC0415 (an extra)

        with _bind(self.study.port if port is None else port) as listener:
            number = int(listener.getsockname()[1])

            def note(installation: str, actions: int) -> None:
                self.delivering.add(installation)
                if stored is not None:
                    stored(actions)

            app = Collector(
                self.study, self.store, self.token, number, stored=note, delivered=self._note_delivery
            ).app()
            server = localhost_server(app, longest_request=_LONGEST_HEAD)
            with running_in_thread(server, listener):
                yield number

    def _note_delivery(self) -> None:
        self.delivered_at = time.monotonic()


def _bind(port: int) -> socket.socket:
    try:
        return bind_localhost(port)
    except ConfigError:
        raise ConfigError(
            f"port {port} is taken. Is another recording running? Else set another `port` in the study's file"
        ) from None
