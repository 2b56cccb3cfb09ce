"""Networks of timm as the engine takes them: one vector a picture, groups of parameters, stages."""

from __future__ import annotations

import pytest
import timm
import torch

from swinkit.backbones.library import published
from swinkit.backbones.timm_files import fresh_network
from swinkit.errors import ConfigError
from swinkit.models.drop_path import part_of_batch
from tests.backbones.small_networks import CLASSES, CONVNEXT, RESNET, SIDE, VIT, network, pictures

FAMILIES = [RESNET, VIT, CONVNEXT]


@pytest.mark.parametrize("name", FAMILIES)
def test_logits_are_the_head_on_the_vector(name: str) -> None:
    model, x = network(name).eval(), pictures(2)

    assert (2, model.config.width) == model.embed(x).shape
    assert model.head is not None
    assert torch.equal(model.head(model.embed(x)), model(x))


def test_a_network_computes_what_timm_computes() -> None:
    model, x = network(RESNET).eval(), pictures(2)
    theirs = timm.create_model(RESNET, num_classes=3).eval()
    theirs.load_state_dict(
        {**model.network.state_dict(), **{f"fc.{n}": t for n, t in model.head.state_dict().items()}}
    )

    assert torch.equal(theirs(x), model(x))


@pytest.mark.parametrize("name", FAMILIES)
def test_every_parameter_learns_in_one_group_and_faster_the_nearer_to_the_head(name: str) -> None:
    model = network(name)

    groups = model.parameter_groups(0.1, 0.8)

    grouped = [parameter for group in groups for parameter in group["params"]]
    assert len(grouped) == len(set(grouped)) == len(list(model.parameters()))
    scale = {parameter: group["lr_scale"] for group in groups for parameter in group["params"]}
    first, *_ = model.network.parameters()
    assert 1.0 == scale[model.head.weight]
    assert scale[first] == min(scale.values()) < 0.8
    assert {1.0} == {group["lr_scale"] for group in model.parameter_groups(0.1)}


def test_what_timm_never_decays_and_all_that_is_no_matrix_does_not_decay() -> None:
    model = network(VIT)
    decays = {
        parameter: group["weight_decay"]
        for group in model.parameter_groups(0.1)
        for parameter in group["params"]
    }

    assert 0.0 == decays[model.network.pos_embed]
    assert 0.0 == decays[model.network.cls_token]
    assert 0.0 == decays[model.network.blocks[0].norm1.weight]
    assert 0.0 == decays[model.head.bias]
    assert 0.1 == decays[model.network.blocks[0].attn.qkv.weight]
    assert 0.1 == decays[model.head.weight]


@pytest.mark.parametrize(
    ("name", "depths"),
    [(RESNET, (1, 1, 1, 1)), (VIT, (1,) * 6), (CONVNEXT, (1, 2, 4, 2)), ("mvitv2_tiny", (1,) * 4)],
)
def test_stages_are_those_of_timm(name: str, depths: tuple[int, ...]) -> None:
    assert depths == network(name).depths


def test_frozen_stages_stay_as_they_are_in_training_batch_norms_included() -> None:
    model = network(RESNET, drop_path=0.5).freeze(2).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    model(pictures(4)).sum().backward()

    learnt = {name for name, p in model.named_parameters() if p.grad is not None}
    assert learnt
    assert all(name.startswith(("network.layer3", "network.layer4", "head")) for name in learnt)
    moved = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved
    assert all(name.startswith(("network.layer3", "network.layer4")) for name in moved)


def test_more_stages_than_there_are_cannot_be_frozen() -> None:
    with pytest.raises(ConfigError, match="has 4 stages; cannot freeze 5"):
        network(RESNET).freeze(5)


def test_paths_are_dropped_alike_however_a_batch_is_cut() -> None:
    model, x = network(VIT, drop_path=0.5).train(), pictures(4)

    def part(first: int, last: int) -> torch.Tensor:
        torch.manual_seed(3)
        with part_of_batch(first, 4), torch.no_grad():
            return model(x[first:last])

    whole, halves = part(0, 4), torch.cat([part(0, 2), part(2, 4)])

    assert 0.5 == model.drop_path
    assert torch.allclose(whole, halves, atol=1e-5)
    assert not torch.allclose(whole, model.eval()(x), atol=1e-2)


def test_a_network_without_stochastic_depth_says_so() -> None:
    assert 0.0 == network("densenet121", drop_path=0.1).drop_path


@pytest.mark.parametrize(("name", "macs"), [("resnet18", 1.82e9), ("vit_tiny_patch16_224", 1.26e9)])
def test_multiply_adds_are_those_that_are_published(name: str, macs: float) -> None:
    """By timm's results; PyTorch leaves pooling, norms and biases out."""
    model = fresh_network(f"timm:{name}", CLASSES, in_channels=3, image_size=(224, 224), drop_path=0.0)

    assert macs == pytest.approx(model.macs((224, 224)), rel=0.01)


def test_another_size_is_another_preparation_for_who_takes_any() -> None:
    model = network(CONVNEXT).eval()

    other = model.resize((96, 128))

    assert (96, 128) == other.config.image_size
    assert (SIDE, SIDE) == model.config.image_size
    assert torch.equal(model(pictures(1)), other(pictures(1)))


def test_a_network_of_one_size_is_not_resized() -> None:
    model = network(VIT)

    assert not model.any_size
    with pytest.raises(ConfigError, match="was built for 64 × 64 pixels, not 96 × 96"):
        model.resize(96)


def test_pictures_of_another_number_of_channels_go_through() -> None:
    model = network(CONVNEXT, in_channels=5).eval()

    assert 5 == model.in_channels
    assert (2, 3) == model(pictures(2, channels=5)).shape


def test_batch_norms_mix_pictures_and_keep_from_recomputing() -> None:
    resnet, vit = network(RESNET), network(VIT)

    assert resnet.mixes_pictures and not resnet.can_recompute
    assert vit.can_recompute and not vit.mixes_pictures
    with pytest.raises(ConfigError, match="cannot compute its activations again"):
        resnet.recompute()


def test_activations_computed_again_give_the_same_gradients() -> None:
    model, x = network(VIT, drop_path=0.3).train(), pictures(2)

    def gradients() -> list[torch.Tensor]:
        model.zero_grad()
        torch.manual_seed(0)
        model(x).square().sum().backward()
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    kept = gradients()
    model.recompute()

    for expected, found in zip(kept, gradients(), strict=True):
        assert torch.allclose(expected, found, atol=1e-6)


def test_a_size_that_a_network_does_not_take_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match="2 × 2 pixels"):
        fresh_network(f"timm:{VIT}", CLASSES, in_channels=3, image_size=(2, 2), drop_path=0.0)


def test_a_name_that_timm_does_not_know_is_met_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="no network named 'resnett18'") as caught:
        published("timm:resnett18")
    assert "timm:resnet18" in caught.value.hint
    with pytest.raises(ConfigError, match="no weights 'mine' of resnet18") as caught:
        published("timm:resnet18.mine")
    assert "resnet18.a1_in1k" in caught.value.hint


def test_what_timm_publishes_is_known_without_asking_anybody() -> None:
    found = published("timm:resnet18")

    assert "timm:resnet18.a1_in1k" == str(found)
    assert ("timm/resnet18.a1_in1k", "apache-2.0", 1000) == (found.repository, found.licence, found.classes)
    assert found.labels is not None and "tench" == found.labels[0]
    assert (224, 224) == found.preprocess.image_size and (235, 235) == found.preprocess.resize_to
