"""The model that another one learns from (distillation)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swinkit.data import ImageSet
    from swinkit.engine.distillation import Teacher
    from swinkit.engine.settings import TrainConfig
    from swinkit.models import Backbone


def teacher_for(images: ImageSet, model: Backbone, config: TrainConfig) -> Teacher | None:
    """The model to learn from, where there is to be one."""
    from swinkit.backbones.opening import open_model
    from swinkit.engine.distillation import teacher_of
    from swinkit.engine.inference import preprocess_of

    if config.distillation is None:
        return None
    return teacher_of(
        open_model(config.distillation.teacher).to(config.device),
        config.distillation,
        classes=images.classes,
        task=config.task,
        ours=preprocess_of(model),
    )
