from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from tyro.conf import Positional

from swinkit.cli.options import (
    AnswerPrecision,
    Batch,
    Debug,
    Device,
    GroupBy,
    Json,
    Kernel,
    Threads,
    option,
    share,
)
from swinkit.cli.screen import many, percent, print_facts, print_json, print_table, say
from swinkit.verbs.evaluate import Evaluation, MultiLabelEvaluation, evaluate

MISTAKES, CLASSES = 10, 50  # shown at most


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Score a model on pictures whose classes are known.

    DATA is a folder of class folders, with or without train, val and test above them, a table of
    path,label, parquet files or tar archives. Classes are matched by name. The pictures that a run was
    trained on are left out: for its own data, its saved split is used. Exit code 1 where --at-least asks
    for more than there is.

    examples:
      swinkit evaluate --weights runs/flowers-1
      swinkit evaluate photos/ --weights runs/flowers-1 --split all --json
      swinkit evaluate photos/ --weights runs/flowers-1 --at-least 90%
    """

    data: Annotated[Positional[str | None], option("[DATA]", "by default the run's own")] = None
    """Folder, table, parquet file or tar archive of pictures."""
    weights: Annotated[str | None, option("SOURCE", "required")] = None
    """Run, weights file, catalogue name or hf:owner/name."""
    split: Annotated[
        Literal["train", "val", "test", "all"] | None,
        option("{train,val,test,all}", "by default test, else val, else all"),
    ] = None
    """The part to score."""
    group_by: GroupBy = None
    out: Annotated[str | None, option("FOLDER", "by default nothing is written")] = None
    """Write report.html, evaluation.json and predictions.csv there."""
    at_least: Annotated[str | None, option("SHARE")] = None
    """What balanced accuracy (of several labels, mean average precision) has to reach: 0.9 or 90%."""
    batch: Batch = 64
    device: Device = None
    threads: Threads = None
    kernel: Kernel = None
    precision: AnswerPrecision = None
    json: Json = False
    debug: Debug = False

    def run(self) -> int:
        wanted = share(self.at_least, "--at-least")
        found = evaluate(
            self.data,
            self.weights,
            split=self.split,
            group_by=self.group_by,
            out=self.out,
            batch=self.batch,
            device=self.device,
            threads=self.threads,
            kernel=self.kernel,
            precision=self.precision,
        )
        if self.json:
            print_json(found.to_dict())
        else:
            _print(found)
        if found.skipped:
            _, reason = found.skipped[0]
            say(f"not counted: {many(len(found.skipped), 'picture')}; the first: {reason}")
        if self.out:
            say(f"wrote {self.out}/report.html, and its numbers: evaluation.json, predictions.csv")
        return 0 if wanted is None or _reaches(found, wanted) else 1


def _reaches(found: Evaluation | MultiLabelEvaluation, wanted: float) -> bool:
    """Whether it is as good as was asked for, which is said."""
    if isinstance(found, Evaluation):
        name, value = "balanced accuracy", found.balanced_accuracy
    elif found.mean_average_precision is not None:
        name, value = "mean average precision", found.mean_average_precision
    else:
        say(f"no picture is known to have a class, so nothing reaches the {percent(wanted)} asked for")
        return False
    reached = value >= wanted
    say(f"{name} {percent(value)} {'reaches' if reached else 'misses'} the {percent(wanted)} asked for")
    return reached


def _print(found: Evaluation | MultiLabelEvaluation) -> None:
    if isinstance(found, Evaluation):
        print_facts(_facts(found))
        print()
        header = ("class", "pictures", "recall", "precision", "F1")
        print_table(header, list(_classes(found)), right=(1, 2, 3, 4))
        return
    print_facts(_facts_of_sets(found))
    print()
    columns = ("class", "pictures", "average precision", "threshold", "recall", "precision", "F1")
    print_table(columns, list(_labels(found)), right=(1, 2, 3, 4, 5, 6))


def _facts_of_sets(found: MultiLabelEvaluation) -> dict[str, str]:
    precision, f1 = (
        _range(one.low, one.high) if one else ""
        for one in (
            found.intervals and found.intervals.mean_average_precision,
            found.intervals and found.intervals.f1,
        )
    )
    return {
        "data": f"{found.data}, {found.split or 'all of it'}: {many(found.pictures, 'picture')}",
        "weights": found.weights,
        "mean average precision": _share(found.mean_average_precision) + precision,
        "F1": f"{_share(found.f1)}{f1}, mean over the classes, each at its threshold",
        "exactly right": _share(found.exact),
        "loss": f"{found.loss:.4f} nats",
    }


def _labels(found: MultiLabelEvaluation) -> Iterator[tuple[str, ...]]:
    """A row for each class."""
    for name, score in found.per_class.items():
        shares = (score.average_precision, score.threshold, score.recall, score.precision, score.f1)
        yield name, str(score.pictures), *map(_share, shares)


def _share(value: float | None) -> str:
    return "–" if value is None else percent(value)


def _range(low: float, high: float) -> str:
    return f" (95 %: {low:.1%} to {high:.1%})"


def _facts(found: Evaluation) -> dict[str, str]:
    told = found.intervals
    accuracy, balanced = (
        (_range(one.low, one.high) for one in (told.accuracy, told.balanced_accuracy)) if told else ("", "")
    )
    return {
        "data": f"{found.data}, {found.split or 'all of it'}: {many(found.pictures, 'picture')}",
        "weights": found.weights,
        "accuracy": percent(found.accuracy) + accuracy,
        "balanced": f"{percent(found.balanced_accuracy)}{balanced}, mean over the classes",
        "top-5": percent(found.top5) if found.top5 is not None else "",
        "loss": f"{found.loss:.4f} nats",
        "mistakes": "\n".join(_mistakes(found)) or "none",
    }


def _classes(found: Evaluation) -> Iterator[tuple[str, ...]]:
    """A row for each class; of very many only those that are found least."""
    scores = list(found.per_class.items())
    if len(scores) > CLASSES:
        scores = sorted(scores, key=lambda item: 2.0 if item[1].recall is None else item[1].recall)[:CLASSES]
        say(f"of {len(found.per_class)} classes, the {CLASSES} found least are shown; --json has all")
    for name, score in scores:
        shares = (score.recall, score.precision, score.f1)
        yield name, str(score.pictures), *map(_share, shares)


def _mistakes(found: Evaluation) -> Iterator[str]:
    """The commonest confusions."""
    confused = [
        (count, found.classes[true], found.classes[said])
        for true, row in enumerate(found.confusion)
        for said, count in enumerate(row)
        if count and true != said
    ]
    for count, true, said in sorted(confused, reverse=True)[:MISTAKES]:
        yield f"{count} × {true} taken for {said}"
