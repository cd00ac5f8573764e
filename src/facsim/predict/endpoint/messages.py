"""Prompts in the forms that pydantic-ai and the OpenAI API take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, UserContent
    from pydantic_ai.models import ModelRequestParameters

    from facsim.prompt import Prompt


def openai_body(prompt: Prompt, schema: Mapping[str, Any] | None, system_role: str) -> dict[str, Any]:
    """Messages and schema as fields of an OpenAI request body.

    They go as `extra_body`, which the SDK sends unchanged and which takes precedence. As arguments, the SDK
    would walk each message through every message type: 0.5 ms of CPU per message, ten times the rest of the
    request in a long session.
    """
    body: dict[str, Any] = {
        "messages": [
            {"role": system_role if message.role == "system" else message.role, "content": message.content}
            for message in prompt.messages
        ]
    }
    if schema is not None:
        answer = {"name": "answer", "schema": schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": answer}
    return body


def message_history(prompt: Prompt) -> list[ModelMessage]:
    """The messages as pydantic-ai's types, with cache breakpoints before and after the current page.

    The breakpoint before it ends the history, the stable prefix. The one after it lets the next step read the
    page from the cache, too. A page is then written once at 1.25 times its price, instead of being sent once
    at full price and written at the next step. A page that was cut does not recur in this form, so it gets no
    breakpoint.
    """
    from pydantic_ai.messages import (  # noqa: PLC0415
        CachePoint,
        ModelRequest,
        ModelResponse,
        SystemPromptPart,
        TextPart,
        UserPromptPart,
    )

    history: list[ModelMessage] = []
    for index, message in enumerate(prompt.messages):
        if message.role == "system":
            history.append(ModelRequest(parts=[SystemPromptPart(content=message.content)]))
        elif message.role == "assistant":
            history.append(ModelResponse(parts=[TextPart(content=message.content)]))
        else:
            content: str | list[UserContent] = message.content
            if index == prompt.cache_boundary:
                # A breakpoint ends what precedes it. The system message has one of its own.
                before = [CachePoint()] if prompt.messages[index - 1].role != "system" else []
                after = [CachePoint()] if prompt.shown is None else []
                content = [*before, message.content, *after]
            history.append(ModelRequest(parts=[UserPromptPart(content=content)]))
    return history


def output_parameters(schema: Mapping[str, Any] | None) -> ModelRequestParameters | None:
    """Request parameters that make the provider enforce a JSON Schema; None without a schema."""
    from pydantic_ai.models import ModelRequestParameters  # noqa: PLC0415
    from pydantic_ai.output import OutputObjectDefinition  # noqa: PLC0415

    if schema is None:
        return None
    answer = OutputObjectDefinition(json_schema=dict(schema), name="answer", strict=True)
    return ModelRequestParameters(output_mode="native", output_object=answer, allow_text_output=True)
