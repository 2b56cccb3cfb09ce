from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from swinkit.data import Sample
from swinkit.engine.inference import validate
from swinkit.errors import DataError
from swinkit.models import Swin
from swinkit.recipes.fresh import fresh_model
from swinkit.tasks.classification import Classification
from swinkit.trust.assess import assess, content
from swinkit.trust.assessment import Assessment
from swinkit.trust.files import predictions_csv, write_assessment
from tests.engine.small_runs import SETTINGS, few_digits

TASK = Classification(tuple("0123456789"))


@pytest.fixture(scope="module")
def model() -> Swin:
    return fresh_model(replace(SETTINGS, drop_path=0.5), TASK.classes)


@pytest.fixture(scope="module")
def found(model: Swin) -> Assessment:
    samples = few_digits().samples
    return assess(model, TASK, samples[28:], train=samples[:28])


def rows(found: Assessment) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(predictions_csv(found))))


def test_validation_and_assessment_say_the_same(model: Swin) -> None:
    samples = few_digits().samples

    numbers, evaluation = validate(model, TASK, samples), assess(model, TASK, samples).evaluation

    assert (numbers["accuracy"], numbers["loss"]) == (evaluation.accuracy, evaluation.loss)
    assert (numbers["balanced_accuracy"], numbers["top5"]) == (evaluation.balanced_accuracy, evaluation.top5)


def test_what_cannot_be_read_is_left_out_and_said(model: Swin, tmp_path: Path) -> None:
    missing = Sample(name="gone", label="0", source=tmp_path / "gone.png")

    found = assess(model, TASK, [*few_digits().samples, missing]).evaluation

    assert [str(tmp_path / "gone.png")] == [path for path, _ in found.skipped]
    assert len(few_digits()) == found.pictures
    with pytest.raises(DataError, match="no picture that could be scored"):
        assess(model, TASK, [missing])


def test_an_interval_is_around_each_number(found: Assessment) -> None:
    assert found.evaluation.accuracy == found.accuracy.value
    assert found.evaluation.balanced_accuracy == pytest.approx(found.balanced_accuracy.value)
    for name, score in found.evaluation.per_class.items():
        intervals = found.per_class[name]
        assert score.recall == (None if intervals.recall is None else intervals.recall.value)
        assert score.f1 == (None if intervals.f1 is None else pytest.approx(intervals.f1.value))


def test_the_baseline_is_the_commonest_class_of_train_not_of_the_scored(model: Swin) -> None:
    samples = few_digits().samples
    train = [replace(sample, label=label) for sample, label in zip(samples[:5], "33377", strict=True)]
    scored = [replace(sample, label=label) for sample, label in zip(samples[5:9], "7773", strict=True)]

    baselines = assess(model, TASK, scored, train=train).baselines

    assert baselines is not None
    assert ("3", 0.25) == (baselines.majority_class, baselines.majority)
    assert assess(model, TASK, scored).baselines is None


def test_files_that_were_trained_on_are_counted_and_left_out(model: Swin) -> None:
    samples = few_digits().samples
    found = assess(model, TASK, samples[20:], train=samples[:28])
    others = assess(model, TASK, samples[28:])

    assert 8 == found.trained_copies
    assert others.evaluation.accuracy == found.accuracy_without_copies
    assert others.trained_copies is None


def test_a_picture_that_went_after_it_was_trained_on_is_left_out_and_said(
    model: Swin, found: Assessment, tmp_path: Path
) -> None:
    samples = few_digits().samples
    gone = Sample(name="gone", label="0", source=tmp_path / "gone.png")

    again = assess(model, TASK, samples[28:], train=[*samples[:28], gone])

    assert ((str(tmp_path / "gone.png"), "No such file or directory"),) == again.evaluation.skipped
    assert found.accuracy_without_copies == again.accuracy_without_copies


def test_predictions_give_back_every_number(found: Assessment) -> None:
    table, said = rows(found), found.evaluation

    assert said.pictures == len(table)
    right = [row["label"] == row["predicted"] for row in table]
    assert said.accuracy == pytest.approx(sum(right) / len(right))
    losses = [-math.log(float(row["probability_of_label"])) for row in table]
    assert said.loss == pytest.approx(sum(losses) / len(losses), rel=1e-5)
    assert said.top5 == pytest.approx(sum(int(row["rank"]) <= 5 for row in table) / len(table))
    for row in table:
        shares = {name: float(row[f"p({name})"]) for name in TASK.classes}
        assert max(shares, key=lambda name: shares[name]) == row["predicted"]
        assert shares[row["predicted"]] == float(row["probability"])
        assert shares[row["label"]] == float(row["probability_of_label"])


def test_a_picture_is_known_again_by_its_content_alone(tmp_path: Path) -> None:
    pixels = np.zeros((2, 3, 3), np.uint8)
    for name, data in (("a.png", b"one"), ("b.png", b"one"), ("c.png", b"two")):
        (tmp_path / name).write_bytes(data)
    a, b, c = (content(Sample(name=n, label=None, source=tmp_path / f"{n}.png")) for n in "abc")

    assert a == b != c
    assert content(Sample(name="x", label=None, source=pixels)) != content(
        Sample(name="x", label=None, source=pixels.reshape(3, 2, 3))
    )


def test_facts_for_json_have_the_numbers_of_the_evaluation_and_no_single_pictures(found: Assessment) -> None:
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))

    assert found.evaluation.to_dict().keys() <= values.keys()
    assert found.accuracy.low == values["intervals"]["accuracy"]["low"]
    assert not {"predictions", "answers"} & values.keys()
    assert found.evaluation.pictures == values["pictures"]


def test_a_matrix_is_written_row_by_row_and_names_stay_as_they_are(found: Assessment, tmp_path: Path) -> None:
    row = ", ".join(map(str, found.evaluation.confusion[0]))
    named = replace(found, evaluation=replace(found.evaluation, data="a [1,  2] b"))

    write_assessment(tmp_path, named)

    text = (tmp_path / "evaluation.json").read_text()
    assert f"[{row}]" in text
    assert json.loads(text) == json.loads(json.dumps(named.to_dict()))
