"""Trains with the weights sharded over several processes on the CPU: `sharded.py CONFIG.json`, under torchrun.

Accelerate shards on GPUs only. So the model is sharded as it is loaded (FSDP 2, by transformers), over gloo.
"""

import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM
from transformers.distributed import DistributedConfig

from facsim.train import SftConfig, sft_run, train_sft


def main() -> None:
    torch.set_num_threads(1)
    config = SftConfig.model_validate_json(Path(sys.argv[1]).read_text())
    whole = sft_run.load_checkpoint

    def sharded(folder: Path, *, dtype: str) -> object:
        found = whole(folder, dtype=dtype)
        ranks = torch.distributed.get_world_size()
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, dtype), distributed_config=DistributedConfig(fsdp_size=ranks)
        )
        return found._replace(model=model)

    sft_run.load_checkpoint = sharded
    train_sft(config)


if __name__ == "__main__":
    main()
