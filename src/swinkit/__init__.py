"""Swin Transformers v1, v2 and S3: exact at any image size, every checkpoint, from pictures to a model.

    import swinkit

    model = swinkit.load("swin_tiny_patch4_window7_224.ms_in1k")     # or any Swin file, folder or hub name
    model = swinkit.create_model("swin_tiny", classes=5)             # fresh weights

Each name is fetched from its room when it is first used, so that `import swinkit` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swinkit.errors import SwinkitError
    from swinkit.kernels import cosine_window_attention, window_attention
    from swinkit.models import Swin, SwinConfig, create_model
    from swinkit.native import optimize
    from swinkit.verbs.bench import bench
    from swinkit.verbs.check import check
    from swinkit.verbs.compare import compare
    from swinkit.verbs.convert import convert
    from swinkit.verbs.doctor import doctor
    from swinkit.verbs.evaluate import evaluate
    from swinkit.verbs.explain import explain
    from swinkit.verbs.inspect import inspect
    from swinkit.verbs.models import list_models
    from swinkit.verbs.predict import predict
    from swinkit.verbs.train import train
    from swinkit.weights.load import load
    from swinkit.weights.save import save

    __version__: str

_ROOMS = {
    "Swin": "swinkit.models",
    "SwinConfig": "swinkit.models",
    "SwinkitError": "swinkit.errors",
    "bench": "swinkit.verbs.bench",
    "check": "swinkit.verbs.check",
    "compare": "swinkit.verbs.compare",
    "convert": "swinkit.verbs.convert",
    "cosine_window_attention": "swinkit.kernels",
    "create_model": "swinkit.models",
    "doctor": "swinkit.verbs.doctor",
    "evaluate": "swinkit.verbs.evaluate",
    "explain": "swinkit.verbs.explain",
    "inspect": "swinkit.verbs.inspect",
    "list_models": "swinkit.verbs.models",
    "load": "swinkit.weights.load",
    "optimize": "swinkit.native",
    "predict": "swinkit.verbs.predict",
    "save": "swinkit.weights.save",
    "train": "swinkit.verbs.train",
    "window_attention": "swinkit.kernels",
}
"""Where each public name lives."""

__all__ = [
    "Swin",
    "SwinConfig",
    "SwinkitError",
    "__version__",
    "bench",
    "check",
    "compare",
    "convert",
    "cosine_window_attention",
    "create_model",
    "doctor",
    "evaluate",
    "explain",
    "inspect",
    "list_models",
    "load",
    "optimize",
    "predict",
    "save",
    "train",
    "window_attention",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version("swinkit")
    if name not in _ROOMS:
        raise AttributeError(f"module 'swinkit' has no attribute {name!r}")
    value = getattr(import_module(_ROOMS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
