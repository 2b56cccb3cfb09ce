"""Published recipes: the numbers of their sources, and that each of them trains."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from swinkit.data.mixing import Mixing
from swinkit.engine.optimiser import make_optimiser
from swinkit.engine.schedule import learning_rate
from swinkit.engine.step import training_step
from swinkit.models import create_model, size_config
from swinkit.recipes.fresh import fresh_model
from swinkit.recipes.published import RECIPES
from swinkit.tasks.classification import Classification
from swinkit.weights.catalogue import lookup
from tests.engine.small_runs import training_images

CLASSES = tuple("0123456789")

# recipe: epochs, batch, peak rate, last rate, warm-up epochs, weight decay, drop path, pixels
SOURCES = {
    "swin_tiny_imagenet": (300, 1024, 1e-3, 1e-5, 20, 0.05, 0.2, 224),
    "swin_small_imagenet": (300, 1024, 1e-3, 1e-5, 20, 0.05, 0.3, 224),
    "swin_base_imagenet": (300, 1024, 1e-3, 1e-5, 20, 0.05, 0.5, 224),
    "swinv2_tiny_imagenet": (300, 1024, 1e-3, 1e-5, 20, 0.05, 0.2, 256),
    "swinv2_base_w16_imagenet": (300, 1024, 1e-3, 1e-5, 20, 0.05, 0.5, 256),
    "swin_base_384_imagenet": (30, 1024, 4e-5, 4e-7, 5, 1e-8, 0.5, 384),
    "swin_tiny_22k": (30, 1024, 4e-5, 4e-7, 5, 1e-8, 0.1, 224),
    "swin_large_384_22k": (30, 1024, 4e-5, 4e-7, 5, 1e-8, 0.2, 384),
    "swinv2_large_256_22k": (30, 1024, 4e-5, 4e-7, 5, 1e-8, 0.2, 256),
    "torchvision_swin_t": (300, 1024, 1e-3, 1e-5, 20, 0.05, 0.2, 224),
    "torchvision_swin_v2_b": (300, 1024, 1e-3, 1e-5, 20, 0.05, 0.5, 256),
    "small_pictures_32": (100, 128, 1e-3, 1e-6, 10, 0.05, 0.1, 32),
    "small_pictures_64": (100, 128, 1e-3, 1e-6, 10, 0.05, 0.1, 64),
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_recipe_has_the_numbers_of_its_source(name: str) -> None:
    config = RECIPES[name]()

    found = (
        config.epochs,
        config.batch,
        config.lr,
        config.lr * config.final_lr,
        config.warmup * config.epochs,
        config.weight_decay,
        config.drop_path,
        config.image_size[0],
    )

    assert SOURCES[name] == pytest.approx(found)


@pytest.mark.parametrize("name", SOURCES)
def test_the_rate_peaks_after_the_warm_up_and_ends_at_its_minimum(name: str) -> None:
    config, a_day = RECIPES[name](), 10  # steps an epoch
    steps, (_, _, peak, last, warm_up, *_) = config.epochs * a_day, SOURCES[name]

    def rate(step: int) -> float:
        return learning_rate(step, steps=steps, peak=config.lr, warmup=config.warmup, final=config.final_lr)

    assert peak == pytest.approx(rate(warm_up * a_day - 1))
    assert last == pytest.approx(rate(steps - 1))


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_names_a_size_weights_of_that_size_and_what_to_expect(name: str) -> None:
    config, told = RECIPES[name](), RECIPES[name].__doc__ or ""

    size = size_config(config.model)
    if config.weights is not None:
        entry = lookup(config.weights)
        assert entry is not None
        assert (size.version, size.depths, size.embed_dim) == (
            entry.config.version,
            entry.config.depths,
            entry.config.embed_dim,
        )
    assert "op-1" in told
    assert "Transcribed" in told
    with torch.device("meta"):
        create_model(config.model, image_size=config.image_size, drop_path=config.drop_path)


@pytest.mark.parametrize("name", ["swin_tiny_imagenet", "torchvision_swin_t", "small_pictures_32"])
def test_a_recipe_trains(name: str) -> None:
    """At a hundredth of its size, with all of its augmentation."""
    config = replace(RECIPES[name](), model="swin_pico", image_size=(16, 16), batch=8, precision="fp32")
    images = training_images(config)
    from swinkit.data.loader import train_loader

    model = fresh_model(config, CLASSES).train()
    before = model.head.weight.clone()

    batch = next(iter(train_loader(images, epochs=[0], batch=config.batch)))
    loss = training_step(
        model, Classification(CLASSES), make_optimiser(model, config), batch, config, lr=1e-3, step=0
    )

    assert 0 < loss < 10
    assert not torch.equal(before, model.head.weight)


def test_what_distinguishes_the_sources_is_there() -> None:
    microsoft, torchvision = RECIPES["swin_tiny_imagenet"](), RECIPES["torchvision_swin_t"]()
    small = RECIPES["small_pictures_32"]()

    assert ("timm-randaugment", 1, None) == (
        microsoft.augmentation.policy,
        microsoft.repeats,
        microsoft.ema,
    )
    assert ("trivial", 4) == (torchvision.augmentation.policy, torchvision.repeats)
    assert torchvision.ema is not None
    assert Mixing(mixup=0.8, cutmix=1.0) == microsoft.mixing == torchvision.mixing
    assert (0.0, 0.25) == (microsoft.augmentation.colour, microsoft.augmentation.erasing)
    assert ("autoaugment-cifar10", 4, 3) == (
        small.augmentation.policy,
        small.augmentation.padding,
        small.repeats,
    )
