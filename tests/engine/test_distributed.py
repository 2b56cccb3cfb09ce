"""Two processes learn what one does."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from swinkit.data.loader import share_of
from swinkit.data.mixing import Mixing
from swinkit.engine import distributed
from swinkit.engine.distributed import Processes, joined, own_device
from swinkit.engine.interrupt import Interrupted
from swinkit.engine.run import Run
from swinkit.engine.settings import TrainConfig
from swinkit.errors import ConfigError, RunError
from swinkit.weights import load
from tests.engine.small_runs import PICTURES, SETTINGS, begin, weights_of
from tests.engine.test_loop import disturb, go_on, without_seconds

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="forks its processes"),
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
]

EVERYTHING = replace(SETTINGS, epochs=5, ema=0.9, mixing=Mixing())
STEPS = 20


def in_processes(size: int, work: Callable[[int, Path], None], folder: Path) -> list[int | None]:
    """How the processes of a training end, each of which does `work(rank, folder)`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])

    def process(rank: int) -> None:
        where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "LOCAL_RANK": str(rank)}
        os.environ.update(where, RANK=str(rank), WORLD_SIZE=str(size))
        work(rank, folder)

    begun = [
        multiprocessing.get_context("fork").Process(target=process, args=(rank,)) for rank in range(size)
    ]
    for one in begun:
        one.start()
    for one in begun:
        one.join(600)
        one.kill()
        one.join()
    return [one.exitcode for one in begun]


def training(config: TrainConfig) -> Callable[[int, Path], None]:
    """The first process begins, the others take up what it has begun; each leaves its weights."""

    def work(rank: int, folder: Path) -> None:
        with joined() as processes:
            if rank == 0:
                _, model = begin(folder, config)
            else:
                model = go_on(Run(Path(str(processes.announced()))), config)
            torch.save(weights_of(model), folder / f"weights-{rank}.pt")

    return work


def weights(folder: Path, rank: int) -> dict[str, Tensor]:
    found: dict[str, Tensor] = torch.load(folder / f"weights-{rank}.pt")
    return found


def assert_close(found: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float) -> None:
    """But for the bias of the keys, on which no output depends."""
    for name, tensor in expected.items():
        other = found[name]
        if name.endswith("qkv.bias"):
            third = len(tensor) // 3
            tensor, other = (torch.cat([t[:third], t[2 * third :]]) for t in (tensor, other))
        torch.testing.assert_close(other, tensor, atol=tolerance, rtol=tolerance, msg=name)


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    """Mixing, erasing, stochastic depth, a short last step, an average; the numbers of each epoch too."""
    run, alone = begin(tmp_path / "alone", EVERYTHING)

    codes = in_processes(2, training(EVERYTHING), tmp_path / "two")

    assert [0, 0] == codes
    first, second = weights(tmp_path / "two", 0), weights(tmp_path / "two", 1)
    assert all(torch.equal(first[name], tensor) for name, tensor in second.items())
    assert STEPS == run.metrics[-1]["step"]
    assert_close(first, weights_of(alone), 1e-4)
    for ours, theirs in zip(without_seconds(Run(tmp_path / "two")), without_seconds(run), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3)
    assert_close(load(Run(tmp_path / "two").best).state_dict(), load(run.best).state_dict(), 1e-4)


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("frozen_stages", [0, 1])
def test_frozen_stages_and_recomputed_activations_need_no_switch(
    checkpointing: bool, frozen_stages: int, tmp_path: Path
) -> None:
    """Three processes for steps of two pairs, so that one of them has nothing to learn from."""
    config = replace(
        SETTINGS, epochs=1, batch=4, checkpointing=checkpointing, frozen_stages=frozen_stages, accumulation=2
    )

    codes = in_processes(3, training(config), tmp_path / "three")

    assert [0, 0, 0] == codes
    _, alone = begin(tmp_path / "alone", config)
    assert_close(weights(tmp_path / "three", 2), weights_of(alone), 1e-4)


def test_processes_stop_after_the_same_step_and_one_alone_can_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only one of them is asked to stop."""

    def work(rank: int, folder: Path) -> None:
        if rank == 1:
            disturb(monkeypatch, after=5, by=lambda: signal.raise_signal(signal.SIGTERM))
        with pytest.raises(Interrupted, match="stopped at step 5"):
            training(SETTINGS)(rank, folder)

    assert [0, 0] == in_processes(2, work, tmp_path / "two")
    _, expected = begin(tmp_path / "alone")
    assert_close(weights_of(go_on(Run(tmp_path / "two"))), weights_of(expected), 1e-4)


def test_one_begins_and_two_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        disturb(patched, after=5, by=lambda: signal.raise_signal(signal.SIGTERM))
        with pytest.raises(Interrupted):
            begin(tmp_path / "run")

    def work(rank: int, folder: Path) -> None:
        with joined() as processes:
            model = go_on(Run(folder if rank == 0 else Path(str(processes.announced()))))
            torch.save(weights_of(model), folder / f"weights-{rank}.pt")

    assert [0, 0] == in_processes(2, work, tmp_path / "run")
    _, expected = begin(tmp_path / "alone")
    assert_close(weights(tmp_path / "run", 1), weights_of(expected), 1e-4)


def test_when_one_process_dies_the_others_end_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(rank: int, folder: Path) -> None:
        if rank == 1:
            disturb(monkeypatch, after=3, by=lambda: os._exit(7))
        training(SETTINGS)(rank, folder)

    assert [1, 7] == in_processes(2, work, tmp_path)


@pytest.mark.parametrize("pictures", [0, 1, 2, 3, 7, 8, PICTURES])
@pytest.mark.parametrize("processes", [1, 2, 3, 8])
def test_shares_of_a_step_are_all_of_it_in_whole_pairs(pictures: int, processes: int) -> None:
    shares = [share_of(pictures, number, processes) for number in range(processes)]

    assert list(range(pictures)) == [place for share in shares for place in share]
    assert all(share.start % 2 == 0 or share.start == pictures for share in shares)
    assert max(map(len, shares)) - min(map(len, shares)) <= 2


WHOLE = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"RANK": "1"}, "RANK=1 is none of the processes that WORLD_SIZE=1 counts"),
        ({"WORLD_SIZE": "2"}, "nothing sets RANK, LOCAL_RANK, MASTER_ADDR, MASTER_PORT"),
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE is no count: 'two'"),
    ],
)
def test_what_a_launcher_has_set_in_part_is_one_sentence(
    environment: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in WHOLE:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ConfigError, match=said) as caught, joined():
        pass

    assert "torchrun --nproc-per-node" in caught.value.hint


def test_others_that_cannot_be_met_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (WHOLE | {"MASTER_PORT": "no port"}).items():
        monkeypatch.setenv(name, value)

    with pytest.raises(RunError, match=r"cannot meet the other processes at 127\.0\.0\.1:no port"), joined():
        pass


def test_a_gpu_is_touched_only_where_one_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three processes where there are two GPUs: on the CPU that is nobody's business."""
    monkeypatch.setattr(distributed, "_current", Processes(0, 3))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda place: pytest.fail(f"took GPU {place}"))
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")

    assert "cpu" == own_device("cpu")
    with pytest.raises(ConfigError, match="3 processes on this machine need a GPU each, and there are 2"):
        own_device("cuda")
    with pytest.raises(ConfigError, match="'cuda:1' is one GPU"):
        own_device("cuda:1")


def test_each_process_takes_the_gpu_of_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    monkeypatch.setattr(distributed, "_current", Processes(1, 2))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setenv("LOCAL_RANK", "1")

    assert "cuda:1" == own_device("cuda")
    assert [1] == taken
