"""Other architectures by the names that people use."""

from __future__ import annotations

import pytest

from swinkit.benchmark.others import find
from swinkit.errors import ConfigError


def test_multiply_adds_are_those_that_are_published() -> None:
    assert pytest.approx(1.82e9, rel=0.01) == find("resnet18").macs((224, 224), 1000)


@pytest.mark.peers
@pytest.mark.parametrize(
    ("named", "library", "name"),
    [
        ("resnet50", "torchvision", "resnet50"),
        ("vit_s_16", "timm", "vit_small_patch16_224"),
        ("mvit_v2_s", "timm", "mvitv2_small"),
        ("timm:resnet50", "timm", "resnet50"),
    ],
)
def test_a_name_is_looked_up_in_torchvision_then_in_timm(named: str, library: str, name: str) -> None:
    pytest.importorskip("timm")
    found = find(named)
    assert (library, name) == (found.library, found.name)


@pytest.mark.peers
def test_attention_counts_as_multiply_adds_and_any_image_size_is_taken() -> None:
    """Of 4.6 billion, 0.36 are products of attention (Touvron et al. 2021, table 5: DeiT-S)."""
    pytest.importorskip("timm")
    assert pytest.approx(4.6e9, rel=0.01) == find("vit_s_16").macs((224, 224), 1000)
    assert find("vit_s_16").macs((64, 64), 10) < 0.4e9


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="no architecture named 'resnet5O'") as raised:
        find("resnet5O")
    assert "resnet50" in raised.value.hint


def test_a_library_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="torchvision and timm; got 'keras:resnet50'"):
        find("keras:resnet50")
