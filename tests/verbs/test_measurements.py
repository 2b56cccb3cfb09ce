"""Pictures of any number of channels and any depth, from files to a model and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from swinkit import create_model, save
from swinkit.engine.run import Run
from swinkit.models import Preprocess
from swinkit.verbs.evaluate import evaluate
from swinkit.verbs.predict import predict
from swinkit.verbs.train import train
from swinkit.weights import load


def field(channels: int, marked: int, kind: str, seed: int) -> np.ndarray:
    """Noise of sixteen bits or decimals, brighter in one channel; some decimals are gaps. H W C"""
    values = np.random.default_rng(seed).normal(2000, 300, size=(20, 20, channels))
    values[..., marked] += 1500
    if kind == "float32":
        values[seed % 20, :3] = np.nan
        values /= 10000
    return values.astype(kind)


def written(folder: Path, channels: int, kind: str, ending: str) -> Path:
    """Two classes of twelve fields each, which differ in the first and the last channel."""
    for label, marked in (("crop", 0), ("water", channels - 1)):
        (folder / label).mkdir(parents=True)
        for number in range(12):
            pixels = field(channels, marked, kind, seed=number + 100 * marked)
            path = folder / label / f"{number}{ending}"
            if ending == ".npy":
                np.save(path, pixels)
            else:
                tifffile = pytest.importorskip("tifffile")
                tifffile.imwrite(path, np.moveaxis(pixels, 2, 0), photometric="minisblack")
    return folder


def trained(data: Path, out: Path, **settings: object) -> Run:
    defaults = {
        "model": "swin_pico",
        "weights": "none",
        "image_size": 16,
        "epochs": 6,
        "batch": 8,
        "lr": 2e-3,
    }
    return train(data, out=out, **{**defaults, **settings})


@pytest.mark.parametrize(
    ("channels", "kind", "ending"),
    [(13, "uint16", ".tif"), (2, "float32", ".npy"), (4, "uint16", ".npy")],
    ids=["13 bands of 16 bits", "2 channels of decimals with gaps", "4 channels of 16 bits"],
)
def test_measurements_are_learnt_and_predict_prepares_them_alike(
    tmp_path: Path, channels: int, kind: str, ending: str
) -> None:
    data = written(tmp_path / "data", channels, kind, ending)

    run = trained(data, tmp_path / "run")

    model = load(run.best)
    prepared = model.preprocess
    scale = 65535 if kind == "uint16" else 10000
    assert (model.config.in_channels, prepared.channels, prepared.own_values) == (channels, channels, True)
    expected = [2750 / scale, *[2000 / scale] * (channels - 2), 2750 / scale]
    assert prepared.mean == pytest.approx(expected, rel=0.02)
    assert (run.config.mean, run.config.std) == (prepared.mean, prepared.std)
    assert evaluate(weights=run.folder).accuracy == 1.0
    file = data / "water" / f"3{ending}"
    said = predict([file, np.load(file) if ending == ".npy" else file], run.folder)
    assert ["water", "water"] == [prediction.label for prediction in said]
    assert said[0].probability == said[1].probability


def test_the_plan_says_what_was_measured_and_that_colours_stay(tmp_path: Path, capsys) -> None:
    train(written(tmp_path / "data", 4, "uint16", ".npy"), model="swin_pico", weights="none", dry_run=True)

    said = capsys.readouterr().err
    assert "channels: 4 channels by the values in the files, mean ± deviation 0.042" in said
    assert "; cropped, mirrored, erased and mixed only, since they have no colours" in said


def test_a_picture_of_other_channels_is_refused_in_a_sentence(tmp_path: Path) -> None:
    model = create_model("swin_pico", classes=["a", "b"], in_channels=4, image_size=16)
    model.preprocess = Preprocess(image_size=(16, 16), mean=(0.1,) * 4, std=(0.1,) * 4, own_values=True)
    save(model, tmp_path / "four.safetensors")
    np.save(tmp_path / "three.npy", field(3, 0, "uint16", seed=0))

    (said,) = predict(tmp_path / "three.npy", tmp_path / "four.safetensors")

    assert "it has 3 channels, and 4 are expected" in str(said.error)


def test_a_stray_picture_among_measurements_is_left_out_and_named(tmp_path: Path, capsys) -> None:
    data = written(tmp_path / "data", 2, "uint16", ".npy")
    np.save(data / "crop" / "stray.npy", field(3, 0, "uint16", seed=0))

    trained(data, tmp_path / "run", dry_run=True)

    assert "stray.npy: it has 3 channels, and 2 are expected" in capsys.readouterr().err


def test_weights_that_saw_three_channels_start_measurements_normalised_by_their_own_numbers(
    tmp_path: Path,
) -> None:
    start = create_model("swin_pico", classes=["a", "b"], image_size=16)
    start.preprocess = Preprocess(image_size=(16, 16))
    save(start, tmp_path / "rgb.safetensors")
    data = written(tmp_path / "data", 4, "uint16", ".npy")

    run = trained(data, tmp_path / "run", model=None, weights=tmp_path / "rgb.safetensors", epochs=1)
    again = trained(data, tmp_path / "again", model=None, weights=run.folder, epochs=1)

    first, second = load(run.best), load(again.best)
    assert first.config.in_channels == 4
    assert first.preprocess.own_values
    assert first.preprocess.mean == pytest.approx((0.042, 0.031, 0.031, 0.042), rel=0.05)
    assert first.preprocess == second.preprocess


def test_grey_pictures_make_a_model_of_one_channel(tmp_path: Path) -> None:
    from PIL import Image

    for label, level in (("dark", 60), ("light", 180)):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(12):
            noise = np.random.default_rng(number).integers(-40, 40, (20, 20)) + level
            Image.fromarray(noise.astype(np.uint8)).save(tmp_path / "data" / label / f"{number}.png")

    run = trained(tmp_path / "data", tmp_path / "run")

    assert load(run.best).config.in_channels == 1
    assert evaluate(weights=run.folder).accuracy == 1.0
    coloured = np.full((20, 20, 3), 180, np.uint8)
    assert predict(coloured, run.folder)[0].label == "light"


def test_one_channel_of_decimals_below_zero_has_a_report_and_is_explained(tmp_path: Path) -> None:
    """Not between 0 and 1, so that they are no grey picture whatever reads them."""
    for label, level in (("cold", -1200.0), ("warm", 900.0)):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(8):
            noise = np.random.default_rng(number).normal(level, 50, size=(20, 20, 1)).astype("float32")
            np.save(tmp_path / "data" / label / f"{number}.npy", noise)

    run = trained(tmp_path / "data", tmp_path / "run", epochs=1)
    predict([tmp_path / "data" / "warm" / "3.npy"], run.folder, explain=tmp_path / "explained")

    assert run.report.is_file()
    assert list((tmp_path / "explained").iterdir())
