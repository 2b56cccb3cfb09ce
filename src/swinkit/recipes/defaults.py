"""What `train` does when it is told nothing: settings chosen by the data, each with its reason in words.

Published recipes are no guide for a few hundred pictures and a few minutes: they count on a million pictures
and on days. The numbers here were measured, as benchmarks/learning.py does it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from swinkit.backbones.names import is_timm
from swinkit.data.transforms import Augmentation
from swinkit.engine.distillation import Distillation
from swinkit.engine.settings import Precision, TrainConfig
from swinkit.models import size_config
from swinkit.recipes.facts import DataFacts, Machine, Start
from swinkit.recipes.wishes import Size, Wishes
from swinkit.tasks.imbalance import Imbalance, remedy

PRETRAINED = "swin_tiny"
"""The size whose published weights are wanted where nobody names one: the smallest there is."""
FEW = 2000
"""Small pictures that a CPU can still enlarge for published weights within minutes."""
FEW_FROM_SCRATCH = 10_000
"""Pictures below which training from scratch is warned of."""
SMALL = 48
"""Pixels of the shorter side up to which pictures keep their size and get the smallest model."""
INPUT = {"cpu": 64, "other": 128}
"""Pixels of the input for larger pictures. On a CPU many passes over small pictures teach more than few over
large ones: on flowers5, 67 % at 64 pixels and 52 % at 128 after the same three minutes."""
CHARACTERS = Augmentation(
    crop_scale=(0.7, 1.0), crop_ratio=(0.8, 1.25), flip=0.0, rotation=10.0, colour=0.0, erasing=0.0
)
"""What differs between hands: place, size, slant. The digits: 97.6 %, with shifts and turns alone 96.4 %."""
SMALL_PICTURES = Augmentation(crop_scale=(0.5, 1.0), colour=0.2, erasing=0.0)
PICTURES = Augmentation(crop_scale=(0.35, 1.0))
"""Crops of at least a third; with the papers', down to 8 %, flowers5 came to 64 % in place of 67 %."""

MEASUREMENTS = replace(PICTURES, colour=0.0)
"""What may be done to any number of channels without knowing what they mean."""

SEEN_OFTEN = 30
"""Epochs from which colours are varied and parts erased, which costs time and helps against learning by heart
alone. flowers5 after 12 epochs, two seeds: 49 and 47 % without, 45 and 50 % with, in a quarter more time."""

SEEN = 70_000
"""Pictures that a training from scratch looks at, repetitions counted, where there is time."""
SEEN_IN_FINE_TUNING = 10_000
DROP_PATH = 0.1
WEIGHT_DECAY = 0.1
"""The digits: 97.4 % with 0.1 and 0.1, 96.9 % without stochastic depth and with half the decay."""
EMA = 0.998
"""An average over some 500 steps, or over most of a training that is shorter."""
PATIENCE = 10
"""Epochs of fine-tuning without a better one."""
FRESH_LR = 5e-4
"""From scratch: swin_micro has 58 and 53 % of flowers5 right after 12 epochs (two seeds), with twice as much
49 and 47 %."""
NARROW, NARROW_LR = 32, 2e-3
"""Up to that many channels, and for them: swin_nano has 37 % of cifar10_small right after three epochs, as
with half as much."""
OTHERS_LR = 1e-3
"""From scratch, for networks of other families."""
LAYER_DECAY = 0.8
"""Fine-tuning: what the weights already know changes slower, the nearer to the pixels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Settings, and a sentence for each decision, which begins with its subject: "epochs: 3, as asked"."""

    config: TrainConfig
    reasons: tuple[str, ...]

    def because(self, subject: str, why: str) -> Plan:
        """The plan with this reason, in place of the one on the same subject, else as the last."""
        sentence = f"{subject}: {why}"
        if not any(reason.startswith(f"{subject}:") for reason in self.reasons):
            return replace(self, reasons=(*self.reasons, sentence))
        kept = (sentence if reason.startswith(f"{subject}:") else reason for reason in self.reasons)
        return replace(self, reasons=tuple(kept))

    def why(self, subject: str) -> str:
        """The reason on a subject, without it."""
        (sentence,) = (reason for reason in self.reasons if reason.startswith(f"{subject}:"))
        return sentence.partition(": ")[2]


