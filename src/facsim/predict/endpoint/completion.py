"""The answer of a model, and the ways in which a call can fail. Knows no provider and no SDK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self

FailureKind = Literal[
    "refused", "denied", "missing", "quota", "rejected", "too_long", "limited", "slow", "broken"
]


MAX_TOKENS = 100_000_000
"""Token counts above this are implausible and treated as unknown."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A complete answer.

    Attributes:
        text: what the model wrote, without the reasoning that came in a field of its own.
        thinking: the reasoning that came in a field of its own.
        finish: why the model stopped: `stop`, `length`, `content_filter`, `error`, or None if unknown.
        input_tokens: all prompt tokens, including cache reads and writes.
        cached_tokens: prompt tokens read from the provider's cache.
        written_tokens: prompt tokens written to it.
        output_tokens: generated tokens, including hidden reasoning.
    """

    text: str
    thinking: str | None = None
    finish: str | None = None
    input_tokens: int = 0
    cached_tokens: int = 0
    written_tokens: int = 0
    output_tokens: int = 0

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> Self:
        """The completion with these fields, each checked.

        Raises:
            ValueError: if a field is unknown, missing or of another type; says which.
        """
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown or "text" not in values:
            raise ValueError(f"field {min(unknown)} is unknown" if unknown else "field text is missing")
        for name, value in values.items():
            if name.endswith("_tokens"):
                fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_TOKENS
            else:
                fits = isinstance(value, str) or (value is None and name != "text")
            if not fits:
                raise ValueError(f"field {name} has no usable value")
        return cls(**values)

    @property
    def has_usage(self) -> bool:
        """Whether the provider reported token counts. A prompt is never empty, so 0 means unknown."""
        return self.input_tokens > 0


class CallFailed(Exception):
    """A call that failed for good.

    Attributes:
        kind: `refused` (connection refused), `denied` (401, 403), `missing` (404), `quota` (account limit),
            `rejected` (400, 422: this request), `too_long` (context window exceeded), `limited` (429), `slow`
            (a timeout), `broken` (5xx, a torn, oversized or malformed body).
        message: the server's words, shortened, on one line and without secrets.
        status: the HTTP status, if there was one.
        is_transient: whether a retry may help.
        retry_after: seconds that the server asks to wait before a retry, if it said so.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        status: int | None = None,
        *,
        is_transient: bool = False,
        retry_after: float | None = None,
    ) -> None:
        self.kind, self.message, self.status = kind, message, status
        self.is_transient, self.retry_after = is_transient, retry_after
        super().__init__(message)
