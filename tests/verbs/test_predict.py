from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from swinkit.data import digits
from swinkit.errors import CheckpointError, ConfigError, DataError
from swinkit.models import create_model
from swinkit.trust.caution import Caution
from swinkit.verbs.predict import predict
from swinkit.weights import save


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = create_model("swin_pico", classes=("ant", "bee", "cow", "dog", "eel", "fox"), image_size=16)
    return save(model, tmp_path_factory.mktemp("weights") / "animals.safetensors")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for sample in digits().samples[:6]:
        Image.fromarray(sample.pixels()).save(tmp_path / f"{sample.name}.png")
    return tmp_path


def test_a_folder_is_answered_picture_by_picture_in_natural_order(folder: Path, weights: Path) -> None:
    found = predict(folder, weights)

    assert [str(path) for path in sorted(folder.iterdir())] == [prediction.image for prediction in found]
    for prediction in found:
        values = list(prediction.probabilities.values())
        assert values == sorted(values, reverse=True)
        assert (prediction.label, prediction.probability) == next(iter(prediction.probabilities.items()))
        assert prediction.error is None


def test_what_the_file_says_of_its_answers_is_applied_and_changes_none(folder: Path, tmp_path: Path) -> None:
    model = create_model("swin_pico", classes=("ant", "bee", "cow"), image_size=16)
    plain = save(model, tmp_path / "plain.safetensors")
    before = predict(folder, plain)
    limit = sorted(p.probability or 0.0 for p in before)[3]
    caution = Caution(temperature=1.0, unsure_below=limit)
    careful = save(model, tmp_path / "careful.safetensors", extra={"caution": caution.to_dict()})
    hot = save(model, tmp_path / "hot.safetensors", extra={"caution": Caution(temperature=50.0).to_dict()})

    unsure, flat = predict(folder, careful), predict(folder, hot)

    assert not any(p.unsure for p in before)
    assert [(p.probability or 0.0) < limit for p in before] == [p.unsure for p in unsure]
    assert [p.label for p in before] == [p.label for p in unsure] == [p.label for p in flat]
    assert all(p.probability == pytest.approx(1 / 3, abs=0.02) for p in flat)


def test_where_the_model_looked_is_painted_over_every_picture_that_can_be_read(
    folder: Path, weights: Path, tmp_path: Path
) -> None:
    (folder / "bad.png").write_bytes(b"")
    before = predict(folder, weights)

    assert before == predict(folder, weights, explain=tmp_path / "looked")

    written = sorted((tmp_path / "looked").iterdir())
    assert [one.image for one in before if one.error is None] == [
        str(folder / path.name.partition("-")[2]) for path in written
    ]
    with Image.open(written[0]) as painted, Image.open(folder / "digit-0000.png") as picture:
        assert painted.size == picture.size
        colours = np.asarray(painted)
    assert (np.ptp(colours, axis=2) > 30).any()  # heat is in colour, and the scan grey


@pytest.mark.parametrize(("top", "named"), [(1, 1), (3, 3), (100, 6)])
def test_as_many_classes_are_named_as_asked(folder: Path, weights: Path, top: int, named: int) -> None:
    found = predict(folder, weights, top=top)

    assert {named} == {len(prediction.probabilities) for prediction in found}


def test_all_probabilities_together_make_one(folder: Path, weights: Path) -> None:
    assert 1 == pytest.approx(sum(predict(folder, weights, top=6)[0].probabilities.values()))


def test_a_picture_that_cannot_be_read_is_said_in_its_place(folder: Path, weights: Path) -> None:
    good = sorted(folder.iterdir())
    bad = folder / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff\xe0 no more")

    found = predict([good[0], bad, folder / "missing.png", good[1]], weights)

    assert [None, True, True, None] == [p.error and bool(p.error) for p in found]
    assert [str(good[0]), str(bad), str(folder / "missing.png"), str(good[1])] == [p.image for p in found]
    assert found[1].label is None and {} == found[1].probabilities
    assert "there is no such file" in (found[2].error or "")
    assert str(bad) not in (found[1].error or "")  # the path is said once, by `image`
    assert predict([good[0], good[1]], weights) == [found[0], found[3]]


def test_when_nothing_can_be_read_there_are_only_errors(folder: Path, weights: Path) -> None:
    bad = folder / "bad.jpg"
    bad.write_bytes(b"")

    assert [True] == [prediction.error is not None for prediction in predict(bad, weights)]


def test_files_arrays_and_pillow_images_of_one_picture_get_one_answer(folder: Path, weights: Path) -> None:
    path = sorted(folder.iterdir())[0]
    image = Image.open(path)
    array = np.asarray(image)

    found = [predict(one, weights)[0].probabilities for one in (path, str(path), array, image, array[..., 0])]

    assert [found[0]] * 5 == found


def test_arrays_are_named_by_their_place(weights: Path) -> None:
    found = predict([np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8)], weights)

    assert ["picture 1", "picture 2"] == [prediction.image for prediction in found]


def test_the_size_of_batches_changes_nothing_but_the_last_bits(folder: Path, weights: Path) -> None:
    one, many = predict(folder, weights, batch=1), predict(folder, weights, batch=4)

    for a, b in zip(one, many, strict=True):
        assert a.label == b.label
        assert a.probabilities == pytest.approx(b.probabilities, abs=1e-6)


def test_classes_without_names_are_called_by_their_numbers(folder: Path, tmp_path: Path) -> None:
    source = save(create_model("swin_pico", classes=3, image_size=16), tmp_path / "nameless.safetensors")

    assert {"0", "1", "2"} == set(predict(folder / "digit-0000.png", source)[0].probabilities)


def test_a_model_without_a_head_says_what_to_do(folder: Path, tmp_path: Path) -> None:
    source = save(create_model("swin_pico", classes=0, image_size=16), tmp_path / "headless.safetensors")

    with pytest.raises(CheckpointError, match="has no classes") as caught:
        predict(folder / "digit-0000.png", source)

    assert "swinkit train" in caught.value.hint


def test_a_folder_without_pictures_is_refused(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to see")

    with pytest.raises(DataError, match="no pictures found"):
        predict(tmp_path, weights)


@pytest.mark.parametrize(
    ("images", "settings", "reason"),
    [
        ([], {}, "no picture was given"),
        (3.5, {}, "got float"),
        (np.zeros(4), {}, r"shape \(4,\)"),
        (np.zeros((4, 4, 3), np.uint8), {"top": 0}, "top and batch"),
        (np.zeros((4, 4, 3), np.uint8), {"threads": 0}, "threads is a count"),
        (np.zeros((4, 4, 3), np.uint8), {"device": "abacus"}, "cannot compute on device 'abacus'"),
        (np.zeros((4, 4, 3), np.uint8), {"kernel": "magic"}, "no kernel named 'magic'"),
    ],
)
def test_wrong_use_is_said_in_a_sentence(
    images: object, settings: dict[str, object], reason: str, weights: Path
) -> None:
    with pytest.raises(ConfigError, match=reason):
        predict(images, weights, **settings)  # type: ignore[arg-type]
