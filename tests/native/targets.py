"""The instruction sets that this machine has, each forced in turn; without the library these tests skip."""

import pytest

from swinkit.kernels.library import Missing, library

_FOUND = library()
_TARGETS = () if isinstance(_FOUND, Missing) else _FOUND.targets

needs_library = [
    pytest.mark.compiler,
    pytest.mark.skipif(isinstance(_FOUND, Missing), reason="swinkit was installed without compiled kernels"),
]


def able_targets(dtype="float32"):
    """Names of the targets for products of a type that can run here, best first."""
    return [target.name for target in _TARGETS if target.dtype == dtype and target.runs]


def every_target():
    """The type of products and the name of each target that can run here."""
    return [(dtype, name) for dtype in ("float32", "bfloat16", "int8") for name in able_targets(dtype)]


def forced(monkeypatch, name):
    monkeypatch.setenv("SWINKIT_ISA", name)
