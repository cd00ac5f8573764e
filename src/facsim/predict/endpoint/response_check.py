"""Check what a provider sends before any SDK reads it: size, compression, shape, token counts.

A server may be broken or hostile. A body is bounded in size before and after decompression. It is then
reduced to the fields that are used, each with a checked type. No odd value reaches an SDK, a run or a sum.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from facsim.predict.endpoint.completion import MAX_TOKENS, CallFailed
from facsim.predict.endpoint.options import Provider

MAX_BODY_BYTES = 16 << 20
"""Most bytes of a response body, compressed and decompressed. The longest answers take about 5 MB."""

_FINISH = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_length": "length",
    "model_length": "length",
    "content_filter": "content_filter",
    "safety": "content_filter",
}
_ANTHROPIC_STOPS = ("end_turn", "max_tokens", "stop_sequence", "refusal", "model_context_window_exceeded")
_BEDROCK_STOPS = ("end_turn", "max_tokens", "stop_sequence", "guardrail_intervened", "content_filtered")


class BoundedBody:
    """Collects a response body, decompressing it, within `MAX_BODY_BYTES`.

    Args:
        encoding: value of the `content-encoding` header.

    Raises:
        CallFailed: from the constructor and from `feed`, if the body is too large or cannot be decompressed.
    """

    def __init__(self, encoding: str | None) -> None:
        encoding = (encoding or "identity").strip().lower()
        if encoding not in {"identity", "gzip", "x-gzip", "deflate", ""}:
            raise CallFailed("broken", "the response has an unsupported content encoding")
        # 47: a gzip or a zlib header, whichever is there.
        self._inflater = zlib.decompressobj(47) if encoding not in {"identity", ""} else None
        self._received = 0
        self._body = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Add bytes as they were received."""
        self._received += len(chunk)
        if self._inflater is None:
            self._body += chunk
        else:
            room = MAX_BODY_BYTES + 1 - len(self._body)
            try:
                self._body += self._inflater.decompress(chunk, max(room, 1))
            except zlib.error:
                raise CallFailed("broken", "the response body cannot be decompressed") from None
        if max(self._received, len(self._body)) > MAX_BODY_BYTES:
            raise CallFailed("broken", f"the response body exceeds {MAX_BODY_BYTES >> 20} MB")

    def read(self) -> bytes:
        """The decompressed body."""
        if self._inflater is not None and not self._inflater.eof:
            raise CallFailed("broken", "the compressed response body is incomplete")
        return bytes(self._body)


def checked_body(provider: Provider, body: bytes) -> bytes:
    """A successful response body, reduced to the fields that are used.

    Raises:
        CallFailed: if it is not a complete answer.
    """
    try:
        found = json.loads(body, parse_int=_bounded_int)
    except (ValueError, RecursionError):
        raise CallFailed("broken", "the response is not JSON") from None
    if not isinstance(found, dict):
        raise CallFailed("broken", "the response is not a JSON object")
    reduced = _REDUCERS[provider](found)
    return json.dumps(reduced).encode()


def _openai(found: Mapping[str, Any]) -> dict[str, Any]:
    choices = found.get("choices")
    if not choices and (error := found.get("error")):
        words = error.get("message") if isinstance(error, dict) else error
        raise CallFailed("broken", f"the server reports an error with status 200: {words}")
    if not isinstance(choices, list) or not choices:
        raise CallFailed("broken", "the response has no choices")
    choice = choices[0]
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise CallFailed("broken", "the first choice of the response has no message")
    kept: dict[str, Any] = {"role": "assistant", "content": _text(message.get("content"))}
    for name in ("reasoning", "reasoning_content", "refusal"):
        if isinstance(value := message.get(name), str) and value:
            kept[name] = value
    finish = choice.get("finish_reason")
    usage = _object(found.get("usage"))
    reduced: dict[str, Any] = {
        "id": "",
        "object": "chat.completion",
        "created": 0,
        "model": "",
        "choices": [
            {
                "index": 0,
                "message": kept,
                "finish_reason": _FINISH.get(finish, "stop") if isinstance(finish, str) else "stop",
            }
        ],
    }
    counts = _counts(usage, "prompt_tokens", "completion_tokens")
    if counts is not None:
        prompt, completion = counts
        cached = _count(_object(usage.get("prompt_tokens_details")).get("cached_tokens"))
        reduced["usage"] = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": cached if cached and cached <= prompt else 0},
        }
    return reduced


