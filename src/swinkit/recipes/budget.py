"""What fits into the time there is: everything counts, from reading the pictures to the last number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from swinkit.engine.progress import in_words
from swinkit.engine.settings import TrainConfig
from swinkit.engine.timing import Pace
from swinkit.recipes.defaults import Plan
from swinkit.recipes.wishes import Wishes

UNASKED_BUDGET = 600.0
"""Seconds within which a training ends when nobody said how long it may take."""
KEPT_BACK = 0.05
"""Share of the time that is left to what cannot be foreseen."""
ENOUGH = 3
"""Epochs from which fine-tuning that many stages at that many pixels is worth its time."""
_STEP = 32
"""Pixels: inputs are whole numbers of it, as the strides of the published sizes are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """Seconds, as timed here: spent so far, to decode what is kept, for a linear classifier on frozen
    features, for an epoch, and for the numbers at the end."""

    spent: float
    keeping: float
    probing: float
    epoch: float
    scoring: float

    @property
    def beside(self) -> float:
        """All but the epochs."""
        return self.spent + self.keeping + self.probing + self.scoring


def epochs_within(estimate: Estimate, wishes: Wishes) -> int:
    """Whole epochs for which there is time; 0 where there is none."""
    seconds = (wishes.seconds or UNASKED_BUDGET) * (1 - KEPT_BACK)
    return max(0, int((seconds - estimate.beside) / estimate.epoch))


def within_time(plan: Plan, wishes: Wishes, estimate: Estimate, pace: Pace) -> Plan:
    """The plan at the pace of this machine, with as many epochs as there is time for.

    That is the time that was asked for, else at most `UNASKED_BUDGET`. Only a time that was asked for makes
    the epochs more than planned. A model that starts with a linear classifier on its features may do without
    any epoch; others learn for one at least.
    """
    config = replace(plan.config, threads=pace.threads, workers=pace.workers)
    least = 0 if config.warm_start else 1
    fitting, planned = max(least, epochs_within(estimate, wishes)), config.epochs
    if wishes.epochs is not None:
        epochs, why = planned, f"{planned}, as asked"
    elif wishes.seconds is not None:
        epochs, why = fitting, f"{fitting}, as many as fit into {in_words(wishes.seconds)}"
    elif fitting < planned:
        longer = "--time or --epochs for longer"
        epochs, why = (
            fitting,
            f"{fitting} in place of {planned}, to end in {in_words(UNASKED_BUDGET)}; {longer}",
        )
    else:
        epochs, why = planned, plan.why("epochs")
    if not epochs:
        why += "; the linear classifier is the result"
    timed = replace(plan, config=replace(config, epochs=epochs)).because("epochs", why)
    return timed.because("time", _time(epochs, estimate, config, wishes.seconds))


@dataclass(frozen=True, kw_only=True, slots=True)
class Lighter:
    """Settings that take less time, and which share of it by counting: good enough to know what to time."""

    config: TrainConfig
    share: float


def lighter(config: TrainConfig, depths: Sequence[int], *, smaller: bool) -> Iterator[Lighter]:
    """Fine-tuning as it is, then with fewer stages that learn, then with fewer pixels too.

    depths: blocks of each stage, which cost about the same; a frozen one saves its backward pass, two thirds.
    smaller: whether there may be fewer pixels.
    """
    height, width = (max(_STEP, round(0.6 * side / _STEP) * _STEP) for side in config.image_size)
    fewer = smaller and (height, width) < config.image_size
    for size in [config.image_size, (height, width)] if fewer else [config.image_size]:
        pixels = size[0] * size[1] / (config.image_size[0] * config.image_size[1])
        for least in (0, len(depths) // 2, len(depths) - 1):
            frozen = max(least, config.frozen_stages)  # a recipe may have frozen some
            saved = 2 / 3 * sum(depths[:frozen]) / sum(depths)
            less = replace(config, image_size=size, frozen_stages=frozen)
            yield Lighter(config=less, share=pixels * (1 - saved))


def _brief(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else in_words(seconds)


def _time(epochs: int, estimate: Estimate, config: TrainConfig, asked: float | None) -> str:
    whole = estimate.beside + epochs * estimate.epoch
    over = asked is not None and whole > asked
    parts = [f"{epochs} × {_brief(estimate.epoch)} for the epochs"]
    if estimate.probing >= 1:
        parts.insert(0, f"{in_words(estimate.probing)} for the linear classifier")
    if over:
        parts.append(f"{in_words(estimate.scoring)} for the numbers at the end")
    load = f" and {config.workers} to load" if config.workers else ""
    longer = ", more than was asked for" if over else ""
    threads = f"{config.threads} {'thread' if config.threads == 1 else 'threads'}"
    return (
        f"about {in_words(whole)}{longer}, of which {', '.join(parts)}; "
        f"timed here, with {threads} to compute{load}"
    )
