"""Build a causal language model from its configuration and safetensors files, and from nothing else."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, GenerationConfig

from facsim.lm.checkpoint_files import CONFIG_FILE, REMEDY, unusable, weight_files
from facsim.util.errors import ConfigError, InputError

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

GENERATION_FILE: Final = "generation_config.json"
_SLACK: Final = 2**20
_MAX_BUFFERS: Final = 2**28


def load_model(folder: Path, config: PreTrainedConfig, dtype: torch.dtype | str) -> PreTrainedModel:
    """Load a model.

    transformers is given the tensors, not the folder: it would also follow an index to pickled files, and an
    adapter's configuration to another model.

    Args:
        folder: the checkpoint's folder.
        config: as `read_config` returns it.
        dtype: of the weights; `auto`: as stored.

    Raises:
        ConfigError: if the model cannot be loaded here.
        InputError: if files are damaged or do not fit the configuration.
    """
    if getattr(config, "quantization_config", None) is not None:
        raise ConfigError(
            f"{folder}: its weights are quantized, which takes kernels that Facsim does not load. Use the "
            "original weights, or serve the model and use endpoint:URL#MODEL"
        )
    whole = config
    model_class, config = _model_class(whole)
    weights: dict[str, torch.Tensor] = {}
    for file in weight_files(folder):
        try:
            weights |= load_file(file)
        except (SafetensorError, OSError) as error:
            raise InputError(f"the weights cannot be read: {error}", file=folder, remedy=REMEDY) from error
    _check_size(folder, model_outline(folder, whole), weights)
    try:
        model, found = model_class.from_pretrained(
            None, config=config, state_dict=weights, dtype=dtype, output_loading_info=True
        )
    except Exception as error:  # tensors are checked in many ways
        raise unusable(folder, "weights", error) from error
    # Whatever is missing would be random numbers.
    missing = sorted(found["missing_keys"]) or sorted(str(key[0]) for key in found["mismatched_keys"])
    if missing:
        raise InputError(
            f"the weights lack {len(missing)} of the model's tensors, or have them in other shapes "
            f"({missing[0]}, …)",
            file=folder,
            remedy=REMEDY,
        )
    model.generation_config = _generation_config(folder)
    loaded: PreTrainedModel = model
    return loaded


def _model_class(config: PreTrainedConfig) -> tuple[Any, PreTrainedConfig]:
    """The class of a model, and the configuration for it, which may be part of a larger one."""
    found = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    if isinstance(found, tuple):
        by_name = {candidate.__name__: candidate for candidate in found}
        named = (name for name in config.architectures or () if name in by_name)
        found = by_name[next(named, found[0].__name__)]
    if found.config_class is config.sub_configs.get("text_config"):
        config = config.get_text_config()
    return found, config


def model_outline(folder: Path, config: PreTrainedConfig) -> PreTrainedModel:
    """The model without its numbers: layers and their shapes.

    Raises:
        InputError: if the configuration does not make a model.
    """
    model_class, config = _model_class(config)
    try:
        with torch.device("meta"):
            outline: PreTrainedModel = model_class(copy.deepcopy(config))
    except Exception as error:  # whatever a model makes of odd values
        raise unusable(folder, CONFIG_FILE, error) from error
    return outline


def _check_size(folder: Path, outline: PreTrainedModel, weights: dict[str, torch.Tensor]) -> None:
    """Refuse a model that would take much more memory than its weights, before any is allocated."""
    needed = sum(weight.numel() for weight in outline.parameters())
    stored = sum(weight.numel() for weight in weights.values())
    buffers = sum(buffer.numel() for buffer in outline.buffers())
    if needed > 2 * stored + _SLACK or buffers > _MAX_BUFFERS:
        raise InputError(
            f"{CONFIG_FILE} describes a model of {needed + buffers:,} numbers, the weights have {stored:,}",
            file=folder,
            remedy=REMEDY,
        )


def _generation_config(folder: Path) -> GenerationConfig:
    """How the model's generation stops; from the model's own configuration if there is no file."""
    name = GENERATION_FILE if (folder / GENERATION_FILE).exists() else CONFIG_FILE
    try:
        found = GenerationConfig.from_pretrained(
            folder,
            config_file_name=name,
            local_files_only=True,
            **({} if name == GENERATION_FILE else {"_from_model_config": True}),
        )
    except Exception as error:  # configurations are validated in many ways
        raise unusable(folder, name, error) from error
    ends = found.eos_token_id
    ends = ends if isinstance(ends, list) else [] if ends is None else [ends]
    if not all(isinstance(end, int) for end in ends):
        raise InputError(
            f"{name} cannot be used: eos_token_id is {ends!r:.80}, expected token ids",
            file=folder,
            remedy=REMEDY,
        )
    return found
