"""All that is needed to go on exactly where a run stopped, written so that no moment of it can lose a run.

    last/STEP/model.safetensors    the weights, a file that `load` reads like any other
    last/STEP/state.pt             the optimiser, the average of weights and the position; tensors and plain
                                   values only
    last/current.json              names STEP; renamed over when last/STEP/ is whole and on the disk

Where the model is shared out, `engine/shards.py` has the files of last/STEP/.
Random numbers need no saving: every step draws from generators seeded by (seed, step), every picture from
(seed, epoch, picture), and the order of an epoch is a permutation computed from (seed, epoch).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from swinkit.backbones.opening import open_model, save_model
from swinkit.engine.distributed import Processes
from swinkit.engine.divergence import WINDOW
from swinkit.engine.ema import Average
from swinkit.engine.optimiser import Optimiser
from swinkit.engine.run import Run
from swinkit.errors import RunError, SwinkitError
from swinkit.models import Backbone
from swinkit.writing import sync_folder, write_atomically


@dataclass
class Position:
    """How far a run is, and what it has measured."""

    step: int = 0
    """Steps of the optimiser that are done."""
    loss_sum: float = 0.0
    """Sum over the pictures of the running epoch so far, and their number."""
    pictures: int = 0
    left_out: int = 0
    """Pictures of the running epoch that could not be read."""
    learning: float = 0.0
    """Seconds that the steps of the running epoch took, and those of them that were waited for pictures."""
    waited: float = 0.0
    first_loss: float = 0.0
    """Of the first step, and the last ones, by which a training that goes wrong is noticed."""
    losses: list[float] = field(default_factory=list)
    at_once: int | None = None
    """Pictures that go through the model together, where memory has run out with more."""
    beginning: dict[str, float] | None = None
    """The numbers of the model before its first step, where it is worth keeping."""
    history: list[dict[str, float]] = field(default_factory=list)
    """The numbers of each finished epoch, and of the last one those that the task gave."""
    scores: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    """Spent in training, all sessions together."""

    def count(self, loss: float, *, counted: int, left_out: int, seconds: float, waited: float) -> None:
        """Add a step that is done. counted, left_out: pictures it learnt from, and could not read."""
        if self.step == 0:
            self.first_loss = loss
        self.step += 1
        self.losses = [*self.losses, loss][-WINDOW:]
        self.loss_sum += loss * counted
        self.pictures += counted
        self.left_out += left_out
        self.learning += seconds
        self.waited += waited

    def end_epoch(self, scores: dict[str, float], *, lr: float, seconds: float) -> None:
        """Add an epoch with its scores and its last rate to the history, and begin another one."""
        self.scores = scores
        self.history.append(
            {
                "epoch": len(self.history) + 1,
                "step": self.step,
                "train_loss": self.loss_sum / self.pictures,
                **scores,
                "lr": lr,
                "left_out": self.left_out,
                "waiting": round(self.waited / self.learning, 3),
                "seconds": round(seconds, 1),
            }
        )
        self.loss_sum, self.pictures, self.left_out, self.learning, self.waited = 0.0, 0, 0, 0.0, 0.0


@dataclass(frozen=True)
class Continuation:
    """What a run goes on with, besides its model."""

    position: Position
    optimiser: dict[str, Any] | None = None
    """The optimiser's own state, once it has one."""
    average: dict[str, Tensor] | None = None
    """The running average of the weights, where one is kept."""
    shards: Path | None = None
    """Where all of that lies with the weights, where the model is shared out."""


def save_checkpoint(
    run: Run,
    model: Backbone,
    optimiser: Optimiser | None,
    position: Position,
    average: Average | None = None,
) -> None:
    """Write last/STEP/, then point to it, then remove the one before. optimiser: none before the first step.

    Raises RunError for weights that are no numbers, which would be of no use.
    """
    refuse_broken(model.state_dict().values())
    folder = run.last / str(position.step)
    state = {
        "optimiser": optimiser.state_dict() if optimiser else None,
        "average": average.state_dict() if average else None,
        "position": asdict(position),
    }
    save_model(model, folder / "model.safetensors")
    write_atomically(folder / "state.pt", lambda file: torch.save(state, file))
    point_to(run, position.step)


def point_to(run: Run, step: int) -> None:
    """Make last/STEP/, which is whole and synced, what a run goes on from, and remove the one before."""
    folder = run.last / str(step)
    sync_folder(run.last)  # that the folder is there, before anything points to it
    write_atomically(run.last / "current.json", json.dumps({"step": step}))
    for other in run.last.iterdir():
        if other.is_dir() and other != folder:
            shutil.rmtree(other, ignore_errors=True)


def pointed_to(run: Run) -> int | None:
    """The step that a run would go on from; None where nothing is saved."""
    return _current_step(run) if (run.last / "current.json").exists() else None


def refuse_broken(tensors: Iterable[Tensor], here: Processes | None = None) -> None:
    """Raise RunError where weights are no numbers. here: the processes that have a part of them each."""
    broken: float = not all(bool(tensor.isfinite().all()) for tensor in tensors)
    if here:
        (broken,) = here.sums(broken)
    if broken:
        raise RunError(
            "training broke down: weights are no longer numbers; what was saved before is untouched",
            hint="try a smaller learning rate: --lr",
        )


def load_checkpoint(run: Run) -> tuple[Backbone, Continuation]:
    """The model that a run was saved with, and all else that it goes on with.

    A model that is shared out comes without values. Raises RunError where nothing was saved, what was saved
    cannot be read, or its network is one of a library that is not installed.
    """
    from swinkit.engine.shards import DESCRIPTION, described_shards

    folder = run.last / str(_current_step(run))
    try:
        if (folder / DESCRIPTION).exists():
            model, position = described_shards(folder, drop_path=run.config.drop_path)
            return model, Continuation(position, shards=folder)
        model = open_model(folder / "model.safetensors", drop_path=run.config.drop_path)
        state = torch.load(folder / "state.pt", map_location="cpu", weights_only=True)
        return model, Continuation(Position(**state["position"]), state["optimiser"], state["average"])
    except MemoryError:
        raise
    except SwinkitError as error:  # knows what is wrong, and what helps
        raise RunError(f"cannot resume: {error.message}", hint=error.hint) from error
    except Exception as error:  # torch.load fails on a damaged file in every way Python knows
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise RunError(f"cannot resume from {folder}: it is damaged ({reason})") from error


def _current_step(run: Run) -> int:
    path: Path = run.last / "current.json"
    try:
        return int(json.loads(path.read_text("utf-8"))["step"])
    except FileNotFoundError as error:
        raise RunError(
            f"nothing to resume from in {run.folder}: {path} does not exist",
            hint="start it anew with --overwrite",
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"cannot resume: {path} is damaged ({error})") from error