def default_plan(
    facts: DataFacts, machine: Machine, wishes: Wishes, start: Start | None = None, *, fresh: str = ""
) -> Plan:
    """The settings for this data on this machine; what was wished for stays as it is.

    fresh: why training starts from scratch, where it does.
    """
    model, why_model = _model(facts, wishes, start)
    why_weights = _weights(facts, start, fresh)
    image_size = _image_size(facts, machine, wishes, start)
    resize_to, why_size = _resize_to(facts, image_size, start)
    augmentation, why_augmentation = _augmentation(facts)
    precision, why_precision = _precision(machine, wishes)
    batch = wishes.batch or _batch(facts)
    lr, why_lr = _learning_rate(wishes, model, batch, start)
    epochs, why_epochs = _epochs(facts, wishes, start)
    imbalance, why_imbalance = _imbalance(facts, wishes)
    distillation, why_teacher = _distillation(wishes)
    config = TrainConfig(
        task=facts.task,
        data=wishes.data,
        labels=wishes.labels,
        group_by=wishes.group_by,
        model=model,
        weights=start.weights if start else None,
        image_size=image_size,
        resize_to=resize_to,
        channels=facts.channels.count,
        own_values=facts.channels.own_values,
        mean=facts.channels.mean,
        std=facts.channels.std,
        epochs=epochs,
        batch=batch,
        lr=lr,
        layer_decay=LAYER_DECAY if start else None,
        warm_start=start is not None and start.new_head,
        ema=EMA,
        patience=PATIENCE if start else None,
        weight_decay=WEIGHT_DECAY,
        drop_path=DROP_PATH if wishes.drop_path is None else wishes.drop_path,
        augmentation=augmentation,
        distillation=distillation,
        imbalance=imbalance,
        seed=wishes.seed,
        precision=precision,
        device=machine.device,
        threads=machine.threads,
        shard=wishes.shard,
        kernel=wishes.kernel,
        track=wishes.track,
    )
    return Plan(
        config=config,
        reasons=(
            _data(facts),
            *_channels(facts),
            why_model,
            why_weights,
            why_size,
            why_augmentation,
            *why_teacher,
            *why_imbalance,
            why_lr,
            why_precision,
            why_epochs,
        ),
    )


def _data(facts: DataFacts) -> str:
    height, width = facts.size
    return (
        f"data: {facts.name}, {facts.train:,} pictures to learn from and {facts.val:,} to choose by, "
        f"{len(facts.classes)} classes, {height} × {width} pixels ({facts.layout})"
    )


def _channels(facts: DataFacts) -> tuple[str, ...]:
    """What was measured, where pictures are no ordinary ones."""
    found = facts.channels
    if found.mean is None or found.std is None:
        return ()
    kind = "by the values in the files" if found.own_values else "of grey"
    numbers = ", ".join(f"{mean:.3g} ± {std:.3g}" for mean, std in zip(found.mean, found.std, strict=True))
    whole = "(whole numbers in shares of their largest)" if found.own_values else "(white is 1)"
    note = f"; {found.note}" if found.note else ""
    note += "" if found.coloured else "; cropped, mirrored, erased and mixed only, since they have no colours"
    return (f"channels: {_many(facts)} {kind}, mean ± deviation {numbers} {whole}{note}",)


def _many(facts: DataFacts) -> str:
    return f"{facts.channels.count} channel{'s' if facts.channels.count > 1 else ''}"


def wanted_size(facts: DataFacts, machine: Machine, wishes: Wishes) -> tuple[str | None, str]:
    """The size whose published weights are wanted, or None, and why fresh ones do."""
    if wishes.model is not None:
        return wishes.model, ""
    if facts.characters:
        return None, "the classes are characters, of which photographs teach nothing"
    if machine.device == "cpu" and min(facts.size) <= SMALL and facts.train > FEW:
        return None, f"to enlarge {facts.train:,} small pictures for published weights takes a CPU too long"
    return PRETRAINED, ""


def _model(facts: DataFacts, wishes: Wishes, start: Start | None) -> tuple[str, str]:
    if start is not None:
        return start.weights, f"model: {start.why}"
    if wishes.model is not None:
        return wishes.model, f"model: {wishes.model} from scratch, as asked"
    side = min(facts.size)
    if side <= SMALL:
        return "swin_nano", f"model: swin_nano from scratch, made for pictures of up to {SMALL} pixels"
    return "swin_micro", "model: swin_micro from scratch, small enough to learn from few pictures in minutes"


def _weights(facts: DataFacts, start: Start | None, fresh: str) -> str:
    if start is not None:
        return f"weights: {start.loaded}"
    why = f"weights: fresh ones; {fresh}" if fresh else "weights: fresh ones"
    if facts.train >= FEW_FROM_SCRATCH or facts.characters:
        return why
    return (
        f"{why}. Warning: {facts.train:,} pictures are few to learn seeing from; expect clearly less than "
        "published weights would give (--weights)"
    )


def _image_size(facts: DataFacts, machine: Machine, wishes: Wishes, start: Start | None) -> Size:
    if wishes.image_size is not None:
        return wishes.image_size
    if start is not None and start.image_size is not None:
        return start.image_size
    if wishes.model is not None and not is_timm(wishes.model):
        known = size_config(wishes.model).image_size
        if known is not None:
            return known
    # Networks of other families have last maps 32 times smaller than the input: nothing is left of 32 pixels.
    small = min(facts.size) <= SMALL and not is_timm(wishes.model)
    side = 32 if small else INPUT["cpu" if machine.device == "cpu" else "other"]
    return side, side


