"""Whether a training decodes its pictures once, and keeps them where it finds them at once."""

from __future__ import annotations

from dataclasses import replace

from swinkit.data.kept import side_needed
from swinkit.engine.distributed import processes
from swinkit.engine.settings import Cache, TrainConfig
from swinkit.recipes.defaults import Plan
from swinkit.recipes.facts import DataFacts, Machine
from swinkit.recipes.wishes import Wishes

SHARE = 0.1
"""Of the free memory that the pictures of all processes may take unasked."""
_OFTEN = 2
"""Epochs from which a picture is wanted again."""


def with_cache(plan: Plan, facts: DataFacts, machine: Machine, wishes: Wishes) -> Plan:
    """The plan with its cache: as asked, else in memory where the pictures take little of it.

    Those that are in memory already (the embedded ones) and streams, which pass by, have none.
    """
    without = replace(
        plan,
        config=replace(plan.config, cache=None),
        reasons=tuple(reason for reason in plan.reasons if not reason.startswith("cache:")),
    )
    needed = bytes_needed(facts, plan.config)
    if wishes.cache is None:
        idle = wishes.data is None or facts.stream or plan.config.epochs < _OFTEN
        if idle or machine.ram is None or needed > SHARE * machine.ram / processes().size:
            return without
    elif wishes.cache == "none":
        return without
    cache: Cache = wishes.cache or "ram"
    asked = ", as asked" if wishes.cache else "; --cache none leaves them in their files"
    kept = replace(without, config=replace(plan.config, cache=cache))
    return kept.because(
        "cache", f"pictures are decoded once and kept in {cache}, about {needed / 1e6:.0f} MB{asked}"
    )


def side_kept(config: TrainConfig) -> int:
    """Pixels that the shorter side of a training picture has at most when it is kept."""
    least = 1.0 if config.augmentation.padding is not None else config.augmentation.crop_scale[0]
    return side_needed(config.resize_to or config.image_size, least)


def bytes_needed(facts: DataFacts, config: TrainConfig) -> int:
    """Training pictures made small, those to choose by whole; 8 bits a channel."""
    height, width = facts.size
    smaller = min(1.0, side_kept(config) / min(height, width))
    return round(height * width * config.channels * (facts.train * smaller**2 + facts.val))
