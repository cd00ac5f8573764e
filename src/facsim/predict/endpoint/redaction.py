"""Keep secrets out of messages, runs and caches: clean texts, refuse addresses with credentials."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote, quote_plus, unquote, urlsplit

from facsim.util.errors import ConfigError

MASK = "***"
_SHORTEST_SECRET = 4
_SHORTEST_KEY = 12
"""Shorter keys are placeholders that local servers accept (`EMPTY`, `none`), and ordinary words of answers:
masking them would turn the name `cart.empty` into one that is not on the page."""

# Keys that a server may echo although they are not the ones in use.
_LOOKS_SECRET = re.compile(r"\b(?:sk|pk|rk)-[\w-]{12,}|\bAKIA[0-9A-Z]{12,}|(?<=bearer )[^\s\"',}]{8,}", re.I)
_URL_PASSWORD = re.compile(r"(?<=://)[^\s/@#?]+(?=@)|(?<![\w/])[^\s/@#?:]+:[^\s/@#?]+(?=@)")
_URL_QUERY = re.compile(r"(?<=\?)[^\s#'\"]+")


class Redactor:
    """Removes secrets from texts: in any case, and in base64, hexadecimal, URL and JSON encoding.

    Args:
        secrets: the keys in use. Those of fewer than four characters are ignored.
    """

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        self._pattern = _pattern_of(secrets, _SHORTEST_SECRET)
        self._key_pattern = _pattern_of(secrets, _SHORTEST_KEY)

    def answer(self, text: str) -> str:
        """The text of an answer, with every key in use of at least twelve characters masked."""
        return text if self._key_pattern is None else self._key_pattern.sub(MASK, text)

    def contains_secret(self, text: str) -> bool:
        """Whether the text contains a secret in use, percent-encoded or not."""
        return self._pattern is not None and bool(self._pattern.search(text))

    def message(self, text: str) -> str:
        """The text of an error message, with everything masked that is or looks like a secret."""
        known = text if self._pattern is None else self._pattern.sub(MASK, text)
        return _LOOKS_SECRET.sub(MASK, redact_addresses(known))


def _pattern_of(secrets: Sequence[str], shortest: int) -> re.Pattern[str] | None:
    forms = {form for secret in secrets if len(secret) >= shortest for form in _encodings(secret)}
    pattern = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    return re.compile(pattern, re.IGNORECASE) if pattern else None


def redact_addresses(text: str) -> str:
    """Mask user names, passwords and queries of addresses, for messages that quote what a user typed.

    >>> redact_addresses("endpoint:http://me:hush@host/v1?api_key=hush#m")
    'endpoint:http://***@host/v1?***#m'
    >>> redact_addresses("me:hush@host#m")
    '***@host#m'
    """
    return _URL_QUERY.sub(MASK, _URL_PASSWORD.sub(MASK, text))


def check_address(address: str, name: str, key_variable: str) -> None:
    """Check that an address contains no credentials. Addresses are written into every run's config.

    Args:
        address: a URL.
        name: what the address is, for the message. The message never quotes the address.
        key_variable: the environment variable that holds the key instead.

    Raises:
        ConfigError: if the address has a user, a password, a query or a fragment, or cannot be parsed.
    """
    remedy = f"Put the key into {key_variable}"
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ConfigError(f"{name} cannot be parsed as a URL. {remedy}, not into the URL") from None
    if parts.username or parts.password or "@" in unquote(parts.netloc):
        raise ConfigError(f"{name} must not contain a user or a password. {remedy}")
    if parts.query or parts.fragment or "?" in address:
        raise ConfigError(f"{name} must not contain a query or a fragment. {remedy}")
    if parts.scheme not in {"http", "https"} or not host:
        raise ConfigError(f"{name} is not a usable URL: expected http://HOST:PORT/PATH. {remedy}")


def _encodings(secret: str) -> Iterator[str]:
    """The secret as it is, and in the encodings in which servers and libraries print it."""
    data = secret.encode("utf-8", "surrogatepass")
    yield secret
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield data.hex()
    # Base64 depends on what precedes, modulo three bytes (`user:KEY`). Only whole characters are compared.
    for offset in range(3):
        padded = b"\0" * offset + data
        begin, end = -(-offset * 8 // 6), len(padded) * 8 // 6
        for encoded in (base64.b64encode(padded), base64.urlsafe_b64encode(padded)):
            if end - begin >= _SHORTEST_SECRET:
                yield encoded.decode()[begin:end]
