"""Golden files as their format would hold them on disk, and what the original made of their inputs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

# Of the largest value. v1 in float32: the originals are within 6e-7 of themselves in float64.
# v2 in float64, as cosine scores of up to 100 make float32 noisy: the originals are 5e-4 off.
SHARE = 1e-5


@dataclass(frozen=True)
class Case:
    """One input and the outputs that the original gave for it."""

    image: Tensor
    mask: Tensor | None
    outputs: dict[str, Tensor]


@dataclass(frozen=True)
class Golden:
    """A golden file taken apart: the state dict of the format, the config, the cases."""

    name: str
    state: dict[str, Tensor]
    config: dict[str, Any]
    metadata: dict[str, str]
    cases: list[Case] = field(default_factory=list)

    @property
    def is_v2(self) -> bool:
        return any("logit_scale" in name for name in self.state)

    @property
    def parameters(self) -> dict[str, Tensor]:
        return {name: t for name, t in self.state.items() if name not in self._buffers}

    @property
    def _buffers(self) -> set[str]:
        return set(json.loads(self.metadata["buffers"]))


def read_golden(path: Path) -> Golden:
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no dict
        metadata = dict(file.metadata())
    sorted_out = {kind: _under(f"{kind}/", tensors) for kind in ("param", "buffer")}
    metadata["buffers"] = json.dumps(sorted(sorted_out["buffer"]))
    golden = Golden(
        name=path.stem,
        state=sorted_out["param"] | sorted_out["buffer"],
        config=json.loads(metadata["config"]),
        metadata=metadata,
    )
    scale = float(metadata["input_scale"])
    kind = "output64" if golden.is_v2 else "output"
    for name in sorted(name for name in tensors if name.startswith("input")):
        outputs = _under(f"{kind}{name.removeprefix('input')}/", tensors)
        golden.cases.append(Case(tensors[name].float() * scale, tensors.get("mask"), outputs))
    return golden


def write_as_on_disk(golden: Golden, folder: Path) -> Path:
    """The file, or folder, in which that library keeps such weights."""
    kind = golden.metadata["format"]
    if kind == "transformers":
        (folder / "config.json").write_text(json.dumps(golden.config))
        save_file(golden.state, folder / "model.safetensors", {"format": "pt"})
        return folder
    if kind == "timm":
        description = {"architecture": "custom", "model_args": golden.config}
        (folder / "config.json").write_text(json.dumps(description))
        save_file(golden.state, folder / "model.safetensors", {"format": "pt"})
        return folder
    wrapper = {"microsoft": "model", "microsoft-simmim": "model", "detectron2": "model"}.get(
        kind, "state_dict"
    )
    path = folder / f"{golden.name}.pth"
    torch.save(golden.state if kind in ("torchvision", "timm-old") else {wrapper: golden.state}, path)
    return path


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