def _resize_to(facts: DataFacts, image_size: Size, start: Start | None) -> tuple[Size | None, str]:
    """The size before the centre crop; small pictures are not cropped, since they have no margin to lose."""
    height, width = image_size
    if start is not None and start.preprocess is not None:
        adapted = start.preprocess.for_size(image_size)
        return adapted.resize_to, f"{_seen(facts, image_size)}, prepared as the weights were scored"
    if min(facts.size) <= SMALL:
        return None, f"{_seen(facts, image_size)}, nothing cropped"
    resize_to = round(height * 8 / 7), round(width * 8 / 7)
    return resize_to, f"{_seen(facts, image_size)}, the middle of each"


def _seen(facts: DataFacts, image_size: Size) -> str:
    """What the model sees of a picture; how to have small ones as they are."""
    (height, width), (rows, columns) = facts.size, image_size
    scale = min(rows, columns) / min(height, width)
    how = f" (enlarged {scale:.2g}×; --image-size {height}x{width} for as they are)" if scale >= 1.5 else ""
    return f"input: pictures are {height} × {width} (median), the model sees {rows} × {columns}{how}"


def _augmentation(facts: DataFacts) -> tuple[Augmentation, str]:
    if not facts.channels.coloured:
        return MEASUREMENTS, "augmentation: crops, mirror images, erasing"
    if facts.characters:
        return CHARACTERS, "augmentation: crops and turns; no mirror images, since the classes are characters"
    if min(facts.size) <= SMALL:
        return SMALL_PICTURES, "augmentation: crops, mirror images, colour"
    return PICTURES, "augmentation: crops, mirror images, colour, erasing"


def suited_to_epochs(plan: Plan) -> Plan:
    """The plan with its augmentation, milder where pictures are seen only a few times."""
    config = plan.config
    if not config.epochs:
        return plan.because("augmentation", "none, since nothing but the linear classifier learns")
    wanted = config.augmentation
    if config.epochs >= SEEN_OFTEN or not (wanted.colour or wanted.erasing):
        return plan
    milder = replace(config, augmentation=replace(wanted, colour=0.0, erasing=0.0))
    seen = "once" if config.epochs == 1 else f"{config.epochs} times"
    why = f"crops, mirror images; nothing more, since each picture is seen {seen}"
    return replace(plan, config=milder).because("augmentation", why)


def _distillation(wishes: Wishes) -> tuple[Distillation | None, tuple[str, ...]]:
    if wishes.teacher is None:
        return None, ()
    distillation = Distillation(teacher=wishes.teacher, kind=wishes.distillation)
    what = "probabilities" if distillation.kind == "soft" else "answers"
    return distillation, (
        f"teacher: {wishes.teacher}, as asked; {distillation.share:.0%} of the loss comes from its {what}",
    )


def _imbalance(facts: DataFacts, wishes: Wishes) -> tuple[Imbalance, tuple[str, ...]]:
    """What is done about classes of unequal size. Where a picture may have several, thresholds do it."""
    if facts.task != "classification":
        if wishes.imbalance == "auto" or wishes.imbalance == "none":
            return "none", ()
        return wishes.imbalance, (f"imbalance: {wishes.imbalance}, as asked",)
    chosen, why = remedy(facts.counts, wishes.imbalance)
    return chosen, (why,) if why else ()


def _batch(facts: DataFacts) -> int:
    """A small set needs many steps more than it needs smooth ones."""
    return 64 if facts.train >= 5000 else 32 if facts.train >= 500 else 16


def _learning_rate(wishes: Wishes, model: str, batch: int, start: Start | None) -> tuple[float, str]:
    if wishes.lr is not None and wishes.lr != "find":
        return wishes.lr, f"learning rate: {wishes.lr:g}, as asked; batches of {batch}"
    if start is not None:
        return (
            5e-4,
            f"learning rate: 0.0005, {LAYER_DECAY} of it for each layer further down; batches of {batch}",
        )
    if is_timm(model):
        return OTHERS_LR, f"learning rate: {OTHERS_LR:g}, for a network of another family; batches of {batch}"
    lr = NARROW_LR if size_config(model).embed_dim <= NARROW else FRESH_LR
    return lr, f"learning rate: {lr:g}, for a model of this width; batches of {batch}"


def _precision(machine: Machine, wishes: Wishes) -> tuple[Precision, str]:
    if wishes.precision is not None:
        return wishes.precision, f"precision: {wishes.precision}, as asked; on {machine.device}"
    if machine.bf16:
        return (
            "bf16",
            f"precision: bf16 inside training steps, for which {machine.device} has instructions here",
        )
    return "fp32", f"precision: fp32, since {machine.device} has no instructions for bf16 here"


def _epochs(facts: DataFacts, wishes: Wishes, start: Start | None) -> tuple[int, str]:
    if wishes.epochs is not None:
        return wishes.epochs, f"epochs: {wishes.epochs}, as asked"
    if start is not None:
        epochs = min(50, max(5, round(SEEN_IN_FINE_TUNING / facts.train)))
        return (
            epochs,
            f"epochs: {epochs}, fewer than from scratch, since the weights have seen pictures before",
        )
    epochs = min(100, max(10, round(SEEN / facts.train)))
    return epochs, f"epochs: {epochs}, so that about {epochs * facts.train:,} pictures are seen"
