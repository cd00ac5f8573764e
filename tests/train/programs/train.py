"""Trains in a process of its own, which a test kills: `train.py CONFIG.json STEP`.

After step STEP the process sends itself SIGKILL: nothing of it runs any more.
"""

import json
import os
import signal
import sys
from pathlib import Path

import torch

from facsim.train import SftConfig, train_sft


def main() -> None:
    torch.set_num_threads(1)
    settings = json.loads(Path(sys.argv[1]).read_text())
    last = int(sys.argv[2])
    config = SftConfig.model_validate(settings)

    def progress(done: int, total: int | None, note: str = "") -> None:
        if note != "sessions" and done == last * config.global_batch + 1:
            os.kill(os.getpid(), signal.SIGKILL)

    train_sft(config, progress=progress)


if __name__ == "__main__":
    main()
