"""The last step of a training, on weights and pictures made for it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from swinkit.data import ImageSet, digits
from swinkit.engine.run import Run
from swinkit.models import create_model
from swinkit.trust.assessment import Assessment
from swinkit.verbs.evaluate import assess_run
from swinkit.verbs.inspect import inspect
from swinkit.verbs.predict import predict
from swinkit.weights import load, save


def images(*, test: int) -> ImageSet:
    """110 pictures of val, some of train, and as many of test as asked."""
    every = digits()
    train, val = every.split("train").samples, every.split("val").samples[:110]
    held_out = tuple(replace(sample, split="test") for sample in train[:test])
    return replace(every, samples=(*train[test : test + 30], *val, *held_out))


def finished(folder: Path) -> Run:
    run = Run(folder)
    model = create_model("swin_pico", classes=digits().classes, image_size=16)
    save(model, run.best, extra={"task": "classification", "scores": {"accuracy": 0.1}})
    (folder / "run.json").write_text(json.dumps({"schema": 1, "skipped": [["a.png", "cut off"]]}))
    return run


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Assessment]:
    run = finished(tmp_path_factory.mktemp("run"))
    return run, assess_run(run, images(test=20), device="cpu")


def test_what_was_chosen_on_val_goes_into_the_weights_and_leaves_them_as_they_were(
    scored: tuple[Run, Assessment],
) -> None:
    run, _ = scored
    extra = load(run.best).load_report.extra

    assert "val, 110 pictures" == extra["caution"]["fitted_on"]
    assert {"accuracy": 0.1} == extra["scores"]
    assert inspect(run.best).extra["caution"] == extra["caution"]


def test_the_numbers_come_from_test_where_there_is_one(
    scored: tuple[Run, Assessment], tmp_path: Path
) -> None:
    _, on_test = scored
    on_val = assess_run(finished(tmp_path), images(test=0), device="cpu")

    assert ("test", False, 20) == (
        on_test.evaluation.split,
        on_test.chosen_on_same,
        on_test.evaluation.pictures,
    )
    assert ("val", True, 110) == (on_val.evaluation.split, on_val.chosen_on_same, on_val.evaluation.pictures)


def test_predict_says_what_was_scored(scored: tuple[Run, Assessment]) -> None:
    run, found = scored
    pictures = [sample.pixels() for sample in images(test=20).split("test").samples]

    for batch in (64, 7):
        for again, told in zip(
            predict(pictures, run.folder, batch=batch), found.evaluation.predictions, strict=True
        ):
            assert told.label == again.label
            assert told.probabilities == pytest.approx(again.probabilities, abs=1e-6)
            assert told.strangeness == pytest.approx(again.strangeness, abs=1e-4)
            assert told.unsure == again.unsure


def test_everything_is_written_down(scored: tuple[Run, Assessment]) -> None:
    run, found = scored

    assert json.loads(json.dumps(found.to_dict())) == run.evaluation
    assert [["a.png", "cut off"]] == run.evaluation["skipped"]
    assert 1 + 20 == len((run.folder / "predictions.csv").read_text().splitlines())
    calibration = run.evaluation["calibration"]
    assert load(run.best).load_report.extra["caution"]["temperature"] == calibration["temperature"]
    assert calibration["before"]["brier"] != calibration["after"]["brier"]


def test_to_do_it_again_changes_nothing(scored: tuple[Run, Assessment]) -> None:
    run, found = scored

    assert found == assess_run(run, images(test=20), device="cpu")
