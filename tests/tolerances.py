"""How far two right answers may lie apart, as a share of the largest value, and why."""

import torch

# Sums in another order. A kernel's score of v2 may be scaled by up to 100 before the softmax.
KERNEL = {
    torch.float64: 1e-12,
    torch.float32: 1e-5,
    torch.float16: 5e-3,
    torch.bfloat16: 4e-2,
}


def assert_close(actual: torch.Tensor, expected: torch.Tensor, share: float) -> None:
    """max |a − b| <= share · max |b|, and everything finite."""
    assert actual.shape == expected.shape
    assert torch.isfinite(actual).all()
    actual, expected = actual.double(), expected.double()
    largest = expected.abs().max().clamp_min(1e-30)
    worst = (actual - expected).abs().max() / largest
    assert worst <= share, f"differs by {worst:.2e} of the largest value, {share:.0e} is allowed"
