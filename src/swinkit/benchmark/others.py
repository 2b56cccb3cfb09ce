"""Other architectures of torchvision and timm, as torch runs them: what one would take in place of a Swin."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from swinkit.benchmark.ready import Job, Ready, eager, missing
from swinkit.data.vision import load_torchvision
from swinkit.errors import ConfigError
from swinkit.windows import Pair

# Names that people use, and timm's for the same network.
SHORT = {
    "mvit_v2_t": "mvitv2_tiny",
    "mvit_v2_s": "mvitv2_small",
    "mvit_v2_b": "mvitv2_base",
    "vit_t_16": "vit_tiny_patch16_224",
    "vit_s_16": "vit_small_patch16_224",
    "deit_s_16": "deit_small_patch16_224",
}
_NEAR = 3


@dataclass(frozen=True, slots=True)
class Other:
    """An architecture by the name of its library. named: as it was asked for."""

    named: str
    library: str
    name: str

    def build(self, job: Job) -> Ready:
        net = self._net(job.case.image_size, job.model.config.classes)
        return eager(net, job.images, job.case, f"{self.library} {version(self.library)}, eager")

    def macs(self, image_size: Pair, classes: int) -> int:
        """Multiply-adds of one image, counted by torch."""
        net = self._net(image_size, classes)
        written_out = sdpa_kernel(SDPBackend.MATH)  # fused attention on a CPU is not counted
        with torch.no_grad(), written_out, FlopCounterMode(display=False) as counted:
            net(torch.zeros(1, 3, *image_size))
        return counted.get_total_flops() // 2

    def _net(self, image_size: Pair, classes: int) -> nn.Module:
        load_torchvision()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if self.library == "torchvision":
                import torchvision

                return torchvision.models.get_model(self.name, weights=None, num_classes=classes).eval()
            import timm

            asks = bool(timm.get_pretrained_cfg_value(self.name, "fixed_input_size"))
            size = {"img_size": image_size} if asks else {}
            return timm.create_model(self.name, num_classes=classes, **size).eval()


def find(named: str) -> Other:
    """The architecture of a name: torchvision's, timm's (or `timm:NAME`), or one of `SHORT`.

    Raises ConfigError with the nearest names.
    """
    library, _, name = named.rpartition(":")
    if library not in ("", *_LISTS):
        raise ConfigError(f"--vs takes names of {' and '.join(_LISTS)}; got {named!r}")
    name = name if library else SHORT.get(name, name)
    known = {one: names() for one, names in _LISTS.items() if library in ("", one)}
    for one, names in known.items():
        if name in names:
            return Other(named, one, name)
    every = sorted({*SHORT, *(name for names in known.values() for name in names)})
    near = difflib.get_close_matches(name, every, n=_NEAR, cutoff=0.5)
    without = missing(("timm",))
    raise ConfigError(
        f"there is no architecture named {named!r}",
        hint=(f"nearest: {', '.join(near)}" if near else "names are those of torchvision and timm")
        + (f"; timm's are {without}" if without else ""),
    )


def _of_torchvision() -> list[str]:
    torchvision, _ = load_torchvision()
    return torchvision.models.list_models(module=torchvision.models)


def _of_timm() -> list[str]:
    if missing(("timm",)):
        return []
    load_torchvision()
    import timm

    return timm.list_models()


_LISTS: dict[str, Callable[[], list[str]]] = {"torchvision": _of_torchvision, "timm": _of_timm}
