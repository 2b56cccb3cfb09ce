"""What a benchmark found, as plain facts: the rows of its table, and what they were measured on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from swinkit.windows import Pair

SCHEMA = 1
Kind = Literal["kernel", "peer", "other"]
"""swinkit's own kernel, another implementation of the same function, another architecture."""
_ALONE = 0.9  # share of a processor below which others are said to have had the rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What all that stand in one comparison are asked to do."""

    model: str
    image_size: Pair
    batch: int
    dtype: str
    threads: int

    def __str__(self) -> str:
        rows, columns = self.image_size
        images = "1 image" if self.batch == 1 else f"{self.batch} images"
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{self.model}, {images} of {rows} × {columns}, {self.dtype}, {threads}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Seconds of single calls: half of them took at most p50, all but one in twenty at most p95."""

    p50: float
    p95: float
    best: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes, of a process in which nothing else runs."""

    working: int
    """What calls need beside the weights, the images and the results."""
    process: int
    """The most that the process held more than before there was a model: weights, in all copies, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One contender in one case. Seconds are of one call, which takes the whole batch."""

    case: Case
    name: str
    kind: Kind
    detail: str
    """What exactly ran: instruction set, version, how the dtype was asked for."""
    calls: int
    """Timed calls behind the figures."""
    wall: Spread
    processor: Spread
    """Processor time, over all threads, waiting ones that spin included."""
    throughput: float
    """Images a second, at the median."""
    ratio: float
    """Time as a multiple of the first row's of the case: the median over rounds."""
    macs: int
    """Multiply-adds of one image."""
    share: float
    """Of the machine's product rate, sampled just before: the median over rounds."""
    share_of_processor: float
    """The same by processor time, which counts no time that others had the processor."""
    outside: float
    """Share of the time that goes elsewhere than into products."""
    outside_is: Literal["measured", "at most"]
    """Measured by torch's profiler; or what is left at most, were products as fast as the machine's rate."""
    start: float
    """Seconds from the model in memory until the first call can be answered: packing, tracing, compiling."""
    off: float | None
    """Largest difference from the formula's logits in float32, as a share of the largest logit."""
    agree: float | None
    """Share of images with the same first answer."""
    memory: Memory | None
    """None where the system does not tell (it takes Linux)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Products of 2048 × 2048 in torch, sampled between the timings; multiply-adds a second."""

    case: Case
    """Between whose timings."""
    best: float
    median: float
    samples: int
    busy: float
    """Processor seconds for each second and thread that a product took: below 1, others had the processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What was asked for and not measured, and why."""

    name: str
    where: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    processor: str
    cores: int
    instruction_sets: tuple[str, ...]
    system: str
    load: float | None
    """Processes that wanted to run before the first timing (the load average of a minute)."""
    versions: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """What `bench` found. written: bench.json and bench.html in folder."""

    machine: Machine
    rows: tuple[Row, ...]
    rates: tuple[Rate, ...]
    left_out: tuple[LeftOut, ...]
    rounds: int
    folder: Path

    def with_case(self, rows: tuple[Row, ...], rate: Rate | None, left_out: tuple[LeftOut, ...]) -> Benchmark:
        """The same with what one more case gave."""
        return replace(
            self,
            rows=self.rows + rows,
            rates=self.rates + ((rate,) if rate else ()),
            left_out=self.left_out + left_out,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"schema": SCHEMA, **asdict(self), "folder": str(self.folder)}

    def first(self, case: Case) -> Row:
        """The contender of a case that others are compared with."""
        return next(row for row in self.rows if row.case == case)

    def best_peer(self, case: Case) -> Row | None:
        """The fastest other implementation of a case, beside the first."""
        peers = [row for row in self.rows if row.case == case and row.kind == "peer"]
        return min(peers, key=lambda row: row.ratio, default=None)

    def most_crowded(self) -> int | None:
        """The place among the rates of the one that others slowed most; None where nobody did."""
        place = min(range(len(self.rates)), key=lambda number: self.rates[number].busy, default=None)
        return place if place is not None and self.rates[place].busy < _ALONE else None

    def cases(self) -> dict[Case, list[Row]]:
        """The rows by case, in the order in which they were measured."""
        found: dict[Case, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.case, []).append(row)
        return found
