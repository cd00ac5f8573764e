"""The viewer over HTTP, for this machine only."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from facsim.data import DataSet
from facsim.evaluation import Run
from facsim.report.replay_urls import VIEW_PORT
from facsim.util.localhost import HOST, bind_localhost, localhost_server, require_web_packages

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from uvicorn import Server

PORT = VIEW_PORT
"""The default port. Links in reports use it unless the reader changes it there."""
_LONGEST_REQUEST = 256 * 2**10


def build_app(data: DataSet | str | Path, runs: Sequence[Run | str | Path] = ()) -> Starlette:
    """The viewer of a data set and runs over it, as an ASGI application.

    A rollout that is running is shown as far as it is; its pages follow it, and it becomes the data set.

    It answers to `localhost` and `127.0.0.1` only. Serve it on this machine only: it shows all of the data.

    Args:
        data: a data set, its folder, or the folder that a running rollout will write.
        runs: runs over it, or their folders.

    Raises:
        ConfigError: if a package is missing, or a run was made on another data set or is given twice.
        InputError: if a file is missing or damaged.
    """
    require_web_packages("the viewer")
    from facsim.view.library_source import LibrarySource  # noqa: PLC0415 (slow to import)
    from facsim.view.web import ViewerApp  # noqa: PLC0415 (an extra)

    return ViewerApp(LibrarySource(data, runs)).app()


def serve(
    data: DataSet | str | Path,
    runs: Sequence[Run | str | Path] = (),
    *,
    port: int = PORT,
    open_browser: bool = False,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Show a data set and runs over it until interrupted.

    Args:
        data: a data set, its folder, or the folder that a running rollout will write.
        runs: runs over it, or their folders.
        port: the port on 127.0.0.1; 0 for a free one.
        open_browser: whether to open the viewer in the person's browser.
        announce: called with the address once the viewer listens.

    Raises:
        ConfigError: as `build_app`, or if the port is taken.
        InputError: as `build_app`.
    """
    app = build_app(data, runs)
    with bind_localhost(port) as listener:
        where = f"http://{HOST}:{listener.getsockname()[1]}/"
        if announce:
            announce(where)
        if open_browser:
            webbrowser.open(where)
        with suppress(KeyboardInterrupt):
            make_server(app).run(sockets=[listener])


def make_server(app: Starlette) -> Server:
    """A server that `run(sockets=[…])` starts."""
    return localhost_server(app, longest_request=_LONGEST_REQUEST)
