"""The compiled library of CPU kernels: where it is, what it can do here, and the structs of its C interface.

It is plain C called through ctypes: one file for every Python and torch. Without it swinkit works through
PyTorch; `Missing.why` says what is lacking. The structs mirror csrc/swinkit.h.
"""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import POINTER, Structure, c_char_p, c_float, c_int, c_int32, c_int64, c_size_t, c_void_p
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from swinkit.errors import ConfigError, KernelRefused
from swinkit.windows import WindowPlan

PAD = 32
"""Channels are padded to a multiple of this with zeros."""
HEAD_PAD = 16
"""And the channels of a head to a multiple of this."""
_VERSION = 5
_MOST_STAGES = 8


class Linear(Structure):
    _fields_ = [
        ("panels", c_void_p),
        ("bias", c_void_p),
        ("inputs", c_int64),
        ("outputs", c_int64),
        ("scale", c_void_p),
        ("totals", c_void_p),
        ("chunk", c_int64),
    ]


class Norm(Structure):
    _fields_ = [("weight", c_void_p), ("bias", c_void_p)]


class Block(Structure):
    _fields_ = [
        *((name, Norm) for name in ("norm1", "norm2", "norm3")),
        *((name, Linear) for name in ("qkv", "proj", "fc1", "fc2")),
        ("bias_table", c_void_p),
        ("scale", c_void_p),
        ("heads", c_int32),
        ("head_size", c_int32),
        ("window", c_int32 * 2),
        ("shift", c_int32 * 2),
        ("rolls_first", c_int32),
        ("masks_padding", c_int32),
        ("mask_value", c_float),
        ("hidden_chunk", c_int32),
    ]

    def follow(self, plan: WindowPlan) -> None:
        """Cut, shift and mask windows as this plan says."""
        self.window, self.shift = plan.window, plan.shift
        self.rolls_first, self.masks_padding = plan.rolls_first, plan.masks_padding
        self.mask_value = plan.mask_value


class Stage(Structure):
    _fields_ = [
        ("reduction", Linear),
        ("reduction_norm", Norm),
        ("blocks", POINTER(Block)),
        ("output_norm", Norm),
        ("depth", c_int32),
        ("channels", c_int32),
        ("height", c_int32),
        ("width", c_int32),
    ]


class Network(Structure):
    _fields_ = [
        ("version", c_int32),
        ("stages", c_int32),
        ("in_channels", c_int32),
        ("patch", c_int32 * 2),
        ("image", c_int32 * 2),
        ("classes", c_int32),
        ("embed", Linear),
        ("embed_norm", Norm),
        ("position", c_void_p),
        ("norm", Norm),
        ("head", Linear),
        ("stage", Stage * _MOST_STAGES),
    ]
    kept: Tensor | None = None
    """What `position` points to; it lives as long as somebody runs this network."""


class Outputs(Structure):
    _fields_ = [
        ("maps", c_void_p * _MOST_STAGES),
        ("encoded", c_void_p),
        ("embedding", c_void_p),
        ("logits", c_void_p),
    ]


class Images(Structure):
    _fields_ = [
        ("pixels", c_void_p),
        ("batch", c_int64),
        ("strides", c_int64 * 4),
        ("scale", POINTER(c_float)),
        ("shift", POINTER(c_float)),
    ]


