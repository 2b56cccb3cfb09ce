from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from swinkit.data.loader import Batch, train_loader
from swinkit.data.mixing import Mixing
from swinkit.engine import learner
from swinkit.engine.optimiser import make_optimiser
from swinkit.engine.portion import Portion
from swinkit.engine.schedule import learning_rate
from swinkit.engine.settings import TrainConfig
from swinkit.engine.step import training_step
from swinkit.recipes.fresh import fresh_model
from swinkit.tasks.classification import Classification
from tests.engine.small_runs import SETTINGS, begin, training_images, weights_of

CLASSES = tuple("0123456789")


@dataclass(frozen=True)
class Watched(Classification):
    """Notes what the loop hands to the loss."""

    seen: Sequence[tuple[torch.dtype, float]] = ()

    def loss(self, outputs: Tensor, targets: Tensor, *, label_smoothing: float) -> Tensor:
        self.seen.append((outputs.dtype, label_smoothing))  # type: ignore[attr-defined]
        return super().loss(outputs, targets, label_smoothing=label_smoothing)


def one_batch(config: TrainConfig) -> Batch:
    batch: Batch = next(iter(train_loader(training_images(config), epochs=[0], batch=config.batch)))
    return batch


def after_a_step(config: TrainConfig, lr: float = 1e-3) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    model = fresh_model(config, CLASSES).train()
    optimiser = make_optimiser(model, config)
    training_step(model, Classification(CLASSES), optimiser, one_batch(config), config, lr=lr, step=0)
    return model, optimiser


def gradient_norm(model: torch.nn.Module) -> float:
    return float(torch.stack([p.grad.norm() for p in model.parameters() if p.grad is not None]).norm())


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_products_are_computed_in_the_precision_of_the_settings(precision: str) -> None:
    config = replace(SETTINGS, precision=precision)  # type: ignore[arg-type]
    task = Watched(CLASSES, seen=[])
    model = fresh_model(config, CLASSES)

    training_step(model, task, make_optimiser(model, config), one_batch(config), config, lr=1e-3, step=0)

    assert [({"fp32": torch.float32, "bf16": torch.bfloat16}[precision], config.label_smoothing)] == task.seen
    assert {torch.float32} == {parameter.dtype for parameter in model.parameters()}


def test_a_gradient_is_clipped_to_the_norm_of_the_settings() -> None:
    free = gradient_norm(after_a_step(replace(SETTINGS, clip_norm=1e6))[0])
    clipped = gradient_norm(after_a_step(replace(SETTINGS, clip_norm=free / 4))[0])

    assert clipped == pytest.approx(free / 4, rel=1e-3)


def test_each_layer_learns_at_its_share_of_the_rate() -> None:
    _, optimiser = after_a_step(replace(SETTINGS, layer_decay=0.5), lr=0.8)

    shares = {group["name"].partition(",")[0]: group["lr"] / 0.8 for group in optimiser.param_groups}
    assert {f"layer {layer}": 0.5 ** (5 - layer) for layer in range(6)} == pytest.approx(shares)


def test_weight_decay_is_of_matrices_alone() -> None:
    model = fresh_model(SETTINGS, CLASSES)

    groups = make_optimiser(model, replace(SETTINGS, weight_decay=0.3)).param_groups

    decays = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert 0.3 == decays[id(model.stages[0].blocks[0].mlp.fc1.weight)]
    assert 0.0 == decays[id(model.stages[0].blocks[0].norm1.weight)]
    assert 0.0 == decays[id(model.stages[0].blocks[0].attention.bias_table)]
    assert len(decays) == len(list(model.parameters()))


