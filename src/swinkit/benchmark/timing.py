"""Calls timed in turn, with the machine's own product rate sampled before each.

A machine that others use, or that clocks down, slows all alike for a while; what is measured within one
round can be compared. So nothing is timed on its own: every round gives each contender a turn, in an order
that moves on by one each time. A turn is a product of matrices (twice, the faster counts), a call that is not
timed and brings threads and caches back, then timed calls.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from swinkit.benchmark.results import Case, Rate, Spread

Call = Callable[[], object]
SIDE = 2048
"""Of the matrices whose product gives the machine's rate: 8.6 billion multiply-adds."""
LEAST_SECONDS, MOST_CALLS = 0.2, 20
"""A turn goes on until it took so long, or had so many calls."""


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds of one call."""

    wall: float
    processor: float


@dataclass(frozen=True, slots=True)
class Turn:
    """What one contender did in one round."""

    product: Timed
    calls: tuple[Timed, ...]

    @property
    def wall(self) -> float:
        return statistics.median(call.wall for call in self.calls)

    @property
    def processor(self) -> float:
        return statistics.median(call.processor for call in self.calls)


def in_turn(calls: Mapping[str, Call], *, dtype: str, rounds: int) -> dict[str, list[Turn]]:
    """The turns of each contender, one a round."""
    product = _product(dtype)
    turns: dict[str, list[Turn]] = {name: [] for name in calls}
    names = list(calls)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            turns[name].append(_turn(calls[name], product))
    return turns


def _turn(call: Call, product: Call) -> Turn:
    sampled = min((_timed(product) for _ in range(2)), key=lambda one: one.wall)
    call()
    timed: list[Timed] = []
    while not timed or (len(timed) < MOST_CALLS and sum(one.wall for one in timed) < LEAST_SECONDS):
        timed.append(_timed(call))
    return Turn(sampled, tuple(timed))


def _timed(call: Call) -> Timed:
    wall, processor = time.perf_counter(), time.process_time()
    call()
    return Timed(time.perf_counter() - wall, time.process_time() - processor)


def _product(dtype: str) -> Call:
    """One product of square matrices as torch computes it; of int8 with sums of 32 bits."""
    if dtype == "int8":
        a, b = (torch.randint(-127, 128, (SIDE, SIDE), dtype=torch.int8) for _ in range(2))
        return lambda: torch._int_mm(a, b)
    x, y = (torch.randn(SIDE, SIDE).to(getattr(torch, dtype)) for _ in range(2))
    return lambda: torch.mm(x, y)


# What the times say -----------------------------------------------------------------------------------------


def spread(turns: Sequence[Turn], which: str) -> Spread:
    """Over all calls of all turns; which: wall or processor."""
    seconds = sorted(getattr(call, which) for turn in turns for call in turn.calls)
    p95 = seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))]
    return Spread(p50=statistics.median(seconds), p95=p95, best=seconds[0])


def ratio(turns: Sequence[Turn], to: Sequence[Turn]) -> float:
    """How many times as long as another one takes, round by round: the median."""
    return statistics.median(ours.wall / theirs.wall for ours, theirs in zip(turns, to, strict=True))


def share_of_rate(turns: Sequence[Turn], macs: int, which: str) -> float:
    """Of the product rate of the same turn, that calls of so many multiply-adds reach: the median."""
    return statistics.median(
        macs / SIDE**3 * getattr(turn.product, which) / getattr(turn, which) for turn in turns
    )


def rate(turns: Sequence[Turn], case: Case) -> Rate:
    """The machine's product rate over the turns of a case."""
    products = [turn.product for turn in turns]
    return Rate(
        case=case,
        best=SIDE**3 / min(one.wall for one in products),
        median=SIDE**3 / statistics.median(one.wall for one in products),
        samples=len(products),
        busy=statistics.median(one.processor / one.wall / case.threads for one in products),
    )
