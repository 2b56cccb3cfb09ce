"""Processes of which each keeps a part of the model learn what one does that has all of it."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.distributed.checkpoint
import torch.distributed.fsdp  # which takes seconds, once and not in each forked process
from torch import Tensor

from swinkit.data.mixing import Mixing
from swinkit.engine import shards
from swinkit.engine.checkpoint import load_checkpoint
from swinkit.engine.distributed import joined
from swinkit.engine.interrupt import Interrupted
from swinkit.engine.run import Run
from swinkit.engine.settings import Optimizer, TrainConfig
from swinkit.engine.sharding import local, whole
from swinkit.errors import RunError
from swinkit.models import Swin
from swinkit.models.swin import Mlp
from swinkit.weights import load
from tests.engine.small_runs import SETTINGS, begin, weights_of
from tests.engine.test_distributed import assert_close, in_processes, weights
from tests.engine.test_loop import disturb, go_on, with_settings, without_seconds

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="forks its processes"),
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
]

SHARED = replace(SETTINGS, shard=True, ema=0.9)
EVERYTHING = replace(
    SHARED,
    epochs=5,
    mixing=Mixing(),
    layer_decay=0.8,
    clip_norm=1.0,  # about what the gradient has: some steps are clipped, others are not
    checkpointing=True,
    frozen_stages=1,
)
STEPS = 8  # of two epochs


def training(config: TrainConfig, *, resume: bool = False) -> Callable[[int, Path], None]:
    """The first process begins or goes on, the others take it up; the first leaves all weights."""

    def work(rank: int, folder: Path) -> None:
        with joined() as processes:
            if rank > 0:
                model = go_on(Run(Path(str(processes.announced()))), config)
            elif resume:
                model = go_on(Run(folder), config)
            else:
                _, model = begin(folder, config)
            if config.shard and processes.size > 1:
                assert kept(model) < 0.7 * kept(whole(model)), "the other has the rest"
            found = weights_of(whole(model))
            if rank == 0:
                torch.save(found, folder / "weights-0.pt")

    return work


def kept(model: Swin) -> int:
    return sum(local(tensor).numel() for tensor in model.state_dict().values())


def stopped(work: Callable[[int, Path], None]) -> Callable[[int, Path], None]:
    """Work that ends when one of the processes is asked to stop."""

    def until_stopped(rank: int, folder: Path) -> None:
        with pytest.raises(Interrupted, match="stopped at step 5"):
            work(rank, folder)

    return until_stopped


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensor]:
    """The weights of one process that has the whole model and is not stopped."""
    _, model = begin(tmp_path_factory.mktemp("alone"), replace(SHARED, shard=False))
    return weights_of(model)


@pytest.fixture(scope="module")
def half_way(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Runs of one process, and of two, that were stopped in the second epoch, with parts in several files."""
    folders = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(shards, "FILE_BYTES", 100_000)
        disturb(patched, after=5, by=lambda: signal.raise_signal(signal.SIGTERM))
        for size in (1, 2):
            folders[size] = tmp_path_factory.mktemp(f"by-{size}")
            assert [0] * size == in_processes(size, stopped(training(SHARED)), folders[size])
    return folders


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    """With everything on: the weights, the numbers of each epoch, the average that is kept as the best."""
    codes = in_processes(2, training(EVERYTHING), tmp_path / "two")

    assert [0, 0] == codes
    run, expected = begin(tmp_path / "alone", replace(EVERYTHING, shard=False))
    assert 20 == run.metrics[-1]["step"]
    assert_close(weights(tmp_path / "two", 0), weights_of(expected), 1e-4)
    for ours, theirs in zip(without_seconds(Run(tmp_path / "two")), without_seconds(run), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3)
    assert_close(load(Run(tmp_path / "two").best).state_dict(), load(run.best).state_dict(), 1e-4)


@pytest.mark.parametrize(
    ("optimizer", "tolerance"), [("adamw", 1e-4), pytest.param("muon", 1e-3, marks=pytest.mark.soak)]
)
def test_a_process_without_pictures_takes_part(
    optimizer: Optimizer, tolerance: float, tmp_path: Path
) -> None:
    """Three processes for steps of two pairs. Muon rounds products to bfloat16, of which each has a part."""
    config = replace(SETTINGS, epochs=1, batch=4, accumulation=2, optimizer=optimizer)

    codes = in_processes(3, training(replace(config, shard=True)), tmp_path / "three")

    assert [0, 0, 0] == codes
    _, expected = begin(tmp_path / "alone", config)
    assert_close(weights(tmp_path / "three", 0), weights_of(expected), tolerance)


