"""One case: everyone is made ready, answers are compared, then all are timed in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from swinkit.benchmark import timing
from swinkit.benchmark.agreement import Agreement, agreement, expected_logits
from swinkit.benchmark.contenders import OTHER, builder, images
from swinkit.benchmark.memory import memory_of
from swinkit.benchmark.others import find
from swinkit.benchmark.own import OWN
from swinkit.benchmark.peers import PEERS
from swinkit.benchmark.products import share_outside_products
from swinkit.benchmark.ready import Job, Ready, missing
from swinkit.benchmark.results import Case, Kind, LeftOut, Memory, Rate, Row
from swinkit.benchmark.timing import Turn
from swinkit.errors import SwinkitError
from swinkit.models import Swin
from swinkit.models.cost import macs
from swinkit.profiling import on_threads

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Found:
    """What one case gave. rate: None where nobody was timed."""

    rows: tuple[Row, ...]
    left_out: tuple[LeftOut, ...]
    rate: Rate | None


def compare(case: Case, model: Swin, weights: Path, names: Sequence[str], *, rounds: int, say: Say) -> Found:
    """Measure contenders, the first being the one that others are compared with.

    weights: the same model as a file, for the processes in which memory is measured.
    """
    found = _Comparison(case, model, weights, say)
    with on_threads(case.threads), TemporaryDirectory(prefix="swinkit-bench-") as folder:
        for name in names:
            found.admit(name, Path(folder) / name.replace(":", "-"))
        turns = found.time(rounds)
        rows = tuple(found.rows(turns))
    every = [turn for of_one in turns.values() for turn in of_one]
    rate = timing.rate(every, case) if every else None
    return Found(rows, tuple(found.left_out), rate)


@dataclass(frozen=True, slots=True)
class _Admitted:
    """A contender that has answered right. agreement: None for another architecture."""

    kind: Kind
    ready: Ready
    start: float
    macs: int
    agreement: Agreement | None
    memory: Memory | None


class _Comparison:
    def __init__(self, case: Case, model: Swin, weights: Path, say: Say) -> None:
        self._case, self._model, self._weights, self._say = case, model, weights, say
        self._images = images(case, model.config.in_channels)
        self._expected = expected_logits(model, self._images)
        self._admitted: dict[str, _Admitted] = {}
        self.left_out: list[LeftOut] = []

    def admit(self, name: str, folder: Path) -> None:
        """Make one ready and look at its answer; or write down why it is left out."""
        self._say(f"  {name}: making it ready")
        folder.mkdir()
        try:
            self._admitted[name] = self._ready(name, folder)
        except SwinkitError as refusal:
            self._leave_out(name, refusal.message)
        except Exception as error:  # whatever another library throws belongs to the answer, not to us
            first = (str(error).strip().splitlines() or [""])[0]
            self._leave_out(name, f"it failed with {type(error).__name__}: {first}")

    def _ready(self, name: str, folder: Path) -> _Admitted:
        job = Job(model=self._model, images=self._images, case=self._case, folder=folder)
        build = builder(name)
        start = time.perf_counter()
        ready = build(job)
        ready.settle()
        start = time.perf_counter() - start
        answer = ready.logits(ready.call())
        if name.startswith(OTHER):
            kind: Kind = "other"
            agreed = None
            cost = find(name.removeprefix(OTHER)).macs(self._case.image_size, self._model.config.classes)
        else:
            kind = "kernel" if name in OWN else "peer"
            agreed = agreement(answer, self._expected, self._case.dtype)
            cost = macs(self._model.config, self._case.image_size).total
        memory = memory_of(name, self._case, self._weights)
        return _Admitted(kind, ready, start, cost, agreed, memory)

    def _leave_out(self, name: str, why: str) -> None:
        self._say(f"  {name} is left out: {why}")
        self.left_out.append(LeftOut(name=name, where=str(self._case), why=why))

    def time(self, rounds: int) -> dict[str, list[Turn]]:
        calls = {name: one.ready.call for name, one in self._admitted.items()}
        if not calls:
            return {}
        self._say(f"  timing {', '.join(calls)}, {rounds} rounds")
        return timing.in_turn(calls, dtype=self._case.dtype, rounds=rounds)

    def rows(self, turns: dict[str, list[Turn]]) -> Iterator[Row]:
        for name, one in self._admitted.items():
            mine = turns[name]
            wall = timing.spread(mine, "wall")
            work = one.macs * self._case.batch
            share = timing.share_of_rate(mine, work, "wall")
            torch_says = one.ready.runs_in_torch
            yield Row(
                case=self._case,
                name=name.removeprefix(OTHER),
                kind=one.kind,
                detail=one.ready.detail,
                calls=sum(len(turn.calls) for turn in mine),
                wall=wall,
                processor=timing.spread(mine, "processor"),
                throughput=self._case.batch / wall.p50,
                ratio=timing.ratio(mine, turns[next(iter(turns))]),
                macs=one.macs,
                share=share,
                share_of_processor=timing.share_of_rate(mine, work, "processor"),
                outside=share_outside_products(one.ready.call) if torch_says else max(1 - share, 0.0),
                outside_is="measured" if torch_says else "at most",
                start=one.start,
                off=one.agreement.off if one.agreement else None,
                agree=one.agreement.agree if one.agreement else None,
                memory=one.memory,
            )


def absent(name: str) -> str:
    """Why a peer cannot take part on this machine at all, with the line that installs it; else empty."""
    return missing(PEERS[name].packages) if name in PEERS else ""
