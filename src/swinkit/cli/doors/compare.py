from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from tyro.conf import Positional

from swinkit.cli.options import Debug, Json, option
from swinkit.cli.screen import count, many, percent, print_json, print_table, say
from swinkit.verbs.compare import Comparison, SetContender, SetDuel, compare


@dataclass(frozen=True, kw_only=True)
class Compare:
    """Say which of several trained models is better, and whether that may be chance.

    RUN is the folder of a training, or of `evaluate --out`. Only the pictures that all of them were scored on
    count, found by content; runs that share none are refused. Exit code 1 then, and where the labels differ.

    examples:
      swinkit compare runs/flowers-1 runs/flowers-2
      swinkit compare runs/* --out runs/comparison
    """

    runs: Annotated[Positional[tuple[str, ...]], option("RUN…", "two or more")]
    """Folders of runs."""
    out: Annotated[str | None, option("FOLDER", "by default nothing is written")] = None
    """Write comparison.json and compare.html there."""
    json: Json = False
    debug: Debug = False

    def run(self) -> int:
        found = compare(self.runs, out=self.out)
        if self.json:
            print_json(found)
        else:
            _print(found)
        say(f"on {many(found.pictures, 'picture')} that all have; {found.left_out:,} others left out")
        if self.out:
            say(f"wrote {self.out}/comparison.json and {self.out}/compare.html")
        return 0


def _print(found: Comparison) -> None:
    several = isinstance(found.contenders[0], SetContender)
    judged, other = ("mean average precision", "F1") if several else ("balanced accuracy", "accuracy")
    print_table(("run", "model", judged, other, "parameters"), list(_runs(found)), (4,))
    print()
    chances = ("p",) if several else ("p", f"p of {other}")
    header = ("pair", f"{judged}, second less first", other, *chances, "so")
    print_table(header, list(_duels(found)))


def _runs(found: Comparison) -> Iterator[tuple[str, ...]]:
    for one in found.contenders:
        judged, other = (
            f"{percent(share.value)} ({percent(share.low)} to {percent(share.high)})"
            for share in (one.judged, one.f1 if isinstance(one, SetContender) else one.accuracy)
        )
        yield one.name, one.model or "–", judged, other, count(one.parameters)


def _duels(found: Comparison) -> Iterator[tuple[str, ...]]:
    for one in found.duels:
        judged, other = (
            f"{100 * share.value:+.2f} points ({100 * share.low:+.2f} to {100 * share.high:+.2f})"
            for share in (one.judged, one.f1 if isinstance(one, SetDuel) else one.accuracy)
        )
        chances = (one.p,) if isinstance(one, SetDuel) else (one.p_balanced, one.p)
        better = one.second if one.judged.value > 0 else one.first
        yield (
            f"{one.first}, {one.second}",
            judged,
            other,
            *(f"{p:.2g}" for p in chances),
            f"{better} is better" if one.decided else "may be chance",
        )
