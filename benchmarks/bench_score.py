"""One-pass scoring of recorded sessions against decoding step by step.

Runs the same model on every step but the first of some sessions, in four ways:

1. scoring: one pass, which shows for every step whether greedy decoding would generate the person's action;
2. answers: `facsim evaluate` with `local:`, also one pass, then differing answers are decoded;
3. from scratch: each step has a full prefill, and the answer is decoded token by token;
4. shared prefix: one KV cache per session; only the new page is prefilled, the answer is decoded token
   by token, and the cache is cropped to the prompt before the person's action is appended.

`speedup_*` are the times of 3 and 4 over that of 1, `answers_*` over that of 2, which is faster the more
steps the model predicts correctly. All are measured on the first `--timed` sessions. A verdict is whether the
answer is the person's action. `verdicts_differ` counts the steps whose verdicts differ between the ways (from
scratch only in the timed sessions). `ties` counts those of them where rounding could decide a token: its
margin is below that of a near tie (`facsim.predict.local.speculative`). One thread. Times are CPU times,
unless the model is on a GPU.

    python benchmarks/bench_score.py [--sessions 200] [--data FOLDER] [--model tiny] [--budget-tokens 7000]
    make bench-score MODEL=smollm2
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch loads

import torch
from transformers import DynamicCache

from facsim.data import DataSet, replay
from facsim.lm.scoring import score_segments
from facsim.predict.local.options import LocalOptions
from facsim.predict.local.predictor import LocalPredictor
from facsim.predict.local.prefix_sharing import common_prefix_length
from facsim.predict.local.speculative import NEAR_TIE, GreedyChoices
from facsim.predict.protocol import RecordedSession
from facsim.prompt import build_prompt, parse_answer
from facsim.prompt.segments import segments
from facsim.schema import SessionSoFar, Step
from facsim.shop.sampling import write_sample

Verdicts = dict[tuple[str, int], bool]
"""For each step (session, index) whether the answer is the person's action."""


def main() -> None:
    """Run all four and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--timed", type=int, default=30, help="how many of them are timed")
    parser.add_argument("--data", type=Path, help="sessions of this data set instead of the shop's")
    parser.add_argument("--seed", type=int, default=11, help="of the shop's sessions")
    parser.add_argument("--model", default="tiny", help="as after local:")
    parser.add_argument("--budget-tokens", type=int, default=7000)
    parser.add_argument("--max-output-tokens", type=int, default=64)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="auto", help="as of facsim evaluate")
    parser.add_argument("--pages", choices=("full", "changes"), help="default: as the model was trained")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    options = LocalOptions(
        max_output_tokens=arguments.max_output_tokens, device=arguments.device, dtype=arguments.dtype
    )
    own = LocalPredictor(arguments.model, None, options).prompt
    chosen = {"style": "action", "budget_tokens": arguments.budget_tokens}
    if arguments.pages:
        chosen["pages"] = arguments.pages
    prompt = own.model_copy(update=chosen)
    predictor = LocalPredictor(arguments.model, prompt, options)
    with tempfile.TemporaryDirectory() as folder:
        if arguments.data is None:
            write_sample(arguments.sessions, arguments.seed, Path(folder) / "shop")
        recorded = read(DataSet.open(arguments.data or Path(folder) / "shop"), arguments.sessions)
    dtype = predictor.checkpoint.model.dtype
    predictor.answer(recorded[0].steps[0][0])  # warm up

    near: set[tuple[str, int]] = set()
    ways: dict[str, Callable[[Sequence[RecordedSession]], Verdicts]] = {
        "scoring": partial(scored, predictor),
        "answers": partial(answered, predictor),
        "shared prefix": partial(shared_prefix, predictor, near=near),
        "from scratch": partial(from_scratch, predictor),
    }
    clock = time.process_time if arguments.device == "cpu" else time.perf_counter
    seconds, verdicts = {}, {}
    timed, others = recorded[: arguments.timed], recorded[arguments.timed :]
    for name, way in ways.items():
        began = clock()
        verdicts[name] = way(timed)
        seconds[name] = clock() - began
        print(f"{name + ':':15}{1000 * seconds[name] / len(verdicts[name]):8.1f} ms a step", flush=True)
    for name in ("scoring", "answers", "shared prefix"):
        verdicts[name] |= ways[name](others)
    differ = [
        key
        for key in verdicts["answers"]
        if len({found[key] for found in verdicts.values() if key in found}) > 1
    ]
    right = sum(verdicts["answers"].values())
    print(f"{len(verdicts['answers'])} steps of {len(recorded)} sessions, {right} answered as the person did")
    scratch, prefix = seconds["from scratch"], seconds["shared prefix"]
    print(
        f"RESULT speedup_generate={scratch / seconds['scoring']:.1f} "
        f"speedup_prefix={prefix / seconds['scoring']:.1f} "
        f"answers_generate={scratch / seconds['answers']:.1f} "
        f"answers_prefix={prefix / seconds['answers']:.1f} "
        f"verdicts_differ={len(differ)} ties={len(near & set(differ))} steps={len(verdicts['answers'])} "
        f"dtype={str(dtype).removeprefix('torch.')}"
    )


def read(data: DataSet, most: int) -> list[RecordedSession]:
    """Sessions in which every step but the first is predicted."""
    sessions = islice((session for session in data if len(session.steps) > 1), most)
    return [
        RecordedSession(session, tuple(replay(data, session)), frozenset(range(1, len(session.steps))))
        for session in sessions
    ]


def scored(predictor: LocalPredictor, recorded: Sequence[RecordedSession]) -> Verdicts:
    """One pass: whether greedy decoding would generate the person's answer."""
    model, chat, _ = predictor.checkpoint
    rows = [
        chat.encode_segment(segment) for one in recorded for segment in segments(one.steps, predictor.prompt)
    ]
    return {
        (row.session_id, score.step): score.is_greedy
        for row, scores in zip(rows, score_segments(model, rows), strict=True)
        for score in scores
        if score.step
    }


