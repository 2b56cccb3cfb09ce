"""The last lines of a training say what a person wants to know first."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

from swinkit.engine.run import Run
from swinkit.tasks import ClassScore, Evaluation, Prediction
from swinkit.trust.assessment import Assessment, Baselines, ClassIntervals, Interval
from swinkit.verbs.result import result_lines

HALF = Interval(value=0.5, low=0.3, high=0.7)
SCORE = ClassScore(pictures=2, recall=0.5, precision=0.5, f1=0.5)


def assessment() -> Assessment:
    answers = ("cat", "cat", "dog", "dog")
    said = ("cat", "dog", "dog", "dog")
    evaluation = Evaluation(
        pictures=4,
        accuracy=0.75,
        balanced_accuracy=0.75,
        top5=None,
        loss=0.6,
        classes=("cat", "dog", "fox"),
        per_class={"cat": SCORE, "dog": SCORE},
        confusion=((1, 1), (0, 2)),
        predictions=tuple(
            Prediction(image=str(n), label=label, probability=0.9, probabilities={label: 0.9})
            for n, label in enumerate(said)
        ),
        answers=answers,
        split="val",
    )
    return Assessment(
        evaluation=evaluation,
        accuracy=HALF,
        balanced_accuracy=HALF,
        per_class={
            "dog": ClassIntervals(
                pictures=40, recall=Interval(value=1.0, low=0.9, high=1.0), precision=None, f1=None
            ),
            "cat": ClassIntervals(pictures=2, recall=HALF, precision=HALF, f1=HALF),
            "fox": ClassIntervals(pictures=0, recall=None, precision=None, f1=None),
        },
        chosen_on_same=True,
        baselines=Baselines(majority_class="cat", majority=0.5, probe=HALF, probe_features="16 × 16 pixels"),
    )


def test_what_to_type_next_can_be_typed(tmp_path: Path) -> None:
    folder = tmp_path / "my pictures-1"
    folder.mkdir()

    *_, last = result_lines(Run(folder), assessment())

    assert shlex.split(last)[-1] == str(folder)


def test_the_lines_hold_the_number_its_range_what_to_beat_and_what_to_type(tmp_path: Path) -> None:
    (tmp_path / "best.safetensors").touch()
    (tmp_path / ".lock").touch()

    lines = list(result_lines(Run(tmp_path), assessment()))

    assert [
        "accuracy 75.0% (95 %: 30.0% to 70.0%), balanced 50.0% (95 %: 30.0% to 70.0%), "
        "on the 4 pictures of val",
        "beside it: always 'cat' 50.0%, a linear classifier on 16 × 16 pixels 50.0% balanced",
        "warning: no better than that: it has learnt too little; give it more time, or weights",
        "found of each class, worst first: cat 50% (of 2), dog 100%, fox – (no pictures)",
        "note: chosen on the same pictures, so a little too good; pictures for a test split would tell",
        f"1 mistake, with pictures: {tmp_path / 'report.html'}",
        f"{tmp_path}/: best.safetensors",
        f"next: swinkit predict PICTURES --weights {tmp_path}",
    ] == lines


def test_a_model_that_beats_what_stands_beside_it_is_not_warned_of(tmp_path: Path) -> None:
    found = assessment()
    weak = Interval(value=0.4, low=0.3, high=0.5)
    better = replace(found, baselines=replace(found.baselines, probe=weak))  # type: ignore[type-var]

    assert not any("no better" in line for line in result_lines(Run(tmp_path), better))


def test_a_linear_classifier_is_not_held_against_itself(tmp_path: Path) -> None:
    lines = list(result_lines(Run(tmp_path), assessment(), linear=True))

    assert not any("no better" in line for line in lines)
    assert "note: there was no time for more than a linear classifier; given more, all of it learns" in lines