class Attention(Structure):
    _fields_ = [
        ("block", Block),
        ("version", c_int32),
        ("is_bfloat16", c_int32),
        ("batch", c_int64),
        ("height", c_int32),
        ("width", c_int32),
        ("channels", c_int32),
        ("pad", c_void_p),
        ("qkv", c_void_p),
        ("out", c_void_p),
        ("out_gradient", c_void_p),
        ("qkv_gradient", c_void_p),
        ("sums", c_void_p),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Kernels for one instruction set and one type of product."""

    name: str
    dtype: str
    panel: int
    """Outputs of a linear layer whose weights lie together."""
    inputs: int
    """Inputs of a layer are padded to a multiple of this."""
    end_panel: int
    """As panel, of patch embedding and head; where dtype is int8, those are float32."""
    runs: bool
    """Whether this machine has the instructions."""
    tested: bool
    """Whether it was ever tested on such a machine; else it runs where SWINKIT_ISA names it alone."""
    number: int
    """In the library's list, best first."""


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no library to call, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Library:
    """The library, loaded."""

    path: Path
    targets: tuple[Target, ...]
    calls: Any

    def workspace(self, target: Target, network: Network, batch: int, threads: int) -> int:
        """Bytes that a run works in."""
        return self.calls.swk_workspace(target.number, network, batch, threads)

    def run(
        self,
        target: Target,
        network: Network,
        images: Images,
        outputs: Outputs,
        room: tuple[int, int],
        threads: int,
    ) -> None:
        """Run a network; room: address and bytes of the workspace. Other Python threads go on meanwhile."""
        if self.calls.swk_run(target.number, network, images, outputs, *room, threads):
            raise AssertionError(f"a workspace of {room[1]} bytes is too small")

    def attend(
        self, target: Target, attention: Attention, *, goes_back: bool, workspace: int, threads: int
    ) -> None:
        """Attention of a training, or its gradient; workspace: an address."""
        self.calls.swk_attend(target.number, attention, goes_back, workspace, threads)

    def attention_workspace(self, target: Target, attention: Attention, threads: int) -> int:
        """Bytes that `attend` works in."""
        return self.calls.swk_attention_workspace(target.number, attention, threads)

    def attention_sums(self, attention: Attention) -> tuple[int, int]:
        """Parts, and numbers in each, of the sums that the gradient adds to."""
        return self.calls.swk_attention_parts(attention), self.calls.swk_attention_sums(attention)

    def fingerprint(self, starts: Any, sizes: Any) -> int:
        """A number that is likely to change when any of these pieces of memory does: of samples of each."""
        return self.calls.swk_fingerprint(starts, sizes, len(sizes))


def padded(count: int, to: int = PAD) -> int:
    """The next multiple."""
    return -(-count // to) * to


def turned_table(bias: Tensor) -> Tensor:
    """A bias by offset as the kernels read it, flat and in float32. (h, 2wh−1, 2ww−1) -> (n)

    Turned by 180°, so that the keys of one row lie side by side; with room behind its end, as they are read
    in whole vectors.
    """
    return F.pad(bias.float().flip(1, 2).flatten(), (0, PAD))


@cache
def library() -> Library | Missing:
    """The compiled library, loaded once."""
    path = Path(__file__).with_name("compiled") / f"libswinkit{_SUFFIX}"
    if not path.is_file():
        return Missing("swinkit was installed without its compiled kernels (no C++ compiler was found)")
    try:
        calls = ctypes.CDLL(os.fspath(path))
    except OSError as error:
        return Missing(f"{path} cannot be loaded: {error}")
    version = calls.swk_version()
    if version != _VERSION:
        return Missing(f"{path} has interface {version}, this swinkit speaks {_VERSION}; install it again")
    _declare(calls)
    return Library(path, tuple(_target(calls, number) for number in range(calls.swk_targets())), calls)


def chosen_target(dtype: str) -> Target:
    """The best target for products of a type, or the one that SWINKIT_ISA names.

    Raises KernelRefused where there is none, ConfigError for a name that does not exist.
    """
    found = library()
    if isinstance(found, Missing):
        raise KernelRefused(
            f"there are no native kernels here: {found.why}",
            hint="install a C++ compiler and swinkit again, or use kernel torch",
        )
    forced = os.environ.get("SWINKIT_ISA")
    of_type = [target for target in found.targets if target.dtype == dtype]
    if forced:
        names = sorted({target.name for target in found.targets})
        if forced not in names:
            raise ConfigError(
                f"SWINKIT_ISA names {forced!r}", hint=f"instruction sets here are {', '.join(names)}"
            )
        of_type = [target for target in of_type if target.name == forced]
    able = [target for target in of_type if target.runs and (target.tested or forced)]
    if not able:
        which = f"SWINKIT_ISA={forced}" if forced else "this processor"
        raise KernelRefused(
            f"{which} has no native kernels for {dtype}", hint="dtype float32 runs everywhere; see doctor"
        )
    return able[0]


_SUFFIX = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")


def _declare(calls: ctypes.CDLL) -> None:
    calls.swk_target_name.restype = calls.swk_target_dtype.restype = c_char_p
    calls.swk_workspace.argtypes = (c_int, POINTER(Network), c_int64, c_int)
    calls.swk_workspace.restype = c_size_t
    calls.swk_run.argtypes = (
        c_int,
        POINTER(Network),
        POINTER(Images),
        POINTER(Outputs),
        c_void_p,
        c_size_t,
        c_int,
    )
    calls.swk_attend.argtypes = (c_int, POINTER(Attention), c_int, c_void_p, c_int)
    calls.swk_attend.restype = None
    calls.swk_attention_workspace.argtypes = (c_int, POINTER(Attention), c_int)
    calls.swk_attention_workspace.restype = c_size_t
    for count in (calls.swk_attention_parts, calls.swk_attention_sums):
        count.argtypes = (POINTER(Attention),)
        count.restype = c_int64
    calls.swk_fingerprint.argtypes = (POINTER(c_void_p), POINTER(c_int64), c_int)
    calls.swk_fingerprint.restype = ctypes.c_uint64


def _target(calls: ctypes.CDLL, number: int) -> Target:
    return Target(
        name=calls.swk_target_name(number).decode(),
        dtype=calls.swk_target_dtype(number).decode(),
        panel=calls.swk_target_panel(number),
        inputs=calls.swk_target_inputs(number),
        end_panel=calls.swk_target_end_panel(number),
        runs=bool(calls.swk_target_runs(number)),
        tested=bool(calls.swk_target_tested(number)),
        number=number,
    )
