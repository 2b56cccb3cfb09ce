"""`explain`: from a picture and weights to a page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from swinkit.errors import ConfigError, DataError, RunError
from swinkit.models import Swin, create_model
from swinkit.verbs.explain import explain


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def model() -> Swin:
    torch.manual_seed(1)
    return create_model("swin_nano", classes=["<b>cat</b>", "dog"])


def test_nothing_given_explains_swin_tiny_on_the_embedded_picture(here: Path) -> None:
    page = explain(measure=False)
    assert page == Path("runs/explain-digits/explain.html")
    text = page.read_text("utf-8")
    assert "28,288,354" in text
    assert "9,834,496 pairs" in text
    assert len(text) < 1_500_000


def test_a_second_page_does_not_replace_the_first(here: Path) -> None:
    first, second = (explain(model="swin_pico", measure=False) for _ in range(2))
    assert [first.parent.name, second.parent.name] == ["explain-digits", "explain-digits-2"]


def test_a_picture_gives_the_page_its_name(here: Path) -> None:
    Image.new("RGB", (60, 40), "teal").save("my cat & dog.png")
    page = explain("my cat & dog.png", model="swin_pico", measure=False)
    assert page.parent.name == "explain-my-cat-dog"
    assert "my cat &amp; dog.png" in page.read_text("utf-8")


@pytest.mark.parametrize(("out", "expected"), [("a/b.html", "a/b.html"), ("folder", "folder/explain.html")])
def test_the_page_goes_where_it_is_told(here: Path, out: str, expected: str) -> None:
    assert Path(expected) == explain(model="swin_pico", out=out, measure=False)
    assert Path(expected).is_file()


def test_a_page_is_only_replaced_when_asked(here: Path) -> None:
    Path("page.html").write_text("mine")
    with pytest.raises(RunError, match=r"page\.html exists already"):
        explain(model="swin_pico", out="page.html")
    assert Path("page.html").read_text() == "mine"

    explain(model="swin_pico", out="page.html", overwrite=True, measure=False)

    assert Path("page.html").read_text("utf-8").startswith("<!doctype html>")


def test_a_model_in_memory_is_explained_and_stays_as_it_was(here: Path, model: Swin) -> None:
    model.train().double()

    text = explain(np.zeros((50, 40, 3), np.uint8), model, measure=False).read_text("utf-8")

    assert model.training
    assert model.patch_embed.proj.weight.dtype == torch.float64
    assert "&lt;b&gt;cat&lt;/b&gt;" in text
    assert "<b>cat" not in text
    assert "learnt nothing" not in text
    model.float()


def test_a_weights_file_is_explained_with_its_load_report(here: Path, model: Swin) -> None:
    from swinkit.weights.save import save

    save(model.float(), "pets.safetensors")

    text = explain(weights="pets.safetensors", measure=False).read_text("utf-8")

    assert "How the weights were loaded" in text
    assert "pets.safetensors" in text


def test_the_seed_decides_fresh_weights_and_nothing_else(here: Path) -> None:
    torch.manual_seed(5)
    expected_next = torch.rand(1)
    torch.manual_seed(5)

    pages = [explain(model="swin_pico", seed=seed, measure=False).read_text("utf-8") for seed in (0, 0, 1)]

    assert torch.equal(expected_next, torch.rand(1))
    assert pages[0] == pages[1]
    assert pages[0] != pages[2]


@pytest.mark.parametrize(
    "settings",
    [
        {"model": "swin_nano", "image_size": (31, 45)},
        {"weights": lambda: create_model("swin_nano", policy="timm"), "image_size": (31, 45)},
        {"weights": lambda: create_model("swin_nano", policy="huggingface_v2", version=2), "image_size": 30},
        {"weights": lambda: create_model("swin_nano", policy="torchvision"), "image_size": (16, 50)},
        {"weights": lambda: create_model("swin_nano", dense=(0, 2))},
        {"weights": lambda: create_model("swin_nano", window=(2, 4), patch_size=(2, 4))},
        {"weights": lambda: create_model("swin_nano", depths=(1, 3, 2), in_channels=1)},
        {"weights": lambda: create_model("swin_pico", image_size=4)},
    ],
    ids=["odd", "timm", "hf v2", "torchvision", "dense", "not square", "odd depths, grey", "tiny picture"],
)
def test_every_kind_of_model_and_size_is_explained(here: Path, settings: dict[str, object]) -> None:
    weights = settings.get("weights")
    settings = {**settings, "weights": weights() if callable(weights) else weights}
    assert explain(**settings, measure=False).is_file()  # type: ignore[arg-type]


def test_a_picture_of_five_channels_is_explained(here: Path) -> None:
    pixels = np.random.default_rng(0).random((40, 40, 5)).astype(np.float32)
    assert explain(pixels, create_model("swin_nano", in_channels=5), measure=False).is_file()


def test_weights_and_a_size_contradict_each_other(here: Path, model: Swin) -> None:
    with pytest.raises(ConfigError, match="weights bring their own model"):
        explain(weights=model, model="swin_tiny")


def test_a_picture_that_is_not_there_is_one_sentence(here: Path) -> None:
    with pytest.raises(DataError, match=r"cat\.jpg"):
        explain("cat.jpg", model="swin_pico")
    assert not Path("runs").exists()