@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2), (2, 3)])
def test_another_number_of_processes_goes_on(
    before: int, after: int, half_way: dict[int, Path], alone: dict[str, Tensor], tmp_path: Path
) -> None:
    shutil.copytree(half_way[before], tmp_path / "run")

    codes = in_processes(after, training(SHARED, resume=True), tmp_path / "run")

    assert [0] * after == codes
    assert STEPS == Run(tmp_path / "run").metrics[-1]["step"]
    assert_close(weights(tmp_path / "run", 0), alone, 1e-4)


def test_as_many_go_on_bit_for_bit(half_way: dict[int, Path], tmp_path: Path) -> None:
    shutil.copytree(half_way[2], tmp_path / "run")

    codes = in_processes(2, training(SHARED, resume=True), tmp_path / "run")
    undisturbed = in_processes(2, training(SHARED), tmp_path / "undisturbed")

    assert [0, 0] == codes == undisturbed
    found, expected = weights(tmp_path / "run", 0), weights(tmp_path / "undisturbed", 0)
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []
    best, other = (load(Run(tmp_path / name).best).state_dict() for name in ("run", "undisturbed"))
    assert all(torch.equal(best[name], tensor) for name, tensor in other.items())


@pytest.mark.parametrize(
    ("moment", "victims"),
    [
        pytest.param("_write", {1}, marks=pytest.mark.soak),
        pytest.param("_write", {0, 1}, marks=pytest.mark.soak),
        ("_sync", {1}),
        pytest.param("_sync", {0, 1}, marks=pytest.mark.soak),
        pytest.param("_describe", {0}, marks=pytest.mark.soak),
        ("point_to", {0, 1}),
    ],
)
def test_a_kill_while_saving_leaves_the_state_before(
    moment: str, victims: set[int], half_way: dict[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each thing that a save does, and before the last: of one process, or of all."""
    shutil.copytree(half_way[2], tmp_path / "run")
    for_real = getattr(shards, moment)

    def work(rank: int, folder: Path) -> None:
        def and_die(*arguments: object, **settings: object) -> None:
            if moment != "point_to":
                for_real(*arguments, **settings)
            if rank in victims:
                os.kill(os.getpid(), signal.SIGKILL)

        monkeypatch.setattr(shards, moment, and_die)
        training(SHARED, resume=True)(rank, folder)

    codes = in_processes(2, work, tmp_path / "run")

    assert all(codes), "the others end too"
    model, continuation = load_checkpoint(with_settings(Run(tmp_path / "run")))
    assert (5, True) == (continuation.position.step, all(p.is_meta for p in model.parameters()))
    assert [0] == in_processes(1, training(SHARED, resume=True), tmp_path / "run")


def test_a_value_that_is_no_number_is_named_by_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though only one of the processes meets it, in its own pictures."""

    def work(rank: int, folder: Path) -> None:
        for_real = Mlp.forward
        if rank == 1:
            monkeypatch.setattr(Mlp, "forward", lambda self, x: for_real(self, x) * torch.nan)
        with pytest.raises(RunError, match=r"no number comes from stages\.0\.blocks\.0"):
            training(SHARED)(rank, folder)

    assert [0, 0] == in_processes(2, work, tmp_path)


def test_memory_that_runs_out_is_a_sentence_for_the_others_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(rank: int, folder: Path) -> None:
        def forward(self: Mlp, x: Tensor) -> Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 266.00 MiB.")

        if rank == 1:
            monkeypatch.setattr(Mlp, "forward", forward)
        with pytest.raises(RunError, match="memory ran out" if rank else "another process") as raised:
            training(SHARED)(rank, folder)
        assert "--resume" in raised.value.hint

    assert [0, 0] == in_processes(2, work, tmp_path)


@pytest.mark.parametrize("damage", ["shards.json", "shard-00002-model-00003-of-*.safetensors"])
def test_a_damaged_checkpoint_is_one_sentence(damage: str, half_way: dict[int, Path], tmp_path: Path) -> None:
    shutil.copytree(half_way[2], tmp_path / "run")
    (damaged,) = (tmp_path / "run" / "last" / "5").glob(damage)
    damaged.write_bytes(b"not what it should be")

    with pytest.raises(RunError, match=r"cannot resume from .*damaged"):
        go_on(Run(tmp_path / "run"), SHARED)
