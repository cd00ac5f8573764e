"""A real S3 API over HTTP on loopback (moto), which counts what it sends and can deny objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from moto.moto_server import threaded_moto_server as moto

SECRET = "planted-secret-0123456789"

_DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


class CountingS3(moto.ThreadedMotoServer):
    """The server.

    Attributes:
        sent: bytes of the answers to GET requests, by path (`/bucket/key`).
        gets: how many of these requests there were.
        denied: paths that nobody may read.
    """

    def __init__(self) -> None:
        super().__init__("127.0.0.1", 0, verbose=False)
        self.sent: Counter[str] = Counter()
        self.gets: Counter[str] = Counter()
        self.denied: set[str] = set()

    def _server_entry(self) -> None:
        inner = moto.DomainDispatcherApplication(moto.create_backend_app)

        def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            path = environ["PATH_INFO"]
            if any(path.startswith(denied) for denied in self.denied):
                body = b"" if environ["REQUEST_METHOD"] == "HEAD" else _DENIED
                start(
                    "403 Forbidden",
                    [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))],
                )
                return [body]
            if environ["REQUEST_METHOD"] != "GET":
                return inner(environ, start)
            self.gets[path] += 1
            return self._counted(path, inner(environ, start))

        self._server = moto.make_server(
            self._ip_address, self._port, app, True, request_handler=moto.MotoRequestHandler
        )
        self._server_ready_event.set()
        self._server.serve_forever()

    def _counted(self, path: str, body: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in body:
            self.sent[path] += len(chunk)
            yield chunk

    def reset(self) -> None:
        """Count from zero."""
        self.sent.clear()
        self.gets.clear()

    @property
    def address(self) -> str:
        return "http://{}:{}".format(*self.get_host_and_port())


@contextmanager
def running_s3() -> Iterator[CountingS3]:
    """A server without buckets: all servers of a process share what moto keeps."""
    server = CountingS3()
    server.start()
    urlopen(Request(f"{server.address}/moto-api/reset", method="POST")).close()
    yield server
    server.stop()


def use_s3(patch: pytest.MonkeyPatch, address: str) -> Any:
    """Point this process and its children to the server. Returns a client."""
    patch.setenv("AWS_ACCESS_KEY_ID", "planted-key")
    patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    patch.setenv("AWS_ENDPOINT_URL", address)
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    patch.setenv("no_proxy", "127.0.0.1")
    return boto3.client("s3")


def empty_bucket(client: Any, name: str) -> None:
    """Remove a bucket with what is in it."""
    for entry in client.list_objects_v2(Bucket=name).get("Contents", []):
        client.delete_object(Bucket=name, Key=entry["Key"])
    client.delete_bucket(Bucket=name)
