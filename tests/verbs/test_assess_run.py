"""What the last step of a training finds out, chooses and writes down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from swinkit.data import digits, open_images
from swinkit.engine import loop
from swinkit.engine.run import Run
from swinkit.verbs.evaluate import assess_run, divided_as
from swinkit.verbs.inspect import inspect
from swinkit.verbs.predict import predict
from swinkit.verbs.train import train
from swinkit.weights import load


def pictures(folder: Path, *, test: int) -> Path:
    """Few scans to learn from, 110 in val, and as many in test as asked."""
    parts = {"train": digits().samples[:40], "val": digits().samples[40:150]}
    parts["test"] = digits().samples[150 : 150 + test]
    for part, samples in parts.items():
        for sample in samples:
            place = folder / part / str(sample.label)
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(sample.pixels()).save(place / f"{sample.name}.png")
    (folder / "train" / "0" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n cut off")
    return folder


def trained(folder: Path, *, test: int) -> Run:
    data = pictures(folder / "pictures", test=test)
    return train(data, out=folder / "run", model="swin_pico", image_size=16, epochs=1, batch=8)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained(tmp_path_factory.mktemp("with test"), test=20)


def test_what_was_chosen_on_val_goes_into_the_weights(run: Run) -> None:
    extra = load(run.best).load_report.extra

    assert "val, 110 pictures" == extra["caution"]["fitted_on"]
    assert "classification" == extra["task"]
    assert inspect(run.best).extra["caution"] == extra["caution"]
    assert run.evaluation["calibration"]["temperature"] == extra["caution"]["temperature"]


def test_the_numbers_come_from_test_where_there_is_one(run: Run, tmp_path: Path) -> None:
    on_test, on_val = run.evaluation, trained(tmp_path, test=0).evaluation

    assert ("test", 20, False) == tuple(on_test[name] for name in ("split", "pictures", "chosen_on_same"))
    assert ("val", 110, True) == tuple(on_val[name] for name in ("split", "pictures", "chosen_on_same"))


def test_predict_says_what_was_scored_whatever_the_batch(run: Run) -> None:
    images = open_images(run.config.data).split("test")
    found = assess_run(run, divided_as(run, open_images(run.config.data))).evaluation

    for batch in (64, 7, 1):
        again = predict([str(sample.source) for sample in images.samples], run.folder, batch=batch)
        for one, told in zip(again, found.predictions, strict=True):
            assert (told.label, told.unsure) == (one.label, one.unsure)
            assert told.probabilities == pytest.approx(one.probabilities, abs=1e-6)
            assert told.strangeness == pytest.approx(one.strangeness, abs=1e-4)


def test_pictures_that_went_while_training_are_passed_over_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = pictures(tmp_path / "pictures", test=20)
    gone = [next((data / part / "0").glob("[!b]*.png")) for part in ("train", "val")]
    fit_for_real = loop.fit

    def fit(*arguments: Any, **settings: Any) -> None:
        fit_for_real(*arguments, **settings)
        for path in gone:
            path.unlink()

    monkeypatch.setattr(loop, "fit", fit)
    run = train(data, out=tmp_path / "run", model="swin_pico", image_size=16, epochs=1, batch=8)

    assert {"bad.png", *(path.name for path in gone)} == {
        Path(path).name for path, _ in run.evaluation["skipped"]
    }
    assert run.report.is_file()


def without_time(evaluation: dict[str, Any]) -> dict[str, Any]:
    """What is measured with a clock differs each time."""
    cost = {name: value for name, value in evaluation["cost"].items() if name != "seconds_per_picture"}
    return {**evaluation, "cost": cost}


def test_everything_is_written_down_and_to_do_it_again_changes_nothing(run: Run) -> None:
    written, table = run.evaluation, (run.folder / "predictions.csv").read_bytes()
    model = load(run.best)

    found = assess_run(run, divided_as(run, open_images(run.config.data)))

    again = json.loads(json.dumps(found.to_dict()))
    assert again == run.evaluation
    assert without_time(again) == without_time(written)
    assert table == (run.folder / "predictions.csv").read_bytes()
    assert model.load_report.extra == load(run.best).load_report.extra
    assert all(
        torch.equal(a, b) for a, b in zip(model.parameters(), load(run.best).parameters(), strict=True)
    )
    assert 1 + 20 == len(table.splitlines())
    assert ["bad.png"] == [Path(path).name for path, _ in written["skipped"]]
