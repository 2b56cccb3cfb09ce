from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from swinkit.data import digits
from swinkit.engine.run import Run
from swinkit.errors import ConfigError, DataError
from swinkit.models import create_model
from swinkit.verbs.evaluate import evaluate
from swinkit.verbs.train import train
from swinkit.weights import load, save

NAMES = {"0": "Zero", "1": "one", "7": "seven"}


def make_folder(folder: Path, names: dict[str, str] = NAMES, count: int = 80) -> Path:
    for sample in digits().samples[:count]:
        if sample.label in names:
            place = folder / names[sample.label]
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(sample.pixels()).save(place / f"{sample.name}.png")
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = create_model("swin_pico", classes=("seven", "Zero", "one", "nine"), image_size=16)
    return save(model, tmp_path_factory.mktemp("weights") / "model.safetensors")


@pytest.fixture(scope="module")
def run(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "small"
    return train(pictures, out=out, model="swin_pico", image_size=16, epochs=2, batch=8)


def test_classes_are_matched_by_name_whatever_their_order(pictures: Path, weights: Path) -> None:
    found = evaluate(pictures, weights)

    counts = {name: len(list((pictures / name).iterdir())) for name in NAMES.values()}
    assert {**counts, "nine": 0} == {name: score.pictures for name, score in found.per_class.items()}
    assert ("seven", "Zero", "one", "nine") == found.classes
    assert sum(counts.values()) == found.pictures


def test_the_order_of_classes_in_the_model_changes_no_number(pictures: Path, tmp_path: Path) -> None:
    model = create_model("swin_pico", classes=("Zero", "one", "seven"), image_size=16)
    one = save(model, tmp_path / "one.safetensors")
    turned = save(load(one, classes=("seven", "Zero", "one")), tmp_path / "turned.safetensors")

    first, second = evaluate(pictures, one), evaluate(pictures, turned)

    assert first.accuracy == second.accuracy
    assert dict(first.per_class) == dict(second.per_class)
    assert [p.label for p in first.predictions] == [p.label for p in second.predictions]


def test_classes_that_the_model_does_not_know_are_listed_with_the_nearest(
    weights: Path, tmp_path: Path
) -> None:
    strange = make_folder(tmp_path, {"0": "Zero", "1": "onne", "2": "walrus"})

    with pytest.raises(DataError) as caught:
        evaluate(strange, weights)

    assert "'onne' (nearest: 'one')" in caught.value.message
    assert "'walrus'" in caught.value.message
    assert "seven, Zero, one, nine" in caught.value.hint


def test_spelling_in_another_case_is_the_same_class(weights: Path, tmp_path: Path) -> None:
    found = evaluate(make_folder(tmp_path, {"0": "zero", "1": "ONE"}), weights)

    assert {"Zero", "one"} == set(found.answers)


def test_a_model_without_class_names_cannot_be_scored(pictures: Path, tmp_path: Path) -> None:
    nameless = save(create_model("swin_pico", classes=3, image_size=16), tmp_path / "nameless.safetensors")

    with pytest.raises(DataError, match="have no names"):
        evaluate(pictures, nameless)


def test_nothing_is_written_unless_asked(
    pictures: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    evaluate(pictures, weights)

    assert [] == list(tmp_path.iterdir())


def test_what_is_asked_for_is_written(pictures: Path, weights: Path, tmp_path: Path) -> None:
    found = evaluate(pictures, weights, out=tmp_path / "scores")

    written = json.loads((tmp_path / "scores" / "evaluation.json").read_text())
    lines = (tmp_path / "scores" / "predictions.csv").read_text().splitlines()
    assert found.accuracy == written["accuracy"]
    assert lines[0].startswith("image,label,predicted,probability,")
    assert found.pictures == len(lines) - 1


def test_a_run_is_scored_on_what_it_held_out_of_its_own_data(run: Run, pictures: Path) -> None:
    held_out = run.facts["data"]["pictures"]["val"]

    by_default, named = evaluate(None, run.folder), evaluate(pictures, run.folder)

    assert (held_out, "val") == (by_default.pictures, by_default.split)
    assert by_default == named
    assert by_default.accuracy == run.evaluation["accuracy"]


def test_the_best_file_of_a_run_knows_its_run(run: Run) -> None:
    assert evaluate(None, run.best).accuracy == run.evaluation["accuracy"]


@pytest.mark.parametrize("split", ["train", "all"])
def test_another_part_of_the_data_is_scored_when_asked(run: Run, split: str) -> None:
    counts = run.facts["data"]["pictures"]
    expected = counts["train"] if split == "train" else sum(counts.values())

    assert expected == evaluate(None, run.folder, split=split).pictures  # type: ignore[arg-type]


def test_a_part_that_is_not_there_is_refused(run: Run) -> None:
    with pytest.raises(DataError, match="no split test") as caught:
        evaluate(None, run.folder, split="test")

    assert "train, val" in caught.value.hint


def test_other_data_may_show_one_class_only_and_val_one_that_train_lacks(run: Run, tmp_path: Path) -> None:
    for split, number in (("train", "0"), ("val", "7")):
        make_folder(tmp_path / split, names={number: NAMES[number]}, count=40)

    found = evaluate(tmp_path, run.folder)

    assert "val" == found.split
    assert [NAMES["7"]] == [name for name, score in found.per_class.items() if score.pictures]
    assert [NAMES["0"]] == [
        name for name, score in evaluate(tmp_path / "train", run.folder).per_class.items() if score.pictures
    ]


def test_other_data_is_scored_whole(run: Run, tmp_path: Path) -> None:
    other = make_folder(tmp_path, count=40)

    found = evaluate(other, run.folder)

    assert len(list(other.rglob("*.png"))) == found.pictures
    assert found.split is None


def test_test_pictures_are_preferred_to_val(weights: Path, tmp_path: Path) -> None:
    for split, count in (("train", 40), ("val", 40), ("test", 80)):
        make_folder(tmp_path / split, count=count)

    found = evaluate(tmp_path, weights)

    assert "test" == found.split
    assert len(list((tmp_path / "test").rglob("*.png"))) == found.pictures


def test_pictures_that_cannot_be_read_are_counted_and_named(weights: Path, tmp_path: Path) -> None:
    folder = make_folder(tmp_path)
    (folder / "one" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n cut off")

    found = evaluate(folder, weights)

    assert [str(folder / "one" / "bad.png")] == [path for path, _ in found.skipped]
    assert len(list(folder.rglob("*.png"))) - 1 == found.pictures


def test_a_model_is_asked_for() -> None:
    with pytest.raises(ConfigError, match="needs a model"):
        evaluate()


def test_folders_named_by_synset_are_scored_by_the_names_of_the_checkpoint(tmp_path: Path) -> None:
    model = create_model("swin_pico", classes=("goldfish", "tench"), image_size=16)
    weights = save(model, tmp_path / "fish.safetensors")
    folder = make_folder(tmp_path / "pictures", {"0": "n01440764", "1": "n01443537"})

    found = evaluate(folder, weights)

    assert {"tench", "goldfish"} == set(found.answers)
    assert all(score.pictures for score in found.per_class.values())


def test_pictures_that_were_trained_on_are_counted_and_left_out(run: Run, tmp_path: Path) -> None:
    assert 0 == run.evaluation["trained_copies"]
    assert run.evaluation["accuracy"] == run.evaluation["accuracy_without_copies"]
