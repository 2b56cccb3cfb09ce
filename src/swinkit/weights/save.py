"""`save`: a model in any of the formats that `load` reads."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import IO, Any

import safetensors.torch
import torch
from torch import Tensor

from swinkit.errors import CheckpointError, RunError
from swinkit.models import Preprocess, Swin, SwinConfig
from swinkit.weights.described import SCHEMA
from swinkit.weights.folders import huggingface_files, timm_config
from swinkit.weights.formats import format_named
from swinkit.weights.native import Native
from swinkit.writing import Content, write_atomically

# What each library's own programs wrap around the tensors of a torch file; "": nothing.
_WRAPPERS = {
    "microsoft": "model",
    "simmim": "model",
    "mmdet": "state_dict",
    "mmseg": "state_dict",
    "mmpretrain": "state_dict",
    "swin_det": "state_dict",
    "swin_seg": "state_dict",
    "detectron2": "model",
}
_TORCH_ENDINGS = (".pth", ".pt", ".bin", ".ckpt")


def save(
    model: Swin, path: str | Path, format: str = "swinkit", *, extra: Mapping[str, Any] | None = None
) -> Path:
    """Write a model's weights, and return where they are.

    format: "swinkit" writes a `.safetensors` that says all of itself: architecture, policy, labels,
    preprocessing, and `extra` (plain values: task, scores, licence, how it was trained). The others write
    what that library loads strictly, with the buffers it wants to find: "huggingface" a folder, "timm" a
    folder or a file, "detectron2" a `.pkl` or `.pth`, the rest a `.pth`. All but a folder may be a
    `.safetensors` as well, of the tensors alone.

    What stood there before is replaced at once or not at all. Raises CheckpointError naming what the format
    has no place for.
    """
    tensors = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
    native = Native(
        format="swinkit",
        config=model.config,
        tensors=tensors,
        labels=model.labels,
        preprocess=model.preprocess,
        dropped={},
        left_out={},
        extra=extra or {},
    )
    return write(native, path, format)


def write(native: Native, path: str | Path, to: str) -> Path:
    """Write what was read, tensor for tensor, in another format. Raises CheckpointError as `save` does."""
    form, path = format_named(to), Path(path)
    if to == "swinkit":
        return _write_ours(native, path)
    config = _of_the_stages_there(native.config, native.tensors)
    refusals = list(form.refusals(config))
    if refusals:
        raise CheckpointError(
            f"{to} cannot hold this model, which has {', and '.join(refusals)}",
            hint="format 'swinkit' holds everything; or load it with other settings first (dense=, classes=)",
        )
    tensors = {name: _own(tensor) for name, tensor in form.from_native(native.tensors, config).items()}
    if to == "huggingface":
        return _write_folder(path, huggingface_files(native, config), tensors)
    if to == "timm" and path.suffix not in (".safetensors", *_TORCH_ENDINGS):
        return _write_folder(path, {"config.json": timm_config(native, config)}, tensors)
    if path.suffix == ".safetensors":
        return _write_safetensors(path, tensors, {"format": "pt"})
    if to == "detectron2" and path.suffix == ".pkl":
        return _write_numpy_pickle(path, tensors)
    if path.suffix not in _TORCH_ENDINGS:
        usual = ".pkl or .pth" if to == "detectron2" else ".pth"
        raise CheckpointError(
            f"a file of format {to} ends in {usual}; got {path}", hint=f"name it {path.stem}.pth"
        )
    wrapper = _WRAPPERS.get(to, "")
    if wrapper == "state_dict" and config.dense is None and to.startswith("swin_"):
        wrapper = "model"  # Microsoft's classification file, from which that code starts
    content: Any = {"meta": {}, wrapper: tensors} if wrapper == "state_dict" else {wrapper: tensors}
    return _write(path, lambda file: torch.save(content if wrapper else tensors, file))


def _of_the_stages_there(config: SwinConfig, tensors: Mapping[str, Tensor]) -> SwinConfig:
    """The config without late stages that a backbone was built without."""
    count = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("stages."))
    if count == len(config.depths):
        return config
    pretrained = config.pretrained_window
    return replace(
        config,
        depths=config.depths[:count],
        num_heads=config.num_heads[:count],
        window=config.window[:count],
        pretrained_window=pretrained and pretrained[:count],
    )


def _own(tensor: Tensor) -> Tensor:
    """Contiguous, and sharing memory with no other."""
    return tensor.detach().clone(memory_format=torch.contiguous_format)


# Files of each kind -----------------------------------------------------------------------------------------


def _write_ours(native: Native, path: Path) -> Path:
    return write_ours(
        path,
        native.tensors,
        architecture={"config": native.config.to_dict()},
        labels=native.labels,
        preprocess=native.preprocess,
        extra=native.extra,
    )


def write_ours(
    path: Path,
    tensors: Mapping[str, Tensor],
    *,
    architecture: Mapping[str, Any],
    labels: tuple[str, ...] | None,
    preprocess: Preprocess | None,
    extra: Mapping[str, Any],
) -> Path:
    """Write a file of ours. architecture: what the model is built from again, under a key that says how."""
    if path.suffix != ".safetensors":
        raise CheckpointError(
            f"swinkit's own files end in .safetensors; got {path}",
            hint=f"name it {path.stem}.safetensors, or say for whom it is: format='microsoft', …",
        )
    description = {
        "schema": SCHEMA,
        **architecture,
        "labels": labels,
        "preprocess": preprocess and preprocess.to_dict(),
        "extra": dict(extra),
    }
    try:
        text = json.dumps(description, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"extra takes plain values that JSON can hold ({error})") from None
    text = text.encode("utf-8", "backslashreplace").decode()  # class names that are no UTF-8
    return _write_safetensors(path, tensors, {"format": "pt", "swinkit": text})


def _write_safetensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> Path:
    """The file that safetensors' own `save` makes, which holds all of it in memory three times.

    The metadata are by name: that one shuffles them, and equal models want equal bytes.
    """
    ordered = sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0]))
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    end = 0
    for name, tensor in ordered:
        start, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": _safetensors_type(tensor.dtype),
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    said = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    said += b" " * (-len(said) % 8)  # tensors begin at a multiple of 8

    def stream(file: IO[bytes]) -> None:
        file.write(len(said).to_bytes(8, "little") + said)
        for _, tensor in ordered:
            file.write(tensor.detach().contiguous().flatten().view(torch.uint8).numpy().data)

    return _write(path, stream)


@cache
def _safetensors_type(dtype: torch.dtype) -> str:
    """What safetensors calls a type."""
    content = safetensors.torch.save({"one": torch.empty(0, dtype=dtype)})
    said: str = json.loads(content[8:])["one"]["dtype"]
    return said


def _write_folder(
    folder: Path, descriptions: Mapping[str, Mapping[str, Any]], tensors: dict[str, Tensor]
) -> Path:
    """Descriptions first, so that the weights never stand without them."""
    if folder.suffix in (".safetensors", *_TORCH_ENDINGS) or folder.is_file():
        raise CheckpointError(
            f"this format is a folder; {folder} is named like a file", hint=f"name it {folder.stem}"
        )
    for name, content in descriptions.items():
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        _write(folder / name, text)
    _write_safetensors(folder / "model.safetensors", tensors, {"format": "pt"})
    return folder


def _write_numpy_pickle(path: Path, tensors: dict[str, Tensor]) -> Path:
    """detectron2's model zoo: arrays, and by whom the file is, which its loader asks for."""
    arrays = {n: (t.float() if t.dtype == torch.bfloat16 else t).numpy() for n, t in tensors.items()}
    content = {"model": arrays, "__author__": "swinkit", "matching_heuristics": True}

    return _write(path, lambda file: pickle.dump(content, file))


def _write(path: Path, content: Content) -> Path:
    """Write a whole file or nothing. Raises CheckpointError where the system refuses."""
    try:
        return write_atomically(path, content)
    except RunError as error:
        raise CheckpointError(error.message, hint=error.hint) from error.__cause__
