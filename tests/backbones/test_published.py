"""Published weights of timm's networks: fetched as a Swin's are, fitted to other classes and pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from swinkit.backbones.opening import open_model
from swinkit.engine.distillation import Distillation, teacher_of
from swinkit.errors import CheckpointError, ConfigError
from swinkit.recipes.defaults import default_plan
from swinkit.recipes.facts import DataFacts, Machine
from swinkit.recipes.wishes import Wishes
from swinkit.verbs.starting_weights import starting_weights
from tests.backbones.small_networks import CLASSES, RESNET, VIT, pictures
from tests.weights.stand_in_hub import StandIn, standing_in

timm = pytest.importorskip("timm", reason="timm is not installed")

FACTS = DataFacts(name="pets", layout="class folders", train=750, val=200, classes=CLASSES, size=(180, 240))
MACHINE = Machine(device="cpu", threads=2, bf16=False)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    with standing_in(tmp_path / "home", monkeypatch) as stand_in:
        yield stand_in


def publish(hub: StandIn, name: str) -> torch.nn.Module:
    """Let the hub have random weights of a network, with its head for ImageNet."""
    theirs = timm.create_model(name).eval()
    hub.repository = timm.get_pretrained_cfg(name).hf_hub_id
    hub.files = {"model.safetensors": save(theirs.state_dict())}
    return theirs


def begun(wishes: Wishes) -> tuple[object, list[str]]:
    said: list[str] = []
    return starting_weights(CLASSES, FACTS, MACHINE, wishes, said.append), said


@pytest.mark.parametrize("name", [RESNET, VIT])
def test_with_its_own_head_a_network_answers_as_in_timm(hub: StandIn, name: str) -> None:
    theirs = publish(hub, name)
    x = pictures(2, side=160)

    model = open_model(f"timm:{name}")

    assert torch.allclose(theirs(x), model(x), atol=1e-6)
    assert model.labels is not None and "tench" == model.labels[0]
    assert model.preprocess is not None and (160, 160) == model.preprocess.image_size


def test_weights_are_named_with_licence_then_fetched_and_get_a_head_for_the_classes(hub: StandIn) -> None:
    theirs = publish(hub, RESNET)

    found, said = begun(Wishes(model=f"timm:{RESNET}"))

    assert "asking for timm:test_resnet.r160_in1k, licence apache-2.0" in said[0]
    start = found.start
    assert "fine-tune timm:test_resnet.r160_in1k (apache-2.0), published weights fetched" == start.why
    assert start.loaded.endswith("new: head.weight, head.bias")
    assert start.new_head and CLASSES == found.model.labels
    assert 0.0 == found.model.head.weight.abs().max()
    first = next(theirs.parameters())
    assert torch.equal(first, next(found.model.parameters()))
    plan = default_plan(FACTS, MACHINE, Wishes(model=f"timm:{RESNET}"), start)
    assert plan.config.warm_start and (160, 160) == plan.config.image_size
    assert "timm:test_resnet.r160_in1k" == plan.config.weights
    hub.requests.clear()
    again, _ = begun(Wishes(model=f"timm:{RESNET}"))
    assert "found on this disk" in again.start.why and [] == hub.requests


def test_rows_of_the_head_are_kept_for_classes_of_the_same_name(hub: StandIn) -> None:
    theirs = publish(hub, RESNET)

    model = open_model(f"timm:{RESNET}", classes=("goldfish", "unheard of"))

    assert torch.equal(theirs.get_classifier().weight[1], model.head.weight[0])
    assert 0.0 == model.head.weight[1].abs().max()
    assert "rows by class name: 1 kept, 1 new and zero" in str(model.load_report)


def test_timm_fits_weights_to_other_channels_and_another_size(hub: StandIn) -> None:
    publish(hub, VIT)

    model = open_model(f"timm:{VIT}", classes=CLASSES, in_channels=5, image_size=(96, 64))

    assert (2, 3) == model(torch.randn(2, 5, 96, 64)).shape
    assert model.preprocess is not None
    assert ((96, 64), 5) == (model.preprocess.image_size, model.preprocess.channels)


def test_weights_of_another_network_than_asked_for_are_refused(hub: StandIn) -> None:
    publish(hub, RESNET)

    for asked in (f"timm:{VIT}", "swin_tiny"):
        with pytest.raises(ConfigError, match=f"holds timm:{RESNET}, not {asked}"):
            begun(Wishes(model=asked, weights=f"timm:{RESNET}"))
    found, _ = begun(Wishes(model=f"timm:{RESNET}", weights=f"timm:{RESNET}.r160_in1k"))
    assert found.start is not None


def test_weights_asked_for_by_name_that_cannot_be_had_stop_a_training(hub: StandIn) -> None:
    hub.refusal = (500, "")

    with pytest.raises(CheckpointError, match="HTTP status 500"):
        begun(Wishes(weights=f"timm:{RESNET}"))
    found, said = begun(Wishes(model=f"timm:{RESNET}"))
    assert found.model is None and f"published weights of timm:{RESNET} could not be had" == found.why
    assert any(line.startswith("no published weights: ") for line in said)


def test_published_weights_teach_classes_that_they_know_by_name(hub: StandIn) -> None:
    theirs = publish(hub, RESNET)
    ours = open_model(f"timm:{RESNET}").preprocess
    settings = Distillation(teacher=f"timm:{RESNET}")

    def teacher(classes: tuple[str, ...]) -> object:
        return teacher_of(
            open_model(settings.teacher), settings, classes=classes, task="classification", ours=ours
        )

    x = pictures(2, side=160)
    assert torch.allclose(theirs(x)[:, [1, 0]], teacher(("goldfish", "tench"))(x), atol=1e-5)
    with pytest.raises(ConfigError, match="cannot teach all classes") as caught:
        teacher(CLASSES)
    assert f"--model timm:{RESNET}" in caught.value.hint
