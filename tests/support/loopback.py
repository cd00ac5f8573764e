"""A real HTTP server on this machine that answers like a provider, or misbehaves as told.

It speaks OpenAI chat completions (`…/chat/completions`), Anthropic messages (`…/messages`) and Bedrock Converse
(`/model/MODEL/converse`), each request answered by a behaviour of the script: an `Answer`, or a fault. It counts
what comes in and, where asked, keeps it, so that a test sees what really went over the wire.

    with Loopback([Status(500), Answer('{"type": "terminate"}')]) as server:
        ...  # ask server.url
    assert server.count == 2

Run as a program it answers at once for ever (`python tests/support/loopback.py --port 8000`), for benchmarks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

TERMINATE = '{"rationale": "I found nothing.", "action": {"type": "terminate"}}'


@dataclass(frozen=True)
class Request:
    """One request as it came in: its index from 0, its path, headers (lower case) and JSON body."""

    index: int
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Answer:
    """A good answer."""

    text: str | None = TERMINATE
    thinking: str | None = None
    finish: str = "stop"
    input_tokens: int = 100
    cached_tokens: int = 0
    written_tokens: int = 0
    output_tokens: int = 10
    delay: float = 0.0


@dataclass(frozen=True)
class Status:
    """An HTTP error; `message` stands in its body."""

    code: int
    message: str = "scripted failure"
    headers: Mapping[str, str] = field(default_factory=dict)
    error_code: str | None = None


@dataclass(frozen=True)
class Raw:
    """200 with exactly these bytes as the body, and these headers."""

    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Half:
    """Headers and half of a good body, then the connection closes."""


@dataclass(frozen=True)
class Hang:
    """Nothing, for ever; or, with `drip`, a byte of white space at that interval (seconds), for ever."""

    drip: float | None = None


@dataclass(frozen=True)
class Endless:
    """200 with a body that never ends: this chunk again and again, until the client goes away."""

    chunk: bytes = b" " * 65_536


@dataclass(frozen=True)
class Changed:
    """A good answer whose JSON is changed before it is sent."""

    change: Callable[[dict[str, Any]], object]
    answer: Answer = Answer()


Behaviour = Answer | Status | Raw | Half | Hang | Endless | Changed
Script = Callable[[Request], Behaviour] | Sequence[Behaviour]


class Loopback:
    """The server, in a thread of its own with its own event loop.

    Args:
        script: a function from the request to a behaviour, or a list used in order whose last entry repeats.
        keep: whether requests are kept in `requests` (they can be large).
        port: 0 takes a free one.

    Attributes:
        count: requests that came in.
        peak: the most that were open at once.
        connections: how many were ever opened.
        requests: those kept, in order.
    """

    def __init__(self, script: Script = (Answer(),), *, keep: bool = True, port: int = 0) -> None:
        self.script = script
        self.keep = keep
        self.port = port
        self.count = self.peak = self.connections = self._open = 0
        self.requests: list[Request] = []
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def root(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The base URL that OpenAI-compatible clients take."""
        return f"{self.root}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._connection, "127.0.0.1", self.port, limit=64 << 20, backlog=1024)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in self._connections:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._connections, return_exceptions=True))
        self._loop.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client went away, or the server stops
        finally:
            self._connections.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether the connection stays open."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            key.strip().lower(): value.strip()
            for key, _, value in (line.partition(":") for line in head[1:] if line)
        }
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        path = head[0].split(" ")[1]
        request = Request(self.count, path, headers, json.loads(raw) if raw else None)
        self.count += 1
        self._open += 1
        self.peak = max(self.peak, self._open)
        if self.keep:
            self.requests.append(request)
        try:
            return await self._answer(request, writer)
        finally:
            self._open -= 1

    def _behaviour(self, request: Request) -> Behaviour:
        if callable(self.script):
            return self.script(request)
        return self.script[min(request.index, len(self.script) - 1)]

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        behaviour = self._behaviour(request)
        match behaviour:
            case Answer():
                if behaviour.delay:
                    await asyncio.sleep(behaviour.delay)
                _send(writer, 200, _good(request, behaviour))
            case Status(code, message, headers, error_code):
                _send(writer, code, _bad(request, code, message, error_code), headers)
            case Raw(body, content_type, headers):
                _send(writer, 200, body, {"content-type": content_type, **headers})
            case Changed(change, answer):
                found = json.loads(_good(request, answer))
                change(found)
                _send(writer, 200, json.dumps(found).encode())
            case Endless(chunk):
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
                )
                while True:
                    writer.write(chunk)
                    await writer.drain()
            case Half():
                body = _good(request, Answer())
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
                writer.write(b"content-length: %d\r\n\r\n" % len(body) + body[: len(body) // 2])
                await writer.drain()
                return False
            case Hang(drip):
                if drip is not None:
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
                    writer.write(b"content-length: 1000000\r\n\r\n")
                while True:
                    await asyncio.sleep(drip or 3600)
                    writer.write(b" ")
                    await writer.drain()
        await writer.drain()
        return True


def _send(writer: asyncio.StreamWriter, code: int, body: bytes, headers: Mapping[str, str] = {}) -> None:
    fields = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    head = "".join(f"{key}: {value}\r\n" for key, value in fields.items())
    writer.write(f"HTTP/1.1 {code} X\r\n{head}\r\n".encode() + body)


def _good(request: Request, answer: Answer) -> bytes:
    if request.path.endswith("/chat/completions"):
        return json.dumps(_openai(request, answer)).encode()
    if request.path.endswith("/converse"):
        return json.dumps(_bedrock(answer)).encode()
    return json.dumps(_anthropic(request, answer)).encode()


def _openai(request: Request, answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text}
    if answer.thinking is not None:
        message["reasoning_content"] = answer.thinking
    return {
        "id": f"chatcmpl-{request.index}",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": request.body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": answer.finish, "logprobs": None}],
        "usage": {
            "prompt_tokens": answer.input_tokens,
            "completion_tokens": answer.output_tokens,
            "total_tokens": answer.input_tokens + answer.output_tokens,
            "prompt_tokens_details": {"cached_tokens": answer.cached_tokens},
        },
    }


