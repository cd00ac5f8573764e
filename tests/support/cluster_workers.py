"""What tests send to the nodes of a cluster, in a module that these can import."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from facsim.util.errors import InputError


class Squares:
    """A worker whose units fail where they contain certain numbers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, unit: tuple[int, ...]) -> Iterator[int]:
        for number in unit:
            if number == 13:
                self._note("x")
                time.sleep(1)  # what was yielded is on its way
                os._exit(1)
            if number == 14:
                self._note("s")
                threading.Event().wait()
            if number < 0:
                raise InputError("is negative", file="numbers")
            yield number * number

    def _note(self, mark: str) -> None:
        with (self.folder / "tries").open("a") as file:
            file.write(mark)


def refuse(number: int) -> int:
    raise InputError("is empty", file="page")


class Unsendable:
    """A predictor with an open socket."""

    spec, concurrency = "test:unsendable", 1

    def __init__(self) -> None:
        self.socket = socket.socket()

    def settings(self) -> dict[str, str]:
        return {}

    async def predict(self, so_far: object) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        self.socket.close()
