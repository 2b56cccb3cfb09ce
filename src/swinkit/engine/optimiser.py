"""Who moves the weights."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import nn

from swinkit.engine.settings import TrainConfig
from swinkit.models import Backbone
from swinkit.models.parameters import decays


class Optimiser(Protocol):
    """What the engine asks of torch's optimisers and of our pair of them."""

    @property
    def param_groups(self) -> list[dict[str, Any]]: ...

    def zero_grad(self) -> None: ...

    def step(self) -> Any: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> None: ...


def make_optimiser(model: Backbone, config: TrainConfig) -> Optimiser:
    """The optimiser of the settings, over all that learns; each group has the `lr_scale` of its layer."""
    groups = model.parameter_groups(weight_decay=config.weight_decay, layer_decay=config.layer_decay)
    if config.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=config.lr, fused=True)
    return MuonBeside(model, groups, lr=config.lr)


class MuonBeside:
    """Muon for the matrices inside the model, AdamW for all else: norms, biases, tables, patches, the head.

    Muon makes the step of a matrix orthogonal (Jordan et al. 2024); its length is matched to AdamW's (Liu et
    al. 2025, arXiv 2502.16982), so that one learning rate serves both.
    """

    def __init__(self, model: nn.Module, groups: list[dict[str, Any]], *, lr: float) -> None:
        inner = {
            parameter
            for name, parameter in model.named_parameters()
            if parameter.ndim == 2 and decays(name, parameter) and not name.startswith("head.")
        }
        matrices, others = (
            [
                {**group, "params": some}
                for group in groups
                if (some := [p for p in group["params"] if (p in inner) == wanted])
            ]
            for wanted in (True, False)
        )
        self._optimisers: tuple[torch.optim.Optimizer, ...] = (
            torch.optim.Muon(matrices, lr=lr, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(others, lr=lr, fused=True),
        )

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        return [group for optimiser in self._optimisers for group in optimiser.param_groups]

    def zero_grad(self) -> None:
        for optimiser in self._optimisers:
            optimiser.zero_grad()

    def step(self) -> None:
        for optimiser in self._optimisers:
            optimiser.step()

    def state_dict(self) -> dict[str, Any]:
        muon, adamw = self._optimisers
        return {"muon": muon.state_dict(), "adamw": adamw.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        muon, adamw = self._optimisers
        muon.load_state_dict(state_dict["muon"])
        adamw.load_state_dict(state_dict["adamw"])
