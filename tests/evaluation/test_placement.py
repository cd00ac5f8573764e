"""Sessions placed on the GPUs of a cluster that is not there."""

import random
import sys

import pytest
from in_process_cli import completed
from rich.console import Console
from small_training import make_data, make_model
from transformers import Qwen2Config, Qwen2ForCausalLM

from facsim.data import DataSet, replay
from facsim.evaluation.dry_run import plan_run
from facsim.evaluation.placement import cut_into_units, gpus_needed, place_sessions
from facsim.lm.operations import PEAK_OPERATIONS, ModelShape, gpu_hours, model_shape
from facsim.predict import load_predictor
from facsim.predict.local.predictor import LocalPredictor
from facsim.predict.protocol import RecordedSession
from facsim.report import cluster_plan_table, run_plans_table


def test_units_are_of_sixteen_sessions_or_a_quarter_of_a_workers_share() -> None:
    def sizes(count: int, workers: int) -> list[int]:
        return [len(unit) for unit in cut_into_units(iter(range(count)), count, workers)]

    assert sizes(100, 1) == [16] * 6 + [4]
    assert sizes(100, 8) == [4] * 25
    assert sizes(3, 3) == [1, 1, 1]
    assert sizes(0, 1) == []
    cut = list(cut_into_units("abcdefghi", 9, 1))
    assert cut == [("a", "b", "c"), ("d", "e", "f"), ("g", "h", "i")]


def test_sessions_are_taken_when_a_unit_is_asked_for() -> None:
    taken = []
    units = cut_into_units((taken.append(number) or number for number in range(64)), 64, 1)
    next(units)
    assert len(taken) == 16


def test_a_placement_by_hand() -> None:
    # Two workers, units of one: 5 | 1, then the second is idle at 1, 2 and 4 and takes 1, 2 and 3.
    placed = place_sessions([5, 1, 1, 2, 3], 2)
    assert placed.units == 5
    assert (placed.busiest, placed.duration) == ((1, 2, 3, 4), 7)
    assert placed.share == pytest.approx(12 / 14)


def test_more_workers_than_sessions_are_idle() -> None:
    placed = place_sessions([2.0, 4.0], 64)
    assert (placed.workers, placed.units, placed.busiest, placed.duration) == (64, 2, (1,), 4.0)
    assert placed.share == pytest.approx(6 / (64 * 4))


@pytest.mark.parametrize("seed", range(20))
def test_placements_equal_a_clock_that_ticks(seed: int) -> None:
    """Against a simulation in time: at every tick each worker without work takes the next unit."""
    chance = random.Random(seed)
    costs = [chance.randint(1, 30) for _ in range(chance.randint(1, 300))]
    workers = chance.randint(1, 12)
    waiting = list(cut_into_units(range(len(costs)), len(costs), min(workers, len(costs))))
    left, ticks = [0] * workers, 0
    while waiting or any(left):
        for worker in range(workers):
            if not left[worker] and waiting:
                left[worker] = sum(costs[session] for session in waiting.pop(0))
        left = [max(0, rest - 1) for rest in left]
        ticks += 1
    placed = place_sessions(costs, workers)
    assert placed.duration == ticks
    assert placed.duration == sum(costs[session] for session in placed.busiest)
    assert placed.share == pytest.approx(sum(costs) / (workers * ticks))


def test_operations_and_hours_by_hand() -> None:
    # 2 * 1000 * 10 for the parameters, 2 * 3 * 8 * 10^2 for attention.
    assert ModelShape(1000, 3, 8).forward_operations(10) == 20_000 + 4_800
    assert gpu_hours(PEAK_OPERATIONS * 3600, utilisation=0.5) == pytest.approx(2.0)
    assert gpus_needed(60_000_000_000, 80e9) == 1
    assert gpus_needed(64_000_000_000, 80e9) == 2