def test_nothing_is_learnt_at_a_rate_of_nothing() -> None:
    before = weights_of(fresh_model(SETTINGS, CLASSES))

    model, _ = after_a_step(SETTINGS, lr=0.0)

    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_the_rate_follows_the_schedule_step_by_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step_for_real, rates = learner.training_step, []

    def training_step(*arguments: object, lr: float, **settings: object) -> float:
        rates.append(lr)
        return step_for_real(*arguments, lr=lr, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(learner, "training_step", training_step)
    config = replace(SETTINGS, warmup=0.5)
    begin(tmp_path, config)

    schedule = [
        learning_rate(step, steps=8, peak=config.lr, warmup=0.5, final=config.final_lr) for step in range(8)
    ]
    assert schedule == rates


def after_ten_steps(config: TrainConfig) -> dict[str, Tensor]:
    """Of batches of 12, the third in an epoch is a short one."""
    model = fresh_model(config, CLASSES).train()
    optimiser = make_optimiser(model, config)
    loader = train_loader(training_images(config), epochs=range(4), batch=config.batch)
    for step, batch in zip(range(10), loader, strict=False):
        training_step(model, Classification(CLASSES), optimiser, batch, config, lr=1e-3, step=step)
    return weights_of(model)


@pytest.mark.parametrize("accumulation", [2, 5])
def test_a_batch_in_parts_teaches_what_it_teaches_at_once(accumulation: int) -> None:
    """Stochastic depth, erasing and the short last batch included.

    But for the bias of the keys, on which no output depends: its gradient is rounding alone, and AdamW makes
    steps of the usual length of that.
    """
    config = replace(SETTINGS, batch=12, drop_path=0.5)

    at_once = after_ten_steps(config)
    in_parts = after_ten_steps(replace(config, accumulation=accumulation))

    for name, expected in at_once.items():
        found = in_parts[name]
        if name.endswith("qkv.bias"):
            third = len(found) // 3
            expected, found = (torch.cat([t[:third], t[2 * third :]]) for t in (expected, found))
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5, msg=name)


def test_a_picture_that_does_not_count_teaches_nothing() -> None:
    batch = one_batch(SETTINGS)
    known = torch.ones(len(batch), dtype=torch.bool)
    known[2] = False
    other = batch.pixels.clone()
    other[2] = 255 - other[2]

    gradients = []
    for pixels in (batch.pixels, other):
        model = fresh_model(SETTINGS, CLASSES).train()
        partly = replace(batch, pixels=pixels, known=known)
        training_step(
            model, Classification(CLASSES), make_optimiser(model, SETTINGS), partly, SETTINGS, lr=0.0, step=0
        )
        gradients.append([p.grad for p in model.parameters() if p.grad is not None])

    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


# Blended pictures


def answers_asked_for(config: TrainConfig) -> Tensor:
    """What the loss of one step is asked for. (B, K)"""
    seen: list[Tensor] = []

    @dataclass(frozen=True)
    class Noting(Classification):
        def loss(self, outputs: Tensor, targets: Tensor, *, label_smoothing: float) -> Tensor:
            seen.append(targets)
            return super().loss(outputs, targets, label_smoothing=label_smoothing)

    model = fresh_model(config, CLASSES)
    optimiser = make_optimiser(model, config)
    training_step(model, Noting(CLASSES), optimiser, one_batch(config), config, lr=1e-3, step=0)
    return torch.cat(seen)


@pytest.mark.parametrize("mixing", [Mixing(cutmix=0.0), Mixing(mixup=0.0)], ids=["mixup", "cutmix"])
def test_blended_pictures_are_asked_for_the_answers_of_both(mixing: Mixing) -> None:
    answers = answers_asked_for(replace(SETTINGS, mixing=mixing))

    torch.testing.assert_close(torch.ones(len(answers)), answers.sum(dim=1))
    assert ((answers > 0).sum(dim=1) == 2).any()


@pytest.mark.parametrize("at_once", [1, 3, 4])
@pytest.mark.parametrize("mixing", [Mixing(cutmix=0.0), Mixing(mixup=0.0)], ids=["mixup", "cutmix"])
def test_a_blended_step_in_parts_equals_the_step_as_a_whole(mixing: Mixing, at_once: int) -> None:
    """Also in parts of one and three pictures, whose partners are in other parts."""
    config = replace(SETTINGS, mixing=mixing)
    whole = after_a_step(config, lr=0.0)[0]
    model = fresh_model(config, CLASSES).train()

    task, optimiser = Classification(CLASSES), make_optimiser(model, config)
    portion = Portion(at_once, print)
    training_step(model, task, optimiser, one_batch(config), config, lr=0.0, step=0, portion=portion)

    for (name, expected), found in zip(whole.named_parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(expected.grad, found.grad, msg=name, rtol=1e-3, atol=1e-6)


def test_a_batch_of_one_picture_is_trained_on_unblended() -> None:
    answers = answers_asked_for(replace(SETTINGS, mixing=Mixing(), batch=1))

    assert [[0.0, 1.0]] == [sorted(set(answers[0].tolist()))]
