"""The files of a checkpoint: are they a causal language model with weights, and which one?

A model folder is input from strangers. Weights come from safetensors files in the folder, and from nothing
else; configurations with absurd sizes are refused before anything is allocated.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from facsim.lm.checkpoint_settings import SETTINGS_FILE
from facsim.lm.hub import FILES
from facsim.lm.quiet import quiet_transformers
from facsim.lm.untrusted_files import (
    MAX_CONFIG_BYTES,
    MAX_TOKENIZER_BYTES,
    read_json_object,
    require_regular,
)
from facsim.util.errors import ConfigError, FacsimError, InputError

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

REMEDY: Final = "Make the checkpoint again, or download it again"
CONFIG_FILE: Final = "config.json"

_WEIGHTS: Final = "model.safetensors"
_INDEX: Final = "model.safetensors.index.json"
_TEMPLATES: Final = "additional_chat_templates/*.jinja"
_IGNORED_FIELDS: Final = re.compile(r"_?(attn|experts)_implementation.*|auto_map|transformers_weights")
"""Fields that choose code or files to load: Facsim chooses them itself."""
_COUNTS: Final = re.compile(r"num_.*|n_layers?|n_heads?|.*_layers")
_MAX_INT: Final = 2**40
_MAX_COUNT: Final = 10_000
_MAX_POSITIONS: Final = 2**31


def read_config(folder: Path) -> PreTrainedConfig:
    """The model's own configuration, from a folder that contains a causal language model with weights.

    Raises:
        ConfigError: if the folder contains another kind of model, or weights that must not be read.
        InputError: if a file is missing, damaged, not regular or of absurd size.
    """
    from transformers import CONFIG_MAPPING  # noqa: PLC0415 - an extra, and slow to import

    check_files(folder)
    file = folder / CONFIG_FILE
    try:
        values = read_json_object(file, remedy=REMEDY)
    except FileNotFoundError as error:
        raise unusable(folder, CONFIG_FILE, error) from None
    except InputError as error:
        raise InputError(f"{CONFIG_FILE} cannot be used: {error}", file=folder, remedy=REMEDY) from None
    kind = values.get("model_type")
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        raise InputError(
            f"{CONFIG_FILE} cannot be used: model_type {kind!r:.80} is not one that transformers knows",
            file=folder,
            remedy="Use a model of another type, or a newer version of transformers",
        )
    _check_architecture(folder, kind, values)
    files = weight_files(folder)
    if problem := _absurd(values, *_weight_shape(folder, files)):
        raise InputError(f"{CONFIG_FILE} cannot be used: {problem}", file=folder, remedy=REMEDY)
    with quiet_transformers():
        try:
            config: PreTrainedConfig = CONFIG_MAPPING[kind].from_dict(_without_code(values))
            _check_types(config)
        except Exception as error:  # configurations are validated in many ways
            raise unusable(folder, CONFIG_FILE, error) from error
    config.name_or_path = str(folder)
    return config


def check_files(folder: Path) -> None:
    """Check that all files that may be read are regular files of a plausible size.

    Raises:
        InputError: naming the file, if one is not.
    """
    for file in _files(folder):
        if file.suffix == ".jinja" or file.name in _CONFIGURATIONS:
            require_regular(file, MAX_CONFIG_BYTES)
        elif file.suffix in (".model", ".txt") or file.name in _TOKENIZER_DATA:
            require_regular(file, MAX_TOKENIZER_BYTES)
        else:  # weights, or a file of another program, which is part of the fingerprint only
            require_regular(file)


_CONFIGURATIONS = (
    CONFIG_FILE,
    SETTINGS_FILE,
    "generation_config.json",
    "special_tokens_map.json",
    "tokenizer_config.json",
)
_TOKENIZER_DATA = ("tokenizer.json", "vocab.json", "tekken.json", _INDEX, "added_tokens.json")


def weight_files(folder: Path) -> list[Path]:
    """The files with the weights, in the order of their names.

    Raises:
        ConfigError: if the folder has only weights that must not be read.
        InputError: if it has none, or its index names anything but safetensors files in the folder.
    """
    if (folder / _WEIGHTS).exists():
        files = [folder / _WEIGHTS]
    elif (folder / _INDEX).exists():
        index = folder / _INDEX
        names = read_json_object(index, max_bytes=MAX_TOKENIZER_BYTES, remedy=REMEDY).get("weight_map")
        if not isinstance(names, dict) or not names or not all(isinstance(n, str) for n in names.values()):
            raise InputError("contains no object weight_map with file names", file=index, remedy=REMEDY)
        for name in sorted(set(names.values())):
            if Path(name).name != name or not name.endswith(".safetensors"):
                raise InputError(
                    f"names the weights {name!r:.200}",
                    file=index,
                    expected="safetensors files in the same folder: other weights can run code when read",
                    remedy=REMEDY,
                )
        files = [folder / name for name in sorted(set(names.values()))]
    else:
        raise _no_weights(folder)
    for file in files:
        if not file.exists():
            raise InputError(f"the weights {file.name} are missing", file=folder, remedy=REMEDY)
        require_regular(file)
    return files


def fingerprint(folder: Path) -> str:
    """128 bits, in hex, over the files that decide what the model predicts.

    Raises:
        InputError: if one of them cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    for file in _files(folder):
        if file.name in (SETTINGS_FILE, "README.md"):
            continue
        digest.update(f"{file.relative_to(folder)}:{require_regular(file)}:".encode())
        with file.open("rb") as content:
            while block := content.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()


