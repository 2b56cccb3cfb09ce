"""One small model looked at once, for all tests of this room."""

from __future__ import annotations

import pytest
import torch

from swinkit.drawings.facts import Facts, gather
from swinkit.drawings.scene import scene
from swinkit.models import Swin, create_model


@pytest.fixture(scope="session")
def small_model() -> Swin:
    """16, 8 and 4 tokens on a side, in 4 × 4, 2 × 2 and 1 windows."""
    torch.manual_seed(0)
    return create_model("swin_nano", classes=["a", "b", "c"]).eval()


@pytest.fixture(scope="session")
def facts(small_model: Swin) -> Facts:
    assert small_model.preprocess is not None
    return gather(small_model, scene(), small_model.preprocess)
