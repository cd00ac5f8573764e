"""What the machine offers, and the TRL settings that follow from it and from the configuration."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from accelerate import PartialState
from trl import SFTConfig as TrlConfig

from facsim.lm.blockwise_attention import register_blockwise_attention
from facsim.lm.precision import cpu_dtype
from facsim.train.config import SftConfig
from facsim.util.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedConfig


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a training runs on, and how it uses it.

    Attributes:
        device: its name, for the report.
        is_cuda: whether it is a CUDA GPU.
        processes: their number.
        is_main: whether this process is the one that writes.
        bf16: whether to compute in bf16.
        attention: the attention implementation.
        packing: whether short examples are packed together.
        liger: whether layers run on Liger kernels.
    """

    device: str
    is_cuda: bool
    processes: int
    is_main: bool
    bf16: bool
    attention: str
    packing: bool
    liger: bool

    @classmethod
    def of(cls, config: SftConfig, model: PreTrainedConfig) -> Hardware:
        """Detect the machine, and decide what the configuration leaves open.

        Args:
            config: the training.
            model: the model's own configuration: its sizes decide whether bf16 pays on a CPU.

        Raises:
            ConfigError: if the configuration needs what the machine does not have.
        """
        state = PartialState(cpu=config.cpu)
        if config.optimizer == "muon" and (config.method == "lora" or state.num_processes > 1):
            raise ConfigError(
                "optimizer muon: trains whole matrices in one process. With method lora, or in several "
                "processes, use adamw"
            )
        is_cuda = state.device.type == "cuda"
        flash = is_cuda and importlib.util.find_spec("flash_attn") is not None
        liger = is_cuda and importlib.util.find_spec("liger_kernel") is not None
        if config.liger and not liger:
            raise ConfigError(
                "liger: needs a CUDA GPU and the package liger_kernel (pip install liger-kernel)"
            )
        bf16 = config.precision == "bf16"
        if config.precision == "auto":
            bf16 = torch.cuda.is_bf16_supported() if is_cuda else cpu_dtype(model) == torch.bfloat16
        fastest = "sdpa"
        if bf16 and flash:
            fastest = "flash_attention_2"
        elif bf16 and not is_cuda:
            fastest = register_blockwise_attention()
        attention = config.attention or fastest
        return cls(
            device=torch.cuda.get_device_name() if is_cuda else state.device.type,
            is_cuda=is_cuda,
            processes=state.num_processes,
            is_main=state.is_main_process,
            bf16=bf16,
            attention=attention,
            packing="flash" in attention if config.packing is None else config.packing,
            liger=liger if config.liger is None else config.liger,
        )

    def identity(self) -> dict[str, Any]:
        """What a resumed training must have in common with its start."""
        return {"packing": self.packing, "bf16": self.bf16, "processes": self.processes}


def trl_settings(config: SftConfig, hardware: Hardware, work: Path) -> TrlConfig:
    """The settings of TRL's trainer.

    Raises:
        ConfigError: if the processes cannot share a step of the optimizer evenly, or the package of the
            experiment tracker is not installed.
    """
    if config.global_batch % hardware.processes:
        raise ConfigError(
            f"global_batch {config.global_batch} cannot be shared evenly by {hardware.processes} processes: "
            f"give a multiple of {hardware.processes}"
        )
    checkpointing = (
        hardware.is_cuda if config.gradient_checkpointing is None else config.gradient_checkpointing
    )
    seed = config.seed if config.training_seed is None else config.training_seed
    schedule = {"constant": "constant_with_warmup"}.get(config.schedule, config.schedule)
    settings = TrlConfig(
        output_dir=str(work),
        # One example a pass needs no padding. Short ones are packed together where that pays.
        per_device_train_batch_size=1,
        gradient_accumulation_steps=config.global_batch // hardware.processes,
        num_train_epochs=config.epochs,
        max_steps=config.max_steps or -1,
        learning_rate=config.learning_rate,
        lr_scheduler_type=schedule,
        warmup_steps=config.warmup_share,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        seed=seed,
        data_seed=seed,
        use_cpu=not hardware.is_cuda,
        bf16=hardware.bf16,
        activation_checkpointing=checkpointing,
        activation_checkpointing_kwargs={"use_reentrant": False} if checkpointing else None,
        use_liger_kernel=hardware.liger,
        packing=hardware.packing,
        max_length=config.context_tokens,
        dataset_kwargs={"skip_prepare_dataset": True},
        dataloader_pin_memory=hardware.is_cuda,
        logging_steps=1,
        # A NaN loss ends the training; it is not filtered out of the log.
        logging_nan_inf_filter=False,
        report_to=_trackers(config),
        disable_tqdm=True,
        eval_strategy="no",
        save_strategy="no",
    )
    if hardware.processes == 1 and hardware.is_cuda:
        # A single process uses the first of several GPUs; transformers would copy the model onto all of them.
        settings._n_gpu = 1
    return settings


def _trackers(config: SftConfig) -> list[str]:
    if config.log_to is None:
        return []
    names = ("tensorboard", "tensorboardX") if config.log_to == "tensorboard" else (config.log_to,)
    if not any(importlib.util.find_spec(name) for name in names):
        raise ConfigError(
            f"log_to {config.log_to}: its package is not installed. Run: pip install {config.log_to}"
        )
    if config.log_to == "tensorboard":
        # By default transformers writes events into the folder of the training, which goes when it is done.
        events = config.out.with_name(f"{config.out.name}.tensorboard")
        os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(events))
    return [config.log_to]
