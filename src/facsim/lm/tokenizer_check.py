"""Check a stranger's `tokenizer.json` before this process loads it: it may explode in memory or never end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from facsim.lm.untrusted_files import MAX_TOKENIZER_BYTES, read_json_object
from facsim.util.errors import InputError

_SECONDS: Final = 30
_MEMORY: Final = 3 * 2**30
_MAX_GROWTH: Final = 64
"""Characters that normalization or decoding may make of one character; SentencePiece's marker takes 3
bytes."""
_MAX_PADDING: Final = 2**20

_PROBE: Final = """\
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))
resource.setrlimit(resource.RLIMIT_CPU, ({seconds}, {seconds}))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
from tokenizers import Tokenizer
try:
    tokenizer = Tokenizer.from_file(sys.argv[1])
except Exception as error:
    sys.exit(0 if "memory" not in str(error).lower() else 3)
tokenizer.no_padding()
text = "".join(map(chr, range(32, 127))) + '<a name="x">Größe “1,054.99”</a>\\n\\n  ' * 20
ids = tokenizer.encode(text, add_special_tokens=False).ids
tokenizer.decode(ids)
"""


def check_tokenizer_file(file: Path) -> None:
    """Load a tokenizer in a process of its own, with limits of time and memory, and bound how text can grow.

    A file that merely cannot be read passes: loading it reports why.

    Raises:
        InputError: if the tokenizer is unsafe to load.
    """
    content = read_json_object(file, max_bytes=MAX_TOKENIZER_BYTES)
    for part in ("normalizer", "pre_tokenizer", "decoder"):
        if _growth(content.get(part)) > _MAX_GROWTH:
            raise InputError(
                f"its {part} makes more than {_MAX_GROWTH} characters out of one",
                file=file,
                remedy="Use the original tokenizer of the model",
            )
    padding = content.get("padding")
    strategy = padding.get("strategy") if isinstance(padding, dict) else None
    fixed = strategy.get("Fixed") if isinstance(strategy, dict) else None
    if isinstance(fixed, int) and fixed > _MAX_PADDING:
        raise InputError(
            f"pads every text to {fixed:,} tokens", file=file, remedy="Remove the field padding from the file"
        )
    if sys.platform == "win32":
        return
    probe = _PROBE.format(memory=_MEMORY, seconds=_SECONDS)
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and code
            [sys.executable, "-I", "-c", probe, str(file.resolve())],
            capture_output=True,
            timeout=4 * _SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        done = None
    if done is None or done.returncode:
        raise InputError(
            f"the tokenizer takes more than {_SECONDS} seconds or {_MEMORY // 2**30} GiB to load or to "
            "tokenize a short text",
            file=file,
            remedy="Use the original tokenizer of the model",
        )


def _growth(part: Any) -> float:
    """Most characters that a part of a tokenizer can make of one character."""
    if not isinstance(part, Mapping):
        return 1
    growth = 1.0
    if part.get("type") == "Replace":
        pattern, content = part.get("pattern"), part.get("content")
        size = len(content) if isinstance(content, str) else 0
        if isinstance(pattern, Mapping) and isinstance(pattern.get("String"), str) and pattern["String"]:
            growth = max(1.0, size / len(pattern["String"]))
        else:  # an expression may match between any two characters
            growth = 1.0 + size
    for inner in ("normalizers", "pretokenizers", "decoders"):
        for one in part.get(inner) or ():
            growth *= _growth(one)
    return growth
