"""Bytes to text, the way browsers guess: byte order mark, declared charset, UTF-8, Windows-1252."""

from __future__ import annotations

import codecs
import re

from facsim.util.errors import InputError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_NOT_PAGES = (
    (b"%PDF-", "a PDF file"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x1f\x8b", "gzip data"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x28\xb5\x2f\xfd", "zstd data"),
    (b"PAR1", "a Parquet file"),
)


def decode(html: str | bytes) -> str:
    """Decode a page. Bytes that are invalid in its encoding become U+FFFD.

    Raises:
        InputError: if the bytes are a well-known file type other than a page.
    """
    if isinstance(html, str):
        return html
    for start, what in _NOT_PAGES:
        if html.startswith(start):
            raise InputError(f"this is {what}", expected="an HTML page")
    for mark, encoding in _MARKS:
        if html.startswith(mark):
            return html[len(mark) :].decode(encoding, "replace")
    try:
        # Stored files are often UTF-8 whatever they declare; other encodings are hardly ever valid UTF-8.
        if not html.isascii():
            return html.decode("utf-8")
    except UnicodeDecodeError:
        pass
    declared = _CHARSET.search(html, 0, 4096)
    if declared:
        try:
            name = codecs.lookup(declared[1].decode("ascii")).name
            # A UTF-16 declaration in ASCII bytes must be wrong; Latin-1 means Windows-1252 on the web.
            if name.startswith("utf-16"):
                name = "utf-8"
            return html.decode("cp1252" if name in ("iso8859-1", "ascii") else name, "replace")
        except (LookupError, ValueError):
            pass
    if html.isascii():
        return html.decode("ascii")
    encoding = "cp1252" if html.count(b"\x00") * 4 < len(html) else "utf-16-le"
    return html.decode(encoding, "replace")