def answered(predictor: LocalPredictor, recorded: Sequence[RecordedSession]) -> Verdicts:
    """One pass; answers that differ from the person's are decoded."""
    found = [answer for answer in predictor.predict_sessions(recorded) if answer is not None]
    return {
        (answer.recorded.session.session_id, answer.step): answer.prediction.action
        == answer.recorded.steps[answer.step][1].action
        for answer in found
    }


def from_scratch(predictor: LocalPredictor, recorded: Sequence[RecordedSession]) -> Verdicts:
    """Step by step, with a full prefill for each prompt."""
    return {
        (so_far.session_id, so_far.step): predictor.answer(so_far).action == step.action
        for so_far, step in asked_of(recorded)
    }


def asked_of(recorded: Iterable[RecordedSession]) -> Iterator[tuple[SessionSoFar, Step]]:
    """The steps that are predicted."""
    return ((so_far, step) for one in recorded for so_far, step in one.steps if so_far.step in one.asked)


def shared_prefix(
    predictor: LocalPredictor, recorded: Sequence[RecordedSession], near: set[tuple[str, int]]
) -> Verdicts:
    """Decode token by token, session by session; steps with a near tie are added to `near`."""
    model, chat, _ = predictor.checkpoint
    most = predictor.options.max_output_tokens or 64
    ends = model.generation_config.eos_token_id
    end_tokens = {chat.end_token, *(ends if isinstance(ends, list) else [ends])}
    verdicts: Verdicts = {}
    session, cache, held = "", DynamicCache(), ()
    for so_far, step in asked_of(recorded):
        if so_far.session_id != session:
            session, cache, held = so_far.session_id, DynamicCache(), ()
        prompt = tokens_of(predictor, so_far)
        kept = min(common_prefix_length(held, prompt), len(prompt) - 1)
        if len(held) > kept:
            cache.crop(kept - len(held))
        written: list[int] = []
        fed, margin = prompt[kept:], float("inf")
        while len(written) < most:
            with torch.inference_mode():
                logits = model(
                    input_ids=torch.tensor([fed], device=model.device),
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=1,
                ).logits[0]
            choice = GreedyChoices.of(logits.float())
            margin = min(margin, choice.margins[0])
            if choice.tokens[0] in end_tokens:
                break
            written.append(choice.tokens[0])
            fed = (choice.tokens[0],)
        held = (*prompt, *written)[: cache.get_seq_length()]
        key = (so_far.session_id, so_far.step)
        verdicts[key] = parse_answer(chat.decode_answer(written), "action").action == step.action
        if margin < NEAR_TIE.get(model.dtype, 0.0):
            near.add(key)
    return verdicts


def tokens_of(predictor: LocalPredictor, so_far: SessionSoFar) -> tuple[int, ...]:
    """The prompt of a step."""
    return predictor.checkpoint.chat.encode_prompt(build_prompt(so_far, predictor.prompt).messages)


if __name__ == "__main__":
    main()
