"""Which weights a training starts from: asked for, found, fetched, or none, and what is said of each."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from swinkit.errors import CheckpointError, ConfigError
from swinkit.models import create_model
from swinkit.recipes.facts import DataFacts, Machine
from swinkit.recipes.wishes import Wishes
from swinkit.verbs.starting_weights import _refuse_partial, refuse_unknown, starting_weights
from swinkit.weights import files, load, save
from tests.weights.stand_in_hub import StandIn, clean_environment, standing_in

CLASSES = ("aster", "rose", "tulip")
FACTS = DataFacts(
    name="flowers", layout="class folders", train=750, val=200, classes=CLASSES, size=(180, 240)
)
MACHINE = Machine(device="cpu", threads=2, bf16=True)
TINY = "swin_tiny_patch4_window7_224.ms_in1k"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A Swin-T as timm lays it out, with random numbers."""
    path = tmp_path_factory.mktemp("tiny") / "model.safetensors"
    return save(create_model("swin_tiny"), path, format="timm").read_bytes()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    with standing_in(tmp_path / "home", monkeypatch) as stand_in:
        stand_in.repository = f"timm/{TINY}"
        yield stand_in


def test_published_weights_are_named_with_size_and_licence_then_fetched(hub: StandIn, tiny: bytes) -> None:
    hub.files = {"model.safetensors": tiny}
    said: list[str] = []

    found = starting_weights(CLASSES, FACTS, MACHINE, Wishes(), said.append)

    assert found.model is not None and CLASSES == found.model.labels
    assert f"asking for {TINY}, licence MIT" in said[0]
    assert f"({len(tiny) / 1e6:.1f} MB)" in said[1]
    assert found.start is not None
    assert found.start.loaded.startswith("loaded 171/173 tensors (99.99 % of parameters)")
    assert found.start.loaded.endswith("new: head.weight, head.bias")
    assert found.start.new_head


def test_a_class_that_the_head_knows_by_name_does_not_make_the_others_known(
    hub: StandIn, tiny: bytes
) -> None:
    hub.files = {"model.safetensors": tiny}

    found = starting_weights(("daisy", "aster"), FACTS, MACHINE, Wishes(), lambda line: None)

    assert found.start is not None and found.start.new_head


