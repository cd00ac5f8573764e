"""Configurations for `accelerate launch`: one GPU, several GPUs of one machine, several machines.

FSDP 2 shards the weights. One process writes whole checkpoints, which load anywhere.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from facsim.util.errors import ConfigError

_COMMON: Final = """\
compute_environment: LOCAL_MACHINE
distributed_type: {kind}
mixed_precision: bf16
num_machines: {machines}
num_processes: {gpus}
machine_rank: 0
main_training_function: main
rdzv_backend: static
same_network: true
use_cpu: false
"""
_NETWORK: Final = """\
# The first machine's address; each machine gets its own --machine_rank on the command line.
main_process_ip: null
main_process_port: 29500
"""
_FSDP: Final = """\
fsdp_config:
  fsdp_version: 2
  fsdp_auto_wrap_policy: TRANSFORMER_BASED_WRAP
  fsdp_reshard_after_forward: true
  fsdp_offload_params: false
  fsdp_cpu_ram_efficient_loading: false
  # facsim train saves whole checkpoints, and recomputes activations by itself.
  fsdp_state_dict_type: FULL_STATE_DICT
  fsdp_activation_checkpointing: false
"""


def accelerate_config(gpus: int, *, gpus_per_machine: int = 8) -> str:
    """The YAML of a configuration.

    Args:
        gpus: their total number.
        gpus_per_machine: the number in each machine.

    Raises:
        ConfigError: if the GPUs do not fill whole machines.
    """
    machines = _machines(gpus, gpus_per_machine)
    text = _COMMON.format(kind="FSDP" if gpus > 1 else "'NO'", machines=machines, gpus=gpus)
    if machines > 1:
        text += _NETWORK
    return text + (_FSDP if gpus > 1 else "")


def fsdp_environment() -> dict[str, str]:
    """The environment variables that `accelerate launch` sets for several GPUs, for other launchers."""
    settings = dict(line.split(": ") for line in _FSDP.splitlines() if line.startswith("  fsdp_"))
    return {
        "ACCELERATE_USE_FSDP": "true",
        "ACCELERATE_MIXED_PRECISION": "bf16",
        **{name.strip().upper(): value for name, value in settings.items()},
    }


def launch_command(file: Path, gpus: int, *, gpus_per_machine: int = 8) -> str:
    """The command that starts a training with a configuration."""
    command = f"accelerate launch --config_file {file}"
    machines = _machines(gpus, gpus_per_machine)
    if machines > 1:
        command += " --main_process_ip FIRST_MACHINE --machine_rank N"
    command += " -m facsim train sft DATA --model MODEL --out OUT"
    if machines > 1:
        where = (
            f"On each of the {machines} machines, N from 0 to {machines - 1}, OUT on a disk that all share"
        )
        return f"{where}:\n{command}"
    return f"Start with:\n{command}"


def _machines(gpus: int, gpus_per_machine: int) -> int:
    if gpus < 1 or gpus_per_machine < 1:
        raise ConfigError(f"{gpus} GPUs, {gpus_per_machine} a machine: expected 1 or more")
    if gpus <= gpus_per_machine:
        return 1
    if gpus % gpus_per_machine:
        raise ConfigError(f"{gpus} GPUs do not fill machines of {gpus_per_machine}. Give --gpus-per-machine")
    return gpus // gpus_per_machine
