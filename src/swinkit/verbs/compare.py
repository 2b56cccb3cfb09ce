"""Which of several trained models is better, and may that be chance?"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swinkit.errors import ConfigError, DataError
from swinkit.trust.comparison import Comparison, Contender

if TYPE_CHECKING:
    import numpy as np

    from swinkit.trust.compare import Common

_NEEDED = {"label", "predicted", "group", "content"}
_NAMED = 3  # pictures whose labels differ, in a message


def compare(runs: Sequence[str | Path], *, out: str | Path | None = None) -> Comparison:
    """Compare runs on the pictures that all of them were scored on, found by their content.

    For each pair: the difference in accuracy and balanced accuracy with 95 % intervals, and how often chance
    would make as large a one (McNemar's exact test; with weights by class, and wherever pictures come in
    groups, answers exchanged at random; Holm's correction for several pairs).

    Args:
        runs: Two or more folders of runs, or of `evaluate --out`, which hold evaluation.json and
            predictions.csv.
        out: A folder to write comparison.json and compare.html into.

    Raises:
        DataError: the runs have no picture in common, or disagree about what one shows.
        ConfigError: there are fewer than two runs, or one has not been scored.
    """
    from swinkit.data import write_atomically
    from swinkit.report.compare_page import write_comparison
    from swinkit.trust.compare import Common, duels

    folders = [Path(run) for run in runs]
    if len(folders) < 2 or len(set(folders)) < len(folders):
        given = ", ".join(map(str, folders)) or "none"
        raise ConfigError(f"compare takes two or more different runs; got {given}")
    names = _names(folders)
    scored = [_read(folder, name) for folder, name in zip(folders, names, strict=True)]
    contents = _in_common(scored)
    first = scored[0].pictures
    groups = [first[content].group for content in contents]
    common = Common(
        labels=[first[content].label for content in contents],
        groups=[group or content for group, content in zip(groups, contents, strict=True)]
        if any(groups)
        else None,
    )
    right = [_right(one, contents) for one in scored]
    found = Comparison(
        pictures=len(contents),
        left_out=len({content for one in scored for content in one.pictures}) - len(contents),
        contenders=tuple(_contender(one, each, common) for one, each in zip(scored, right, strict=True)),
        duels=duels(names, right, common),
    )
    if out is not None:
        text = json.dumps(found.to_dict(), indent=2, ensure_ascii=False)
        write_atomically(Path(out) / "comparison.json", text + "\n")
        write_comparison(Path(out), found, {one.name: one.history for one in scored})
    return found


@dataclass(frozen=True, slots=True)
class _Picture:
    label: str
    predicted: str
    group: str


@dataclass(frozen=True, slots=True)
class _Scored:
    """What the folder of a run says. pictures: by their content."""

    folder: Path
    name: str
    numbers: Mapping[str, Any]
    pictures: Mapping[str, _Picture]

    @property
    def facts(self) -> Mapping[str, Any]:
        path = self.folder / "run.json"
        facts: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        return facts

    @property
    def history(self) -> list[dict[str, Any]]:
        path = self.folder / "metrics.jsonl"
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []


def _names(folders: Sequence[Path]) -> list[str]:
    """The last part of each path, or as much of its end as tells them apart."""
    for parts in range(1, max(len(folder.parts) for folder in folders) + 1):
        names = ["/".join(folder.parts[-parts:]) for folder in folders]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]


def _read(folder: Path, name: str) -> _Scored:
    from swinkit.data.files import did_you_mean

    if not folder.is_dir():
        raise ConfigError(f"there is no run {folder}", hint=did_you_mean(folder))
    evaluation, table = folder / "evaluation.json", folder / "predictions.csv"
    if not evaluation.is_file() or not table.is_file():
        missing = table if evaluation.is_file() else evaluation
        raise ConfigError(
            f"{folder} has not been scored: it lacks {missing.name}",
            hint=f"finish it: swinkit train --resume {folder}; or score any weights: "
            "swinkit evaluate DATA --weights … --out FOLDER",
        )
    numbers = json.loads(evaluation.read_text("utf-8"))
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or not _NEEDED <= rows[0].keys() or not numbers.get("cost"):
        raise ConfigError(
            f"{folder} was scored in another way: {table.name} and evaluation.json lack what is compared",
            hint="score it anew: swinkit evaluate --weights " + str(folder),
        )
    pictures = {row["content"]: _Picture(row["label"], row["predicted"], row["group"]) for row in rows}
    return _Scored(folder=folder, name=name, numbers=numbers, pictures=pictures)


def _in_common(scored: Sequence[_Scored]) -> list[str]:
    """The contents that every run was scored on, and on whose label all agree."""
    first, *others = scored
    common = [content for content in first.pictures if all(content in one.pictures for one in others)]
    if not common:
        counts = ", ".join(f"{one.name} {len(one.pictures)}" for one in scored)
        raise DataError(
            f"these runs have no picture in common, so nothing can be compared (scored pictures: {counts})",
            hint="score each on the same data: swinkit evaluate DATA --weights RUN --out FOLDER",
        )
    for one in others:
        differing = [c for c in common if one.pictures[c].label != first.pictures[c].label]
        if differing:
            pairs = (f"'{first.pictures[c].label}' and '{one.pictures[c].label}'" for c in differing[:_NAMED])
            raise DataError(
                f"{first.name} and {one.name} disagree on what {len(differing)} of the same pictures show: "
                + ", ".join(pairs),
                hint="score both on the same data: swinkit evaluate DATA --weights RUN --out FOLDER",
            )
    return common


def _right(one: _Scored, contents: Sequence[str]) -> np.ndarray:
    import numpy as np

    pictures = [one.pictures[content] for content in contents]
    return np.array([picture.label == picture.predicted for picture in pictures])


def _contender(one: _Scored, right: np.ndarray, common: Common) -> Contender:
    """How it fares on the common pictures alone."""
    import numpy as np

    from swinkit.trust.intervals import Resampled

    names, truth = np.unique(np.asarray(common.labels), return_inverse=True)
    answers = np.where(right, truth, len(names))  # all wrong answers are alike here
    drawn = Resampled(truth, answers, classes=len(names) + 1, groups=common.groups)
    accuracy, balanced = drawn.accuracy(), drawn.balanced_accuracy()
    assert accuracy is not None and balanced is not None
    config, cost, history = one.facts.get("config", {}), one.numbers["cost"], one.history
    return Contender(
        name=one.name,
        model=config.get("model") or "",
        weights=config.get("weights") or ("none" if config else str(one.numbers.get("weights", ""))),
        accuracy=accuracy,
        balanced_accuracy=balanced,
        parameters=cost["parameters"],
        epochs=len(history) or None,
        seconds=history[-1]["seconds"] if history else None,
        seconds_per_picture=cost["seconds_per_picture"],
    )
