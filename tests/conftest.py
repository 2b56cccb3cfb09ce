"""What every test gets: a loadable torchvision, fixed seeds, one thread under xdist, and the shared files."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

from swinkit.data.vision import load_torchvision

SHARED = Path(__file__).parents[2] / "shared"  # golden files and real data sets, beside the repository

load_torchvision()  # before timm or transformers import it: they fall with a torchvision that does not load

if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)  # workers times threads would oversubscribe the cores


# The same cases in every run, however slow the machine.
settings.register_profile("swinkit", deadline=None, derandomize=True)
settings.load_profile("swinkit")


@pytest.fixture(autouse=True)
def same_seed_for_every_test() -> None:
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Path]:
    """golden("ms_v1") -> the file of tensors that the original implementation wrote."""
    return lambda name: _present(SHARED / "golden" / f"{name}.safetensors")


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """shared_data("flowers5") -> the folder of a real data set, or one file in it."""
    return lambda name: _present(SHARED / "data" / name)


def _present(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"{path.relative_to(SHARED.parent)} is not beside this repository")
    return path
