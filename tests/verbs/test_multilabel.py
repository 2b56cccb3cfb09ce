"""Tables with several labels, from training to prediction."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from swinkit.cli.main import main
from swinkit.data import digits
from swinkit.engine.run import Run
from swinkit.errors import ConfigError, DataError
from swinkit.tasks import MultiLabelEvaluation
from swinkit.trust.robustness import CHANGES
from swinkit.verbs.compare import compare
from swinkit.verbs.evaluate import evaluate
from swinkit.verbs.predict import predict
from swinkit.verbs.train import train
from swinkit.weights import load

NAMES = {"0": "zero", "1": "one", "7": "seven"}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scans side by side, labelled with both; of some nobody said whether there is a one."""
    folder = tmp_path_factory.mktemp("pairs")
    scans = [sample for sample in digits().samples if sample.label in NAMES][:160]
    rows = [("path", *NAMES.values(), "split")]
    for number, (left, right) in enumerate(zip(scans[::2], scans[1::2], strict=True)):
        Image.fromarray(np.hstack([left.pixels(), right.pixels()])).save(folder / f"{number}.png")
        there = {left.label, right.label}
        cells = [str(int(digit in there)) for digit in NAMES]
        if number % 10 == 0:
            cells[1] = "-1"
        rows.append((f"{number}.png", *cells, "val" if number % 4 == 0 else "train"))
    with (folder / "pairs.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder / "pairs.csv"


@pytest.fixture(scope="module")
def run(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(
        table,
        out=tmp_path_factory.mktemp("runs") / "pairs",
        model="swin_pico",
        weights="none",
        image_size=(16, 32),
        epochs=6,
        batch=8,
        lr=5e-3,
        precision="fp32",
    )


def test_a_run_is_scored_by_mean_average_precision_and_keeps_its_thresholds(run: Run) -> None:
    numbers = run.evaluation

    assert "multilabel" == run.config.task
    assert 0.5 < numbers["mean_average_precision"] <= 1
    assert {"zero", "one", "seven"} == numbers["per_class"].keys() == numbers["intervals"]["per_class"].keys()
    assert numbers["chosen_on_same"]
    said = (run.folder / "log.txt").read_text()
    assert "mean average precision" in said and "average precision of each class, worst first" in said
    held = load(run.best).load_report.extra
    assert ("multilabel", {"zero", "one", "seven"}) == (held["task"], held["thresholds"].keys())
    assert {score["threshold"] for score in numbers["per_class"].values()} == set(held["thresholds"].values())


def test_a_run_says_what_it_beats_where_it_looked_what_harms_it_and_what_it_costs(run: Run) -> None:
    numbers = run.evaluation

    assert 0 < numbers["baselines"]["guessing"] < 1
    assert 0 < numbers["baselines"]["probe"]["low"] < numbers["baselines"]["probe"]["high"] <= 1
    same, *worse = numbers["robustness"]
    assert numbers["mean_average_precision"] == pytest.approx(same["mean_average_precision"])
    assert len(worse) == len(CHANGES)
    rows = csv.DictReader((run.folder / "predictions.csv").read_text().splitlines())
    shown = {row["image"]: row for row in rows}
    for one in numbers["looked"]:
        row = shown[one["image"]]
        assert one["given"] in row["predicted"].split(";")
        assert one["right"] == (one["given"] in row["labels"].split(";"))
    assert numbers["looked"] and numbers["cost"]["parameters"] > 1000
    assert 0 == numbers["trained_copies"]
    assert numbers["mean_average_precision"] == pytest.approx(numbers["precision_without_copies"])


def test_evaluation_of_the_file_gives_the_numbers_of_the_run(run: Run) -> None:
    found = evaluate(weights=run.folder)

    assert isinstance(found, MultiLabelEvaluation)
    assert run.evaluation["mean_average_precision"] == pytest.approx(found.mean_average_precision, abs=1e-9)
    assert run.evaluation["exact"] == found.exact


def test_predictions_are_the_sets_that_the_evaluation_counted(run: Run, table: Path) -> None:
    rows = list(csv.DictReader((run.folder / "predictions.csv").read_text().splitlines()))

    said = predict([table.parent / row["image"] for row in rows], run.folder, top=1)

    assert [row["predicted"] for row in rows] == [";".join(one.labels or ()) for one in said]
    assert any(len(one.labels or ()) > 1 for one in said)
    assert all(set(one.labels or ()) <= one.probabilities.keys() for one in said)
    assert "one" in rows[0]["unknown"]


def test_where_it_looked_is_painted_for_every_class_that_was_given(
    run: Run, table: Path, tmp_path: Path
) -> None:
    with (run.folder / "split.csv").open(newline="") as file:
        pictures = [table.parent / row["name"] for row in csv.DictReader(file)][:6]

    said = predict(pictures, run.folder, explain=tmp_path / "looked")

    assert {len(one.labels or ()) for one in said} != {1}, "else this shows nothing"
    assert sorted(path.name for path in (tmp_path / "looked").iterdir()) == sorted(
        f"{number:04}-{picture.stem} ({name}).png"
        for number, (picture, one) in enumerate(zip(pictures, said, strict=True), start=1)
        for name in (one.labels or list(one.probabilities)[:1])
    )


def test_the_command_line_shows_sets_and_classes(
    run: Run, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--weights", str(run.folder)]) == 0
    assert "mean average precision" in capsys.readouterr().out

    assert main(["predict", str(table.parent / "1.png"), "--weights", str(run.folder), "--json"]) == 0
    (said,) = json.loads(capsys.readouterr().out)
    assert isinstance(said["labels"], list)

    assert main(["inspect", str(run.folder)]) == 0
    assert "multilabel" in capsys.readouterr().out


def test_data_of_another_kind_is_refused_in_words(run: Run, table: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"any number of classes for each picture, and .* has one class"):
        evaluate(_class_folders(tmp_path), run.folder)


def test_what_a_sampler_cannot_do_is_refused_with_a_way_out(table: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be drawn") as refusal:
        train(table, out=tmp_path, weights="none", model="swin_pico", imbalance="sampler")

    assert "weights" in str(refusal.value.hint)


def test_mixing_and_smoothing_know_several_labels(table: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from swinkit.data.mixing import Mixing\n"
        "from swinkit.data.transforms import Augmentation\n"
        "from swinkit.engine.settings import TrainConfig\n\n"
        "def mixed():\n"
        "    return TrainConfig(model='swin_pico', image_size=(16, 32), epochs=1, batch=8, mixing=Mixing(),\n"
        "                       augmentation=Augmentation(padding=2), label_smoothing=0.1)\n"
    )

    run = train(table, out=tmp_path / "run", recipe=f"{tmp_path / 'mine.py'}:mixed")

    assert run.config.mixing is not None
    assert np.isfinite(run.metrics[0]["train_loss"])


def test_runs_are_compared_by_mean_average_precision_and_the_kinds_are_not_mixed(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(weights=run.folder, out=tmp_path / "again")

    found = compare([run.folder, tmp_path / "again"], out=tmp_path / "beside")

    (duel,) = found.duels
    assert (0, False) == (duel.judged.value, duel.decided)
    assert run.evaluation["mean_average_precision"] == pytest.approx(found.contenders[0].judged.value)
    assert "Mean average precision" in (tmp_path / "beside" / "compare.html").read_text("utf-8")
    assert 0 == main(["compare", str(run.folder), str(tmp_path / "again")])
    assert "mean average precision, second less first" in capsys.readouterr().out
    one_class = tmp_path / "one class"
    one_class.mkdir()
    (one_class / "evaluation.json").write_text('{"cost": {"parameters": 1}, "classes": ["a"]}')
    (one_class / "predictions.csv").write_text("label,predicted,group,content\na,a,,0\n")
    with pytest.raises(ConfigError, match="several classes and one class gives just one, so they cannot"):
        compare([run.folder, one_class])


def test_a_share_that_has_to_be_reached_decides_the_exit_code(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["evaluate", "--weights", str(run.folder), "--json", "--at-least"]
    reached = run.evaluation["mean_average_precision"]

    assert 0 == main([*asked, f"{100 * reached - 0.01}%"])
    printed = capsys.readouterr()
    assert "reaches" in printed.err
    assert {"value", "low", "high"} == json.loads(printed.out)["intervals"]["f1"].keys()
    assert 1 == main([*asked, "1"])
    assert "mean average precision" in (said := capsys.readouterr().err) and "misses the 100.00 %" in said
    assert 2 == main([*asked, "90"])


def _class_folders(folder: Path) -> Path:
    for name in ("zero", "one"):
        (folder / "val" / name).mkdir(parents=True)
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / "val" / name / "1.png")
    return folder