def test_weights_on_this_disk_are_taken_without_a_question(
    hub: StandIn, tiny: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.files = {"model.safetensors": tiny}
    starting_weights(CLASSES, FACTS, MACHINE, Wishes(), lambda line: None)
    hub.requests.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    found = starting_weights(CLASSES, FACTS, MACHINE, Wishes(), lambda line: None)

    assert found.start is not None and "found on this disk" in found.start.why
    assert [] == hub.requests


@pytest.mark.parametrize(
    ("facts", "wishes"),
    [
        (FACTS, Wishes(weights="none")),
        (FACTS, Wishes(model="swin_nano")),
        (replace(FACTS, classes=tuple("0123456789")), Wishes()),
        (replace(FACTS, size=(32, 32), train=8000), Wishes()),
    ],
    ids=["none, as asked", "a size without published weights", "characters", "many small pictures on a CPU"],
)
def test_nobody_is_asked_where_fresh_weights_are_wanted(
    hub: StandIn, facts: DataFacts, wishes: Wishes
) -> None:
    found = starting_weights(facts.classes, facts, MACHINE, wishes, lambda line: None)

    assert found.model is None
    assert found.why
    assert [] == hub.requests


def test_a_hub_that_is_not_there_costs_one_question_and_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        clean_environment(monkeypatch, tmp_path, f"http://127.0.0.1:{nobody.getsockname()[1]}")
    said: list[str] = []

    found = starting_weights(CLASSES, FACTS, MACHINE, Wishes(), said.append)

    assert found.model is None
    assert "swin_tiny could not be had" in found.why
    assert any("cannot be reached" in line for line in said)
    assert any("give its path" in line for line in said)


def test_a_damaged_file_that_nobody_asked_for_stops_no_training(hub: StandIn) -> None:
    hub.files = {"model.safetensors": b"half a file"}

    found = starting_weights(CLASSES, FACTS, MACHINE, Wishes(), lambda line: None)

    assert found.model is None


def test_weights_that_were_asked_for_and_are_not_there_stop_it(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        starting_weights(
            CLASSES, FACTS, MACHINE, Wishes(weights=str(tmp_path / "none.pth")), lambda line: None
        )


def test_weights_of_another_model_than_asked_for_are_refused_with_both(tmp_path: Path) -> None:
    path = save(create_model("swin_pico", classes=3), tmp_path / "pico.safetensors")

    with pytest.raises(ConfigError, match=r"depths \(2, 2\).*swin_nano is v1 of depths \(2, 2, 2\)"):
        starting_weights(
            CLASSES, FACTS, MACHINE, Wishes(weights=str(path), model="swin_nano"), lambda line: None
        )


def test_weights_get_the_windows_of_the_size_that_was_named(tmp_path: Path) -> None:
    path = save(create_model("swin_nano", classes=3, window=2), tmp_path / "nano.safetensors")
    wishes = Wishes(weights=str(path), model="swin_nano", drop_path=0.3)

    found = starting_weights(CLASSES, FACTS, MACHINE, wishes, lambda line: None)

    assert found.model is not None and found.start is not None
    assert (((4, 4),) * 3, 0.3) == (found.model.config.window, found.model.config.drop_path)
    assert "windows as in swin_nano" in found.start.loaded


def test_a_model_most_of_which_is_new_is_refused_and_a_new_head_is_not(tmp_path: Path) -> None:
    path = save(create_model("swin_pico", classes=3), tmp_path / "pico.safetensors")
    model = load(path, classes=["other", "names"])
    _refuse_partial(model)

    stages = {name: "made up" for name in model.state_dict() if name.startswith("stages.1")}
    model.load_report = replace(model.load_report, new=stages)

    with pytest.raises(CheckpointError, match=r"only \d+\.\d% of the model's numbers"):
        _refuse_partial(model)


def test_the_load_report_counts_what_came_from_the_file(tmp_path: Path) -> None:
    path = save(create_model("swin_pico", classes=3), tmp_path / "pico.safetensors")
    with torch.inference_mode():
        found = starting_weights(CLASSES, FACTS, MACHINE, Wishes(weights=str(path)), lambda line: None)

    assert found.to_dict()["weights"] == str(path)
    assert "loaded" in found.to_dict()["loaded"]


@pytest.mark.parametrize("source", ["nowhere", "nowhere/at/all.pth", "swin_tinny"])
def test_weights_that_are_nowhere_are_refused_before_anything_is_read_or_fetched(source: str) -> None:
    with pytest.raises(CheckpointError, match=Path(source).stem):
        refuse_unknown(None, source, None)
    with pytest.raises(CheckpointError, match=Path(source).stem):
        refuse_unknown(None, None, source)


def test_a_file_is_looked_at_before_it_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(create_model("swin_pico", classes=3), tmp_path / "pico.safetensors")
    cut, text = tmp_path / "cut.safetensors", tmp_path / "page.pth"
    cut.write_bytes(path.read_bytes()[:-1000])
    text.write_text("<!doctype html>")
    monkeypatch.setattr(files, "_read_container", None)  # reads all of it

    refuse_unknown(None, str(path), None)
    for bad, words in ((cut, "cut short"), (text, "HTML|web page")):
        with pytest.raises(CheckpointError, match=words):
            refuse_unknown(None, str(bad), None)


def test_names_that_may_be_had_are_left_to_those_who_fetch_them() -> None:
    refuse_unknown("swin_tiny", TINY, "hf:somebody/something")
    refuse_unknown(None, "none", None)
