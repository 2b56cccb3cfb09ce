"""Which optimiser teaches a small Swin most in few steps?

    python benchmarks/optimisers.py adamw:2e-3 muon:2e-3

The embedded digits, every third of the training pictures, every second of the val pictures; swin_nano at 32
pixels, 8 epochs in batches of 32, three seeds, one thread. Prints the accuracy of the last epoch and the
processor time of each optimiser with its peak learning rate.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from swinkit.data import digits
from swinkit.data.loader import Images
from swinkit.data.transforms import train_transform
from swinkit.engine.loop import fit
from swinkit.engine.progress import Progress
from swinkit.engine.run import Run
from swinkit.engine.settings import TrainConfig
from swinkit.recipes.defaults import CHARACTERS
from swinkit.recipes.fresh import fresh_model
from swinkit.tasks.classification import Classification

SEEDS = (0, 1, 2)
SETTINGS = TrainConfig(
    model="swin_nano",
    image_size=(32, 32),
    epochs=8,
    batch=32,
    weight_decay=0.1,
    drop_path=0.1,
    augmentation=CHARACTERS,
)


def main() -> None:
    for asked in sys.argv[1:] or ["adamw:2e-3", "muon:2e-3"]:
        optimizer, lr = asked.split(":")
        config = replace(SETTINGS, optimizer=optimizer, lr=float(lr))  # type: ignore[arg-type]
        began = time.process_time()
        found = [accuracy(replace(config, seed=seed)) for seed in SEEDS]
        seconds = (time.process_time() - began) / len(SEEDS)
        each = ", ".join(f"{value:.1%}" for value in found)
        print(
            f"{optimizer} {lr}: mean {sum(found) / len(found):.1%} ({each}), {seconds:.0f} s of the processor"
        )


def accuracy(config: TrainConfig) -> float:
    images = digits()
    model = fresh_model(config, images.classes)
    assert model.preprocess is not None
    transform = train_transform(
        config.augmentation,
        image_size=config.image_size,
        mean=model.preprocess.mean,
        std=model.preprocess.std,
    )
    train = Images(
        samples=images.split("train").samples[::3],
        classes=images.classes,
        transform=transform,
        seed=config.seed,
    )
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        task = Classification(images.classes)
        fit(model, task, train, images.split("val").samples[::2], config, run, Progress(run, silent=True))
        return run.metrics[-1]["accuracy"]


if __name__ == "__main__":
    main()
