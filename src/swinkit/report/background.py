"""What stands behind a model, alike on every page about one: its data, and how it was trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from swinkit.data import ImageSet
from swinkit.health.findings import Finding
from swinkit.report import charts, words
from swinkit.report.findings import grouped, stored
from swinkit.report.numbers import Sheet, Shown

_LEFT_OUT = 50  # files that are named
_LEFT_OUT_BY = ("D001", "D217")  # rules about files that are left out


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """How the model came about. facts: run.json. history: metrics.jsonl, a row an epoch."""

    facts: Mapping[str, Any]
    history: Sequence[Mapping[str, float]]


def background(
    images: ImageSet, trained: Trained | None, skipped: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """What `data.html.jinja` and `training.html.jinja` show. skipped: files left out, with the reason."""
    findings = stored(trained.facts["data"].get("findings", ())) if trained else []
    others = not_told(skipped, findings)
    return {
        "run": Sheet("run.json", trained.facts) if trained else None,
        "data": _counts(images) if trained else [],
        "splits": images.splits(),
        "skipped": len(skipped),
        "left_out": [words.left_out(*one) for one in others[:_LEFT_OUT]],
        "more_left_out": len(others) > _LEFT_OUT,
        "left_out_below": len(others) < len(skipped),
        "findings": grouped(findings),
        "curves": charts.curves(trained.history) if trained else [],
        "command": words.command(trained.facts) if trained else (),
        "settings": words.settings(trained.facts) if trained else (),
        "words": words,
    }


def not_told(skipped: Sequence[tuple[str, str]], findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """Files left out that no finding names: no file is listed twice."""
    told = tuple(f"/{name}" for one in findings if one.code in _LEFT_OUT_BY for name in one.files)
    return [(path, reason) for path, reason in skipped if not f"/{PurePath(path).as_posix()}".endswith(told)]


def _counts(images: ImageSet) -> list[tuple[str, list[Shown]]]:
    """Pictures of each class in each split, as split.csv of the run tells."""
    by_split = {split: images.split(split).counts() for split in images.splits()}
    sheet = Sheet("split.csv", by_split)
    return [(name, [sheet.count(split, name) for split in by_split]) for name in images.classes]
