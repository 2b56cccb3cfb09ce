"""predict, evaluate and explain on the command line, with a tiny model and pictures made here."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from swinkit.cli.doors import explain as explain_door
from swinkit.cli.main import main
from swinkit.models import create_model
from swinkit.weights import save

CLASSES = ["cat", "dog", "owl"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    model = create_model("swin_pico", classes=CLASSES)
    return str(save(model, tmp_path_factory.mktemp("weights") / "pico.safetensors"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two pictures each of cat and dog."""
    folder = tmp_path / "photos"
    for number, name in enumerate(("cat", "cat", "dog", "dog")):
        (folder / name).mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 255, (40, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def test_predict_names_the_class_of_each_picture(photos, weights, capsys) -> None:
    assert main(["predict", str(photos), "--weights", weights]) == 0

    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["image", "label", "probability"]
    assert len(rows) == 4
    assert all(row.split()[1] in CLASSES and "%" in row for row in rows)


def test_predict_as_json_has_all_asked_classes(photos, weights, capsys) -> None:
    picture = str(photos / "cat" / "0.png")

    assert main(["predict", picture, "--weights", weights, "--json", "--top", "2"]) == 0

    (said,) = json.loads(capsys.readouterr().out)
    told = {"image", "label", "probability", "labels", "probabilities", "unsure", "strangeness", "error"}
    assert told == said.keys()
    assert said["image"] == picture
    assert len(said["probabilities"]) == 2
    assert said["probabilities"][said["label"]] == said["probability"]


def test_predict_writes_a_table_for_spreadsheets(photos, weights, tmp_path, capsys) -> None:
    (photos / "cat" / "no picture.png").write_bytes(b"text")
    table = tmp_path / "answers.csv"

    assert main(["predict", str(photos), "--weights", weights, "--csv", str(table)]) == 0

    rows = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    assert list(rows[0]) == ["image", "label", "probability", "unsure", "strangeness", "error"]
    assert len(rows) == 5
    assert [row["label"] for row in rows if row["error"]] == [""]
    assert "1 of 5 pictures could not be read" in capsys.readouterr().err


def test_predict_that_could_read_nothing_is_the_answer_no(tmp_path, weights, capsys) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"")

    assert main(["predict", str(tmp_path / "bad.jpg"), "--weights", weights]) == 1
    assert "not read" in capsys.readouterr().out


def test_predict_without_pictures_is_wrong_use(weights: str) -> None:
    assert main(["predict", "--weights", weights]) == 2


def test_evaluate_says_how_good_the_model_is(photos, weights, capsys) -> None:
    assert main(["evaluate", str(photos), "--weights", weights]) == 0

    shown = capsys.readouterr().out
    assert "4 pictures" in shown
    assert "accuracy" in shown
    assert [line.split()[0] for line in shown.splitlines()[-3:]] == CLASSES


def test_evaluate_as_json_has_every_number(photos, weights, capsys) -> None:
    assert main(["evaluate", str(photos), "--weights", weights, "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert found["pictures"] == 4
    assert 0 <= found["accuracy"] <= 1
    assert sum(map(sum, found["confusion"])) == 4
    assert list(found["per_class"]) == CLASSES


def test_evaluate_without_weights_is_wrong_use(photos, capsys) -> None:
    assert main(["evaluate", str(photos)]) == 2
    assert "--weights" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["train", "evaluate"])
def test_a_folder_that_is_not_there_is_wrong_use_and_one_without_classes_is_the_answer_no(
    verb: str, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    others = ["--weights", weights] if verb == "evaluate" else ["--dry-run"]

    assert main([verb, str(tmp_path / "absent"), *others]) == 2
    assert main([verb, str(empty), *others]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_predicting_what_is_not_there_is_wrong_use_and_names_the_nearest(photos, weights, capsys) -> None:
    assert main(["predict", str(photos.with_name("phtos")), "--weights", weights]) == 2

    said = capsys.readouterr()
    assert "there is no picture or folder" in said.err
    assert f"did you mean {photos}?" in said.err
    assert said.out == ""


def test_train_says_what_it_would_do_and_writes_nothing(photos, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["train", str(photos), "--dry-run", "--epochs", "1", "--image-size", "16", "--json"]) == 0

    screen = capsys.readouterr()
    assert json.loads(screen.out) == {"run": "runs/photos-1", "evaluation": None}
    assert "the model sees 16 × 16" in screen.err
    assert not (tmp_path / "runs").exists()


def test_train_answers_with_the_run(photos, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--model", "swin_pico", "--epochs", "1", "--image-size", "16", "--threads", "1"]

    assert main(["train", str(photos), *options]) == 0

    assert capsys.readouterr().out == "runs/photos-1\n"
    assert main(["predict", str(photos), "--weights", "runs/photos-1"]) == 0
    assert main(["inspect", "runs/photos-1"]) == 0
    assert "2: cat, dog" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {"image": None, "weights": None, "image_size": None, "measure": True}),
        (["cat.jpg", "--weights", "w"], {"image": "cat.jpg", "weights": "w"}),
        (["--image-size", "192x320", "--no-measure"], {"image_size": (192, 320), "measure": False}),
        (
            ["--model", "swin_nano", "--seed", "3", "--out", "x"],
            {"model": "swin_nano", "seed": 3, "out": "x"},
        ),
    ],
)
def test_explain_gets_what_was_said_and_answers_with_the_page(
    arguments: list[str], expected: dict[str, object], monkeypatch, capsys
) -> None:
    got: dict[str, object] = {}

    def explain(image: object, weights: object, **settings: object) -> Path:
        got.update(image=image, weights=weights, **settings)
        return Path("runs/explain-digits/explain.html")

    monkeypatch.setattr(explain_door, "explain", explain)

    assert main(["explain", *arguments]) == 0

    assert expected.items() <= got.items()
    screen = capsys.readouterr()
    assert screen.out == "runs/explain-digits/explain.html\n"
    assert "open it in a browser" in screen.err
