"""study.yaml: what a study records, where, and what its participants are told."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from facsim.util.errors import ConfigError
from facsim.util.yaml_config import read_yaml

PORT = 8423
"""Default port of the collector."""
_SITE = re.compile(r"(https?)://((?:\*\.)?[a-z0-9.-]+(?::\d{1,5})?)(/.*)?", re.IGNORECASE)
_ABOUT = (
    "Your age group (for example 25 to 34)",
    "How often do you shop online?",
    "What matters most to you when you shop?",
)


class Study(BaseModel):
    """The settings of a study, read from YAML.

    Participants read `title`, `researcher`, `contact`, `purpose` and `retention` on the consent page.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Annotated[str, Field(min_length=1, max_length=200)]
    """Name of the study."""
    researcher: Annotated[str, Field(min_length=1, max_length=200)]
    """Who carries it out."""
    contact: Annotated[str, Field(min_length=1, max_length=200)]
    """Where participants can ask, for example an e-mail address."""
    purpose: Annotated[str, Field(min_length=1, max_length=2000)]
    """What the recordings are for, in plain words."""
    retention: str = ""
    """How long the recordings are kept, and who sees them."""
    licence: str = "not stated"
    """Licence of the data set."""
    sites: Annotated[tuple[str, ...], Field(min_length=1)]
    """Addresses that are recorded, for example `https://shop.example/*`. No other site is read."""
    start: str | None = None
    """Page that opens after consent."""
    rationale_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of actions after which the person is asked why."""
    persona_questions: tuple[str, ...] = _ABOUT
    """Questions about the person, asked once."""
    intent_question: str = "What would you like to do or find today?"
    """Question about the goal, asked once."""
    private: tuple[str, ...] = ()
    """CSS selectors of parts of pages that are masked."""
    purchase_urls: tuple[str, ...] = ()
    """Addresses of the pages that confirm a purchase, with `*` as wildcard."""
    pause_minutes: Annotated[float, Field(gt=0)] = 30.0
    """A longer pause ends a session."""
    port: Annotated[int, Field(ge=1, le=65535)] = PORT
    """Port of the collector on 127.0.0.1."""

    @field_validator("sites", mode="after")
    @classmethod
    def _normalize_sites(cls, sites: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_match_pattern(site) for site in sites)

    @classmethod
    def read(cls, file: str | Path) -> Study:
        """Read a study's YAML file.

        Raises:
            ConfigError: if it is missing or invalid, with file, line and field.
        """
        study = read_yaml(cls, Path(file))
        if study.start is not None and not study.covers(study.start):
            raise ConfigError(f"{file}, field start: {study.start} is not on one of the sites of the study")
        return study

    def covers(self, url: str) -> bool:
        """Whether an address is on one of the study's sites."""
        return any(_matches(site, url) for site in self.sites)

    def is_purchase(self, url: str) -> bool:
        """Whether an address is that of a page that confirms a purchase."""
        return any(fnmatch.fnmatchcase(url, pattern) for pattern in self.purchase_urls)

    def for_participants(self) -> dict[str, Any]:
        """The fields that the extension needs."""
        names = ("title", "researcher", "contact", "purpose", "retention", "sites", "start")
        more = ("rationale_share", "persona_questions", "intent_question", "private", "port")
        return self.model_dump(mode="json", include={*names, *more})


def _match_pattern(site: str) -> str:
    """A site as a match pattern of Chromium's extensions."""
    found = _SITE.fullmatch(site.strip())
    if found is None:
        raise ValueError(
            f"{site!r} is not the address of a site; expected for example https://shop.example/* "
            "or https://*.shop.example/*"
        )
    scheme, host, path = found.groups()
    if not path or path == "/":
        path = "/*"
    return f"{scheme.lower()}://{host.lower()}{path}"


def _matches(pattern: str, url: str) -> bool:
    """Whether a URL matches a match pattern. Fragments do not count, as in Chromium."""
    scheme, _, rest = pattern.partition("://")
    host, slash, path = rest.partition("/")
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        return False
    if split.scheme != scheme or split.hostname is None:
        return False
    name, _, wanted_port = host.partition(":")
    default = 443 if scheme == "https" else 80
    if wanted_port and int(wanted_port) != (port or default):
        return False
    base = name.removeprefix("*.")
    inside = split.hostname == base or (name.startswith("*.") and split.hostname.endswith(f".{base}"))
    address = (split.path or "/") + (f"?{split.query}" if split.query else "")
    return inside and _wildcard(slash + path).fullmatch(address) is not None


def _wildcard(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