def _anthropic(request: Request, answer: Answer) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    if answer.thinking is not None:
        content.append({"type": "thinking", "thinking": answer.thinking, "signature": "c2ln"})
    if answer.text is not None:
        content.append({"type": "text", "text": answer.text})
    return {
        "id": f"msg_{request.index}",
        "type": "message",
        "role": "assistant",
        "model": request.body["model"],
        "content": content,
        "stop_reason": {"stop": "end_turn", "length": "max_tokens"}.get(answer.finish, answer.finish),
        "stop_sequence": None,
        "usage": {
            # Anthropic counts what was read from and written to the cache apart.
            "input_tokens": answer.input_tokens - answer.cached_tokens - answer.written_tokens,
            "cache_read_input_tokens": answer.cached_tokens,
            "cache_creation_input_tokens": answer.written_tokens,
            "output_tokens": answer.output_tokens,
        },
    }


def _bedrock(answer: Answer) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    if answer.thinking is not None:
        content.append(
            {"reasoningContent": {"reasoningText": {"text": answer.thinking, "signature": "c2ln"}}}
        )
    if answer.text is not None:
        content.append({"text": answer.text})
    uncached = answer.input_tokens - answer.cached_tokens - answer.written_tokens
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": {"stop": "end_turn", "length": "max_tokens"}.get(answer.finish, answer.finish),
        "usage": {
            "inputTokens": uncached,
            "cacheReadInputTokens": answer.cached_tokens,
            "cacheWriteInputTokens": answer.written_tokens,
            "outputTokens": answer.output_tokens,
            "totalTokens": answer.input_tokens + answer.output_tokens,
        },
        "metrics": {"latencyMs": 1},
    }


def _bad(request: Request, code: int, message: str, error_code: str | None) -> bytes:
    if request.path.endswith("/converse"):
        return json.dumps({"message": message}).encode()
    error = {"message": message, "type": "scripted", "code": error_code or str(code)}
    return json.dumps({"type": "error", "error": error}).encode()


def main() -> None:
    """Answer at once, or after `--delay` seconds, until killed."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--text", default=TERMINATE)
    arguments = parser.parse_args()
    script = (Answer(arguments.text, delay=arguments.delay),)
    with Loopback(script, keep=False, port=arguments.port) as server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
