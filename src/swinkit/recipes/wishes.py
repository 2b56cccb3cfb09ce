"""What was asked of a training, before anything is decided; every refusal at once."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from swinkit.backbones.names import is_timm
from swinkit.engine.settings import Cache, Precision, Track
from swinkit.errors import ConfigError
from swinkit.tasks.imbalance import Asked

Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What was asked for; None leaves the choice to the recipe, and `Wishes()` asks for nothing.

    Raises ConfigError naming every contradiction at once.
    """

    data: str | None = None
    labels: tuple[str, ...] | None = None
    """The classes, in their order."""
    labels_file: str | None = None
    """Where they stand."""
    group_by: str | None = None
    """A column or a pattern of names: what is never parted by a split."""
    resplit: bool = False
    exclude: str | None = None
    """A file of findings that says what to leave out."""
    recipe: str | None = None
    """A published recipe, or FILE.py:FUNCTION (`recipes/named.py`)."""
    model: str | None = None
    weights: str | None = None
    """"none": fresh ones; None: published ones of the model, where they can be had."""
    image_size: Size | None = None
    epochs: int | None = None
    time: str | None = None
    """For everything from reading the pictures to the last number: 90s, 10m, 1h30m."""
    batch: int | None = None
    lr: float | Literal["find"] | None = None
    """"find": by a range test, before training."""
    drop_path: float | None = None
    precision: Precision | None = None
    teacher: str | None = None
    """A source of weights of a model to learn from."""
    distillation: Literal["soft", "hard"] = "soft"
    """Whether its probabilities or just its answers are learnt."""
    imbalance: Asked = "auto"
    """What to do about classes of unequal size."""
    device: str | None = None
    threads: int | None = None
    cache: Cache | Literal["none"] | None = None
    shard: bool = False
    """Whether several processes are to share out the model."""
    kernel: str | None = None
    track: Track | None = None
    """Where the numbers of each epoch are shown as well."""
    seed: int = 0

    def __post_init__(self) -> None:
        wrong = []
        if self.epochs is not None and self.time is not None:
            wrong.append("epochs and time both say how long; give one of them")
        for name in ("epochs", "batch"):
            value = getattr(self, name)
            if value is not None and value < 1:
                wrong.append(f"{name} is a count from 1; got {value}")
        rate: object = self.lr  # whatever Python handed over
        if isinstance(rate, str) and rate != "find":
            wrong.append(f"lr is a number, or find; got {self.lr!r}")
        if is_timm(self.model) and self.kernel is not None:
            wrong.append(f"kernel chooses a Swin's window attention, and {self.model} has none")
        if self.image_size is not None and min(self.image_size) < 1:
            wrong.append(f"image_size is in pixels, from 1; got {self.image_size}")
        if self.imbalance not in get_args(Asked):
            wrong.append(f"imbalance is one of {', '.join(get_args(Asked))}; got {self.imbalance}")
        if wrong:
            raise ConfigError("; ".join(wrong))
        if self.time is not None:
            seconds_in(self.time)  # refuses what is no length of time

    def to_dict(self) -> dict[str, Any]:
        """What was asked for, as plain values, without what was left to the recipe."""
        return {
            one.name: getattr(self, one.name)
            for one in fields(self)
            if getattr(self, one.name) != one.default
        }

    @property
    def seconds(self) -> float | None:
        """The time there is, where it was said."""
        return None if self.time is None else seconds_in(self.time)


def seconds_in(text: str) -> float:
    """90s, 10m, 1h, 1h30m as seconds. Raises ConfigError for anything else."""
    match = re.fullmatch(r"(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s)?", text.replace(" ", ""))
    try:
        seconds = (
            sum(float(part) * unit for part, unit in zip(match.groups(), (3600, 60, 1), strict=True) if part)
            if match
            else 0.0
        )
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise ConfigError(f"{text!r} is no length of time", hint="write 90s, 10m or 1h30m")
    return seconds
