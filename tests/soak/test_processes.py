"""Several processes by torchrun, as they are typed, and killed at random."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from swinkit.engine import keeper
from swinkit.engine.checkpoint import pointed_to
from swinkit.engine.run import Run
from swinkit.engine.settings import TrainConfig
from swinkit.weights import load
from tests.engine.small_runs import SETTINGS, begin, weights_of
from tests.engine.test_distributed import assert_close, in_processes, weights
from tests.engine.test_faults import die_at
from tests.engine.test_sharding import SHARED, training

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="forks its processes"),
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
]

TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node")
LIMIT = 900  # seconds


@pytest.mark.parametrize(
    "config", [replace(SHARED, epochs=5), replace(SETTINGS, epochs=5, ema=0.9)], ids=["shared out", "whole"]
)
def test_processes_killed_again_and_again_end_as_one_that_was_not(
    config: TrainConfig, tmp_path: Path
) -> None:
    """One of them, or all, at any moment or in the middle of a save; then another number of them goes on."""
    _, expected = begin(tmp_path / "alone", replace(config, shard=False))
    folder, moments = tmp_path / "killed", random.Random(0)
    stood_at = set()

    def dying(rank: int, folder: Path) -> None:
        keeper.SAVE_EVERY = 0.0
        resume = (folder / "last" / "current.json").exists()
        if rank in victims:
            signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
            signal.setitimer(signal.ITIMER_REAL, after)
            if in_a_save:
                die_at(call)
        training(config, resume=resume)(rank, folder)

    for _ in range(20):
        size, call, in_a_save = moments.randint(1, 3), moments.randint(1, 40), moments.random() < 0.7
        after = 30.0 if in_a_save else moments.uniform(0.0, 6.0)  # who writes nothing dies by the clock
        victims = moments.choice([{0}, {size - 1}, set(range(size))])
        in_processes(size, dying, folder)
        stood_at.add(pointed_to(Run(folder)))

    assert len(stood_at - {None, 0}) >= 3, "they were killed after later saves too"
    assert [0, 0] == in_processes(2, training(config, resume=stood_at != {None}), folder)
    assert_close(weights(folder, 0), weights_of(expected), 1e-4)


@pytest.mark.parametrize("shard", [("--shard",), ()], ids=["shared out", "whole"])
def test_torchrun_is_interrupted_and_one_process_goes_on(shard: tuple[str, ...], tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    size = ("--model", "swin_pico", "--image-size", "16", "--weights", "none", "--batch", "8")
    small = (*size, "--epochs", "2", "--device", "cpu")
    asked = ("-m", "swinkit", "train", *small, "--out", str(run.folder))
    begun = subprocess.Popen([*TORCHRUN, "2", *asked, *shard], stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + LIMIT
        while not (run.folder / "metrics.jsonl").exists() and time.monotonic() < until:
            time.sleep(0.2)
        begun.send_signal(signal.SIGINT)
        _, said = begun.communicate(timeout=LIMIT)
    finally:
        begun.kill()

    assert "and saved; to go on: swinkit train --resume" in said
    resumed = [sys.executable, "-m", "swinkit", "train", "--resume", str(run.folder)]
    subprocess.run(resumed, check=True, timeout=LIMIT, capture_output=True)

    assert 2 == len(run.metrics)
    assert 0 < run.evaluation["accuracy"] <= 1
    load(run.best)
