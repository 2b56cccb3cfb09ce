"""Which of several trained models is better, and may that be chance?"""

from __future__ import annotations

import csv
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swinkit.errors import ConfigError, DataError
from swinkit.trust.comparison import Comparison, Contender, Duel, SetContender, SetDuel

if TYPE_CHECKING:
    import numpy as np

    from swinkit.trust.compare import Common
    from swinkit.trust.compare_sets import Answered

_NEEDED = {"label", "predicted", "group", "content"}
_NEEDED_OF_SETS = {"labels", "unknown", "predicted", "group", "content"}
_NAMED = 3  # pictures whose labels differ, in a message


def compare(runs: Sequence[str | Path], *, out: str | Path | None = None) -> Comparison:
    """Compare runs on the pictures that all of them were scored on, found by their content.

    For each pair: the difference in accuracy and balanced accuracy with 95 % intervals, and how often chance
    would make as large a one (McNemar's exact test; with weights by class, and wherever pictures come in
    groups, answers exchanged at random; Holm's correction for several pairs). Where pictures may have several
    classes, the same of mean average precision and F1, by pictures or groups weighed at random.

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

    folders = [Path(run) for run in runs]
    if len(folders) < 2 or len(set(folders)) < len(folders):
        given = ", ".join(map(str, folders)) or "none"
        raise ConfigError(f"compare takes two or more different runs; got {given}")
    scored = [_read(folder, name) for folder, name in zip(folders, _names(folders), strict=True)]
    _refuse_two_kinds(scored)
    contents = _in_common(scored)
    contenders, duels = (_of_sets if scored[0].several else _of_classes)(scored, contents)
    found = Comparison(
        pictures=len(contents),
        left_out=len({content for one in scored for content in one.pictures}) - len(contents),
        contenders=contenders,
        duels=duels,
    )
    if out is not None:
        text = json.dumps(found.to_dict(), indent=2, ensure_ascii=False)
        write_atomically(Path(out) / "comparison.json", text + "\n")
        write_comparison(Path(out), found, {one.name: one.history for one in scored})
    return found


@dataclass(frozen=True, slots=True)
class _Picture:
    """shows, given: the classes that it has and was given, one of each or several. shares: of all classes."""

    shows: tuple[str, ...]
    given: tuple[str, ...]
    unknown: tuple[str, ...]
    shares: tuple[float, ...]
    group: str


@dataclass(frozen=True, slots=True)
class _Scored:
    """What the folder of a run says. several: whether pictures may have several classes.

    classes: those of which every probability is told. pictures: by their content.
    """

    folder: Path
    name: str
    several: bool
    classes: tuple[str, ...]
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
    place = shlex.quote(str(folder))
    source = f"--weights {place}" if (folder / "run.json").is_file() else "DATA --weights …"
    evaluation, table = folder / "evaluation.json", folder / "predictions.csv"
    if not evaluation.is_file() or not table.is_file():
        missing = table if evaluation.is_file() else evaluation
        raise ConfigError(
            f"{folder} has not been scored: it lacks {missing.name}",
            hint=f"finish it: swinkit train --resume {place}; or score any weights: "
            "swinkit evaluate DATA --weights … --out FOLDER",
        )
    numbers = json.loads(evaluation.read_text("utf-8"))
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    several = bool(rows) and "labels" in rows[0]
    needed = _NEEDED_OF_SETS if several else _NEEDED
    if not rows or not needed <= rows[0].keys() or not numbers.get("cost"):
        raise ConfigError(
            f"{folder} was scored in another way: {table.name} and evaluation.json lack what is compared",
            hint=f"score it anew: swinkit evaluate {source} --out FOLDER, and compare that folder",
        )
    columns = [name for name in rows[0] if name.startswith("p(")] if several else []
    if several and len(columns) < len(numbers["classes"]):
        raise ConfigError(
            f"{folder} has {len(numbers['classes']):,} classes, too many for {table.name} to tell the "
            "probabilities by which runs with several labels are compared"
        )
    return _Scored(
        folder=folder,
        name=name,
        several=several,
        classes=tuple(column[2:-1] for column in columns),
        numbers=numbers,
        pictures={row["content"]: _picture(row, several, columns) for row in rows},
    )


def _picture(row: Mapping[str, str], several: bool, columns: Sequence[str]) -> _Picture:
    """A line of predictions.csv."""

    def names(column: str) -> tuple[str, ...]:
        return tuple(sorted(row[column].split(";"))) if row[column] else ()

    if not several:
        return _Picture((row["label"],), (row["predicted"],), (), (), row["group"])
    shares = tuple(float(row[column]) for column in columns)
    return _Picture(names("labels"), names("predicted"), names("unknown"), shares, row["group"])


def _refuse_two_kinds(scored: Sequence[_Scored]) -> None:
    one, several = ([run.name for run in scored if run.several == kind] for kind in (False, True))
    if one and several:
        raise ConfigError(
            f"{', '.join(several)} may give a picture several classes and {', '.join(one)} gives just one, "
            "so they cannot be compared"
        )


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
        differing = [c for c in common if one.pictures[c].shows != first.pictures[c].shows]
        if differing:
            pairs = (
                f"'{';'.join(first.pictures[c].shows)}' and '{';'.join(one.pictures[c].shows)}'"
                for c in differing[:_NAMED]
            )
            raise DataError(
                f"{first.name} and {one.name} disagree on what {len(differing)} of the same pictures show: "
                + ", ".join(pairs),
                hint="score both on the same data: swinkit evaluate DATA --weights RUN --out FOLDER",
            )
    return common


def _of_classes(
    scored: Sequence[_Scored], contents: Sequence[str]
) -> tuple[tuple[Contender, ...], tuple[Duel, ...]]:
    """How runs fare on the common pictures where each has one class."""
    import numpy as np

    from swinkit.trust.compare import Common, duels

    first = scored[0].pictures
    groups = [first[content].group for content in contents]
    common = Common(
        labels=[first[content].shows[0] for content in contents],
        groups=_groups(first, contents) if any(groups) else None,
    )
    right = [
        np.array([one.pictures[content].shows == one.pictures[content].given for content in contents])
        for one in scored
    ]
    contenders = tuple(_contender(one, each, common) for one, each in zip(scored, right, strict=True))
    return contenders, duels([one.name for one in scored], right, common)


def _contender(one: _Scored, right: np.ndarray, common: Common) -> Contender:
    import numpy as np

    from swinkit.trust.intervals import Resampled

    names, truth = np.unique(np.asarray(common.labels), return_inverse=True)
    answers = np.where(right, truth, len(names))  # all wrong answers are alike here
    drawn = Resampled(truth, answers, classes=len(names) + 1, groups=common.groups)
    accuracy, balanced = drawn.accuracy(), drawn.balanced_accuracy()
    assert accuracy is not None and balanced is not None
    return Contender(accuracy=accuracy, balanced_accuracy=balanced, **_entrant(one))


def _of_sets(
    scored: Sequence[_Scored], contents: Sequence[str]
) -> tuple[tuple[SetContender, ...], tuple[SetDuel, ...]]:
    """The same where a picture may have several. Only classes count that one of the pictures has."""
    import numpy as np

    from swinkit.trust.compare_sets import CommonSets, answered, set_duels

    first = scored[0].pictures
    unknown = [{name for run in scored for name in run.pictures[c].unknown} for c in contents]
    had = {
        name
        for c, others in zip(contents, unknown, strict=True)
        for name in first[c].shows
        if name not in others
    }
    classes = [name for name in scored[0].classes if name in had]
    if not classes:
        raise DataError("none of the pictures that these runs have in common is known to have a class")
    truth = [
        [np.nan if name in others else float(name in first[c].shows) for name in classes]
        for c, others in zip(contents, unknown, strict=True)
    ]
    common = CommonSets(truth=np.array(truth), groups=_groups(first, contents))
    models = []
    for one in scored:
        places = [one.classes.index(name) for name in classes]
        pictures = [one.pictures[content] for content in contents]
        shares = np.array([picture.shares for picture in pictures])[:, places]
        given = np.array([[name in picture.given for name in classes] for picture in pictures])
        models.append(answered(shares, given, common))
    contenders = tuple(_set_contender(one, each) for one, each in zip(scored, models, strict=True))
    return contenders, set_duels([one.name for one in scored], models, common)


def _set_contender(one: _Scored, said: Answered) -> SetContender:
    precision, f1 = said.intervals()
    return SetContender(mean_average_precision=precision, f1=f1, **_entrant(one))


def _groups(pictures: Mapping[str, _Picture], contents: Sequence[str]) -> list[str]:
    return [pictures[content].group or content for content in contents]


def _entrant(one: _Scored) -> dict[str, Any]:
    """What a run is and costs."""
    config, cost, history = one.facts.get("config", {}), one.numbers["cost"], one.history
    return {
        "name": one.name,
        "model": config.get("model") or "",
        "weights": config.get("weights") or ("none" if config else str(one.numbers.get("weights", ""))),
        "parameters": cost["parameters"],
        "epochs": len(history) or None,
        "seconds": history[-1]["seconds"] if history else None,
        "seconds_per_picture": cost["seconds_per_picture"],
    }