@pytest.mark.parametrize("tied", [True, False])
def test_the_shape_of_a_checkpoint_is_that_of_its_weights(tmp_path, tied: bool) -> None:
    config = Qwen2Config(
        vocab_size=100,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=tied,
    )
    Qwen2ForCausalLM(config).save_pretrained(tmp_path)
    attention = 16 * 16 + 16 + 2 * (16 * 8 + 8) + 16 * 16  # q, k and v with biases, o
    layer = attention + 3 * 16 * 24 + 2 * 16  # the gated MLP, two norms
    assert model_shape(tmp_path) == ModelShape(3 * layer + 16, 3, 16)


def test_a_plan_has_the_lengths_of_the_run_without_loading_the_model(tmp_path) -> None:
    data = DataSet.open(make_data(tmp_path / "data", people=5))
    model = load_predictor(f"local:{make_model(tmp_path / 'model')}")
    assert isinstance(model, LocalPredictor)
    plan = plan_run(data, model, part="all", on_cluster=True)
    assert model._checkpoint is None
    timed = plan_run(data, model, part="all")
    assert plan.estimate.seconds is None
    assert (plan.estimate.lengths, plan.estimate.tokens) == (timed.estimate.lengths, timed.estimate.tokens)
    assert timed.cluster is None
    decoder = model._loaded_decoder()
    lengths = []
    for session in data:
        steps = tuple(replay(data, session))
        requests = decoder.requests(RecordedSession(session, steps, frozenset(range(1, len(steps)))))
        lengths.append({id(one.segment): len(one.segment.tokens) for one in requests}.values())
    assert [list(found) for found in plan.estimate.lengths] == [list(expected) for expected in lengths]

    shape = plan.cluster.shape
    assert shape == model_shape(model.folder)
    one, eight, many = plan.cluster.placements
    total = sum(shape.forward_operations(tokens) for each in lengths for tokens in each)
    assert (one.gpus, one.busiest_sessions, one.share) == (1, 10, 1.0)
    assert one.busiest_tokens == plan.estimate.tokens
    assert one.gpu_hours == one.hours == pytest.approx(gpu_hours(total))
    # With 8 GPUs, units are single sessions: the ninth and tenth go to those that end first.
    costs = [sum(map(shape.forward_operations, each)) for each in lengths]
    ends = sorted(costs[:8])
    assert eight.hours == pytest.approx(gpu_hours(max(ends[-1], ends[0] + costs[8], ends[1] + costs[9])))
    assert eight.gpu_hours == pytest.approx(8 * eight.hours)
    assert many.hours == pytest.approx(gpu_hours(max(costs)))


def test_the_command_prints_the_placement_and_needs_no_cluster(tmp_path, monkeypatch) -> None:
    data, model = make_data(tmp_path / "data", people=5), make_model(tmp_path / "model")
    monkeypatch.setitem(sys.modules, "ray", None)
    command = ["evaluate", data, f"local:{model}", "baseline:random-element", "--part", "all", "--dry-run"]
    done = completed(*command, "--on", "ray", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    said = " ".join(done.stdout.split())
    assert said.count("on a cluster") == 1
    assert "10 sessions (" in said
    assert "at 40% of an H100's 989 teraflops" in said
    assert not (tmp_path / "runs").exists()
    wrong = completed(*command, "--on", "slurm", folder=tmp_path)
    assert (wrong.returncode, wrong.stderr) == (2, "facsim: --on slurm: expected ray, or ray://HOST:PORT\n")


def test_what_cannot_be_computed_is_not_shown(tmp_path) -> None:
    data = make_data(tmp_path / "data", people=2)
    model = load_predictor(f"local:{make_model(tmp_path / 'model')}")
    plan = plan_run(data, model, part="all", on_cluster=True)
    hidden = plan.cluster.__class__(
        tuple(placed.__class__(placed.gpus, 1, 1, 1, 1.0, None) for placed in plan.cluster.placements),
        None,
        3,
    )
    shown = Console(width=200, record=True)
    with shown.capture() as said:
        shown.print(cluster_plan_table("local:x", hidden))
        shown.print(run_plans_table([plan]))
    assert "Time is not computed for this kind of model" in said.get()
    assert "about 3 GPUs of 80 GB" in said.get()
    assert "about 0" not in said.get()
