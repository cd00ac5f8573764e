"""Evaluates a slow scripted predictor: to be killed by the tests.

usage: victim.py DATA OUT LOG DELAY CONCURRENCY [--resume]
"""

import sys
from pathlib import Path

from scripted import Scripted

from facsim.evaluation import RunInterrupted, evaluate

if __name__ == "__main__":
    data, out, log, delay, concurrency, *flags = sys.argv[1:]
    predictor = Scripted(delay=float(delay), log=Path(log), concurrency=int(concurrency))
    try:
        evaluate(data, predictor, run_dir=out, part="all", resume="--resume" in flags)
    except RunInterrupted as stopped:
        print(stopped, flush=True)
        sys.exit(130)
