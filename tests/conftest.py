"""What every test gets: a loadable torchvision, fixed seeds, one thread under xdist, files, a browser."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub.constants  # noqa: F401  (reads the switches once: before they are set below)
import numpy as np
import pytest
import torch
from hypothesis import settings

from swinkit.data.vision import load_torchvision

SHARED = Path(__file__).parents[2] / "shared"  # golden files and real data sets, beside the repository

load_torchvision()  # before timm or transformers import it: they fall with a torchvision that does not load

if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)  # workers times threads would oversubscribe the cores


# No test asks a hub, or finds weights that happen to lie on this machine, unless it says so itself.
_NOWHERE = str(Path(tempfile.gettempdir()) / "swinkit-tests-have-no-weights")
os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HOME": _NOWHERE, "TORCH_HOME": _NOWHERE}


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


CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")  # its event loop runs while it lives, and later tests may want their own
def browser() -> Iterator[Any]:
    """A real Chromium without a window, by playwright."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = os.environ.get("SWINKIT_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if path is None:
        pytest.skip(
            f"no Chromium: none of {', '.join(CHROMIUMS)} is installed, and SWINKIT_CHROMIUM is not set"
        )
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Where SWINKIT_NO_SKIP names marks, as .ci/run does, tests with them fail where they would skip."""
    report = yield
    marks = [name for name in os.environ.get("SWINKIT_NO_SKIP", "").split() if item.get_closest_marker(name)]
    allowed = os.environ.get("SWINKIT_MAY_SKIP", "").split()
    if report.skipped and marks and item.nodeid not in allowed:
        _, _, reason = report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason}: a test marked {marks[0]} may not skip here"
    return report


def _present(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"{path.relative_to(SHARED.parent)} is not beside this repository")
    return path
