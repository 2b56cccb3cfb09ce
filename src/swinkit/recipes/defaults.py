"""What `train` does when it is told nothing: settings chosen by the data, each with its reason in words.

Published recipes are no guide for a few hundred pictures and a few minutes: they count on a million pictures
and on days. The numbers here were measured (benchmarks/train_small.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from swinkit.data.transforms import DIGITS, PHOTOGRAPHS, SMALL_PHOTOGRAPHS, Augmentation
from swinkit.engine.progress import in_words
from swinkit.engine.settings import Precision, TrainConfig
from swinkit.models import Preprocess, SwinConfig, size_config

Size = tuple[int, int]

SMALL = 48
"""Pixels of the shorter side up to which pictures keep their size and get the smallest model."""
INPUTS = (64, 96, 128)
"""Pixels of the input for larger pictures: the largest that they fill."""
UNASKED_BUDGET = 600.0
"""Seconds within which a training ends when nobody said how long it may take."""
SEEN = 80_000
"""Pictures that a training from scratch looks at, repetitions counted, where there is time."""
FINE_TUNING_EPOCHS = 15
FINE_TUNING_DROP_PATH = 0.1
LAYER_DECAY = 0.8
"""Fine-tuning: what the weights already know changes slower, the nearer to the pixels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataFacts:
    """What the choices look at. size: median (height, width) of the pictures, in pixels."""

    name: str
    layout: str
    train: int
    val: int
    classes: tuple[str, ...]
    size: Size


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What there is to compute with. bf16: whether products in bfloat16 are faster than in float32."""

    device: str
    cores: int
    threads: int
    bf16: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """Weights to start from."""

    weights: str
    config: SwinConfig
    preprocess: Preprocess | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What was asked for; None leaves the choice to the recipe."""

    data: str | None = None
    model: str | None = None
    image_size: Size | None = None
    epochs: int | None = None
    seconds: float | None = None
    """Time for the whole training."""
    batch: int | None = None
    lr: float | None = None
    precision: Precision | None = None
    kernel: str | None = None
    seed: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Settings, and a sentence for each decision."""

    config: TrainConfig
    reasons: tuple[str, ...]


def default_plan(facts: DataFacts, machine: Machine, wishes: Wishes, start: Start | None = None) -> Plan:
    """The settings for this data on this machine; what was wished for stays as it is."""
    model, why_model = _model(facts, wishes, start)
    image_size = _image_size(facts, wishes, start, model)
    resize_to, why_size = _resize_to(facts, image_size, start)
    augmentation, why_augmentation = _augmentation(facts, image_size)
    precision, why_precision = _precision(machine, wishes)
    batch = wishes.batch or _batch(facts)
    lr, why_lr = _learning_rate(wishes, model, batch, start)
    epochs, why_epochs = _epochs(facts, wishes, start)
    workers = _workers(facts, machine)
    config = TrainConfig(
        data=wishes.data,
        model=model,
        weights=start.weights if start else None,
        image_size=image_size,
        resize_to=resize_to,
        epochs=epochs,
        batch=batch,
        lr=lr,
        layer_decay=LAYER_DECAY if start else None,
        drop_path=start.config.drop_path if start else 0.0,
        augmentation=augmentation,
        seed=wishes.seed,
        precision=precision,
        device=machine.device,
        threads=machine.threads,
        workers=workers,
        kernel=wishes.kernel,
    )
    return Plan(
        config=config,
        reasons=(_data(facts), why_model, why_size, why_augmentation, why_lr, why_precision, why_epochs),
    )


def within_time(plan: Plan, wishes: Wishes, *, seconds_per_epoch: float) -> Plan:
    """The plan with as many epochs as there is time for: what was asked for, else at most `UNASKED_BUDGET`.

    Only a time that was asked for makes the epochs more than planned.
    """
    config, seconds = plan.config, wishes.seconds
    epochs, why = config.epochs, plan.reasons[-1]
    fitting = max(1, int((seconds or UNASKED_BUDGET) / seconds_per_epoch))
    if seconds is not None:
        epochs, why = fitting, f"epochs: {fitting}, as many as fit into {in_words(seconds)}"
    elif wishes.epochs is None and fitting < epochs:
        epochs, why = (
            fitting,
            (
                f"epochs: {fitting} in place of {epochs}, to end within {in_words(UNASKED_BUDGET)}; "
                "--time or --epochs for longer"
            ),
        )
    estimate = (
        f"about {in_words(epochs * seconds_per_epoch)} in all, {seconds_per_epoch:.2g} s an epoch, timed here"
    )
    return replace(
        plan, config=replace(config, epochs=epochs), reasons=(*plan.reasons[:-1], f"{why} ({estimate})")
    )


def _data(facts: DataFacts) -> str:
    height, width = facts.size
    return (
        f"data: {facts.name}, {facts.train:,} pictures to learn from and {facts.val:,} to choose by, "
        f"{len(facts.classes)} classes, {height} × {width} pixels ({facts.layout})"
    )


def _model(facts: DataFacts, wishes: Wishes, start: Start | None) -> tuple[str, str]:
    if start is not None:
        return start.weights, f"model: fine-tune {start.weights}, as asked"
    if wishes.model is not None:
        return wishes.model, f"model: {wishes.model} from scratch, as asked"
    side = min(facts.size)
    if side <= SMALL:
        return "swin_nano", f"model: swin_nano from scratch, made for pictures of up to {SMALL} pixels"
    return "swin_micro", "model: swin_micro from scratch, small enough to learn from few pictures in minutes"


def _image_size(facts: DataFacts, wishes: Wishes, start: Start | None, model: str) -> Size:
    if wishes.image_size is not None:
        return wishes.image_size
    if start is not None:
        known = start.preprocess.image_size if start.preprocess else start.config.image_size
        if known is not None:
            return known
    if wishes.model is not None:
        known = size_config(model).image_size
        if known is not None:
            return known
    side = min(facts.size)
    if side <= SMALL:
        return 32, 32
    fitting = [size for size in INPUTS if size <= side]
    return (fitting[-1],) * 2 if fitting else (INPUTS[0],) * 2


def _resize_to(facts: DataFacts, image_size: Size, start: Start | None) -> tuple[Size | None, str]:
    """The size before the centre crop; small pictures are not cropped, since they have no margin to lose."""
    height, width = image_size
    if start is not None and start.preprocess is not None:
        adapted = start.preprocess.for_size(image_size)
        return adapted.resize_to, f"input: {height} × {width} pixels, prepared as the weights were scored"
    if min(facts.size) <= SMALL:
        return None, f"input: {height} × {width} pixels, nothing cropped"
    resize_to = round(height * 8 / 7), round(width * 8 / 7)
    return resize_to, f"input: {height} × {width} pixels, the middle of the picture"


def _augmentation(facts: DataFacts, image_size: Size) -> tuple[Augmentation, str]:
    if all(len(name) == 1 for name in facts.classes):
        return (
            DIGITS,
            "augmentation: small shifts and turns; no mirror images, for the classes are characters",
        )
    if min(facts.size) <= SMALL:
        return SMALL_PHOTOGRAPHS, "augmentation: shifts, mirror images, colour, erasing"
    return PHOTOGRAPHS, "augmentation: crops, mirror images, colour, erasing"


def _batch(facts: DataFacts) -> int:
    """Small sets need many steps more than they need smooth ones."""
    return 32 if facts.train < 5000 else 64


def _learning_rate(wishes: Wishes, model: str, batch: int, start: Start | None) -> tuple[float, str]:
    if wishes.lr is not None:
        return wishes.lr, f"learning rate: {wishes.lr:g}, as asked; batches of {batch}"
    if start is not None:
        return (
            5e-4,
            f"learning rate: 0.0005, {LAYER_DECAY} of it for each layer further down; batches of {batch}",
        )
    lr = 2e-3 if size_config(model).embed_dim < 96 else 5e-4
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
        return FINE_TUNING_EPOCHS, f"epochs: {FINE_TUNING_EPOCHS}, enough for weights that have seen pictures"
    epochs = min(100, max(10, round(SEEN / facts.train)))
    return epochs, f"epochs: {epochs}, so that about {epochs * facts.train:,} pictures are seen"


def _workers(facts: DataFacts, machine: Machine) -> int:
    """Processes beside the training: one for each four cores, since the training itself uses all of them."""
    return machine.cores // 4
