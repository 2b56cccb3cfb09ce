"""A finished training to make pages of: a linear classifier on real scans, trained in a second, and all that
is found out about it, computed here in the plainest way."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from swinkit.data import ImageSet, Sample, digits, write_split
from swinkit.tasks.classification import Classification
from swinkit.trust.assessment import (
    Assessment,
    Baselines,
    Bin,
    Calibration,
    Cost,
    Coverage,
    Interval,
    Looked,
    Reliability,
    Scored,
    Shaken,
    Suspect,
)
from swinkit.trust.files import write_assessment
from swinkit.trust.intervals import Resampled

EPOCHS = 12


@dataclass(frozen=True)
class Finished:
    """What a page is made of."""

    found: Assessment
    images: ImageSet
    facts: Mapping[str, Any]
    history: Sequence[Mapping[str, float]]

    def write(self, folder: Path) -> None:
        """The files beside the page, as a run has them."""
        folder.mkdir(parents=True, exist_ok=True)
        write_assessment(folder, self.found)
        write_split(folder / "split.csv", self.images.samples)
        (folder / "run.json").write_text(json.dumps(self.facts), "utf-8")
        lines = "".join(json.dumps(row) + "\n" for row in self.history)
        (folder / "metrics.jsonl").write_text(lines, "utf-8")


def finished(images: ImageSet | None = None, *, side: int = 8, split: str = "val") -> Finished:
    """Train on the split train of some pictures (by default the embedded digits), and score another."""
    images = images or _fewer(digits(), {"train": 300, "val": 150})
    task = Classification(images.classes)
    train, held_out = images.split("train").samples, images.split(split).samples  # type: ignore[arg-type]
    inputs, targets = _features(train, side), task.targets(train)
    weights = torch.zeros(inputs.shape[1] + 1, len(images.classes), requires_grad=True)
    optimiser = torch.optim.Adam([weights], lr=0.02)
    history: list[dict[str, float]] = []
    seen = _features(held_out, side)
    for epoch in range(1, EPOCHS + 1):
        for _ in range(8):
            loss = F.cross_entropy(_answers(inputs, weights), targets)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        scores = task.scores()
        scores.add(_answers(seen, weights.detach()), task.targets(held_out))
        row = {"epoch": epoch, "step": 8 * epoch, "train_loss": loss.item(), **scores.result()}
        history.append(row | {"lr": 0.02 / epoch, "waiting": 0.02, "seconds": 1.5 * epoch})
    outputs = 3 * _answers(seen, weights.detach())  # too sure of itself, so that a temperature has work to do
    found = _assessment(task, outputs, held_out, train, weights.detach(), side)
    return Finished(found, images, _facts(images), history)


def _fewer(images: ImageSet, wanted: Mapping[str, int]) -> ImageSet:
    samples = [s for split, count in wanted.items() for s in images.split(split).samples[:count]]  # type: ignore[arg-type]
    return replace(images, samples=tuple(samples))


def _features(samples: Sequence[Sample], side: int) -> Tensor:
    """Grey pixels at one size, N, side²."""
    pixels = [torch.from_numpy(sample.pixels(1)).permute(2, 0, 1)[None].float() / 255 for sample in samples]
    return torch.cat([F.interpolate(one, (side, side), mode="area").flatten(1) for one in pixels])


def _answers(inputs: Tensor, weights: Tensor) -> Tensor:
    return inputs @ weights[:-1] + weights[-1]


def _assessment(
    task: Classification,
    outputs: Tensor,
    samples: Sequence[Sample],
    train: Sequence[Sample],
    weights: Tensor,
    side: int,
) -> Assessment:
    evaluation = replace(
        task.evaluate(outputs, samples), data="digits", split="val", weights="best.safetensors"
    )
    index = {name: number for number, name in enumerate(task.classes)}
    truth, said = task.targets(samples).tolist(), outputs.argmax(dim=1).tolist()
    drawn = Resampled(truth, said, classes=len(task.classes))
    accuracy, balanced = drawn.accuracy(), drawn.balanced_accuracy()
    assert accuracy is not None and balanced is not None
    probabilities = outputs.softmax(dim=1)
    pictures = tuple(
        Scored(
            image=sample.name,
            label=str(sample.label),
            predicted=task.classes[answer],
            probability=shares[answer].item(),
            content="",
            group=None,
            rank=1 + int((shares > shares[index[str(sample.label)]]).sum()),
            probability_of_label=shares[index[str(sample.label)]].item(),
            probabilities=tuple(shares.tolist()),
        )
        for sample, answer, shares in zip(samples, said, probabilities, strict=True)
    )
    commonest, _ = Counter(str(sample.label) for sample in train).most_common(1)[0]
    return Assessment(
        evaluation=evaluation,
        accuracy=accuracy,
        balanced_accuracy=balanced,
        per_class={name: drawn.of_class(number) for number, name in enumerate(task.classes)},
        pictures=pictures,
        chosen_on_same=True,
        baselines=Baselines(
            majority_class=commonest,
            majority=float(np.mean([sample.label == commonest for sample in samples])),
            probe=Interval(value=0.6, low=0.52, high=0.67),
            probe_features="the starting weights",
        ),
        calibration=_calibration(outputs, torch.tensor(truth)),
        suspects=tuple(
            Suspect(
                image=one.image,
                label=one.label,
                suggested=one.predicted,
                probability_of_label=one.probability_of_label,
            )
            for one in sorted(pictures, key=lambda one: one.probability_of_label)[:30]
            if one.label != one.predicted
        ),
        robustness=_robustness(task, samples, weights, side),
        looked=_looked(pictures, samples, weights, index, side),
        cost=Cost(
            parameters=weights.numel(),
            macs=weights.numel(),
            seconds_per_picture=0.0042,
            device="cpu",
            threads=1,
            kernel="none",
            file_bytes=4 * weights.numel(),
        ),
    )


def _calibration(outputs: Tensor, truth: Tensor) -> Calibration:
    temperatures = [0.5 + 0.1 * step for step in range(60)]
    best = min(temperatures, key=lambda t: F.cross_entropy(outputs / t, truth).item())
    sure, said = (outputs / best).softmax(dim=1).max(dim=1)
    right = said == truth
    rows = []
    for threshold in np.linspace(0, 0.95, 20).tolist():
        kept = sure >= threshold
        accuracy = right[kept].float().mean().item() if kept.any() else None
        rows.append(Coverage(threshold=threshold, coverage=kept.float().mean().item(), accuracy=accuracy))
    return Calibration(
        temperature=best,
        fitted_on="val",
        before=_reliability(outputs, truth),
        after=_reliability(outputs / best, truth),
        coverage=tuple(rows),
        unsure_below=rows[8].threshold,
        error_rate=0.05,
        answered=rows[8],
    )


def _reliability(outputs: Tensor, truth: Tensor) -> Reliability:
    probabilities = outputs.softmax(dim=1)
    sure, said = probabilities.max(dim=1)
    right = (said == truth).float()
    brier = ((probabilities - F.one_hot(truth, outputs.shape[1])) ** 2).sum(dim=1).mean().item()
    bins, ece = [], 0.0
    for low in np.linspace(0, 0.9, 10).tolist():
        inside = (sure > low) & (sure <= low + 0.1)
        if inside.any():
            confidence, accuracy = sure[inside].mean().item(), right[inside].mean().item()
            count = int(inside.sum())
            ece += abs(confidence - accuracy) * count / len(truth)
            bins.append(
                Bin(low=low, high=low + 0.1, pictures=count, confidence=confidence, accuracy=accuracy)
            )
    return Reliability(ece=ece, brier=brier, bins=tuple(bins))


def _robustness(
    task: Classification, samples: Sequence[Sample], weights: Tensor, side: int
) -> tuple[Shaken, ...]:
    seen, shaken = _features(samples, side), []
    for change, levels in (("brightness", (0.5, 0.75, 1.5)), ("noise", (0.1, 0.3))):
        for level in levels:
            changed = seen * level if change == "brightness" else seen + level * torch.randn(seen.shape)
            scores = task.scores()
            scores.add(_answers(changed.clamp(0, 1), weights), task.targets(samples))
            numbers = scores.result()
            shaken.append(
                Shaken(
                    change=change,
                    level=f"to be wider than a phone, multiplied by {level:g}",
                    pictures=len(samples),
                    accuracy=numbers["accuracy"],
                    balanced_accuracy=numbers["balanced_accuracy"],
                )
            )
    return tuple(shaken)


def _looked(
    pictures: Sequence[Scored],
    samples: Sequence[Sample],
    weights: Tensor,
    index: Mapping[str, int],
    side: int,
) -> tuple[Looked, ...]:
    chosen = [one for one in pictures if one.label == one.predicted][:4]
    chosen += [one for one in pictures if one.label != one.predicted][:4]
    by_name = {sample.name: sample for sample in samples}
    looked = []
    for one in chosen:
        pixels = _features([by_name[one.image]], side)[0]
        heat = (pixels * weights[:-1, index[one.predicted]]).clamp(min=0).view(side, side)
        heat = heat / heat.max().clamp(min=1e-9)
        looked.append(
            Looked(
                image=one.image,
                label=one.label,
                predicted=one.predicted,
                probability=one.probability,
                heat=tuple(tuple(row) for row in heat.tolist()),
            )
        )
    return tuple(looked)


def _facts(images: ImageSet) -> dict[str, Any]:
    pictures = {split: len(images.split(split)) for split in images.splits()}
    return {
        "config": {
            "data": None if images.name == "digits" else images.name,
            "model": "swin_nano",
            "weights": None,
            "image_size": [32, 32],
            "epochs": EPOCHS,
            "batch": 32,
            "lr": 0.002,
            "precision": "fp32",
            "seed": 0,
        },
        "reasons": ["model: swin_nano from scratch, as asked", f"epochs: {EPOCHS}, as asked"],
        "data": {"name": images.name, "pictures": pictures},
        "skipped": [],
        "versions": {"swinkit": "0.1.0", "torch": str(torch.__version__)},
        "system": "Linux, x86_64",
    }
