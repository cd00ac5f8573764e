"""HTTP clients whose responses are bounded in size and checked: for the SDKs over httpx, and for boto3."""

from __future__ import annotations

import time
from typing import Any

import httpx2
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as UrllibTimeout

from facsim.predict.endpoint.completion import CallFailed
from facsim.predict.endpoint.options import Provider
from facsim.predict.endpoint.redaction import redact_addresses
from facsim.predict.endpoint.response_check import BoundedBody, checked_body

_CHUNK_BYTES = 65_536
_BODY_HEADERS = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class BoundedClient(httpx2.AsyncClient):
    """An async HTTP client that reads bodies within `MAX_BODY_BYTES` and checks those of status 200.

    Args:
        provider: the API that the server speaks.
        **options: of `httpx2.AsyncClient`.
    """

    def __init__(self, provider: Provider, **options: Any) -> None:
        super().__init__(**options)
        self._provider = provider

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request and read its body.

        Raises:
            CallFailed: if the body is too large or malformed, or the server redirects.
        """
        request.headers["accept-encoding"] = "gzip, deflate"
        response = await super().send(request, **{**options, "stream": True, "follow_redirects": False})
        if response.has_redirect_location:
            await response.aclose()
            raise _redirected(response)
        try:
            content = await _read(response)
        except CallFailed:
            if response.is_success:
                raise
            content = b""  # the status of an error says enough
        headers = [(name, value) for name, value in response.headers.items() if name not in _BODY_HEADERS]
        if response.is_success:
            content = checked_body(self._provider, content)
            headers = [pair for pair in headers if pair[0] != "content-type"]
            headers.append(("content-type", "application/json"))
        return httpx2.Response(response.status_code, headers=headers, content=content, request=request)


def _redirected(response: httpx2.Response) -> CallFailed:
    """A redirect is not followed: it would send the prompts and the key to an address that nobody gave."""
    location = redact_addresses(response.headers["location"])
    return CallFailed(
        "missing",
        f"{response.status_code}: the server redirects to {location} (not followed)",
        response.status_code,
    )


async def _read(response: httpx2.Response) -> bytes:
    """The decompressed body, within `MAX_BODY_BYTES`."""
    try:
        body = BoundedBody(response.headers.get("content-encoding"))
        async for chunk in response.aiter_raw(_CHUNK_BYTES):
            body.feed(chunk)
        return body.read()
    finally:
        await response.aclose()


def bound_responses(client: Any, timeout_s: float) -> None:
    """Make a boto3 Bedrock client read and check its responses in the same way.

    Args:
        client: the boto3 client.
        timeout_s: most seconds for one response, body included.
    """
    session = client._endpoint.http_session

    def send(request: Any, **_: Any) -> Any:
        """Replaces botocore's own sending, which reads bodies without a bound."""
        request.stream_output = True
        response = session.send(request)
        try:
            content = _read_bedrock(response, timeout_s)
        except CallFailed:
            if response.status_code == 200:
                raise
            content = b""
        response._content = checked_body("bedrock", content) if response.status_code == 200 else content
        for name in _BODY_HEADERS:
            response.headers.pop(name, None)
        return response

    client.meta.events.register("before-send.bedrock-runtime.Converse", send)


def _read_bedrock(response: Any, timeout_s: float) -> bytes:
    """The decompressed body of a botocore response, within `MAX_BODY_BYTES` and `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    slow = CallFailed("slow", f"no complete answer within {timeout_s:g} s", is_transient=True)
    try:
        body = BoundedBody(response.headers.get("content-encoding"))
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=False):
            body.feed(chunk)
            if time.monotonic() > deadline:
                raise slow
        return body.read()
    except UrllibTimeout:
        raise slow from None
    except HTTPError:
        message = "the connection broke within the response"
        raise CallFailed("broken", message, is_transient=True) from None
    finally:
        response.raw.release_conn()
        response.raw.close()
