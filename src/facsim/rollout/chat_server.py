"""`facsim serve`: a predictor behind an OpenAI-compatible chat endpoint on localhost.

An answer is JSON of an action that is drawn from the predictor's probabilities, as in a rollout.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from facsim.predict.protocol import Predictor
from facsim.prompt.templates import render_answer
from facsim.rollout.action_draw import ActionDraw, is_distribution
from facsim.rollout.chat_session import session_of_chat
from facsim.rollout.web_environment import name_order
from facsim.schema import Action, Prediction
from facsim.util.errors import FacsimError, InputError
from facsim.util.localhost import HOST, bind_localhost, localhost_server, own_hosts, require_web_packages

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

_LONGEST_BODY: Final = 50 * 2**20
_LONGEST_HEAD: Final = 64 * 2**10
_log = logging.getLogger(__name__)


class ChatServerError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


class ChatApp:
    """The endpoint as an ASGI application: `/v1/chat/completions` and `/v1/models`.

    Only requests for its own address are answered, and only JSON, which a page of another origin cannot send.

    Args:
        predictor: ready to predict.
        port: the port it listens on.
    """

    def __init__(self, predictor: Predictor, port: int) -> None:
        self._predictor = predictor
        self._hosts = own_hosts(port)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        from starlette.requests import ClientDisconnect, Request  # noqa: PLC0415 (an extra)
        from starlette.responses import JSONResponse  # noqa: PLC0415 (an extra)

        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        except ChatServerError as problem:
            error = {"message": str(problem), "type": problem.kind, "param": None, "code": None}
            response = JSONResponse({"error": error}, problem.status)
        except Exception:
            _log.exception("%s %s", request.method, request.url.path[:200])
            error = {"message": "internal error", "type": "server_error", "param": None, "code": None}
            response = JSONResponse({"error": error}, 500)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        from starlette.responses import JSONResponse, Response  # noqa: PLC0415 (an extra)

        if request.headers.get("host") not in self._hosts:
            raise ChatServerError(403, "invalid_request_error", "this server answers on localhost only")
        place = (request.method, request.url.path.rstrip("/"))
        if place == ("GET", "/v1/models"):
            model = {"id": self._predictor.spec, "object": "model", "created": 0, "owned_by": "facsim"}
            return JSONResponse({"object": "list", "data": [model]})
        if place != ("POST", "/v1/chat/completions"):
            raise ChatServerError(404, "invalid_request_error", f"no such endpoint: {' '.join(place)[:200]}")
        body = await _json_body(request)
        content = await self._complete(body)
        if body.get("stream"):
            return Response(_event_stream(self._predictor.spec, content), media_type="text/event-stream")
        return JSONResponse(_completion(self._predictor.spec, content))

    async def _complete(self, body: Mapping[str, Any]) -> str:
        """The answer's text."""
        messages = body.get("messages")
        if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
            raise ChatServerError(400, "invalid_request_error", "messages: expected a list of objects")
        temperature, seed = body.get("temperature"), body.get("seed")
        session_id = str(body.get("user") or "served")
        try:
            so_far = session_of_chat(messages, session_id)
            prediction = await self._predictor.predict(so_far)
        except InputError as error:
            raise ChatServerError(400, "invalid_request_error", str(error)) from None
        except FacsimError as error:
            raise ChatServerError(500, "predictor_error", str(error)) from None
        numbers = ActionDraw(
            seed if isinstance(seed, int) else secrets.randbits(63), f"{session_id}:{so_far.step}"
        )
        action = _choose(prediction, numbers, greedy=temperature == 0)
        if action is None:
            problem = prediction.error or "the predictor's answer names no action"
            raise ChatServerError(502, "predictor_error", problem)
        return render_answer(action, prediction.rationale, "rationale")


def _choose(prediction: Prediction, numbers: ActionDraw, *, greedy: bool) -> Action | None:
    probabilities = prediction.probabilities
    if greedy or probabilities is None or not is_distribution(probabilities):
        return prediction.action
    return numbers.draw(probabilities, name_order)


async def _json_body(request: Request) -> dict[str, Any]:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise ChatServerError(415, "invalid_request_error", "expected Content-Type: application/json")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_BODY:
            raise ChatServerError(413, "invalid_request_error", "the request is too large")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ChatServerError(400, "invalid_request_error", "the body is not a JSON object")
    return found


def _completion(model: str, content: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, "refusal": None}
    return {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    }


def _event_stream(model: str, content: str) -> str:
    """The answer as server-sent events: it is known at once, so it comes in one piece."""
    head = {
        "id": f"chatcmpl-{secrets.token_hex(12)}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
    }
    deltas: list[tuple[dict[str, str], str | None]] = [
        ({"role": "assistant", "content": content}, None),
        ({}, "stop"),
    ]
    events = [
        {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]}
        for delta, reason in deltas
    ]
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"


def serve_predictor(
    predictor: Predictor, *, port: int = 8001, announce: Callable[[str], None] | None = None
) -> None:
    """Serve a predictor until interrupted.

    Args:
        predictor: ready to predict; fitted if it learns.
        port: port on 127.0.0.1; 0 for any free port.
        announce: called with the endpoint's address once it is open.

    Raises:
        ConfigError: if a package is missing or the port is taken.
    """
    require_web_packages("serving a predictor")
    with bind_localhost(port) as listener:
        port = listener.getsockname()[1]
        server = localhost_server(ChatApp(predictor, port), longest_request=_LONGEST_HEAD)
        if announce:
            announce(f"http://{HOST}:{port}/v1")
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
