"""`facsim.json`: how a checkpoint was prompted in training, stored beside its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from facsim.lm.untrusted_files import read_json_object
from facsim.prompt import PromptConfig
from facsim.util.errors import InputError
from facsim.util.files import write_atomically
from facsim.util.validation import file_error

SETTINGS_FILE: Final = "facsim.json"
TOKENIZER_FILE: Final = "tokenizer.json"


@dataclass(frozen=True, slots=True)
class CheckpointSettings:
    """The content of `facsim.json`.

    Attributes:
        prompt: how sessions became chat messages in training. Its `tokenizer`, if any, is the checkpoint's
            own, as an absolute path.
        facsim: version of the package that wrote the file.
        trained_on: other facts about the training, as JSON values.
    """

    prompt: PromptConfig
    facsim: str
    trained_on: Mapping[str, Any] = field(default_factory=dict)


def write_settings(folder: Path, prompt: PromptConfig, **facts: Any) -> None:
    """Write `facsim.json` into a checkpoint's folder.

    Args:
        folder: the checkpoint's folder, with its `tokenizer.json`.
        prompt: how sessions became chat messages in training. If it counts with a tokenizer, that must be the
            checkpoint's own; it is stored by its file name, without the path.
        **facts: anything worth knowing about the training, as JSON values.

    Raises:
        FacsimError: if it cannot be written.
    """
    stored = prompt.model_dump(mode="json")
    stored["tokenizer"] = None if prompt.tokenizer is None else TOKENIZER_FILE
    content = {"facsim": metadata.version("facsim"), "prompt": stored, "trained_on": facts}
    write_atomically(folder / SETTINGS_FILE, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_settings(folder: Path) -> CheckpointSettings | None:
    """The content of a folder's `facsim.json`; None if the folder has none.

    Raises:
        InputError: if the file exists but contains no valid settings.
    """
    file = folder / SETTINGS_FILE
    remedy = "Restore the file; or delete it, and the model is prompted with the default settings"
    try:
        content = read_json_object(file, remedy=remedy)
    except FileNotFoundError:
        return None
    if not isinstance(content.get("prompt"), dict):
        raise InputError("contains no object `prompt`", file=file, remedy=remedy)
    try:
        prompt = PromptConfig.recorded(content["prompt"])
    except ValidationError as error:
        raise file_error(error, file, prefix="prompt", remedy=remedy) from None
    if prompt.tokenizer is not None:
        prompt = prompt.model_copy(update={"tokenizer": folder.resolve() / TOKENIZER_FILE})
    facts = content.get("trained_on")
    return CheckpointSettings(
        prompt, str(content.get("facsim", "")), facts if isinstance(facts, dict) else {}
    )
