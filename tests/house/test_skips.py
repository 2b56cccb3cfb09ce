"""In .ci/run a missing browser or compiler is a failure: no test that needs one skips there unnoticed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SKIPPING = """
import pytest

@pytest.mark.browser
def test_with_a_mark():
    pytest.skip("no Chromium")

@pytest.mark.browser
def test_that_is_allowed():
    pytest.skip("no Chromium")

def test_without_a_mark():
    pytest.skip("no files")
"""


@pytest.fixture
def skipping(tmp_path: Path) -> Path:
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_runtest_makereport\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    browser\n")
    (tmp_path / "test_skipping.py").write_text(SKIPPING)
    return tmp_path


def run_pytest(folder: Path, **environment: str) -> tuple[int, str]:
    path = os.pathsep.join([str(ROOT), *sys.path])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path} | environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_marked_test_that_skips_fails_unless_it_is_named(skipping: Path) -> None:
    code, said = run_pytest(
        skipping,
        SWINKIT_NO_SKIP="browser compiler",
        SWINKIT_MAY_SKIP="test_skipping.py::test_that_is_allowed",
    )
    assert code == 1, said
    assert "1 failed, 2 skipped" in said
    assert "no Chromium: a test marked browser may not skip here" in said


def test_elsewhere_it_skips(skipping: Path) -> None:
    code, said = run_pytest(skipping, SWINKIT_NO_SKIP="")
    assert code == 0, said
    assert "3 skipped" in said


def test_the_run_of_continuous_integration_names_the_marks_that_exist() -> None:
    text = (ROOT / ".ci" / "run").read_text("utf-8")
    assert 'export SWINKIT_NO_SKIP="browser compiler"' in text
    marks = (ROOT / "pyproject.toml").read_text("utf-8")
    assert '"browser: ' in marks and '"compiler: ' in marks
