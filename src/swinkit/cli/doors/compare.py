from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from tyro.conf import Positional

from swinkit.cli.options import Debug, Json, option
from swinkit.cli.screen import count, many, percent, print_json, print_table, say
from swinkit.verbs.compare import Comparison, compare


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
            print_table(
                ("run", "model", "balanced accuracy", "accuracy", "parameters"), list(_runs(found)), (4,)
            )
            print()
            print_table(
                ("pair", "balanced accuracy, second less first", "p", "accuracy", "p", "so"),
                list(_duels(found)),
            )
        say(f"on {many(found.pictures, 'picture')} that all have; {found.left_out:,} others left out")
        if self.out:
            say(f"wrote {self.out}/comparison.json and {self.out}/compare.html")
        return 0


def _runs(found: Comparison) -> Iterator[tuple[str, ...]]:
    for one in found.contenders:
        balanced, accuracy = (
            f"{percent(share.value)} ({percent(share.low)} to {percent(share.high)})"
            for share in (one.balanced_accuracy, one.accuracy)
        )
        yield one.name, one.model or "–", balanced, accuracy, count(one.parameters)


def _duels(found: Comparison) -> Iterator[tuple[str, ...]]:
    for one in found.duels:
        balanced, accuracy = (
            f"{100 * share.value:+.2f} points ({100 * share.low:+.2f} to {100 * share.high:+.2f})"
            for share in (one.balanced_accuracy, one.accuracy)
        )
        better = one.second if one.balanced_accuracy.value > 0 else one.first
        verdict = f"{better} is better" if one.decided else "may be chance"
        yield (
            f"{one.first}, {one.second}",
            balanced,
            f"{one.p_balanced:.2g}",
            accuracy,
            f"{one.p:.2g}",
            verdict,
        )
