"""Everything that decides a training run, resolved: no field is left to be chosen later."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

from swinkit.engine.schedule import Schedule
from swinkit.errors import ConfigError
from swinkit.tasks.imbalance import Imbalance

if TYPE_CHECKING:
    from swinkit.data.mixing import Mixing
    from swinkit.data.transforms import Augmentation
    from swinkit.engine.distillation import Distillation

Precision = Literal["fp32", "bf16"]
Optimizer = Literal["adamw", "muon"]
Cache = Literal["ram", "disk"]
Track = Literal["tensorboard", "mlflow", "wandb"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """Settings of one training run; with the data they determine it to the last bit on a CPU.

    Raises ConfigError naming every impossible value at once.
    """

    task: str = "classification"
    """What is learnt: a name from `tasks.TASKS`."""
    data: str | None = None
    """Folder of the pictures; None: the embedded digits."""
    labels: tuple[str, ...] | None = None
    """The classes in their order, where they were told; None: those of train, in natural order."""
    group_by: str | None = None
    """What belongs together: a column or a pattern of names (`data/groups.py`)."""
    model: str
    """Size of the model, a name from `models.SIZES`; with weights, what they came from in words."""
    weights: str | None = None
    """Source of the weights to start from; None: fresh ones."""
    image_size: tuple[int, int]
    """Pixels of the model's input, (height, width)."""
    resize_to: tuple[int, int] | None = None
    """Pixels that a picture is scaled to just cover before the centre crop; None: `image_size`."""

    channels: int = 3
    """Of every picture."""
    own_values: bool = False
    """Whether pictures are measurements, taken as the files hold them."""
    mean: tuple[float, ...] | None = None
    """Of each channel, measured on train; None: as the weights were scored, for fresh ones as ImageNet."""
    std: tuple[float, ...] | None = None
    """Deviation of each channel."""

    epochs: int
    """Passes over the training pictures."""
    batch: int = 64
    """Pictures in one step of the optimiser."""
    accumulation: int = 1
    """Parts in which a step's pictures go through the model one after the other, to need less memory; to the
    result it makes no difference."""
    checkpointing: bool = False
    """Whether activations are computed again in the backward pass in place of being kept: a third more time,
    and much less memory; to the result it makes no difference."""
    optimizer: Optimizer = "adamw"
    """AdamW for everything, or Muon for the matrices inside the model and AdamW for the rest."""
    lr: float = 1e-3
    """Peak learning rate; the same numbers suit both optimizers."""
    final_lr: float = 0.01
    """Share of the peak at which the cosine ends."""
    schedule: Schedule = "cosine"
    """How the learning rate moves after its warm-up."""
    milestones: tuple[float, ...] = ()
    """Shares of all steps after which a "multistep" rate falls to a tenth."""
    warmup: float = 0.1
    """Share of all steps over which the learning rate rises linearly to its peak."""
    weight_decay: float = 0.05
    """Of matrices only; which those are is `models/parameters.py`'s to say."""
    layer_decay: float | None = None
    """Factor by which each layer learns slower than the one above it; None: all alike."""
    warm_start: bool = False
    """Whether the head begins as a linear classifier on the features of the weights as they were, so that the
    model is worth keeping before its first step; only then may there be no epoch at all."""
    frozen_stages: int = 0
    """Stages that do not learn, and with them the patch embedding; 0: everything learns."""
    ema: float | None = None
    """Decay of a running average of the weights, which is what is then looked at and kept; None: none."""
    patience: int | None = None
    """Epochs without a better one after which the training ends; None: it never ends early."""
    clip_norm: float = 5.0
    """Largest norm of the whole gradient."""
    label_smoothing: float = 0.1
    """Share of the target that is spread evenly over all classes."""
    drop_path: float = 0.0
    """Rate of stochastic depth in the last block."""
    augmentation: Augmentation
    """How training pictures are varied."""
    mixing: Mixing | None = None
    """How training pictures are blended in pairs; None: not at all."""
    repeats: int = 1
    """Views of one picture in an epoch, which then shows so many times fewer pictures."""

    distillation: Distillation | None = None
    """Whose answers are learnt beside the labels; None: nobody's."""
    imbalance: Imbalance = "none"
    """What is done about classes of unequal size."""

    seed: int = 0
    """Of fresh weights, order, augmentation, stochastic depth, and of a split if one is made."""
    precision: Precision = "fp32"
    """Of the products inside a training step (autocast); weights, sums and evaluation stay in fp32."""
    device: str = "cpu"
    """What computes, in torch's words."""
    threads: int = 1
    """Of the CPU; another number may change the last bits."""
    workers: int = 0
    """Processes that decode and vary pictures beside the training itself."""
    cache: Cache | None = None
    """Where training pictures are kept decoded and small, in memory or in the run's folder; None: nowhere."""
    shard: bool = False
    """Whether several processes share out weights, gradients and optimiser, each keeping a part."""
    kernel: str | None = None
    """Name of the window attention to use; None: the fastest that applies."""

    track: Track | None = None
    """Where the rows of metrics.jsonl are shown as well (`engine/trackers.py`); None: nowhere."""

    def __post_init__(self) -> None:
        wrong = [
            f"{name} = {getattr(self, name)!r}, expected {expected}"
            for name, fine, expected in (
                ("image_size", min(self.image_size) >= 1, "at least one pixel"),
                (
                    "epochs",
                    self.epochs >= (0 if self.warm_start else 1),
                    "at least 1, or 0 with a warm start",
                ),
                ("batch", self.batch >= 1, "at least 1"),
                ("accumulation", 1 <= self.accumulation <= self.batch, "at least 1 and at most the batch"),
                ("lr", self.lr > 0, "above 0"),
                ("optimizer", self.optimizer in get_args(Optimizer), "adamw or muon"),
                ("schedule", self.schedule in get_args(Schedule), f"one of {', '.join(get_args(Schedule))}"),
                (
                    "milestones",
                    all(0 < share < 1 for share in self.milestones)
                    and bool(self.milestones) == (self.schedule == "multistep"),
                    "shares between 0 and 1 for a multistep schedule, and none for others",
                ),
                ("frozen_stages", self.frozen_stages >= 0, "at least 0"),
                ("ema", self.ema is None or 0 < self.ema < 1, "None or a share between 0 and 1"),
                ("patience", self.patience is None or self.patience >= 1, "None or at least 1"),
                ("final_lr", 0 <= self.final_lr <= 1, "a share from 0 to 1"),
                ("warmup", 0 <= self.warmup < 1, "a share from 0 to below 1"),
                ("weight_decay", self.weight_decay >= 0, "at least 0"),
                ("clip_norm", self.clip_norm > 0, "above 0"),
                ("label_smoothing", 0 <= self.label_smoothing < 1, "a share from 0 to below 1"),
                ("drop_path", 0 <= self.drop_path < 1, "a rate from 0 to below 1"),
                ("repeats", self.repeats >= 1, "at least 1"),
                ("imbalance", self.imbalance in get_args(Imbalance), " or ".join(get_args(Imbalance))),
                ("seed", self.seed >= 0, "at least 0"),
                ("precision", self.precision in ("fp32", "bf16"), "fp32 or bf16"),
                ("threads", self.threads >= 1, "at least 1"),
                ("workers", self.workers >= 0, "at least 0"),
                (
                    "track",
                    self.track is None or self.track in get_args(Track),
                    f"None or one of {', '.join(get_args(Track))}",
                ),
            )
            if not fine
        ]
        if wrong:
            raise ConfigError("this training cannot run: " + "; ".join(wrong))

    @property
    def pictures_at_once(self) -> int:
        """Pictures that go through the model together."""
        return -(-self.batch // self.accumulation)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainConfig:
        """Inverse of `to_dict`, also after a trip through JSON. ConfigError on unknown or missing names."""
        from swinkit.data.mixing import Mixing
        from swinkit.data.transforms import Augmentation
        from swinkit.engine.distillation import Distillation

        settings = _settings_of(cls, values, "training")
        settings["augmentation"] = Augmentation(
            **_settings_of(Augmentation, values["augmentation"], "augmentation")
        )
        if values["mixing"] is not None:
            settings["mixing"] = Mixing(**_settings_of(Mixing, values["mixing"], "mixing"))
        if values["distillation"] is not None:
            settings["distillation"] = Distillation(
                **_settings_of(Distillation, values["distillation"], "distillation")
            )
        return cls(**settings)


def _settings_of(kind: type, values: dict[str, Any], of: str) -> dict[str, Any]:
    _check_names(kind, values, of)
    return {name: _tuples(value) for name, value in values.items()}


def _check_names(kind: type, values: dict[str, Any], of: str) -> None:
    known = {field.name for field in fields(kind)}
    unknown, missing = sorted(set(values) - known), sorted(known - set(values))
    if unknown or missing:
        parts = [f"unknown {', '.join(unknown)}"] if unknown else []
        parts += [f"missing {', '.join(missing)}"] if missing else []
        raise ConfigError(f"these are no settings of {of}: {'; '.join(parts)}")


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
