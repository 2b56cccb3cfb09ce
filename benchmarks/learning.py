"""Does `train` teach as well, and as fast, as a plain loop of timm's or torchvision's parts?

    python benchmarks/learning.py --data ../shared/data --time 2m
    python benchmarks/learning.py --sets digits --seeds 5 --out results.md

For each set and seed `swinkit.train` runs from scratch with its defaults. Then plain loops, built from the
public parts of timm and of torchvision, train the same architecture for as many epochs, in batches of the
same size, at the same peak learning rate and input size, and keep their best epoch by validation too. All
are scored on the same pictures. The difference is paired by seed, with its 95 % interval (Student's t).

Beside them: logistic regression on the same pixels (scikit-learn), the largest class. Rates count pictures
trained on, from the first step to the last, validation included. Nothing else should run meanwhile; processor
time tells when something did.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

import swinkit
from swinkit.data import ImageSet, open_images, read_split
from swinkit.data.vision import load_torchvision
from swinkit.engine.run import Run
from swinkit.engine.settings import TrainConfig
from swinkit.models import size_config
from swinkit.models.preprocess import IMAGENET_MEAN, IMAGENET_STD
from swinkit.verbs.machine import processor

SIDE = 32  # pixels of the linear classifier's pictures
STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
"""97.5th percentile of Student's t with one less degrees of freedom than runs."""

Transform = Callable[[Image.Image], Tensor]


@dataclass(frozen=True)
class Score:
    """accuracy: on the held-out pictures. rate: pictures a second."""

    accuracy: float
    rate: float
    cpu: float


@dataclass(frozen=True)
class Pictures:
    """A run's pictures, decoded once, for the plain loops."""

    train: list[tuple[Image.Image, int]]
    val: list[tuple[Image.Image, int]]
    held_out: list[tuple[Image.Image, int]]
    mirrors: bool


@dataclass(frozen=True)
class Library:
    """A plain loop's parts."""

    model: Callable[[TrainConfig, int], nn.Module]
    transforms: Callable[[TrainConfig, bool], tuple[Transform, Transform]]
    """For training and for looking; the second argument says whether mirror images are allowed."""


def main() -> None:
    options = _options()
    load_torchvision()
    header, rows = _header(options), []  # before a training chooses how many threads it takes
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.sets:
            source = None if name == "digits" else options.data / name
            if source is not None and not source.exists():
                print(f"{source} is not there, so it is left out")
                continue
            rows += _rows(name, source, options, Path(scratch))
    report = "\n".join([*header, *rows, ""])
    print(report)
    if options.out:
        options.out.write_text(report, encoding="utf-8")


def _rows(name: str, source: Path | None, options: argparse.Namespace, scratch: Path) -> list[str]:
    scores: dict[str, list[Score]] = {"swinkit": [], **{library: [] for library in LIBRARIES}}
    linear, epochs = [], []
    for seed in range(options.seeds):
        run, score = _ours(source, seed, options.time, scratch / f"{name}-{seed}")
        scores["swinkit"].append(score)
        epochs.append(run.config.epochs)
        images = _images(source, run)
        pictures = _pictures(images)
        linear.append(_linear(pictures))
        for library, parts in LIBRARIES.items():
            scores[library].append(_plain(parts, pictures, run.config, seed))
            print(f"{name}, seed {seed}, {library}: {scores[library][-1]}", flush=True)
    shown = f"{len(pictures.train):,} / {len(pictures.held_out):,}"
    largest = _largest_class(pictures)
    return [
        f"| {name} | {shown} | {run.config.model}, {_range(epochs)} epochs | {library} "
        f"| {_spread([one.accuracy for one in found])} | {_difference(scores['swinkit'], found)} "
        f"| {statistics.mean(one.rate for one in found):.0f} "
        f"| {statistics.mean(one.cpu for one in found):.0f} s "
        f"| {statistics.mean(linear):.1%} | {largest:.1%} |"
        for library, found in scores.items()
    ]


def _ours(source: Path | None, seed: int, budget: str | None, out: Path) -> tuple[Run, Score]:
    cpu = _processor_seconds()
    run = swinkit.train(source, out=out, seed=seed, time=budget, weights="none")
    seen = run.config.epochs * run.facts["data"]["pictures"]["train"]
    score = Score(
        accuracy=run.evaluation["accuracy"],
        rate=seen / run.metrics[-1]["seconds"],
        cpu=_processor_seconds() - cpu,
    )
    return run, score


