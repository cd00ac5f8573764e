"""The files of a checkpoint: are they a causal language model with weights, and which one?"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from facsim.lm.checkpoint_settings import SETTINGS_FILE
from facsim.lm.hub import FILES
from facsim.lm.quiet import quiet_transformers
from facsim.util.errors import ConfigError, FacsimError, InputError

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

REMEDY: Final = "Make the checkpoint again, or download it again"


def read_config(folder: Path) -> PreTrainedConfig:
    """The model's own configuration, from a folder that holds a causal language model with weights.

    Raises:
        ConfigError: if the folder holds another kind of model, or weights that must not be read.
        InputError: if a file is missing or damaged.
    """
    from transformers import AutoConfig  # noqa: PLC0415

    with quiet_transformers():
        try:
            config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        except Exception as error:  # configurations are validated in many ways
            raise unusable(folder, "config.json", error) from error
    _check_files(folder, config)
    loaded: PreTrainedConfig = config
    return loaded


def fingerprint(folder: Path) -> str:
    """128 bits, in hex, over the files that decide what the model answers."""
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(file for pattern in FILES for file in folder.glob(pattern)):
        if file.name in (SETTINGS_FILE, "README.md") or not file.is_file():
            continue
        digest.update(f"{file.name}:{file.stat().st_size}:".encode())
        with file.open("rb") as content:
            while block := content.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()


def unusable(folder: Path, part: str, error: Exception) -> FacsimError:
    """What transformers reported about a part of a folder, as one of our errors."""
    if part != "weights" and not (folder / part).is_file():
        return InputError(
            f"contains no {part}",
            file=folder,
            expected="the folder of a checkpoint: config.json, model.safetensors, tokenizer.json",
            remedy=REMEDY,
        )
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return InputError(f"{part} cannot be used: {lines[0][:300]}", file=folder, remedy=REMEDY)


def _check_files(folder: Path, config: PreTrainedConfig) -> None:
    """Check for a causal language model with weights before anything large is read."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES  # noqa: PLC0415

    known = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    architectures = list(config.architectures or [])
    causal = {name for names in known.values() for name in ([names] if isinstance(names, str) else names)}
    is_causal = any(name in causal for name in architectures) if architectures else config.model_type in known
    if not is_causal or getattr(config, "is_encoder_decoder", False):
        what = architectures[0] if architectures else f"a model of type {config.model_type}"
        raise ConfigError(
            f"{folder}: {what} is not a causal language model that transformers knows, so it cannot answer "
            "by continuing a text. Use one such as Qwen2ForCausalLM or LlamaForCausalLM"
        )
    weights = [file for file in folder.glob("*.safetensors") if not file.name.startswith("adapter")]
    if weights:
        return
    if list(folder.glob("adapter*.safetensors")):
        raise ConfigError(
            f"{folder}: contains only a LoRA adapter. Merge it into its base model "
            "(peft: model.merge_and_unload().save_pretrained(FOLDER)), and give that folder"
        )
    if list(folder.glob("*.bin")) or list(folder.glob("*.pt*")):
        raise ConfigError(
            f"{folder}: its weights are pickled, and reading pickles can run code. If you trust them, "
            "convert them to safetensors: model.save_pretrained(FOLDER) writes these"
        )
    raise InputError("contains no weights", file=folder, expected="model.safetensors", remedy=REMEDY)
