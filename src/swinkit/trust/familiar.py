"""Is a picture of the kind that a model was made for? Noise, a black frame or a screenshot are not.

A model must answer with one of its classes, and is often sure of it for pictures that resemble none. So
every picture is measured apart from the answer, twice:

- the picture as the model gets it: its mean colours, how much they vary, and how much neighbouring pixels
  differ at each scale from the finest up, and how evenly. In photographs these depend on each other (contrast
  falls off evenly with scale, Field 1987); in noise, blank frames and drawn text they do not.
- the features that the head sees: how far they are from the nearest class (Lee et al. 2018, with the spread
  within classes of each feature alone in place of their whole covariance, which no file could hold).

Both are divided by what 99 % of the val pictures stay below, when they are not among those by which the
middle and the spread were found. The larger one is the strangeness: above 1 a picture is stranger than it
should be.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

KEPT = 0.99
"""Share of the val pictures that are not called strange."""
MOST_NUMBERS = 20_000
"""Numbers that a weights file has to hold for the features; of more, only the picture is measured."""
_SCALES = 4
_FAINT = 0.01
"""Deviations; what differs less than that is taken not to differ."""
_SHRINKAGE = 0.1
"""How far correlations are drawn towards none: of few pictures they are little known."""
_LEAST_SPREAD = 0.02
_LEVELS, _FURTHEST = 32, 2.6
"""Into how many levels of brightness a picture is counted, and how many deviations they reach up and down."""
_FOLDS = 5
_DIGITS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Ordinary:
    """Where ordinary pictures lie: the middle of each cluster, the spread of each number, and how far is far.

    centres: G, D. spread: D. mixing: D, D, by which numbers that depend on each other are taken apart; None
    where each is taken alone. limit: what 99 % of ordinary pictures stay below.
    """

    centres: tuple[tuple[float, ...], ...]
    spread: tuple[float, ...]
    mixing: tuple[tuple[float, ...], ...] | None
    limit: float

    def strangeness(self, numbers: np.ndarray) -> np.ndarray:
        """Distance from the nearest centre, as a share of the limit. (N, D) -> (N,)"""
        return self._distance(numbers) / self.limit

    def _distance(self, numbers: np.ndarray) -> np.ndarray:
        """Root mean square over the D numbers, in spreads, from the nearest centre. (N,)"""
        away = []
        for centre in np.array(self.centres):
            apart = (numbers - centre) / np.array(self.spread)
            apart = apart if self.mixing is None else apart @ np.array(self.mixing)
            away.append(np.sqrt((apart**2).mean(axis=1)))
        return np.min(away, axis=0)

    @classmethod
    def of(cls, numbers: np.ndarray, cluster: np.ndarray, *, together: bool) -> Ordinary:
        """Of measured pictures (N, D), each with the number of its cluster (N,).

        together: whether numbers are taken as depending on each other.
        """
        fold = np.arange(len(numbers)) % _FOLDS
        distances = [
            _fitted(numbers[fold != one], cluster[fold != one], together)._distance(numbers[fold == one])
            for one in range(_FOLDS)
        ]
        limit = float(np.quantile(np.concatenate(distances), KEPT))
        return replace(_fitted(numbers, cluster, together), limit=limit)


def _fitted(numbers: np.ndarray, cluster: np.ndarray, together: bool) -> Ordinary:
    """Centres and spread, with 1 as the limit."""
    present, index = np.unique(cluster, return_inverse=True)
    centres = _rounded(np.stack([numbers[cluster == one].mean(axis=0) for one in present]))
    apart = numbers - centres[index]
    spread = _rounded(np.sqrt((apart**2).mean(axis=0)).clip(_LEAST_SPREAD))
    mixing = _rounded(_mixing(apart / spread)) if together else None
    return Ordinary(
        centres=_tuples(centres),
        spread=tuple(spread.tolist()),
        mixing=None if mixing is None else _tuples(mixing),
        limit=1.0,
    )


def _mixing(apart: np.ndarray) -> np.ndarray:
    """The matrix after which numbers no longer depend on each other. (N, D) -> (D, D)"""
    own = np.eye(apart.shape[1])
    correlation = (1 - _SHRINKAGE) * (apart.T @ apart / len(apart)) + _SHRINKAGE * own
    return np.linalg.cholesky(np.linalg.inv(correlation))


@dataclass(frozen=True, kw_only=True, slots=True)
class Familiar:
    """What the pictures of val are like, measured as pictures and as features (None: too many numbers)."""

    picture: Ordinary
    features: Ordinary | None

    def strangeness(self, looks: np.ndarray, features: np.ndarray) -> np.ndarray:
        """How unlike the val pictures; above 1 is too much. looks: from `look`, (N, D); features: (N, C)."""
        found = self.picture.strangeness(looks)
        return found if self.features is None else np.maximum(found, self.features.strangeness(features))

    @classmethod
    def of(cls, looks: np.ndarray, features: np.ndarray, labels: np.ndarray) -> Familiar:
        """Of the val pictures, with their class indices (N,)."""
        few = len(np.unique(labels)) * features.shape[1] <= MOST_NUMBERS
        return cls(
            picture=Ordinary.of(looks, np.zeros(len(looks), dtype=int), together=True),
            features=Ordinary.of(features, labels, together=False) if few else None,
        )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Familiar:
        picture, features = (_ordinary(values[name]) for name in ("picture", "features"))
        assert picture is not None
        return cls(picture=picture, features=features)


def look(inputs: Tensor) -> Tensor:
    """What pictures are like, in numbers that know nothing of classes. (B, C, h, w) -> (B, D)

    Mean of each channel; spread of the brightness and of each channel around it; the share of the commonest
    brightness; then at each of four scales, down and across, the contrast of the brightness and how evenly it
    is spread over the picture.
    """
    brightness = inputs.mean(dim=1, keepdim=True)  # B, 1, h, w
    contrast = _log_spread(brightness)
    colour = _log_spread(inputs - brightness)
    numbers = [inputs.mean(dim=(2, 3)), contrast, colour, _log(_commonest(brightness))]
    for _ in range(_SCALES):
        if min(brightness.shape[2:]) < 2:
            break
        down, across = brightness.diff(dim=2), brightness.diff(dim=3)
        for steps in (down, across):
            strength = _log(steps.square().mean(dim=(2, 3)).sqrt())
            numbers += [strength - contrast, _log(steps.abs().mean(dim=(2, 3))) - strength]
        brightness = F.avg_pool2d(brightness, 2)
    return torch.cat(numbers, dim=1)


def _commonest(brightness: Tensor) -> Tensor:
    """Share of the pixels that have the commonest of a few levels of brightness. (B, 1, h, w) -> (B, 1)"""
    level = ((brightness / _FURTHEST + 1) * (_LEVELS / 2)).long().clamp(0, _LEVELS - 1).flatten(1)
    counts = torch.zeros(len(level), _LEVELS).scatter_add_(1, level, torch.ones(level.shape))
    return counts.amax(dim=1, keepdim=True) / level.shape[1]


def _log_spread(x: Tensor) -> Tensor:
    return _log(x.std(dim=(2, 3), correction=0))


def _log(x: Tensor) -> Tensor:
    return (x + _FAINT).log()


def _rounded(values: np.ndarray) -> np.ndarray:
    """To five digits, as they are stored, so that a file says what was computed."""
    return np.array([float(f"{value:.{_DIGITS}g}") for value in values.flat]).reshape(values.shape)


def _ordinary(values: dict[str, Any] | None) -> Ordinary | None:
    if values is None:
        return None
    mixing = values["mixing"]
    return Ordinary(
        centres=_tuples(values["centres"]),
        spread=tuple(values["spread"]),
        mixing=None if mixing is None else _tuples(mixing),
        limit=values["limit"],
    )


def _tuples(rows: np.ndarray | list[list[float]]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(value) for value in row) for row in rows)
