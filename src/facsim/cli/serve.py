"""`facsim serve`: a predictor behind an OpenAI-compatible endpoint on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal


def command(
    predictor: str,
    *,
    port: int = 8001,
    train: Path | None = None,
    split_by: Literal["user", "session", "official", "time"] = "user",
    split_seed: int = 0,
    device: str | None = None,
) -> int:
    """Answer as a person, at an OpenAI-compatible endpoint: http://127.0.0.1:PORT/v1/chat/completions.

    Send persona and intent in the system message, between <persona> and <intent> tags. Then, for each step,
    the page's HTML as a user message, raw or as `facsim simplify` writes it, and the answer that came as an
    assistant message. The answer is JSON: {"action": {"type": "click", "name": "..."}}. It is drawn from the
    predictor's probabilities; with temperature 0 it is the most probable action. Ctrl-C ends it.

    Args:
        predictor: As for `facsim evaluate`: baseline:markov-2, choice:FOLDER, local:FOLDER, …
        port: Port on 127.0.0.1; 0 for any free port.
        train: A data set; predictors that learn are fitted on its train part.
        split_by: How that data set is split.
        split_seed: Seed of the split.
        device: Of a local model: cpu, cuda, cuda:1, or auto.
    """
    from facsim.cli.console import console
    from facsim.data import DataSet, split
    from facsim.rollout import load_ready_predictor
    from facsim.rollout.chat_server import serve_predictor

    learned = None if train is None else split(DataSet.open(train), "train", split_by, split_seed)
    options: dict[str, Any] = {} if device is None else {"device": device}
    ready = load_ready_predictor(predictor, learned, **options)

    def announce(address: str) -> None:
        console.print(f"{address}  (model {ready.spec})", highlight=False, markup=False)

    serve_predictor(ready, port=port, announce=announce)
    return 0
