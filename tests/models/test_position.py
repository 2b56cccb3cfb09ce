"""Bias tables of another window, and v2's coordinates, against independent oracles."""

import numpy as np
import pytest
import torch

from swinkit.models.position import centre, log_coordinates, resize_bias_table
from tests.tolerances import assert_close


def simmim_resize(table: np.ndarray, target: int) -> np.ndarray:
    """SimMIM's rule by the formulas of its fine-tuning code, with SciPy's bicubic spline. (side, side)"""
    from scipy.interpolate import RectBivariateSpline

    source = table.shape[0]
    low, high = 1.01, 1.5
    while high - low > 1e-6:
        q = (low + high) / 2
        total = (1.0 - q ** (source // 2)) / (1.0 - q)
        low, high = (low, q) if total > target // 2 else (q, high)
    distances, distance = [], 0.0
    for k in range(source // 2):
        distance += q**k
        distances.append(distance)
    x = [-d for d in reversed(distances)] + [0.0] + distances
    wanted = np.clip(np.arange(-(target // 2), target // 2 + 0.1), x[0], x[-1])
    return RectBivariateSpline(x, x, table, kx=3, ky=3, s=0)(wanted, wanted)


@pytest.mark.parametrize(("source", "target"), [(7, 12), (12, 7), (7, 8), (6, 7), (12, 24), (3, 5)])
def test_geometric_resizing_equals_the_spline_of_scipy(source, target):
    pytest.importorskip("scipy")
    table = torch.randn(3, 2 * source - 1, 2 * source - 1, dtype=torch.float64)
    resized = resize_bias_table(table, (target, target), "geometric")
    expected = np.stack([simmim_resize(t, 2 * target - 1) for t in table.numpy()])
    assert_close(resized, torch.from_numpy(expected), 1e-8)


def test_bicubic_resizing_equals_torchs_interpolation_and_keeps_the_centre():
    table = torch.randn(2, 13, 13)
    resized = resize_bias_table(table, (12, 12), "bicubic")
    expected = torch.nn.functional.interpolate(table[None], size=(23, 23), mode="bicubic")[0]
    assert torch.equal(resized, expected)
    assert_close(resized[:, 11, 11], table[:, 6, 6], 1e-6)


@pytest.mark.parametrize("how", ["bicubic", "geometric"])
def test_the_same_window_keeps_every_bit(how):
    table = torch.randn(2, 13, 9)
    assert torch.equal(resize_bias_table(table, (7, 5), how), table)


def test_a_smaller_window_uses_the_centre_of_the_table():
    table = torch.arange(13 * 13.0).view(1, 13, 13)
    part = centre(table, (3, 5))
    assert part.shape == (1, 5, 9)
    assert part[0, 2, 4] == table[0, 6, 6]


def test_coordinates_span_the_published_range():
    coordinates = log_coordinates((8, 8), (8, 8))
    assert coordinates.max() == pytest.approx(np.log2(9) / 3)
    assert torch.equal(coordinates, -coordinates.flip(0, 1))
    wider = log_coordinates((16, 16), (8, 8))
    assert wider.max() == pytest.approx(np.log2(8 * 15 / 7 + 1) / 3)


def test_a_window_of_one_token_has_coordinate_zero():
    assert torch.equal(log_coordinates((1, 1), (1, 1)), torch.zeros(1, 1, 2))
