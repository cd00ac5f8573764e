"""Many calls at once: as many in flight as asked for, little work for each, nothing that grows."""

import asyncio
import gc
import os
import resource
import time
from pathlib import Path

import pytest
from loopback import Answer, Loopback

from facsim.predict.endpoint.predictor import EndpointOptions, endpoint_predictor


def ask_all(server, steps, at_once, cache=None):
    """Ask for `steps`, `at_once` at a time."""

    async def run():
        predictor = endpoint_predictor(f"endpoint:{server.url}#m", options=EndpointOptions(cache=cache))
        owed = iter(steps)

        async def worker():
            for step in owed:
                assert (await predictor.predict(step)).error is None

        await asyncio.gather(*(worker() for _ in range(at_once)))
        await predictor.close()

    asyncio.run(run())


def test_calls_never_wait_for_each_other(step):
    """More in flight than the predictor's own `concurrency`: whoever asks decides, and no pool queues behind it."""
    with Loopback([Answer(delay=1.0)], keep=False) as server:
        ask_all(server, [step(1, f"s{n}") for n in range(64)], at_once=64)
        assert (server.count, server.peak) == (64, 64)


def test_connections_are_kept(step):
    with Loopback(keep=False) as server:
        ask_all(server, [step(1)] * 60, at_once=4)
        assert server.connections <= 4


def cpu_of_a_request(step, requests=60):
    with Loopback(keep=False) as server:
        ask_all(server, [step] * 5, at_once=4)  # imports, first connections
        began = time.process_time()
        ask_all(server, [step] * requests, at_once=4)
        return (time.process_time() - began) / requests


def test_a_long_history_costs_no_more_than_its_bytes(step):
    """The SDK's walk through typed messages cost 0.5 ms a message; see `transport.Transport._request`."""
    short, long = cpu_of_a_request(step(1)), cpu_of_a_request(step(40))
    assert long - short < 0.01, "40 steps are 80 messages"


def resident_mb():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
@pytest.mark.parametrize("cached", [False, True])
def test_memory_is_flat(step, tmp_path, cached):
    cache = tmp_path / "cache.sqlite" if cached else None
    with Loopback(keep=False) as server:

        def ask(numbers):
            ask_all(server, (step(2, html=f"<p>{n}</p>" * 500) for n in numbers), at_once=16, cache=cache)
            gc.collect()
            return resident_mb()

        before = ask(range(1000))
        after = ask(range(1000, 4000))
    assert after - before < 15, f"{os.getpid()} grew from {before:.0f} to {after:.0f} MB"
