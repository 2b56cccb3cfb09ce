"""torchvision is loaded where it can be, and a mismatched one as far as it goes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from swinkit.data.vision import load_torchvision

FAKE_INIT = """
import torch
{describe}
from torchvision import extension
"""
DESCRIBE = 'torch.library.register_fake("torchvision::{name}")(lambda dets, scores, iou_threshold: dets)\n'


def _load_fake(folder: Path, init: str, *, works: bool) -> str:
    """Load a stand-in for torchvision in a fresh process; what it prints, or its last line of error."""
    package = folder / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(FAKE_INIT.format(describe=init))
    (package / "extension.py").write_text(f"def _has_ops():\n    return {works}\n")
    program = (
        f"import sys; sys.path.insert(0, {str(folder)!r})\n"
        "from swinkit.data import vision\n"
        "module, works = vision.load_torchvision()\n"
        "print(module.__file__.startswith(sys.path[0]), works, len(vision._declared))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("missing", [["nms"], ["nms", "qnms"]], ids=["one operator", "two operators"])
def test_exactly_the_missing_operators_are_declared(tmp_path, missing):
    init = "".join(DESCRIBE.format(name=name) for name in missing)

    assert f"True False {len(missing)}" == _load_fake(tmp_path, init, works=False)


def test_nothing_is_declared_where_torchvision_loads_by_itself(tmp_path):
    assert _load_fake(tmp_path, "", works=True) == "True True 0"


def test_other_faults_are_not_hidden(tmp_path):
    answer = _load_fake(tmp_path, 'raise RuntimeError("the driver is on fire")', works=True)

    assert answer == "RuntimeError: the driver is on fire"


def test_an_operator_of_another_name_is_not_invented(tmp_path):
    assert "operator torchvision::deform_conv2d does not exist" in _load_fake(
        tmp_path, DESCRIBE.format(name="deform_conv2d"), works=False
    )


def test_transforms_work_whatever_the_compiled_part_does():
    load_torchvision()
    from torchvision.transforms import v2

    assert v2.functional.resize(torch.zeros(3, 8, 10), [4, 5], antialias=True).shape == (3, 4, 5)


def test_loading_again_gives_the_same_module():
    assert load_torchvision() == load_torchvision()
