"""Checkpoints of a model that is shared out: every process writes its part, and any number of them reads it.

    last/STEP/shards.json                 what the model is, and the position
    last/STEP/shard-00001-….safetensors   the tensors that the first process keeps, in as many files as …

By `torch.distributed.checkpoint`, in safetensors: no file holds anything that could run. last/current.json
names STEP when all processes have written and synced theirs.
"""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from swinkit.engine.checkpoint import Continuation, Position, point_to, pointed_to, refuse_broken
from swinkit.engine.distributed import processes
from swinkit.engine.ema import Average
from swinkit.engine.optimiser import Optimiser
from swinkit.engine.run import Run
from swinkit.engine.sharding import local
from swinkit.errors import RunError
from swinkit.models import Backbone, Preprocess, Swin, SwinConfig
from swinkit.writing import sync_folder, write_atomically

DESCRIPTION = "shards.json"
FILE_BYTES = 2**27
"""Of tensors, each as a whole, in one file of every process: torch holds twice what it writes into one."""


def begin_shards(run: Run, model: Backbone, position: Position) -> Continuation:
    """The checkpoint that a run begins with, written from a model that the first process has as a whole."""
    refuse_broken(model.state_dict().values())
    folder = run.last / str(position.step)
    _clear(folder)
    _write(folder, {"model": model.state_dict()}, alone=True)
    _describe(folder, model, position)
    point_to(run, position.step)
    return Continuation(position, shards=folder)


def save_shards(
    run: Run, model: Backbone, optimiser: Optimiser, position: Position, average: Average | None
) -> None:
    """Write last/STEP/, then point to it, then remove the one before; all processes call this.

    Raises RunError, in all of them, where one of them has weights that are no numbers or cannot write.
    """
    here = processes()
    refuse_broken(map(local, model.state_dict().values()), here)
    folder = run.last / str(position.step)
    first = here.rank == 0
    (there,) = here.sums(first and pointed_to(run) == position.step)
    if not there:  # else the same tensors lie there already, and only the position is another
        if first:
            _clear(folder)
        here.wait()
        _write(folder, _tensors(model, optimiser, average), alone=here.size == 1)
        here.wait()
    if first:
        _describe(folder, model, position)
        point_to(run, position.step)


def described_shards(folder: Path, *, drop_path: float) -> tuple[Backbone, Position]:
    """The model, without values, and the position that shards were written at."""
    said = json.loads((folder / DESCRIPTION).read_text("utf-8"))
    with torch.device("meta"):
        model = Swin(replace(SwinConfig.from_dict(said["config"]), drop_path=drop_path))
    model.labels = None if said["labels"] is None else tuple(said["labels"])
    model.preprocess = None if said["preprocess"] is None else Preprocess.from_dict(said["preprocess"])
    return model, Position(**said["position"])


def load_shards(
    continuation: Continuation, model: Backbone, optimiser: Optimiser, average: Average | None
) -> None:
    """Give everything the values it had, however many processes wrote them; all processes call this."""
    folder = continuation.shards
    assert folder is not None
    if continuation.position.step == 0:  # nothing to remember, and nothing to average
        _read(folder, {"model": model.state_dict()})
        if average:
            average.begin_again()
        return
    make_moments(model, optimiser)
    _read(folder, _tensors(model, optimiser, average))


def make_moments(model: Backbone, optimiser: Optimiser) -> None:
    """What an optimiser remembers comes to be with its first step: one that changes nothing."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.zeros_like(parameter)
    for group in optimiser.param_groups:
        group["lr"] = 0.0
    optimiser.step()
    optimiser.zero_grad()


def _tensors(model: Backbone, optimiser: Optimiser, average: Average | None) -> dict[str, Any]:
    tensors = {"model": model.state_dict(), "optimiser": _moments(optimiser.state_dict())}
    return tensors | ({"average": average.state_dict()} if average else {})


def _moments(state: dict[str, Any]) -> dict[str, Any]:
    """The tensors that an optimiser remembers, or a pair of them, by the numbers of their parameters."""
    if "state" in state:
        return {str(number): moments for number, moments in state["state"].items()}
    return {name: _moments(one) for name, one in state.items()}


def _describe(folder: Path, model: Backbone, position: Position) -> None:
    assert isinstance(model, Swin)  # the plan refuses others
    said = {
        "config": model.config.to_dict(),
        "labels": model.labels,
        "preprocess": model.preprocess and model.preprocess.to_dict(),
        "position": asdict(position),
    }
    write_atomically(folder / DESCRIPTION, json.dumps(said, ensure_ascii=False))


def _clear(folder: Path) -> None:
    """An empty folder, also where a training was killed that wrote into it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _write(folder: Path, tensors: dict[str, Any], *, alone: bool) -> None:
    from torch.distributed.checkpoint import HuggingFaceStorageWriter, save

    with _failures_named(f"cannot write {folder}", "what was saved before is untouched"):
        save(
            tensors,
            storage_writer=HuggingFaceStorageWriter(
                str(folder), fqn_to_index_mapping=_files(tensors), save_distributed=True
            ),
            no_dist=alone,
        )
        for path in folder.glob(f"shard-{processes().rank + 1:05d}-*"):
            _sync(path)
        sync_folder(folder)


def _files(tensors: Mapping[str, Any]) -> dict[str, int]:
    """The number of the file that each tensor goes into, by the name that torch knows it by."""
    files, number, filled = {}, 1, 0
    for name, tensor in _named(tensors):
        size = tensor.numel() * tensor.element_size()
        if filled and filled + size > FILE_BYTES:
            number, filled = number + 1, 0
        files[name], filled = number, filled + size
    return files


def _named(tensors: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Tensor]]:
    for key, value in tensors.items():
        if isinstance(value, Tensor):
            yield within + key, value
        else:
            yield from _named(value, f"{within}{key}.")


def _read(folder: Path, tensors: dict[str, Any]) -> None:
    from torch.distributed.checkpoint import HuggingFaceStorageReader, load

    with _failures_named(f"cannot resume from {folder}", "it is damaged"):
        load(
            tensors,
            storage_reader=HuggingFaceStorageReader(str(folder)),
            no_dist=processes().size == 1,
        )


def _sync(path: Path) -> None:
    """Torch syncs a file while the end of it is still in a buffer of its own."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _failures_named(what: str, then: str) -> Iterator[None]:
    from torch.distributed.checkpoint import CheckpointException

    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "torch.distributed is")  # said of one process alone
            yield
    except CheckpointException as error:
        reasons = [str(failure).partition("\n")[0] for failure, _ in error.failures.values()]
        raise RunError(f"{what}: {reasons[0]}; {then}") from error
    except OSError as error:
        raise RunError(f"{what}: {error.strerror or error}; {then}") from error
