"""How well does `train` learn small sets from scratch, told nothing but the data?

    python benchmarks/train_small.py                               the embedded digits, three seeds
    python benchmarks/train_small.py --data ../shared/data         flowers5 and cifar10_small too
    python benchmarks/train_small.py --sets digits --seeds 5 --out results.md

Prints a Markdown table: accuracy of the best epoch and of the last one over the seeds, wall and processor
time, beside a linear classifier (logistic regression on the same pixels, scikit-learn) and the largest class.
Nothing else should run on the machine meanwhile; processor time tells when something did.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from swinkit.data import ImageSet, open_images
from swinkit.verbs.machine import processor
from swinkit.verbs.train import train

SIDE = 32  # pixels of the linear classifier's pictures


@dataclass(frozen=True)
class Result:
    best: float
    last: float
    wall: float
    cpu: float
    epochs: int


def main() -> None:
    options = _options()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.sets:
            source = SETS[name](options.data, Path(scratch))
            if source is not None or name == "digits":
                rows.append(_row(name, source, options.seeds, options.time, Path(scratch)))
    report = "\n".join([*_header(options), *rows, ""])
    print(report)
    if options.out:
        options.out.write_text(report, encoding="utf-8")


def _row(name: str, source: Path | None, seeds: int, budget: str | None, scratch: Path) -> str:
    images = open_images(source)
    linear, majority = _linear(images), _majority(images)
    results = [_run(source, seed, budget, scratch / f"{name}-{seed}") for seed in range(seeds)]
    cells = (
        name,
        f"{len(images.split('train')):,} / {len(images.split('val')):,}",
        f"{len(images.classes)}",
        _spread([result.best for result in results]),
        _spread([result.last for result in results]),
        f"{linear:.1%}",
        f"{majority:.1%}",
        f"{results[0].epochs}",
        f"{statistics.mean(result.wall for result in results):.0f} s",
        f"{statistics.mean(result.cpu for result in results):.0f} s",
    )
    return f"| {' | '.join(cells)} |"


def _run(source: Path | None, seed: int, budget: str | None, out: Path) -> Result:
    wall, cpu = time.perf_counter(), _processor_seconds()
    run = train(source, out=out, seed=seed, time=budget)
    return Result(
        best=run.evaluation["accuracy"],
        last=run.metrics[-1]["accuracy"],
        wall=time.perf_counter() - wall,
        cpu=_processor_seconds() - cpu,
        epochs=run.config.epochs,
    )


def _linear(images: ImageSet) -> float:
    """Accuracy of logistic regression on pixels scaled to 0…1."""
    from sklearn.linear_model import LogisticRegression

    (train_x, train_y), (val_x, val_y) = (_pixels(images.split(part)) for part in ("train", "val"))
    return float(LogisticRegression(max_iter=2000).fit(train_x, train_y).score(val_x, val_y))


def _pixels(images: ImageSet) -> tuple[np.ndarray, list[str]]:
    """Every picture, at 32 × 32 pixels, as a row of numbers."""
    rows = [
        np.asarray(Image.fromarray(sample.pixels()).resize((SIDE, SIDE), Image.Resampling.BOX)).ravel() / 255
        for sample in images.samples
    ]
    return np.stack(rows), [str(sample.label) for sample in images.samples]


def _majority(images: ImageSet) -> float:
    taught, held_out = images.split("train").counts(), images.split("val").counts()
    return held_out[max(taught, key=taught.__getitem__)] / sum(held_out.values())


def _spread(values: list[float]) -> str:
    mean = statistics.mean(values)
    return f"{mean:.1%} ({min(values):.1%} – {max(values):.1%})" if len(values) > 1 else f"{mean:.1%}"


def _digits(data: Path, scratch: Path) -> Path | None:
    return None


def _flowers(data: Path, scratch: Path) -> Path | None:
    return _there(data / "flowers5")


def _cifar(data: Path, scratch: Path) -> Path | None:
    """The Parquet tables as class folders."""
    if _there(data / "cifar10_small") is None:
        return None
    from pyarrow import parquet

    classes = (data / "cifar10_small" / "classes.txt").read_text().split()
    for table, split in (("train", "train"), ("test", "val")):
        rows = parquet.read_table(data / "cifar10_small" / f"{table}.parquet").to_pylist()
        for number, row in enumerate(rows):
            place = scratch / "cifar10_small" / split / classes[row["label"]] / f"{number:05d}.jpg"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(row["image"]["bytes"])
    return scratch / "cifar10_small"


def _there(folder: Path) -> Path | None:
    if not folder.exists():
        print(f"{folder} is not there, so it is left out")
        return None
    return folder


SETS: dict[str, Callable[[Path, Path], Path | None]] = {
    "digits": _digits,
    "flowers5": _flowers,
    "cifar10_small": _cifar,
}


def _header(options: argparse.Namespace) -> list[str]:
    chip = processor()
    how = f"--time {options.time}" if options.time else "default settings"
    return [
        f"{chip.name}, {chip.cores} cores ({', '.join(chip.instruction_sets)}),",
        f"{torch.get_num_threads()} threads, torch {torch.__version__}, python {platform.python_version()};",
        f"{how}, {options.seeds} seeds.",
        "",
        "| data | train / val | classes | best epoch | last epoch | linear on pixels | largest class "
        "| epochs | wall time | processor time |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]


def _processor_seconds() -> float:
    """Of this process and those it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How well does `train` learn small sets from scratch?")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--time", help="how long each training may take (3m); by default what `train` chooses"
    )
    parser.add_argument("--out", type=Path, help="a Markdown file to write")
    return parser.parse_args()


if __name__ == "__main__":
    main()
