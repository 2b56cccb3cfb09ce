from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from swinkit.engine.optimiser import make_optimiser
from swinkit.recipes.fresh import fresh_model
from tests.engine.small_runs import SETTINGS

CLASSES = tuple("0123456789")
MUON = replace(SETTINGS, optimizer="muon", weight_decay=0.0)


def step_of(name: str, optimizer: str) -> torch.Tensor:
    """What one step changes in a matrix whose gradient is random, by its learning rate."""
    config = replace(MUON, optimizer=optimizer, lr=1e-2)  # type: ignore[arg-type]
    model = fresh_model(config, CLASSES)
    optimiser = make_optimiser(model, config)
    torch.manual_seed(0)
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    weight = model.get_parameter(name)
    before = weight.detach().clone()
    optimiser.step()
    return (before - weight.detach()) / config.lr


def spread(step: torch.Tensor) -> float:
    """Of the singular values: largest to smallest."""
    values = torch.linalg.svdvals(step.flatten(1))
    return float(values[0] / values[-1])


def test_muon_takes_orthogonal_steps_in_the_matrices_inside() -> None:
    name = "stages.1.blocks.0.mlp.fc1.weight"

    assert spread(step_of(name, "muon")) < 2.0 < spread(step_of(name, "adamw"))


def test_its_steps_are_about_as_long_as_those_of_adamw() -> None:
    name = "stages.0.blocks.1.attention.proj.weight"
    muon, adamw = (step_of(name, kind).square().mean().sqrt() for kind in ("muon", "adamw"))

    assert 0.1 < float(muon / adamw) < 1.0


@pytest.mark.parametrize(
    "name",
    ["head.weight", "norm.weight", "patch_embed.proj.weight", "stages.0.blocks.0.attention.bias_table"],
)
def test_all_else_moves_as_with_adamw(name: str) -> None:
    assert torch.equal(step_of(name, "adamw"), step_of(name, "muon"))


def test_every_parameter_is_moved_by_one_of_them() -> None:
    model = fresh_model(MUON, CLASSES)

    moved = [p for group in make_optimiser(model, MUON).param_groups for p in group["params"]]

    assert len(moved) == len({id(p) for p in moved}) == len(list(model.parameters()))
