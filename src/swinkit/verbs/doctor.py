"""Whether swinkit works here: what is installed, what would compute, and whether it computes right."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swinkit.verbs.machine import Device, Processor, Space, devices, machine_for, processor, space
from swinkit.verbs.parity import Parity, check_parity

if TYPE_CHECKING:
    from swinkit.kernels import KernelReport

_PACKAGES = ("torch", "torchvision", "numpy", "pillow", "safetensors", "huggingface_hub")
_EXTRAS = {
    "onnx": (
        "to compare with ONNX Runtime: bench --peers onnxruntime",
        ("onnx", "onnxscript", "onnxruntime"),
    ),
    "multichannel": ("to read TIFF pictures of many channels", ("tifffile",)),
    "hf-data": ("to read data sets in parquet and arrow", ("datasets",)),
    "timm": ("to train other networks beside: --model timm:NAME", ("timm",)),
    "cluster": ("to train and predict on Ray", ("ray",)),
    "tensorboard": ("to train with --track tensorboard", ("tensorboard",)),
    "mlflow": ("to train with --track mlflow", ("mlflow",)),
    "wandb": ("to train with --track wandb", ("wandb",)),
}
_BATCHES = (128, 64, 32, 16, 8, 4, 2, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """Optional packages for one purpose."""

    name: str
    purpose: str
    missing: tuple[str, ...]
    command: str
    """What installs them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What this machine can train: a size, and pictures of its usual input that fit into memory at once."""

    model: str
    image_size: tuple[int, int]
    batch: int
    precision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Doctor:
    """What `doctor` found."""

    python: str
    system: str
    packages: dict[str, str | None]
    """Versions; None where one is missing."""
    torchvision_operators: bool
    """Whether torchvision's compiled half fits this torch; training does without it."""
    processor: Processor
    devices: tuple[Device, ...]
    space: Space
    kernels: tuple[KernelReport, ...]
    parity: tuple[Parity, ...]
    extras: tuple[Extra, ...]
    """Those of which something is missing."""
    cached: tuple[str, ...]
    """Names of the published weights that lie on this machine's disk."""
    suggestion: Suggestion | None
    """None where not even one picture fits."""
    problems: tuple[str, ...]
    """What keeps swinkit from working here."""

    @property
    def ready(self) -> bool:
        return not self.problems


def doctor() -> Doctor:
    """Say what is installed, which kernel would run and why, and whether it computes right.

    Takes a few seconds and asks no network. `ready` of the result says whether all is well, `problems`
    what is not.
    """
    from swinkit.kernels import kernel_report

    packages = {name: _version(name) for name in ("swinkit", *_PACKAGES)}
    others = devices()
    parity = check_parity(["cpu", *(device.name for device in others)])
    operators, trouble = _torchvision()
    return Doctor(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()}, {platform.machine()}",
        packages=packages,
        torchvision_operators=operators,
        processor=processor(),
        devices=others,
        space=space(),
        kernels=tuple(kernel_report()),
        parity=parity,
        extras=_incomplete_extras(),
        cached=_cached_weights(),
        suggestion=_suggestion(),
        problems=(
            *(
                f"{name} is not installed; pip install {name}"
                for name, version in packages.items()
                if not version
            ),
            *trouble,
            *(
                f"{proof.computed} is off by {proof.error:.1e} of its largest entry (at most "
                f"{proof.tolerance:.0e} is rounding)"
                for proof in parity
                if not proof.agrees
            ),
        ),
    )


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _torchvision() -> tuple[bool, list[str]]:
    """Whether its operators work, and what is wrong where it cannot be imported at all."""
    from swinkit.data.vision import load_torchvision

    try:
        return load_torchvision()[1], []
    except ImportError:
        return False, []  # that it is missing is said with the other packages
    except (RuntimeError, OSError) as error:
        reason = str(error).splitlines()[0]
        return False, [f"torchvision cannot be imported ({reason}); install the one made for this torch"]


def _incomplete_extras() -> tuple[Extra, ...]:
    extras = (
        Extra(
            name=name,
            purpose=purpose,
            missing=tuple(package for package in packages if importlib.util.find_spec(package) is None),
            command=f"pip install 'swinkit[{name}]'",
        )
        for name, (purpose, packages) in _EXTRAS.items()
    )
    return tuple(extra for extra in extras if extra.missing)


def _suggestion() -> Suggestion | None:
    """The size whose published weights `train` looks for, with as large a batch as it would take at once."""
    from swinkit.engine.memory import bytes_kept
    from swinkit.models import create_model
    from swinkit.recipes.defaults import PRETRAINED
    from swinkit.recipes.memory import SHARE, Needs

    machine = machine_for(None)
    model = create_model(PRETRAINED, classes=10)
    size = model.config.image_size
    assert size is not None
    needs = Needs(
        kept=bytes_kept(model, size, model.config.in_channels),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        free=machine.memory,
    )
    fits = (n for n in _BATCHES if needs.free is None or needs.of(n) <= SHARE * needs.free)
    batch = next(fits, None)
    if batch is None:
        return None
    precision = "bf16" if machine.bf16 else "fp32"
    return Suggestion(model=PRETRAINED, image_size=size, batch=batch, precision=precision)


def _cached_weights() -> tuple[str, ...]:
    from swinkit.weights.catalogue import CATALOGUE, is_cached

    return tuple(name for name, entry in CATALOGUE.items() if is_cached(entry))
