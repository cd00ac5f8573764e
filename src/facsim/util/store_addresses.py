"""Object stores and other places that fsspec knows, by URL: what goes wrong there becomes a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from facsim.util.errors import ConfigError, FacsimError

_FOLDED: Final = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]+):/{1,2}(?P<rest>[^/].*)", re.DOTALL)
"""A URL, or what `pathlib` makes of one. A scheme has two letters or more: `C:/` is a drive."""
_USER: Final = re.compile(r"://[^/]*@")
"""Name and password before a host or a bucket, in an address or in one that is chained to it."""


def is_url(target: str) -> bool:
    """Whether a target is the address of a store, such as `s3://bucket/data`, and no path or hub id."""
    return "://" in target


def as_url(place: str | Path) -> str | None:
    """The URL that a place is; None if it is a path.

    `pathlib` folds the slashes of a URL into one. They are put back, unless there is such a file.

    >>> as_url("s3://bucket/data/"), as_url(Path("s3://bucket/data")), as_url(Path("data/shop"))
    ('s3://bucket/data', 's3://bucket/data', None)
    >>> as_url(Path("file:///disk/data"))
    'file:///disk/data'
    """
    text = str(place)
    if is_url(text):
        return text.rstrip("/")
    match = _FOLDED.fullmatch(text)
    if match is None or Path(text).exists():
        return None
    slashes = ":///" if match["scheme"] in ("file", "local") else "://"
    return f"{match['scheme']}{slashes}{match['rest']}"


def name_of(url: str) -> str:
    """The last part of an address, as the name of what is there."""
    return re.sub(r"[^\w.-]+", "-", url.rstrip("/").rpartition("/")[2]).strip(".") or "store"


def check_address(url: str) -> None:
    """Refuse an address that cannot be one, or must not be repeated in messages.

    Raises:
        ConfigError: if it contains credentials, or is malformed.
    """
    try:
        has_secret = _USER.search(url) is not None or bool(urlsplit(url).query)
    except ValueError as error:
        raise ConfigError(f"{url}: not the address of a store ({error})") from None
    if has_secret:
        raise ConfigError(
            "the address of a store contains credentials. Leave them out: they come from the environment "
            "(AWS_ACCESS_KEY_ID, GOOGLE_APPLICATION_CREDENTIALS, …)"
        )


@contextmanager
def open_store(url: str) -> Iterator[tuple[Any, str]]:
    """The file system of an address, and the path on it. Turns what it raises into sentences.

    Listings are not cached, so that what others write is seen.

    Raises:
        ConfigError: if the address contains credentials, or the store cannot be used.
    """
    check_address(url)
    with store_errors(url):
        import fsspec  # noqa: PLC0415 - an extra of other libraries, and slow

        store, root = fsspec.url_to_fs(url, skip_instance_cache=True, use_listings_cache=False)
        yield store, root.rstrip("/")


@contextmanager
def store_errors(url: str) -> Iterator[None]:
    """Turns what the library of a store raises into sentences.

    Raises:
        ConfigError: if anything but a `FacsimError` is raised inside.
    """
    try:
        yield
    except FacsimError:
        raise
    except ImportError as error:
        raise ConfigError(
            f"{url}: needs a package that is not installed ({error}). For S3: pip install 'facsim[s3]'"
        ) from None
    except FileNotFoundError:
        raise ConfigError(f"{url}: no such bucket, folder or file") from None
    except PermissionError:
        raise ConfigError(
            f"{url}: access denied. Credentials come from the environment, as for the store's own tools"
        ) from None
    except Exception as error:
        if "Credentials" in type(error).__name__:  # of botocore and of Google's libraries
            raise ConfigError(
                f"{url}: no credentials for the store. They come from the environment, as for its own tools"
            ) from None
        raise ConfigError(
            f"{url}: the store cannot be used ({type(error).__name__}: {_first_line(error)})"
        ) from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no reason given"])[0][:200]


def require_folder(place: str | Path, what: str) -> None:
    """Refuse an address on a store where a folder is needed.

    Args:
        place: the folder.
        what: what happens there, in a clause: `a run is written`.

    Raises:
        ConfigError: if it is an address.
    """
    url = as_url(place)
    if url is not None:
        check_address(url)
        raise ConfigError(
            f"{url}: {what} in a folder on this machine or on a shared disk, because files on a store cannot "
            f"grow. Give a folder, and copy it afterwards: facsim push FOLDER {url}"
        )
