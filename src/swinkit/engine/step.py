"""One step of training: the gradient of a batch, part by part where it does not fit as a whole.

What is random in a step is drawn for the whole batch from (seed, step), and each part takes its share, so
neither the size of the parts nor the number of processes shows in the result.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from swinkit.data.loader import Batch, share_of
from swinkit.data.mixing import Blend, drawn_blend, partners
from swinkit.data.transforms import normalised, sample_seed
from swinkit.engine.distillation import Distillation, Teacher
from swinkit.engine.distributed import Processes, told_when_one_ends
from swinkit.engine.optimiser import Optimiser
from swinkit.engine.origin import origin
from swinkit.engine.portion import Portion
from swinkit.engine.settings import TrainConfig
from swinkit.engine.sharding import gathered
from swinkit.errors import RunError
from swinkit.models import Backbone
from swinkit.models.drop_path import part_of_batch
from swinkit.tasks import Task


@dataclass(frozen=True)
class Part:
    """The pictures of a batch that go through the model together: those from `start` to before `stop`."""

    batch: Batch
    start: int
    stop: int

    @property
    def known(self) -> Tensor:
        """Which of them count. (B,)"""
        return self.batch.known[self.start : self.stop]

    @property
    def first(self) -> int:
        """Where they stand in the whole step, whichever process learns from them."""
        return self.batch.first + self.start


@dataclass(frozen=True)
class Together:
    """A step of several processes. counted: pictures that count, in all of them.

    shared: whether each of them has but a part of the model, so that all have to take the same passes.
    """

    processes: Processes
    counted: int
    shared: bool

    def passes(self, batch: Batch, at_once: int) -> int:
        """That the process with the most pictures takes."""
        size = self.processes.size
        most = max(len(share_of(batch.whole, number, size)) for number in range(size))
        return -(-most // at_once)

    def sum_up(self, model: Backbone, loss: Tensor) -> Tensor:
        """Gives every process all gradients, or those of its part; the loss of the whole step."""
        if not self.shared:
            self.processes.sum_gradients(model)
        return loss.new_tensor(self.processes.sums(float(loss))[0])


def training_step(
    model: Backbone,
    task: Task,
    optimiser: Optimiser,
    batch: Batch,
    config: TrainConfig,
    *,
    lr: float,
    step: int,
    portion: Portion | None = None,
    teacher: Teacher | None = None,
    together: Together | None = None,
) -> float:
    """One step of the optimiser; the loss. Raises RunError unless it and the gradient are finite.

    portion: how many pictures go through the model together; by default those of the settings, without
        trying fewer when memory runs out.
    teacher: whose answers are learnt beside the labels.
    together: the other processes that take this step, and what they learn from.
    """
    counted = together.counted if together else batch.counted

    def gradient(at_once: int) -> Tensor:
        optimiser.zero_grad()
        loss = torch.zeros((), device=config.device)
        own = list(parts(batch, at_once))
        for part in own:
            share = int(part.known.sum()) / counted
            loss += learn(model, task, part, config, step=step, share=share, teacher=teacher)
        if together and together.shared:
            for _ in range(len(own), together.passes(batch, at_once)):
                take_part(model, config)
        return loss

    for group in optimiser.param_groups:
        group["lr"] = lr * group["lr_scale"]
    at_once = config.pictures_at_once
    with told_when_one_ends():
        loss = portion.attempt(gradient) if portion else gradient(at_once)
    if together:
        loss = together.sum_up(model, loss)
    norm = gathered(torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm))
    found, length = torch.stack([loss, norm.to(loss.device)]).tolist()
    if not (math.isfinite(found) and math.isfinite(length)):
        again = portion.pictures if portion else at_once
        in_any = together.processes.first_said if together else None
        where = origin(model, lambda: gradient(again), in_any=in_any)
        raise RunError(
            f"training broke down at step {step}: loss {found}, norm of the gradient {length}; "
            f"the first value that is no number comes from {where}",
            hint=f"try a smaller learning rate: --lr {lr / 5:.1g}"
            + (", or --precision fp32" if config.precision != "fp32" else ""),
        )
    optimiser.step()
    return float(found)


def parts(batch: Batch, at_once: int) -> Iterator[Part]:
    """A batch in parts of that many pictures; parts of which no picture counts are left out."""
    for start in range(0, len(batch), at_once):
        part = Part(batch, start, min(start + at_once, len(batch)))
        if part.known.any():
            yield part


def learn(
    model: Backbone,
    task: Task,
    part: Part,
    config: TrainConfig,
    *,
    step: int,
    share: float,
    teacher: Teacher | None,
) -> Tensor:
    """Add the gradient of a part of a step; its loss, both times `share`, which is its weight in the step."""
    torch.manual_seed(sample_seed(config.seed, step, -2))  # the same for each part, which takes its share
    device = torch.device(config.device)
    inputs, targets = inputs_and_targets(model, part.batch, slice(part.start, part.stop), device)
    if config.mixing is not None:
        blend = drawn_blend(config.mixing, seed=config.seed, step=step, size=config.image_size)
        inputs, targets = blended(model, task, part, inputs, targets, blend)
    with part_of_batch(part.first, part.batch.whole):
        with torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16"):
            outputs = model(inputs)
            taught = teacher(inputs) if teacher else None
        known = part.known.to(device)
        if not part.known.all():
            outputs, targets = outputs[known], targets[known]
            taught = None if taught is None else taught[known]
        loss = task.loss(outputs, targets, label_smoothing=config.label_smoothing)
        if teacher and taught is not None:
            loss = with_teacher(loss, task, outputs, taught, teacher.settings)
        (loss * share).backward()
    return (loss * share).detach()


def take_part(model: Backbone, config: TrainConfig) -> None:
    """A pass that learns from nothing: other processes wait for the weights that this one keeps."""
    nothing = torch.zeros(1, model.in_channels, *config.image_size, device=config.device)
    (model(nothing).sum() * 0).backward()


def with_teacher(loss: Tensor, task: Task, outputs: Tensor, taught: Tensor, settings: Distillation) -> Tensor:
    """The loss from the labels and that from the teacher, in their shares."""
    hard, temperature = settings.kind == "hard", settings.temperature
    from_teacher = task.distilled(outputs, taught, hard=hard, temperature=temperature)
    return (1 - settings.share) * loss + settings.share * from_teacher


def inputs_and_targets(
    model: Backbone, batch: Batch, which: slice | Tensor, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Some pictures of a batch on the device, normalised there."""
    pixels = batch.pixels[which].to(device, non_blocking=True)
    targets = batch.targets[which].to(device, non_blocking=True)
    preprocess = model.preprocess
    assert preprocess is not None, "a model that trains knows its preprocessing"
    return normalised(pixels, preprocess.mean, preprocess.std), targets


def blended(
    model: Backbone, task: Task, part: Part, inputs: Tensor, targets: Tensor, blend: Blend
) -> tuple[Tensor, Tensor]:
    """The pictures of a part blended with their partners in the batch, which may be in another part."""
    others = partners(len(part.batch), first=part.batch.first)[part.start : part.stop]
    their_inputs, their_targets = inputs_and_targets(model, part.batch, others, inputs.device)
    answers = blend.answers(task.shares(targets), task.shares(their_targets))
    return blend.pictures(inputs, their_inputs), answers
