"""How many pictures go through the model at once, so that a step fits into memory and stays the same step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from swinkit.data.loader import share_of
from swinkit.engine.settings import TrainConfig
from swinkit.errors import RunError
from swinkit.recipes.defaults import Plan

SHARE = 0.7
"""Of the free memory that a training plans to take: others take some too, and files are cached."""
PER_KEPT_BYTE = 1.5
"""Bytes at the peak of a step for each byte that is kept for the backward pass. Peak resident memory of steps
on a CPU, one thread: Swin-T 224 px 1.3, Swin v2-T 256 px 1.3, swin_micro 64 px 1.5; in bf16 0.9 to 1.3."""
RECOMPUTED = 0.6
"""Share of that where activations are computed again: Swin-T with 8 pictures peaks at 1.5 GB, not 2.1."""
PER_PARAMETER = 5 * 4
"""Bytes beside the weights themselves: gradient, two moments of AdamW, an average, the best so far."""
WHOLE = 4
"""Bytes a parameter of all weights brought together, where the model is shared out, to be looked at."""
PER_WORKER = 250 << 20
"""Bytes of a process that loads pictures."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """Bytes: `kept` for the backward pass by each picture; what can still be taken, None where unknown.

    processes: that train together, each with that much. shareable: whether they could share out the model.
    can_recompute: whether activations can be computed again.
    mixes: whether pictures that go through together show in each other's results, as with batch norms.
    """

    kept: int
    parameters: int
    free: int | None
    processes: int = 1
    shareable: bool = True
    can_recompute: bool = True
    mixes: bool = False

    def of(self, at_once: int, *, workers: int = 0, recomputing: bool = False, shared: bool = False) -> int:
        """Bytes at the peak of a step with so many pictures at once, in each process."""
        lasting = self.parameters * PER_PARAMETER
        if shared:
            lasting = lasting // self.processes + self.parameters * WHOLE
        share = RECOMPUTED if recomputing else 1
        return lasting + workers * PER_WORKER + round(at_once * self.kept * PER_KEPT_BYTE * share)

    @property
    def too_large(self) -> bool:
        """Whether the model with all that training keeps beside it is too large for one process."""
        return self.free is not None and self.of(0) > self.free * SHARE


def within_memory(plan: Plan, needs: Needs) -> Plan:
    """The plan with its batch in as many parts as it takes; effective batch and result stay the same.

    Where even one picture is too much, activations are computed again in place of being kept; where that is
    not enough, several processes share out the model. Raises RunError where nothing helps, with what is
    needed, what there is and what to do.
    """
    if needs.free is None:
        return plan
    room = round(needs.free * SHARE)
    config = plan.config
    whole = _peak(config, 1, needs)
    if whole <= room:
        of = f" in each of {needs.processes} processes" if needs.processes > 1 else ""
        return plan.because(
            "memory",
            f"about {_in_words(whole)} of the {_in_words(needs.free)} that are free{of}{_shared(config)}",
        )
    for attempt in _attempts(config, needs):
        parts = _parts(attempt, needs, room)
        if parts is not None:
            config = replace(attempt, accumulation=parts)
            return replace(plan, config=config).because("memory", _in_parts(config, whole, room, needs))
    raise _too_little(config, needs, room)


def _attempts(config: TrainConfig, needs: Needs) -> Iterator[TrainConfig]:
    """Ways to train with less memory, the ones that cost least time first."""
    may_share = needs.processes > 1 and needs.shareable and not config.shard
    for shard in (config.shard, True) if may_share else (config.shard,):
        yield replace(config, shard=shard)
        if needs.can_recompute:
            yield replace(config, shard=shard, checkpointing=True)


def _peak(config: TrainConfig, parts: int, needs: Needs) -> int:
    """Bytes at the peak of a step whose batch comes in so many parts, in the process with most of it."""
    share = max(len(share_of(config.batch, n, needs.processes)) for n in range(needs.processes))
    at_once = min(-(-config.batch // parts), share)
    return needs.of(at_once, workers=config.workers, recomputing=config.checkpointing, shared=config.shard)


def _in_parts(config: TrainConfig, whole: int, room: int, needs: Needs) -> str:
    again = ", with activations computed again" if config.checkpointing else ""
    so = "batch norms then average over a part" if needs.mixes else "to the same result"
    return (
        f"{config.batch} pictures in parts of {config.pictures_at_once}{again}{_shared(config)}, {so}: "
        f"at once they would take {_in_words(whole)}, and {SHARE:.0%} of what is free is "
        f"{_in_words(room)}"
    )


def _shared(config: TrainConfig) -> str:
    return ", with the model shared out" if config.shard else ""


def _parts(config: TrainConfig, needs: Needs, room: int) -> int | None:
    """The fewest parts of a batch of which each fits; None where not even one picture does."""
    counts = range(1, config.batch + 1)
    return next((n for n in counts if _peak(config, n, needs) <= room), None)


def _too_little(config: TrainConfig, needs: Needs, room: int) -> RunError:
    height, width = (side // 2 for side in config.image_size)
    least = _in_words(replace(needs, kept=needs.kept // 4).of(1, recomputing=True))
    error = RunError(
        f"a single picture of {config.image_size[0]} × {config.image_size[1]} pixels takes "
        f"{_in_words(needs.of(1, recomputing=True))} to learn from, and {_in_words(room)} may be used "
        f"({SHARE:.0%} of what is free)",
        hint=f"--image-size {height}x{width} takes about {least}; a smaller --model takes less (swin_micro, "
        "swin_nano); or end other programs"
        + ("; or several GPUs, which share out a model: torchrun … --shard" if needs.too_large else ""),
    )
    error.__cause__ = MemoryError()
    return error


def _in_words(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
