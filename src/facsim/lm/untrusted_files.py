"""Read files that a stranger wrote: regular files of bounded size only, JSON of bounded depth."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any, Final

from facsim.util.errors import InputError

MAX_CONFIG_BYTES: Final = 16 * 2**20
"""Most bytes of a configuration file or chat template."""
MAX_TOKENIZER_BYTES: Final = 256 * 2**20
"""Most bytes of a tokenizer file; the largest vocabularies in use take 40 MB."""


def require_regular(file: Path, max_bytes: int | None = None) -> int:
    """The size of a file in bytes, checked before it is opened.

    Raises:
        InputError: if it cannot be reached, is a FIFO, device, socket or folder, or is too large.
    """
    try:
        status = file.stat()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=file) from None
    if not stat.S_ISREG(status.st_mode):
        raise InputError(
            "is not a regular file but a FIFO, device, socket or folder",
            file=file,
            remedy="Remove it, or download the model again",
        )
    if max_bytes is not None and status.st_size > max_bytes:
        raise InputError(
            f"has {status.st_size:,} bytes; such files of real models are far smaller",
            file=file,
            expected=f"at most {max_bytes:,} bytes",
        )
    return status.st_size


def read_json_object(file: Path, *, max_bytes: int = MAX_CONFIG_BYTES, remedy: str = "") -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        FileNotFoundError: if there is no such file.
        InputError: if it is no regular file, is too large, cannot be read, or contains anything else.
    """
    if not file.exists():
        raise FileNotFoundError(file)
    require_regular(file, max_bytes)
    try:
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=file) from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InputError(f"is not JSON ({reason})", file=file, remedy=remedy or None) from None
    if not isinstance(content, dict):
        raise InputError("contains no JSON object", file=file, remedy=remedy or None)
    return content
