"""Few pictures, fine-tuned with settings of all kinds: what the report says first, and its command."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from swinkit.cli.main import main
from swinkit.data import digits
from swinkit.engine.run import Run
from swinkit.models import create_model
from swinkit.report.words import command
from swinkit.verbs.evaluate import evaluate
from swinkit.verbs.train import train
from swinkit.weights import save

NAMES = {"0": "zero", "1": "one", "7": "seven"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where somebody works: pictures, weights, the classes in an order of their own, a recipe."""
    desk = tmp_path_factory.mktemp("desk")
    for sample in [sample for sample in digits().samples if sample.label in NAMES][:60]:
        place = desk / "my photos" / NAMES[str(sample.label)]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(sample.pixels()).save(place / f"{sample.name}.png")
    (desk / "my photos" / "one" / "bad.png").write_bytes(b"")
    save(create_model("swin_pico", classes=("a", "b"), image_size=16), desk / "known.safetensors")
    (desk / "classes.txt").write_text("seven\none\nzero\n")
    (desk / "mine.py").write_text(
        "from dataclasses import replace\n\ndef patient(config):\n    return replace(config, patience=33)\n"
    )
    return desk


@pytest.fixture(scope="module")
def run(desk: Path) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(desk)
        return train(
            "my photos",
            weights="known.safetensors",
            labels="classes.txt",
            recipe="mine.py:patient",
            imbalance="weights",
            image_size=(16, 24),
            epochs=1,
            lr=1.23456789e-3,
            seed=3,
            threads=1,
            out="first",
        )


def test_the_command_of_the_report_gives_the_same_run(
    desk: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk)
    words = [word.strip("'") for word in command(run.facts)]
    assert ["swinkit", "train", "my photos"] == words[:3]

    assert 0 == main([*words[1:], "--out", "second"])

    again = Run(desk / "second")
    assert run.config == again.config
    assert ("seven", "one", "zero") == again.config.labels
    assert (desk / run.split).read_text() == again.split.read_text()
    first, second = load_file(desk / run.best), load_file(again.best)
    assert all(torch.equal(first[name], second[name]) for name in first.keys() | second.keys())


def test_no_epochs_are_not_asked_for_but_the_time_that_left_none(
    desk: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk)
    facts = {
        **run.facts,
        "config": {**run.facts["config"], "epochs": 0},
        "asked": {**run.facts["asked"], "time": "30s"},
    }

    words = command(facts)

    assert "--epochs" not in words
    assert "30s" == words[words.index("--time") + 1]


def test_the_number_over_all_pictures_comes_first_and_the_other_says_what_it_is(
    desk: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk)
    numbers = run.evaluation
    folds = numbers["by_folds"]
    page = run.report.read_text("utf-8")

    assert (60, 5) == (folds["pictures"], len(folds["each"]))
    assert folds["accuracy"]["low"] < folds["accuracy"]["value"] < folds["accuracy"]["high"]
    assert numbers["chosen_on_same"]
    assert 'data-fact="evaluation.json#/by_folds/accuracy/value"' in page.partition("</h1>")[0]
    assert "on pictures it had not seen</h1>" in page
    assert "they were chosen on the same pictures" in page
    assert "Chosen on the same pictures." in page
    assert "5-fold over all 60 pictures" in (run.folder / "log.txt").read_text()


def test_evaluating_the_run_again_says_the_same(
    desk: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(desk)

    evaluate(weights=run.folder, out=tmp_path)

    again = Run(tmp_path).evaluation
    for name in ("by_folds", "intervals", "baselines", "trained_copies", "copies"):
        assert run.evaluation[name] == again[name], name


def test_a_file_that_could_not_be_read_is_listed_once(
    desk: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk)

    assert 1 == run.report.read_text("utf-8").count("one/bad.png")
