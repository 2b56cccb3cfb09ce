"""Learning from another model's answers beside the labels (Hinton et al. 2015; Touvron et al. 2021).

Swin pools over all tokens and has no class token, so there is no distillation token either: the one head
learns from labels and teacher alike. That is DeiT's distillation without its token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from swinkit.backbones.names import is_timm
from swinkit.data import match_classes
from swinkit.errors import ConfigError, DataError
from swinkit.models import Backbone, Preprocess

Kind = Literal["soft", "hard"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Distillation:
    """How a model learns from a teacher.

    teacher: a source of weights that `load` takes.
    kind: "soft" learns the teacher's probabilities, "hard" just its answers, which DeiT found better where
        pictures are varied strongly.
    share: of the loss that comes from the teacher; the rest comes from the labels.
    temperature: by which outputs are divided to learn from improbable classes too; of "soft" alone.
    """

    teacher: str
    kind: Kind = "soft"
    share: float = 0.5
    temperature: float = 2.0

    def __post_init__(self) -> None:
        wrong = [
            f"{name} = {value}, expected {expected}"
            for name, value, fine, expected in (
                ("kind", self.kind, self.kind in get_args(Kind), "soft or hard"),
                ("share", self.share, 0 < self.share <= 1, "a share above 0, up to 1"),
                ("temperature", self.temperature, self.temperature > 0, "above 0"),
            )
            if not fine
        ]
        if wrong:
            raise ConfigError("impossible distillation: " + "; ".join(wrong))


@dataclass(frozen=True)
class Teacher:
    """A model that answers the pictures a student is trained on, in the student's classes.

    columns: the teacher's output for each class of the student. theirs, ours: how pictures are prepared for
    teacher and student.
    """

    model: Backbone
    columns: Tensor
    theirs: Preprocess
    ours: Preprocess
    settings: Distillation

    @torch.no_grad()
    def __call__(self, inputs: Tensor) -> Tensor:
        """The teacher's logits. inputs: B, C, h, w as the student gets them; returns B, K of its classes."""
        return self.model(self._prepared(inputs))[:, self.columns.to(inputs.device)]

    def _prepared(self, inputs: Tensor) -> Tensor:
        """The same pictures at the size and normalisation of the teacher."""
        (std, mean), (their_std, their_mean) = (
            (inputs.new_tensor(each.std)[:, None, None], inputs.new_tensor(each.mean)[:, None, None])
            for each in (self.ours, self.theirs)
        )
        pixels = inputs * std + mean
        if self.ours.image_size != self.theirs.image_size:
            pixels = F.interpolate(
                pixels, self.theirs.image_size, mode="bicubic", antialias=True, align_corners=False
            )
        return (pixels - their_mean) / their_std


def teacher_of(
    model: Backbone, settings: Distillation, *, classes: Sequence[str], task: str, ours: Preprocess
) -> Teacher:
    """A model made ready to teach these classes, which it has to know all, under whatever spelling.

    task, ours: what the student learns, and how its pictures are prepared.
    Raises ConfigError where it cannot teach them.
    """
    source, report = settings.teacher, model.load_report
    taught = report.extra.get("task", "classification") if report else "classification"
    if model.labels is None or model.preprocess is None:
        raise ConfigError(
            f"{source} cannot teach: it does not say what its classes are called and how it takes pictures",
            hint="load it with the names and save it: swinkit.save(swinkit.load(…, classes=[…]), …)",
        )
    if taught != task:
        raise ConfigError(f"{source} cannot teach {task}: it was trained for {taught}")
    if len(model.preprocess.mean) != len(ours.mean):
        raise ConfigError(
            f"{source} cannot teach: it takes {len(model.preprocess.mean)} channels, not {len(ours.mean)}"
        )
    try:
        spelt = match_classes(classes, model.labels)
    except DataError as error:
        first = f"teach it first: train --model {source}, then --teacher RUN"
        hint = first if is_timm(source) else error.hint
        raise ConfigError(f"{source} cannot teach all classes: {error.message}", hint=hint) from error
    columns = torch.tensor([model.labels.index(spelt[name]) for name in classes])
    return Teacher(model.eval().requires_grad_(False), columns, model.preprocess, ours, settings)
