"""torchvision, also where its compiled half was built for another torch and does not load."""

from __future__ import annotations

import re
import sys
from types import ModuleType

import torch

# The operators that torchvision describes to torch at import, whether its library was loaded or not.
_DESCRIBED_AT_IMPORT = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_declared: list[torch.library.Library] = []  # a declaration lives as long as its Library object


def load_torchvision() -> tuple[ModuleType, bool]:
    """Import torchvision; returns the module and whether its compiled operators work.

    A torchvision built for another torch fails while it is imported, because it describes operators that were
    never declared. Exactly those are declared here, without an implementation, and the import is tried again:
    transforms, plain models and box arithmetic then work, while nms and its like say that they are missing.
    Where torchvision loads by itself, nothing is declared. Raises ImportError when it is not installed.
    """
    for _ in _DESCRIBED_AT_IMPORT:
        try:
            import torchvision

            break
        except RuntimeError as error:
            _declare(_missing_operator(error))
            _forget_half_imported()
    import torchvision
    from torchvision.extension import _has_ops

    return torchvision, bool(_has_ops())


def _missing_operator(error: RuntimeError) -> str:
    match = re.search(r"operator torchvision::(\w+) does not exist", str(error))
    if match is None or match[1] not in _DESCRIBED_AT_IMPORT:
        raise error
    return match[1]


def _declare(operator: str) -> None:
    library = torch.library.Library("torchvision", "FRAGMENT")
    library.define(_DESCRIBED_AT_IMPORT[operator])
    _declared.append(library)


def _forget_half_imported() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
