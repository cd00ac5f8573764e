"""Evaluates on a Ray cluster a predictor that asks a loopback server: to be killed by the tests.

usage: cluster_victim.py DATA OUT URL ADDRESS
"""

import os
import sys
import urllib.request
from collections.abc import Mapping
from typing import Any

from scripted import answer

from facsim.evaluation import RunInterrupted, evaluate
from facsim.schema import Prediction, SessionSoFar
from facsim.util.progress import no_progress


class Counted:
    """Answers by a hash of the step, after telling a server which step was asked, and by which process."""

    spec, concurrency = "test:counted", 1

    def __init__(self, url: str) -> None:
        self.url = url

    def settings(self) -> Mapping[str, Any]:
        return {"version": 1}

    async def predict(self, so_far: SessionSoFar) -> Prediction:
        request = f"{self.url}?{so_far.session_id}&{so_far.step}&{os.getpid()}"
        with urllib.request.urlopen(request) as response:
            response.read()
        return answer(so_far)

    async def close(self) -> None:
        pass


if __name__ == "__main__":
    from cluster_victim import Counted  # as nodes import it

    data, out, url, address = sys.argv[1:]
    try:
        evaluate(data, Counted(url), run_dir=out, part="all", resume=True, on=address, progress=no_progress)
    except RunInterrupted as stopped:
        print(stopped, flush=True)
        sys.exit(130)
