"""`facsim scrub`: a data set without personal data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def command(
    data: Path,
    out: Path,
    *,
    rules: Path | None = None,
    key_file: Path | None = None,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Write a copy of a data set in which placeholders stand for personal data.

    Replaces e-mail addresses, phone numbers, cards, bank accounts, identity numbers, IP addresses, tokens in
    URLs, dates of birth, passwords, user names, postal addresses, names after greetings and salutations, and
    whatever was typed into fields for these: in pages, typed texts, URLs, rationales, personas and intents. A
    value has the same placeholder throughout, so that actions still match pages. Raw pages are dropped. The
    new folder also gets scrub.md: what was replaced, how often and where, with masked examples.

    Args:
        data: The data set folder.
        out: The folder to create.
        rules: YAML file with rules of your own, added to the built-in ones.
        key_file: File with a secret of at least 16 bytes. With the same key, a value has the same placeholder
            in every data set. By default the key is random and is not kept.
        overwrite: Replace an existing data set.
    """
    from rich.markdown import Markdown

    from facsim.cli.console import console, progress_bar
    from facsim.data.scrub.placeholders import read_key
    from facsim.data.scrub.scrub import scrub

    key = read_key(key_file) if key_file is not None else None
    with progress_bar("Scrubbing") as progress:
        report = scrub(data, out, rules=rules, key=key, overwrite=overwrite, progress=progress)
    console.print(Markdown(report.to_markdown()))
    console.print(f"The data set is in {out}. Next: facsim audit {out}", highlight=False, markup=False)
    return 0
