"""A feature map as a picture people can look at."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor


def principal_colours(features: Tensor) -> tuple[np.ndarray, float]:
    """A map (H, W, C) as a picture, and the share of its variance that the picture holds.

    The first principal direction is lightness, the next two are the axes of colour.
    """
    height, width, _ = features.shape
    rows = features.reshape(height * width, -1).double()
    rows = rows - rows.mean(dim=0)
    left, strengths, directions = torch.linalg.svd(rows, full_matrices=False)
    # Directions are known up to their sign; a fixed one makes the same map the same picture.
    signs = torch.sign(directions.gather(1, directions.abs().argmax(dim=1, keepdim=True)))[:, 0]
    shown = torch.zeros(height * width, 3, dtype=rows.dtype)
    count = min(3, len(strengths))
    shown[:, :count] = left[:, :count] * signs[:count] * math.sqrt(height * width)  # of variance 1
    variance = strengths.square()
    explained = float(variance[:3].sum() / variance.sum().clamp(min=1e-30))
    return lightness_and_colour(shown.reshape(height, width, 3).numpy()), explained


def lightness_and_colour(values: np.ndarray) -> np.ndarray:
    """Three numbers of mean 0 and variance 1 as lightness and colour axes of OKLab, in sRGB. uint8"""
    lightness = 0.62 + 0.15 * values[..., :1].clip(-2.2, 2.2)
    axes = 0.055 * values[..., 1:].clip(-2.2, 2.2)
    lab = np.concatenate((lightness, axes), axis=-1)
    cones = (lab @ _OKLAB_TO_CONES) ** 3
    linear = (cones @ _CONES_TO_RGB).clip(0, 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (srgb * 255).round().astype(np.uint8)


# Ottosson 2020, "A perceptual color space for image processing"
_OKLAB_TO_CONES = np.array(
    ((1, 1, 1), (0.3963377774, -0.1055613458, -0.0894841775), (0.2158037573, -0.0638541728, -1.2914855480))
)
_CONES_TO_RGB = np.array(
    (
        (4.0767416621, -1.2684380046, -0.0041960863),
        (-3.3077115913, 2.6097574011, -0.7034186147),
        (0.2309699292, -0.3413193965, 1.7076147010),
    )
)
