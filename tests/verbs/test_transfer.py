"""Weights that have seen other pictures help: a linear classifier on their features, then fine-tuning."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from swinkit.data import digits
from swinkit.engine.progress import Progress
from swinkit.engine.run import Run
from swinkit.tasks.classification import Classification
from swinkit.trust.assess import Frozen
from swinkit.verbs.frozen import say_by_folds
from swinkit.verbs.train import train
from swinkit.weights import load
from tests.verbs.clocks import without_time

SMALL = {"model": "swin_pico", "image_size": 16, "batch": 16, "precision": "fp32"}


def folder_of(place: Path, classes: str, *, train: int, val: int, skip: int = 0) -> Path:
    """Scans of these digits in class folders, so many of each; those of val are of other writers."""
    images = digits()
    for split, count, first in (("train", train, skip), ("val", val, 0)):
        for label in classes:
            some = [sample for sample in images.split(split).samples if sample.label == label]
            target = place / split / f"digit {label}"
            target.mkdir(parents=True)
            for sample in some[first : first + count]:
                Image.fromarray(sample.pixels()).save(target / f"{sample.name}.png")
    return place


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A small Swin that has learnt 0 to 4."""
    place = tmp_path_factory.mktemp("taught")
    data = folder_of(place / "data", "01234", train=60, val=20)
    return train(data, out=place / "run", epochs=25, **SMALL)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten scans each of 5 to 9."""
    return folder_of(tmp_path_factory.mktemp("few"), "56789", train=10, val=30)


@pytest.fixture(scope="module")
def tuned(taught: Run, few: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("tuned") / "run"
    return train(few, weights=taught.folder, out=out, epochs=3, batch=16, precision="fp32")


def test_ten_pictures_of_each_new_class_teach_more_to_who_knows_others(
    tuned: Run, few: Path, tmp_path: Path
) -> None:
    fresh = train(few, weights="none", out=tmp_path / "fresh", epochs=3, **SMALL)  # type: ignore[arg-type]

    assert accuracy(tuned) > accuracy(fresh) + 0.08


def test_the_result_is_no_worse_than_the_linear_classifier_it_began_with(tuned: Run) -> None:
    log = (tuned.folder / "log.txt").read_text()
    line = next(line for line in log.splitlines() if line.startswith("linear classifier on the features of"))
    began_with = float(line.rpartition("accuracy ")[2].split("%")[0]) / 100

    assert tuned.config.warm_start
    assert tuned.evaluation["balanced_accuracy"] >= began_with - 0.0006  # as it was rounded


def test_few_pictures_are_also_scored_by_folds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Features that tell the classes apart: every fold answers right; features of noise: by chance."""
    samples = digits().samples[:100]
    task = Classification(digits().classes)
    told = task.targets(samples)
    right = Frozen(of="labels", samples=samples, features=torch.eye(10)[told] + 0.01 * torch.randn(100, 10))
    wrong = replace(right, features=torch.randn(100, 10))

    for frozen in (right, wrong):
        say_by_folds(task, frozen, 0, Progress(Run(tmp_path)))

    lines = capsys.readouterr().err.splitlines()
    assert "5-fold over all 100 pictures" in lines[0]
    assert lines[0].endswith("accuracy 100.0%")
    assert float(lines[1].split("accuracy ")[1].split("%")[0]) < 40


def test_without_time_for_an_epoch_the_linear_classifier_is_the_model(
    taught: Run, few: Path, tmp_path: Path
) -> None:
    run = train(few, weights=taught.folder, out=tmp_path / "run", time="1s", precision="fp32")

    before, after = load(taught.best).state_dict(), load(run.best).state_dict()
    assert 0 == run.config.epochs
    assert [] == run.metrics
    assert accuracy(run) > 0.3
    assert all(torch.equal(before[name], after[name]) for name in before if not name.startswith("head."))


def test_frozen_features_are_kept_and_found_again_when_the_run_is_resumed(tuned: Run) -> None:
    before = tuned.evaluation

    again = train(resume=tuned.folder)

    assert without_time(before) == without_time(again.evaluation)
    assert tuned.features.is_file()


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(5))
def test_transfer_beats_scratch_for_every_seed(seed: int, tmp_path: Path) -> None:
    """Told nothing but the data: pretraining on 0 to 4, then ten pictures each of 5 to 9."""
    many = folder_of(tmp_path / "many", "01234", train=130, val=30)
    few = folder_of(tmp_path / "few", "56789", train=10, val=40, skip=10 * seed)
    settings: dict[str, object] = {"model": "swin_nano", "seed": seed}
    taught = train(many, out=tmp_path / "taught", epochs=30, **settings)  # type: ignore[arg-type]

    tuned = train(few, weights=taught.folder, out=tmp_path / "tuned", seed=seed)
    fresh = train(few, weights="none", out=tmp_path / "fresh", **settings)  # type: ignore[arg-type]

    assert accuracy(tuned) > accuracy(fresh)


def accuracy(run: Run) -> float:
    found: float = run.evaluation["accuracy"]
    return found