def _images(source: Path | None, run: Run) -> ImageSet:
    """The run's pictures in the run's splits."""
    images = open_images(source)
    unreadable = set(run.facts["data"]["unreadable"])
    samples = [sample for sample in images.samples if sample.name not in unreadable]
    return ImageSet(name=images.name, samples=read_split(run.split, samples), classes=images.classes)


def _pictures(images: ImageSet) -> Pictures:
    index = {name: number for number, name in enumerate(images.classes)}

    def decoded(split: str) -> list[tuple[Image.Image, int]]:
        return [
            (Image.fromarray(sample.pixels()), index[str(sample.label)])
            for sample in images.samples
            if sample.split == split
        ]

    held_out = "test" if "test" in images.splits() else "val"
    characters = all(len(name) == 1 for name in images.classes)
    return Pictures(decoded("train"), decoded("val"), decoded(held_out), mirrors=not characters)


def _plain(library: Library, pictures: Pictures, config: TrainConfig, seed: int) -> Score:
    """The loop that anybody would write: AdamW, a linear warm-up, a cosine, the best epoch kept."""
    torch.manual_seed(seed)
    torch.set_num_threads(config.threads)
    cpu, began = _processor_seconds(), time.perf_counter()
    model = library.model(config, 1 + max(label for _, label in pictures.train))
    teach, look = library.transforms(config, pictures.mirrors)
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.lr, weight_decay=0.05)
    per_epoch = -(-len(pictures.train) // config.batch)
    steps = config.epochs * per_epoch
    warmup = max(1, round(config.warmup * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: min((step + 1) / warmup, (1 + math.cos(math.pi * step / steps)) / 2),
    )
    val = [(look(image), label) for image, label in pictures.val]
    best, kept = -1.0, model.state_dict()
    for _ in range(config.epochs):
        model.train()
        order = torch.randperm(len(pictures.train)).tolist()
        for first in range(0, len(order), config.batch):
            some = [pictures.train[index] for index in order[first : first + config.batch]]
            inputs = torch.stack([teach(image) for image, _ in some])
            targets = torch.tensor([label for _, label in some])
            with torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bf16"):
                outputs = model(inputs)
            loss = F.cross_entropy(outputs.float(), targets, label_smoothing=config.label_smoothing)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
            optimiser.step()
            schedule.step()
        accuracy = _accuracy(model, val)
        if accuracy > best:
            best, kept = accuracy, copy.deepcopy(model.state_dict())
    rate = config.epochs * len(pictures.train) / (time.perf_counter() - began)
    model.load_state_dict(kept)
    held_out = [(look(image), label) for image, label in pictures.held_out]
    return Score(accuracy=_accuracy(model, held_out), rate=rate, cpu=_processor_seconds() - cpu)


def _accuracy(model: nn.Module, pictures: list[tuple[Tensor, int]]) -> float:
    model.eval()
    right = 0
    with torch.inference_mode():
        for first in range(0, len(pictures), 64):
            some = pictures[first : first + 64]
            answers = model(torch.stack([image for image, _ in some])).argmax(dim=1)
            right += int((answers == torch.tensor([label for _, label in some])).sum())
    return right / len(pictures)


def _timm_model(config: TrainConfig, classes: int) -> nn.Module:
    from timm.models.swin_transformer import SwinTransformer

    size = size_config(config.model)
    return SwinTransformer(
        img_size=config.image_size,
        patch_size=size.patch_size[0],
        num_classes=classes,
        embed_dim=size.embed_dim,
        depths=size.depths,
        num_heads=size.num_heads,
        window_size=size.window[0],
        mlp_ratio=size.mlp_ratio,
        drop_path_rate=config.drop_path,
    )


def _timm_transforms(config: TrainConfig, mirrors: bool) -> tuple[Transform, Transform]:
    from timm.data import create_transform

    teach = create_transform(
        config.image_size, is_training=True, hflip=0.5 if mirrors else 0.0, color_jitter=0.4
    )
    return teach, create_transform(config.image_size, crop_pct=0.9, interpolation="bicubic")


def _torchvision_model(config: TrainConfig, classes: int) -> nn.Module:
    from torchvision.models.swin_transformer import SwinTransformer

    size = size_config(config.model)
    return SwinTransformer(
        patch_size=list(size.patch_size),
        embed_dim=size.embed_dim,
        depths=list(size.depths),
        num_heads=list(size.num_heads),
        window_size=list(size.window[0]),
        mlp_ratio=size.mlp_ratio,
        stochastic_depth_prob=config.drop_path,
        num_classes=classes,
    )


def _torchvision_transforms(config: TrainConfig, mirrors: bool) -> tuple[Transform, Transform]:
    from torchvision.transforms import v2

    size = list(config.image_size)
    finish = [
        v2.PILToTensor(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(list(IMAGENET_MEAN), list(IMAGENET_STD)),
    ]
    flips = [v2.RandomHorizontalFlip()] if mirrors else []
    teach = v2.Compose([v2.RandomResizedCrop(size, antialias=True), *flips, *finish])
    look = v2.Compose([v2.Resize(round(min(size) * 8 / 7), antialias=True), v2.CenterCrop(size), *finish])
    return teach, look


LIBRARIES = {
    "plain timm": Library(_timm_model, _timm_transforms),
    "plain torchvision": Library(_torchvision_model, _torchvision_transforms),
}


def _linear(pictures: Pictures) -> float:
    """Accuracy of logistic regression on pixels scaled to 0…1."""
    from sklearn.linear_model import LogisticRegression

    (inputs, labels), (held_out, truth) = _pixels(pictures.train), _pixels(pictures.held_out)
    return float(LogisticRegression(max_iter=2000).fit(inputs, labels).score(held_out, truth))


def _pixels(pictures: Iterable[tuple[Image.Image, int]]) -> tuple[np.ndarray, list[int]]:
    """Every picture, at 32 × 32 pixels, as a row of numbers."""
    rows, labels = [], []
    for image, label in pictures:
        rows.append(np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX)).ravel() / 255)
        labels.append(label)
    return np.stack(rows), labels


def _largest_class(pictures: Pictures) -> float:
    taught = [label for _, label in pictures.train]
    largest = max(set(taught), key=taught.count)
    return sum(label == largest for _, label in pictures.held_out) / len(pictures.held_out)


def _range(counts: list[int]) -> str:
    return f"{min(counts)} to {max(counts)}" if len(set(counts)) > 1 else str(counts[0])


def _spread(values: list[float]) -> str:
    mean = statistics.mean(values)
    return f"{mean:.1%} ({min(values):.1%} – {max(values):.1%})" if len(values) > 1 else f"{mean:.1%}"


def _difference(ours: list[Score], theirs: list[Score]) -> str:
    """Ours less theirs, in points, paired by seed."""
    if ours is theirs:
        return ""
    points = [100 * (a.accuracy - b.accuracy) for a, b in zip(ours, theirs, strict=True)]
    mean = statistics.mean(points)
    if len(points) not in STUDENT:
        return f"{mean:+.1f}"
    half = STUDENT[len(points)] * statistics.stdev(points) / math.sqrt(len(points))
    return f"{mean:+.1f} ± {half:.1f}"


def _header(options: argparse.Namespace) -> list[str]:
    chip = processor()
    how = f"--time {options.time}" if options.time else "default settings"
    return [
        f"{chip.name}, {chip.cores} cores ({', '.join(chip.instruction_sets)}),",
        f"{torch.get_num_threads()} threads to share out, torch {torch.__version__}, "
        f"python {platform.python_version()};",
        f"{how}, {options.seeds} seeds.",
        "",
        "| data | train / scored | model | loop | accuracy | swinkit less this, points | pictures/s "
        "| processor | linear on pixels | largest class |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]


def _processor_seconds() -> float:
    """Of this process and those it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _options() -> Any:
    parser = argparse.ArgumentParser(description="Does `train` teach as well as a plain loop?")
    sets = ["digits", "flowers5", "cifar10_small"]
    parser.add_argument("--sets", nargs="+", choices=sets, default=sets)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--time", help="how long our training may take (3m); by default what it chooses")
    parser.add_argument("--out", type=Path, help="a Markdown file to write")
    return parser.parse_args()


if __name__ == "__main__":
    main()
