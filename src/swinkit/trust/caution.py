"""How to take what a model says: temperature, the threshold of `unsure`, what pictures it knows.

Chosen on val after training, kept in the weights file, and applied by `predict` and `evaluate` alike. The
answer itself never changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor

from swinkit.errors import CheckpointError
from swinkit.trust.answers import Answers
from swinkit.trust.calibration import FEWEST, fit_temperature, softmax, unsure_below
from swinkit.trust.familiar import Familiar

KEY = "caution"
"""Under which the weights file holds it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Caution:
    """What a weights file says about its answers.

    fitted_on: the pictures by which all this was chosen, in words; empty where nothing was.
    skipped: why there is no temperature.
    unsure_below, error_rate: an answer less probable than that is unsure; among the val pictures, at most
        this share of the others was wrong.
    familiar: what the pictures are like that the model was made for.
    """

    temperature: float = 1.0
    fitted_on: str = ""
    skipped: str | None = None
    unsure_below: float | None = None
    error_rate: float | None = None
    familiar: Familiar | None = None

    def calibrated(self, outputs: Tensor) -> Tensor:
        """Logits whose softmax means what it says. (B, K)"""
        return outputs / self.temperature

    def strangeness(self, looks: Tensor, features: Tensor) -> list[float | None]:
        """How unlike the val pictures each picture is; above 1 is too much. None where nobody knows."""
        if self.familiar is None:
            return [None] * len(looks)
        return self.familiar.strangeness(looks.double().numpy(), features.double().numpy()).tolist()

    def is_unsure(self, probability: float, strangeness: float | None) -> bool:
        improbable = self.unsure_below is not None and probability < self.unsure_below
        return improbable or (strangeness is not None and strangeness > 1)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for the metadata of a weights file."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "familiar"}
        return {**values, "familiar": self.familiar and self.familiar.to_dict()}


def caution_of(extra: Mapping[str, Any]) -> Caution:
    """What the plain values of a weights file say; files that say nothing are taken at their word."""
    values = extra.get(KEY)
    if values is None:
        return Caution(skipped="the weights file states no temperature")
    try:
        familiar = values["familiar"]
        return replace(
            Caution(**{name: value for name, value in values.items() if name != "familiar"}),
            familiar=None if familiar is None else Familiar.from_dict(familiar),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the weights file states its temperature in a way unknown here ({error})"
        ) from None


def chosen_caution(answers: Answers, targets: Tensor, *, on: str) -> Caution:
    """Choose everything by pictures with known classes, which `on` names.

    targets: as a task gives them, (N,) where a picture has one class, else (N, K): then each class has a
    threshold of its own, which the task keeps, and only what the pictures are like is chosen here.
    """
    count, several = len(targets), targets.ndim == 2
    if count < FEWEST:
        return Caution(skipped=f"{on} has {count} pictures, and a temperature needs {FEWEST}")
    clusters = np.zeros(count, dtype=int) if several else targets.numpy()
    caution = Caution(
        fitted_on=f"{on}, {count} pictures",
        familiar=Familiar.of(answers.looks.double().numpy(), answers.features.double().numpy(), clusters),
    )
    if several:
        return replace(caution, skipped="each class has a threshold of its own in place of a temperature")
    outputs = answers.outputs.double().numpy()
    temperature = fit_temperature(outputs, targets.numpy())
    threshold = unsure_below(softmax(outputs / temperature), targets.numpy())
    return replace(
        caution,
        temperature=temperature,
        unsure_below=threshold and threshold[0],
        error_rate=threshold and threshold[1],
    )
