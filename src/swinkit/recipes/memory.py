"""How many pictures go through the model at once, so that a step fits into memory and stays the same step."""

from __future__ import annotations

from dataclasses import dataclass, replace

from swinkit.engine.settings import TrainConfig
from swinkit.errors import RunError
from swinkit.recipes.defaults import Plan

SHARE = 0.7
"""Of the free memory that a training plans to take: others take some too, and files are cached."""
PER_KEPT_BYTE = 1.5
"""Bytes at the peak of a step for each byte that is kept for the backward pass. Peak resident memory of steps
on a CPU, one thread: Swin-T 224 px 1.3, Swin v2-T 256 px 1.3, swin_micro 64 px 1.5; in bf16 0.9 to 1.3."""
PER_PARAMETER = 5 * 4
"""Bytes beside the weights themselves: gradient, two moments of AdamW, an average, the best so far."""
PER_WORKER = 250 << 20
"""Bytes of a process that loads pictures."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """Bytes: `kept` for the backward pass by each picture; what can still be taken, None where unknown."""

    kept: int
    parameters: int
    free: int | None

    def of(self, at_once: int, workers: int) -> int:
        """Bytes at the peak of a step with so many pictures at once."""
        lasting = self.parameters * PER_PARAMETER + workers * PER_WORKER
        return lasting + round(at_once * self.kept * PER_KEPT_BYTE)


def within_memory(plan: Plan, needs: Needs) -> Plan:
    """The plan with its batch in as many parts as it takes; effective batch and result stay the same.

    Raises RunError where not even one picture fits, with what is needed, what there is and what to do.
    """
    config = plan.config
    if needs.free is None:
        return plan
    room = round(needs.free * SHARE)
    parts = next((n for n in range(1, config.batch + 1) if _peak(config, n, needs) <= room), None)
    if parts is None:
        raise _too_little(plan, needs, room)
    whole = _peak(config, 1, needs)
    if parts == 1:
        why = f"memory: about {_in_words(whole)} of the {_in_words(needs.free)} that are free"
        return replace(plan, reasons=(*plan.reasons, why))
    config = replace(config, accumulation=parts)
    why = (
        f"memory: {config.batch} pictures in parts of {config.pictures_at_once}, to the same result: together "
        f"they would take {_in_words(whole)}, and {SHARE:.0%} of what is free is {_in_words(room)}"
    )
    return replace(plan, config=config, reasons=(*plan.reasons, why))


def _peak(config: TrainConfig, parts: int, needs: Needs) -> int:
    return needs.of(-(-config.batch // parts), config.workers)


def _too_little(plan: Plan, needs: Needs, room: int) -> RunError:
    config = plan.config
    side = tuple(max(32, length // 2) for length in config.image_size)
    fewer = replace(needs, kept=needs.kept // 4)
    error = RunError(
        f"a single picture of {config.image_size[0]} × {config.image_size[1]} pixels takes "
        f"{_in_words(needs.of(1, 0))} to learn from, and {_in_words(room)} may be used "
        f"({SHARE:.0%} of what is free)",
        hint=f"--image-size {side[0]}x{side[1]} takes about {_in_words(fewer.of(1, 0))}; a smaller --model "
        "takes less (swin_micro, swin_nano); or end other programs",
    )
    error.__cause__ = MemoryError()
    return error


def _in_words(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
