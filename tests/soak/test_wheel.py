"""The wheel that scripts/wheel makes: it brings the native kernels to a machine without a compiler."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.native.targets import needs_library

pytestmark = [pytest.mark.soak, *needs_library]

ROOT = Path(__file__).parents[2]
PROGRAM = """
import shutil, torch, swinkit
assert not any(map(shutil.which, ("c++", "g++", "clang++", "cc", "gcc")))
model = swinkit.create_model("swin_pico", classes=3, image_size=32).eval().requires_grad_(False)
x = torch.randn(2, 3, 32, 32)
fast = swinkit.optimize(model)
assert torch.allclose(fast(x), model(x), atol=1e-4)
print(swinkit.__file__, fast.target)
"""


def test_a_wheel_computes_natively_where_there_is_no_compiler(tmp_path):
    made = subprocess.check_output(
        [ROOT / "scripts" / "wheel", tmp_path / "dist"],
        env={**os.environ, "PYTHON": sys.executable},
        text=True,
    )
    wheel = Path(made.strip())
    assert "-py3-none-" in wheel.name

    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    subprocess.run([home / "bin" / "pip", "install", "-q", "--no-deps", "--no-index", wheel], check=True)
    (site,) = home.glob("lib/python*/site-packages")
    # Its dependencies come from here: what is tested is the wheel.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    said = subprocess.check_output(
        [home / "bin" / "python", "-c", PROGRAM], env={"PATH": str(home / "bin")}, cwd=tmp_path, text=True
    )
    assert str(site) in said
