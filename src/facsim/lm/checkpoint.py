"""Checkpoints: plain transformers folders, with `facsim.json` that tells how the model was prompted.

Everything that can be wrong with a folder or a hub id is found out while loading, and said in a sentence.
Weights are read from safetensors only, and no code of a checkpoint is ever run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic import ValidationError

from facsim.lm.hub import FILES
from facsim.lm.locate import TINY, find_checkpoint
from facsim.prompt import PromptConfig
from facsim.util.errors import ConfigError, FacsimError, InputError
from facsim.util.files import write_atomically
from facsim.util.validation import file_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from facsim.lm.chat_tokenizer import ChatTokenizer

__all__ = [
    "TINY",
    "Checkpoint",
    "CheckpointSettings",
    "find_checkpoint",
    "fingerprint",
    "load_checkpoint",
    "load_tokenizer",
    "need_packages",
    "read_config",
    "read_settings",
    "write_settings",
]

SETTINGS_FILE: Final = "facsim.json"
TOKENIZER_FILE: Final = "tokenizer.json"
_TOKENIZER_FILES = (TOKENIZER_FILE, "tokenizer.model", "vocab.json", "vocab.txt", "tekken.json")
_OF_NO_FAMILY = ("PreTrainedTokenizerFast", "TokenizersBackend")
_REDO = "Make the checkpoint again, or download it again"


@dataclass(frozen=True, slots=True)
class CheckpointSettings:
    """What `facsim.json` says of a checkpoint.

    Attributes:
        prompt: how sessions became chat messages when it was trained. Its `tokenizer`, if there is one, is
            the checkpoint's own, with its whole path.
        facsim: version of the package that wrote it.
        trained_on: whatever else was noted, as JSON values.
    """

    prompt: PromptConfig
    facsim: str
    trained_on: Mapping[str, Any] = field(default_factory=dict)


class Checkpoint(NamedTuple):
    """A model that is ready to be asked; `settings` is None for one that Facsim did not train."""

    model: PreTrainedModel
    chat: ChatTokenizer
    settings: CheckpointSettings | None


def write_settings(folder: Path, prompt: PromptConfig, **facts: Any) -> None:
    """Write `facsim.json` into a checkpoint's folder.

    Args:
        folder: the checkpoint's folder, with its `tokenizer.json` in it.
        prompt: how sessions became chat messages in training. If it counts with a tokenizer, that is taken
            to be the checkpoint's own, and stored as such, without the path.
        **facts: anything worth knowing of the training, as JSON values.

    Raises:
        FacsimError: if it cannot be written.
    """
    stored = prompt.model_dump(mode="json")
    stored["tokenizer"] = None if prompt.tokenizer is None else TOKENIZER_FILE
    content = {"facsim": metadata.version("facsim"), "prompt": stored, "trained_on": facts}
    write_atomically(folder / SETTINGS_FILE, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_settings(folder: Path) -> CheckpointSettings | None:
    """What `facsim.json` says; None if the folder has none.

    Raises:
        InputError: if it is there and does not hold settings.
    """
    file = folder / SETTINGS_FILE
    remedy = "Restore the file; or delete it, and the model is asked with the default prompt"
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=file) from None
    except ValueError as error:
        raise InputError(f"is not JSON ({error})", file=file, remedy=remedy) from None
    if not isinstance(content, dict) or not isinstance(content.get("prompt"), dict):
        raise InputError("holds no object `prompt`", file=file, remedy=remedy)
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


def load_checkpoint(source: str | Path, device: str = "cpu", dtype: str = "auto") -> Checkpoint:
    """Load a model and its tokenizer, checked to fit each other and what sessions need.

    Args:
        source: see `find_checkpoint`.
        device: `cpu`, `cuda`, `cuda:1`, or `auto`: a GPU if there is one.
        dtype: `float32`, `bfloat16`, `float16`, or `auto`: float32 on a CPU, else as it is stored.

    Raises:
        ConfigError: if there is no such model, it cannot answer, its chat template spoils sessions, or what
            it needs is not installed.
        InputError: if one of its files is missing or damaged.
    """
    need_packages()
    import torch  # noqa: PLC0415 - an extra, and slow to import

    folder = find_checkpoint(source)
    from facsim.lm.chat_tokenizer import ChatTokenizer  # noqa: PLC0415

    settings = read_settings(folder)
    place = _device(device)
    config = read_config(folder)
    with _silent():
        try:
            tokenizer = load_tokenizer(folder)
        except Exception as error:  # the tokenizers library raises bare Exception
            raise _unusable(folder, TOKENIZER_FILE, error) from error
        kind: Any = "auto"
        if dtype != "auto" or place.type == "cpu":
            kind = getattr(torch, "float32" if dtype == "auto" else dtype)
        model = _load_model(folder, config, kind)
    chat = ChatTokenizer(tokenizer)
    _check_vocabulary(folder, tokenizer, model)
    model.train(False)
    return Checkpoint(model.to(place), chat, settings)


def need_packages() -> None:
    """Check that what local models need is installed.

    Raises:
        ConfigError: if it is not.
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
    """The tokenizer of a checkpoint's folder, as its `tokenizer.json` has it.

    `AutoTokenizer` goes by the type of the model: beside a `qwen2` model it makes a tokenizer with Qwen's way
    of splitting words and Qwen's special tokens, whatever `tokenizer.json` says. So what was saved as a
    tokenizer of no family is loaded as that.

    Raises:
        Exception: of many kinds, if it cannot be read.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast  # noqa: PLC0415

    if not any((folder / name).is_file() for name in _TOKENIZER_FILES):
        raise FileNotFoundError(TOKENIZER_FILE)  # one of the model's family would be made of nothing
    kind = None
    file = folder / "tokenizer_config.json"
    if file.is_file() and (folder / TOKENIZER_FILE).is_file():
        kind = json.loads(file.read_bytes()).get("tokenizer_class")
    loader: Any = PreTrainedTokenizerFast if kind in _OF_NO_FAMILY else AutoTokenizer
    loaded: PreTrainedTokenizerBase = loader.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    return loaded


def read_config(folder: Path) -> PreTrainedConfig:
    """The model's own configuration, of a folder that holds a causal language model with weights.

    Raises:
        ConfigError: if it holds another kind of model, or weights that are not to be read.
        InputError: if a file is missing or damaged.
    """
    from transformers import AutoConfig  # noqa: PLC0415

    with _silent():
        try:
            config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        except Exception as error:  # configurations are checked in many ways
            raise _unusable(folder, "config.json", error) from error
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


def _load_model(folder: Path, config: PreTrainedConfig, dtype: Any) -> PreTrainedModel:
    from safetensors import SafetensorError  # noqa: PLC0415
    from transformers import AutoModelForCausalLM  # noqa: PLC0415

    try:
        model, found = AutoModelForCausalLM.from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
    except SafetensorError as error:
        raise InputError(f"the weights cannot be read: {error}", file=folder, remedy=_REDO) from error
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise _unusable(folder, "weights", error) from error
    # Whatever is missing would be random numbers.
    missing = sorted(found["missing_keys"]) or sorted(str(key[0]) for key in found["mismatched_keys"])
    if missing:
        raise InputError(
            f"the weights lack {len(missing)} of the model's tensors, or have them in other shapes "
            f"({missing[0]}, …)",
            file=folder,
            remedy=_REDO,
        )
    loaded: PreTrainedModel = model
    return loaded


def _check_files(folder: Path, config: PreTrainedConfig) -> None:
    """Whether a folder holds a causal language model with weights, before anything heavy is read."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES  # noqa: PLC0415

    known = MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    architectures = list(config.architectures or [])
    causal = {name for names in known.values() for name in ([names] if isinstance(names, str) else names)}
    is_causal = any(name in causal for name in architectures) if architectures else config.model_type in known
    if not is_causal or getattr(config, "is_encoder_decoder", False):
        what = architectures[0] if architectures else f"a model of type {config.model_type}"
        raise ConfigError(
            f"{folder}: {what} is not a causal language model that Transformers knows, so it cannot answer "
            "by continuing a text. Use one such as Qwen2ForCausalLM or LlamaForCausalLM"
        )
    weights = [file for file in folder.glob("*.safetensors") if not file.name.startswith("adapter")]
    if weights:
        return
    if list(folder.glob("adapter*.safetensors")):
        raise ConfigError(
            f"{folder}: holds a LoRA adapter only. Merge it into its base model "
            "(peft: model.merge_and_unload().save_pretrained(FOLDER)), and give that folder"
        )
    if list(folder.glob("*.bin")) or list(folder.glob("*.pt*")):
        raise ConfigError(
            f"{folder}: its weights are pickled, and reading pickles can run code. Convert them to "
            "safetensors where you trust them: model.save_pretrained(FOLDER) writes these"
        )
    raise InputError("holds no weights", file=folder, expected="model.safetensors", remedy=_REDO)


def _check_vocabulary(folder: Path, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
    rows = int(model.get_input_embeddings().weight.shape[0])
    highest = max(tokenizer.get_vocab().values(), default=-1)
    if highest >= rows:
        raise InputError(
            f"the tokenizer has tokens up to number {highest}, the model has {rows} embeddings",
            file=folder,
            expected="a tokenizer of this very model",
            remedy="Resize the embeddings (model.resize_token_embeddings) and train them, or restore the "
            "model's tokenizer",
        )


def _unusable(folder: Path, part: str, error: Exception) -> FacsimError:
    """What Transformers said about a part of a folder, as one of our errors."""
    if part != "weights" and not (folder / part).is_file():
        return InputError(
            f"holds no {part}",
            file=folder,
            expected="the folder of a checkpoint: config.json, model.safetensors, tokenizer.json",
            remedy=_REDO,
        )
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return InputError(f"{part} cannot be used: {lines[0][:300]}", file=folder, remedy=_REDO)


@contextmanager
def _silent() -> Iterator[None]:
    """Transformers neither draws bars nor logs while it loads: what is wrong is raised."""
    from transformers.utils import logging  # noqa: PLC0415

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
