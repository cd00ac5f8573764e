"""Which hosts may be visited, and where a purchase may be completed."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from facsim.util.errors import ConfigError

_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_ANY_PORT: Final = (80, 443)


def host_and_port(url: str) -> tuple[str, int] | None:
    """Host and port of a web address; None for any other kind of address.

    >>> host_and_port("https://Shop.example/a"), host_and_port("file:///etc/passwd")
    (('shop.example', 443), None)
    """
    try:
        split = urlsplit(url)
        port = split.port or _DEFAULT_PORTS.get(split.scheme)
    except ValueError:
        return None
    if split.scheme not in _DEFAULT_PORTS or not split.hostname or port is None:
        return None
    return split.hostname.rstrip(".").lower(), port


def is_loopback(host: str) -> bool:
    """Whether a host is this machine.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("127.0.0.1.evil.example")
    (True, True, False)
    """
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class HostRules:
    """A list of hosts: `shop.example`, `shop.example:8443`, or `*.shop.example` for all below it.

    Without a port, ports 80 and 443 are meant.
    """

    patterns: tuple[str, ...]

    @classmethod
    def of(cls, *patterns: str) -> HostRules:
        """Rules from patterns as users write them.

        Raises:
            ConfigError: if one is not a host, such as a URL.
        """
        for pattern in patterns:
            host, _, port = pattern.partition(":")
            rest = host.removeprefix("*.")
            if not rest or "*" in rest or "/" in pattern or (port and not port.isdecimal()):
                raise ConfigError(f"host {pattern!r}: expected a host such as shop.example or *.shop.example")
        return cls(tuple(pattern.lower() for pattern in patterns))

    def allows(self, host: str, port: int) -> bool:
        """Whether a host and port are on the list."""
        host = host.rstrip(".").lower()
        return any(_matches(pattern, host, port) for pattern in self.patterns)

    def allows_url(self, url: str) -> bool:
        """Whether a URL is a web address on the list."""
        place = host_and_port(url)
        return place is not None and self.allows(*place)


def _matches(pattern: str, host: str, port: int) -> bool:
    name, _, given = pattern.partition(":")
    if port not in ((int(given),) if given else _ANY_PORT):
        return False
    return host.endswith(name[1:]) if name.startswith("*.") else host == name
