"""Load checkpoints: plain transformers folders, with `facsim.json` that records how the model was prompted.

Whatever is wrong with a folder or a hub id is found while loading, and reported in a sentence. Weights are
read from safetensors only, and no code from a checkpoint ever runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from facsim.lm.checkpoint_files import check_files, read_config, unusable
from facsim.lm.checkpoint_settings import TOKENIZER_FILE, CheckpointSettings, read_settings
from facsim.lm.locate import find_checkpoint
from facsim.lm.quiet import quiet_transformers
from facsim.lm.tokenizer_check import check_tokenizer_file
from facsim.lm.untrusted_files import read_json_object
from facsim.util.errors import ConfigError, InputError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from facsim.lm.chat_tokenizer import ChatTokenizer

_TOKENIZER_FILES = (TOKENIZER_FILE, "tokenizer.model", "vocab.json", "vocab.txt", "tekken.json")
_TOKENIZER_CONFIG = "tokenizer_config.json"
_GENERIC_CLASSES = ("PreTrainedTokenizerFast", "TokenizersBackend")


class Checkpoint(NamedTuple):
    """A model ready for prediction; `settings` is None for one that Facsim did not train."""

    model: PreTrainedModel
    chat: ChatTokenizer
    settings: CheckpointSettings | None


def load_checkpoint(source: str | Path, device: str = "cpu", dtype: str = "auto") -> Checkpoint:
    """Load a model and its tokenizer, checked to fit each other and the needs of sessions.

    Args:
        source: see `facsim.lm.locate.find_checkpoint`.
        device: `cpu`, `cuda`, `cuda:1`, or `auto`: a GPU if there is one.
        dtype: `float32`, `bfloat16`, `float16`, or `auto`: on a GPU as stored, on a CPU what is faster
            (`facsim.lm.precision`).

    Raises:
        ConfigError: if there is no such model, it cannot answer, its chat template spoils sessions, or a
            package it needs is not installed.
        InputError: if one of its files is missing or damaged.
    """
    require_packages()
    import torch  # noqa: PLC0415 - an extra, and slow to import

    folder = find_checkpoint(source)
    from facsim.lm.chat_tokenizer import ChatTokenizer  # noqa: PLC0415
    from facsim.lm.model_loading import load_model  # noqa: PLC0415
    from facsim.lm.precision import cpu_dtype  # noqa: PLC0415

    check_files(folder)
    settings = read_settings(folder)
    target = _device(device)
    config = read_config(folder)
    with quiet_transformers():
        try:
            tokenizer = load_tokenizer(folder)
        except Exception as error:  # the tokenizers library raises bare Exception
            raise unusable(folder, TOKENIZER_FILE, error) from error
        kind: Any = "auto" if dtype == "auto" else getattr(torch, dtype)
        if dtype == "auto" and target.type == "cpu":
            kind = cpu_dtype(config)
        model = load_model(folder, config, kind)
    chat = ChatTokenizer(tokenizer)
    _check_vocabulary(folder, tokenizer, model)
    model.train(False)
    return Checkpoint(model.to(target), chat, settings)


def load_chat_tokenizer(folder: Path) -> ChatTokenizer:
    """The chat tokenizer of a checkpoint, without its weights.

    Raises:
        ConfigError: if its chat template spoils sessions (`facsim.lm.chat_tokenizer`), or transformers is not
            installed.
        InputError: if it cannot be read.
    """
    require_packages()
    from facsim.lm.chat_tokenizer import ChatTokenizer  # noqa: PLC0415

    check_files(folder)
    try:
        tokenizer = load_tokenizer(folder)
    except InputError:
        raise
    except Exception as error:  # the tokenizers library raises bare Exception
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"the tokenizer cannot be read: {line[:300]}",
            file=folder,
            expected=f"the {TOKENIZER_FILE} of the model",
        ) from error
    return ChatTokenizer(tokenizer)


def require_packages() -> None:
    """Check that the packages for local models are installed.

    Raises:
        ConfigError: if one is not.
    """
    try:
        import torch  # noqa: F401, PLC0415 - an extra, and slow to import
        import transformers  # noqa: F401, PLC0415
    except ImportError as error:
        raise ConfigError(
            f"models that run in this process need the package {error.name}. "
            "Install it: pip install 'facsim[local]'"
        ) from None


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a checkpoint's folder, as its `tokenizer.json` defines it; it is checked first.

    `AutoTokenizer` goes by the type of the model: beside a `qwen2` model it makes a tokenizer with Qwen's
    pre-tokenization and Qwen's special tokens, whatever `tokenizer.json` says. So a tokenizer that was saved
    under a generic class is loaded as that class.

    Raises:
        InputError: if it is unsafe to load.
        Exception: of many kinds, if it cannot be read.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast  # noqa: PLC0415

    if not any((folder / name).is_file() for name in _TOKENIZER_FILES):
        raise FileNotFoundError(TOKENIZER_FILE)  # AutoTokenizer would make an empty one of the model's family
    kind = None
    if (folder / TOKENIZER_FILE).is_file():
        check_tokenizer_file(folder / TOKENIZER_FILE)
    if (folder / _TOKENIZER_CONFIG).is_file():
        values = read_json_object(folder / _TOKENIZER_CONFIG)
        _check_paths(folder, values)
        if (folder / TOKENIZER_FILE).is_file():
            kind = values.get("tokenizer_class")
    loader: Any = PreTrainedTokenizerFast if kind in _GENERIC_CLASSES else AutoTokenizer
    loaded: PreTrainedTokenizerBase = loader.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    return loaded


def _check_paths(folder: Path, values: Mapping[str, Any]) -> None:
    """Refuse a tokenizer configuration that names files outside the folder, which would be loaded instead.

    `special_tokens_map_file` is a leftover of older versions, and not loaded.
    """
    for name, value in values.items():
        is_path = name.endswith("_file") and name != "special_tokens_map_file" and isinstance(value, str)
        if is_path and not (Path(value).name == value and (folder / value).is_file()):
            raise InputError(
                f"names a file that is not in its folder: {value!r:.200}",
                file=folder / _TOKENIZER_CONFIG,
                where=f"field {name}",
                remedy="Remove the field: tokenizers are loaded from the folder",
            )


def tokenizer_file(folder: Path, chat: ChatTokenizer, scratch: Path) -> Path:
    """The `tokenizer.json` that prompts are counted with; written to `scratch` if the folder has none."""
    own = folder.resolve() / TOKENIZER_FILE
    if own.is_file():
        return own
    chat.tokenizer.save_pretrained(scratch)
    return scratch.resolve() / TOKENIZER_FILE


def _device(name: str) -> Any:
    import torch  # noqa: PLC0415

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"device {name!r}: expected cpu, cuda, cuda:1 or auto") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        found = torch.cuda.device_count()
        raise ConfigError(f"device {name}: this machine has {found} CUDA devices. Use --device cpu or auto")
    return device


def _check_vocabulary(folder: Path, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
    embeddings = int(model.get_input_embeddings().weight.shape[0])
    highest = max(tokenizer.get_vocab().values(), default=-1)
    if highest >= embeddings:
        raise InputError(
            f"the tokenizer has token ids up to {highest}, the model has {embeddings} embeddings",
            file=folder,
            expected="the tokenizer of this very model",
            remedy="Resize the embeddings (model.resize_token_embeddings) and train them, or restore the "
            "model's tokenizer",
        )