def _anthropic(found: Mapping[str, Any]) -> dict[str, Any]:
    content = found.get("content")
    if not isinstance(content, list):
        raise CallFailed("broken", "the response has no content")
    blocks: list[dict[str, Any]] = []
    for block in content[:1000]:
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "text" and isinstance(block.get("text"), str):
            blocks.append({"type": "text", "text": block["text"]})
        elif kind == "thinking" and isinstance(block.get("thinking"), str):
            blocks.append({"type": "thinking", "thinking": block["thinking"], "signature": ""})
    usage = _object(found.get("usage"))
    counts = _counts(usage, "input_tokens", "output_tokens")
    kept = dict.fromkeys(("input_tokens", "output_tokens"), 0)
    if counts is not None:
        kept = {"input_tokens": counts[0], "output_tokens": counts[1]}
        for name in ("cache_read_input_tokens", "cache_creation_input_tokens"):
            kept[name] = _count(usage.get(name)) or 0
    return {
        "id": "",
        "type": "message",
        "role": "assistant",
        "model": "",
        "content": blocks,
        "stop_reason": _one_of(_ANTHROPIC_STOPS, found.get("stop_reason")),
        "stop_sequence": None,
        "usage": kept,
    }


def _bedrock(found: Mapping[str, Any]) -> dict[str, Any]:
    content = _object(_object(found.get("output")).get("message")).get("content")
    if not isinstance(content, list):
        raise CallFailed("broken", "the response has no message content")
    blocks: list[dict[str, Any]] = []
    for block in content[:1000]:
        if not isinstance(block, dict):
            continue
        thought = _object(_object(block.get("reasoningContent")).get("reasoningText"))
        if isinstance(block.get("text"), str):
            blocks.append({"text": block["text"]})
        elif isinstance(thought.get("text"), str):
            blocks.append({"reasoningContent": {"reasoningText": {"text": thought["text"]}}})
    usage = _object(found.get("usage"))
    counts = _counts(usage, "inputTokens", "outputTokens") or (0, 0)
    kept = {"inputTokens": counts[0], "outputTokens": counts[1], "totalTokens": sum(counts)}
    if any(counts):
        for name in ("cacheReadInputTokens", "cacheWriteInputTokens"):
            kept[name] = _count(usage.get(name)) or 0
    return {
        "output": {"message": {"role": "assistant", "content": blocks}},
        "stopReason": _one_of(_BEDROCK_STOPS, found.get("stopReason")),
        "usage": kept,
        "metrics": {"latencyMs": 0},
    }


_REDUCERS: Mapping[Provider, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "openai": _openai,
    "endpoint": _openai,
    "anthropic": _anthropic,
    "bedrock": _bedrock,
}


def _text(content: object) -> str | None:
    """The text of a message, which some servers send as a list of parts."""
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in content[:1000]]
        texts = [part for part in parts if isinstance(part, str)]
        if len(texts) == len(parts):
            return "".join(texts)
    raise CallFailed("broken", "the content of the message is not text")


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _counts(usage: Mapping[str, Any], prompt: str, completion: str) -> tuple[int, int] | None:
    """Both token counts, or None if the usage is missing or implausible."""
    counts = _count(usage.get(prompt)), _count(usage.get(completion))
    return None if counts[0] is None or counts[1] is None else (counts[0], counts[1])


def _bounded_int(digits: str) -> int:
    """An integer; -1 for one so long that Python refuses to parse it, which no count may cost an answer."""
    return int(digits) if len(digits) < 40 else -1


def _count(value: object) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_TOKENS:
        return None
    return value


def _one_of(known: tuple[str, ...], value: object) -> str:
    return value if isinstance(value, str) and value in known else known[0]