def unusable(folder: Path, part: str, error: Exception) -> FacsimError:
    """What transformers reported about a part of a folder, as one of our errors."""
    if isinstance(error, FacsimError):
        return error
    if part != "weights" and not (folder / part).is_file():
        return InputError(
            f"contains no {part}",
            file=folder,
            expected="the folder of a checkpoint: config.json, model.safetensors, tokenizer.json",
            remedy=REMEDY,
        )
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return InputError(f"{part} cannot be used: {lines[0][:300]}", file=folder, remedy=REMEDY)


def _files(folder: Path) -> list[Path]:
    """All files that transformers may read, the weights that an index names included."""
    found = {file for pattern in (*FILES, _TEMPLATES) for file in folder.glob(pattern)}
    if (folder / _INDEX).exists() and not (folder / _WEIGHTS).exists():
        found |= {*weight_files(folder)}
    return sorted(file for file in found if file.exists() and not file.is_dir())


def _check_architecture(folder: Path, kind: str, values: Mapping[str, Any]) -> None:
    """Check for a causal language model before anything large is read."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES  # noqa: PLC0415

    known = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    architectures = values.get("architectures") or []
    if not isinstance(architectures, list) or not all(isinstance(name, str) for name in architectures):
        raise InputError(
            f"{CONFIG_FILE} cannot be used: architectures is not a list of names", file=folder, remedy=REMEDY
        )
    causal = {name for names in known.values() for name in ([names] if isinstance(names, str) else names)}
    is_causal = any(name in causal for name in architectures) if architectures else kind in known
    if not is_causal or kind not in known or values.get("is_encoder_decoder"):
        what = architectures[0] if architectures else f"a model of type {kind}"
        raise ConfigError(
            f"{folder}: {what} is not a causal language model that transformers knows, so it cannot answer "
            "by continuing a text. Use one such as Qwen2ForCausalLM or LlamaForCausalLM"
        )


def _no_weights(folder: Path) -> FacsimError:
    if list(folder.glob("adapter*.safetensors")):
        return ConfigError(
            f"{folder}: contains only a LoRA adapter. Merge it into its base model "
            "(peft: model.merge_and_unload().save_pretrained(FOLDER)), and give that folder"
        )
    if list(folder.glob("*.bin")) or list(folder.glob("*.pt*")):
        return ConfigError(
            f"{folder}: its weights are pickled, and reading pickles can run code. If you trust them, "
            "convert them to safetensors: model.save_pretrained(FOLDER) writes these"
        )
    return InputError("contains no weights", file=folder, expected=_WEIGHTS, remedy=REMEDY)


def _weight_shape(folder: Path, files: Sequence[Path]) -> tuple[int, int]:
    """The number of tensors in the weights, and of their elements, from the headers of the files."""
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415

    tensors = elements = 0
    for file in files:
        try:
            with safe_open(file, framework="pt") as weights:
                for name in weights.keys():  # noqa: SIM118 - no mapping
                    tensors += 1
                    elements += math.prod(weights.get_slice(name).get_shape())
        except (SafetensorError, OSError) as error:
            raise InputError(
                f"the weights cannot be read: {file.name}: {error}", file=folder, remedy=REMEDY
            ) from error
    return tensors, elements


def _absurd(values: Mapping[str, Any], tensors: int, elements: int) -> str | None:
    """Which number of a configuration no model with such weights can have; None if none."""
    for name, number in _numbers(values):
        if isinstance(number, float):
            limit = math.inf  # some models have an infinite limit in their configuration; NaN is never right
        elif name in ("num_hidden_layers", "n_layer", "n_layers", "num_layers"):
            limit = tensors
        elif "position" in name or name in ("n_ctx", "sliding_window"):
            limit = _MAX_POSITIONS
        elif _COUNTS.fullmatch(name):
            limit = max(_MAX_COUNT, tensors)
        elif name.endswith(("_size", "_dim", "_rank")) or name.startswith("n_"):
            limit = max(_MAX_COUNT, elements)
        else:
            limit = _MAX_INT
        if not number <= limit:
            return f"{name} is {number}, with weights of {tensors} tensors and {elements:,} elements"
    return None


def _numbers(values: Any, name: str = "") -> Iterator[tuple[str, int | float]]:
    """All numbers in a configuration, each with the name of its field."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from _numbers(value, str(key))
    elif isinstance(values, list):
        for value in values:
            yield from _numbers(value, name)
    elif isinstance(values, int | float) and not isinstance(values, bool):
        yield name, values


def _without_code(values: Any) -> Any:
    """A configuration without the fields that would choose code or files to load."""
    if isinstance(values, dict):
        return {
            key: _without_code(value) for key, value in values.items() if not _IGNORED_FIELDS.fullmatch(key)
        }
    return [_without_code(value) for value in values] if isinstance(values, list) else values


def _check_types(config: PreTrainedConfig) -> None:
    """Check the fields that Facsim itself relies on.

    Raises:
        TypeError: if one has the wrong type.
    """
    text = config.get_text_config()
    for name in ("vocab_size", "max_position_embeddings", "sliding_window"):
        value = getattr(text, name, None)
        if not (value is None and name != "vocab_size") and (not isinstance(value, int) or value < 0):
            raise TypeError(f"{name} is {value!r:.80}, expected a whole number")
