"""`swinkit.optimize`: the same model, the same calls, its blocks computed by compiled kernels on the CPU."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ctypes import c_float
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from swinkit.errors import ConfigError, KernelRefused, ShapeError
from swinkit.kernels.choose import NATIVE, forced_kernel, forced_precision
from swinkit.kernels.library import Images, Library, Missing, Outputs, Target, chosen_target, library
from swinkit.models import Backbone, Preprocess, Swin, SwinConfig
from swinkit.models.swin import DropPath
from swinkit.native import operators
from swinkit.native.agreement import Agreement, agreement, digits_for
from swinkit.native.network import PackedSwin
from swinkit.native.watch import Watch, refusal
from swinkit.windows import Pair

Dtype = Literal["float32", "bfloat16", "int8", "auto"]
_DTYPES = get_args(Dtype)
DTYPES = {"fp32": "float32", "bf16": "bfloat16", "int8": "int8"}
"""The types of products, by the words that settings have for them."""


def optimize(
    model: Swin, dtype: Dtype = "auto", threads: int | None = None, *, sample: Tensor | None = None
) -> OptimizedSwin:
    """A Swin for fast inference on a CPU: the same calls (`forward`, `features`, `embed`, `encode`).

    Blocks are computed window group by window group in cache, by compiled kernels. Any image size, any batch,
    the same bits for any number of threads. Images may also be uint8, as they were decoded: they are divided
    by 255 and normalised as `model.preprocess` does, on the way into the first product.

    dtype: of the products of linear layers: float32, or bfloat16 where the processor multiplies it (sums,
    softmax, norms and the residual stream stay float32, and so do images and results); auto is the fastest
    that loses nothing, float32. int8 is approximate and never chosen by itself: each output's weights and
    each token's activations are rounded to 8 bits in the blocks and between the stages. How far its answers
    agree with the model's own on `sample`, normalised images, by default scans of handwritten digits, is
    measured at once, said on stderr and kept as `agreement`.

    threads: by default as many as torch takes at each call.

    The weights are packed at the first call, and again when the parameters have changed: in-place operations
    such as the steps of an optimiser are always noticed, writes through `.data` where they meet one of a few
    samples of each tensor; `refresh()` packs in any case.

    Raises KernelRefused, saying why, for a model whose modules are not exactly swinkit's, that carries hooks
    or whose parameters are not float32 on the CPU, and where swinkit was installed without compiled kernels.
    """
    if dtype not in _DTYPES:
        raise ConfigError(f"optimize knows no dtype {dtype!r}", hint=f"choose among {', '.join(_DTYPES)}")
    if threads is not None and threads < 1:
        raise ConfigError(f"threads is a count from 1; got {threads}")
    fast = _optimized(model, "float32" if dtype == "auto" else dtype, threads)
    if dtype == "int8":
        fast.agreement = _compared(fast, digits_for(model) if sample is None else sample)
    return fast


def for_inference(model: Backbone) -> Backbone | OptimizedSwin:
    """The model as it computes fastest: optimized where that applies and no other kernel is forced.

    In the precision that `use_precision` forces; what is no Swin is left as it is. Raises KernelRefused where
    `native`, or a precision that it alone has, is forced and does not apply, ConfigError for such a precision
    with another kernel.
    """
    kernel, precision = forced_kernel(), forced_precision()
    narrow = precision not in (None, "fp32")
    if kernel not in (None, NATIVE):
        if narrow:
            raise ConfigError(
                f"only kernel {NATIVE} answers in precision {precision}, and {kernel} is forced",
                hint="leave one of them out",
            )
        return model
    try:
        return _optimized(model, DTYPES[precision or "fp32"], None)
    except KernelRefused:
        if kernel or narrow:
            raise
        return model


def _optimized(model: Backbone, dtype: str, threads: int | None) -> OptimizedSwin:
    reason = refusal(model)
    if reason:
        raise KernelRefused(f"this model cannot be optimized: {reason}", hint="call the model itself instead")
    chosen_target(dtype)
    assert isinstance(model, Swin)  # nothing else passes
    return OptimizedSwin(model, dtype, threads)


def _compared(narrow: OptimizedSwin, images: Tensor | None) -> Agreement | None:
    """Its agreement with float32, which is said to people too."""
    found = None if images is None else agreement(narrow, images)
    said = found or "give images as `sample` to see how far it agrees with float32"
    print(f"{narrow.dtype} is approximate; {said}", file=sys.stderr)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes that an optimized model holds."""

    packed: int
    """The weights in the kernels' order, beside the model's own."""
    working: int
    """What calls compute in; kept from one to the next."""


class OptimizedSwin(nn.Module):
    """What `optimize` returns. `model` is what it was made of, and stays the source of truth.

    It can be copied, pickled and moved like any module; packed weights are then made anew. Calls from several
    threads at once are safe: each has working memory of its own.
    """

    def __init__(self, model: Swin, dtype: str, threads: int | None) -> None:
        super().__init__()
        self.model = model
        self.dtype = dtype
        self.threads = threads
        self.agreement: Agreement | None = None
        self.train(model.training)
        self._start()

    def _start(self) -> None:
        self._number = operators.register(self)
        self._packed: _Packed | None = None
        self._rooms: list[Tensor] = []

    # ---------------------------------------------------------------- the calls of a Swin

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        if torch.compiler.is_exporting():  # a file cannot hold packed weights
            return self.model(self._normalised(x))
        if self.model.head is not None:
            return operators.run(x, self._number, "logits")[0]
        return self.features(x) if self.model.config.dense is not None else self.embed(x)

    def features(self, x: Tensor, stages: Sequence[int] | None = None) -> list[Tensor]:
        """Maps of the given stages, each `B, C·2^i, H_i, W_i`; see `Swin.features`."""
        if torch.compiler.is_exporting():
            return self.model.features(self._normalised(x), stages)
        wanted = self.model.wanted_stages(stages)
        different = sorted(set(wanted))
        maps = dict(zip(different, operators.run(x, self._number, "maps", different), strict=True))
        return [maps[stage] for stage in wanted]

    def embed(self, x: Tensor) -> Tensor:
        """Mean of the last map after the final norm. (B, C)"""
        if torch.compiler.is_exporting():
            return self.model.embed(self._normalised(x))
        return operators.run(x, self._number, "embedding")[0]

    def encode(self, x: Tensor) -> Tensor:
        """The last map after the final norm. (B, H, W, C)"""
        if torch.compiler.is_exporting():
            return self.model.encode(self._normalised(x))
        return operators.run(x, self._number, "encoded")[0]

    # ---------------------------------------------------------------- what it is and holds

    @property
    def config(self) -> SwinConfig:
        return self.model.config

    @property
    def labels(self) -> tuple[str, ...] | None:
        return self.model.labels

    @property
    def preprocess(self) -> Preprocess | None:
        return self.model.preprocess

    @property
    def channels(self) -> tuple[int, ...]:
        return self.model.channels

    @property
    def strides(self) -> tuple[int, ...] | tuple[Pair, ...]:
        return self.model.strides

    @property
    def target(self) -> str:
        """The instruction set whose kernels run."""
        return chosen_target(self.dtype).name

    @property
    def memory(self) -> Memory:
        return Memory(
            packed=self._packed.weights.bytes if self._packed else 0,
            working=sum(room.nbytes for room in self._rooms),
        )

    def refresh(self) -> None:
        """Pack the weights anew at the next call."""
        self._packed = None

    def extra_repr(self) -> str:
        return f"dtype={self.dtype}, threads={self.threads}"

    def __getstate__(self) -> dict[str, Any]:
        own = ("_number", "_packed", "_rooms")
        return {name: value for name, value in self.__dict__.items() if name not in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._start()

    # ---------------------------------------------------------------- running

    def run(self, x: Tensor, wanted: str, stages: Sequence[int]) -> list[Tensor]:
        """What the operator does; see `operators.run`."""
        self._check_images(x)
        packed = self._up_to_date()
        self._check_mode(x, packed)
        x = x if x.dtype == torch.uint8 else x.float()  # autocast lets other types through
        results = [x.new_empty(shape, dtype=torch.float32) for shape in self.shapes(x.shape, wanted, stages)]
        network = packed.weights.network((x.shape[2], x.shape[3]))
        threads = self.threads or torch.get_num_threads()
        images = Images(x.data_ptr(), x.shape[0], x.stride(), *self._normalisation(x.dtype))
        with self._room(packed.library.workspace(packed.target, network, x.shape[0], threads)) as room:
            packed.library.run(
                packed.target, network, images, _outputs(results, wanted, stages), room, threads
            )
        return results

    def _check_images(self, x: Tensor) -> None:
        """Raise ShapeError, saying what came, where `x` is no batch of images for this model."""
        if not isinstance(x, Tensor) or x.dtype != torch.uint8:
            return self.model.check_images(x)
        self.model.check_images(torch.empty(x.shape, dtype=torch.float32, device="meta"))
        if self.preprocess is None:
            raise ShapeError(
                "got uint8 images, and this model does not say how they are normalised",
                hint="set its preprocess, or give float images that are normalised",
            )
        return None

    def _normalisation(self, dtype: torch.dtype) -> tuple[Any, Any]:
        """What a channel of uint8 images is multiplied by, and what is added; nothing for float images."""
        if dtype != torch.uint8:
            return None, None
        assert self.preprocess is not None  # it was checked
        mean, std = self.preprocess.mean, self.preprocess.std
        floats = c_float * len(mean)
        scale = floats(*(1 / (255 * one) for one in std))
        return scale, floats(*(-middle / one for middle, one in zip(mean, std, strict=True)))

    def _normalised(self, x: Tensor) -> Tensor:
        """Images as the model takes them, of those that this module takes."""
        self._check_images(x)
        if x.dtype != torch.uint8:
            return x
        assert self.preprocess is not None  # it was checked
        return self.preprocess.normalise(x / 255)

    def shapes(self, images: Sequence[int], wanted: str, stages: Sequence[int]) -> list[tuple[int, ...]]:
        """Of what a run gives for images of that shape."""
        config, (batch, _, height, width) = self.model.config, images
        last = len(self.model.stages) - 1
        if wanted == "maps":
            return [
                (batch, config.channels[stage], *config.map_size((height, width), stage)) for stage in stages
            ]
        if wanted == "encoded":
            return [(batch, *config.map_size((height, width), last), config.channels[last])]
        return [(batch, config.classes if wanted == "logits" else config.channels[last])]

    def _up_to_date(self) -> _Packed:
        """The packed weights of the parameters as they are now."""
        target = chosen_target(self.dtype)
        packed = self._packed
        if packed is None or packed.target != target or not packed.watch.unchanged():
            reason = refusal(self.model)
            if reason:
                raise KernelRefused(
                    f"this model can no longer run natively: {reason}", hint="call its .model"
                )
            found = library()
            assert not isinstance(found, Missing)  # chosen_target would have raised
            packed = _Packed(found, target, Watch(self.model, found), PackedSwin(self.model, target))
            self._packed = packed
        return packed

    def _check_mode(self, x: Tensor, packed: _Packed) -> None:
        """Raise KernelRefused where the call asks for what the kernels do not do."""
        if torch.is_grad_enabled() and (x.requires_grad or packed.watch.wants_gradients()):
            raise KernelRefused(
                "native kernels compute no gradients, and this call wants them",
                hint="call under torch.inference_mode() or torch.no_grad(), or train the .model",
            )
        if self.model.training and any(isinstance(module, DropPath) for module in self.model.modules()):
            raise KernelRefused(
                "the model is in training mode and has stochastic depth", hint="call .eval() on it first"
            )
        if x.device.type != "cpu":
            raise KernelRefused(
                f"native kernels compute on the CPU; the image is on {x.device}", hint="x.cpu()"
            )

    @contextmanager
    def _room(self, size: int) -> Iterator[tuple[int, int]]:
        """Address and size of working memory that nobody else uses meanwhile."""
        try:
            room = self._rooms.pop()
        except IndexError:
            room = torch.empty(0, dtype=torch.uint8, device="cpu")
        if room.nbytes < size + _ALIGNMENT:
            with torch.inference_mode(False):
                room = torch.empty(size + _ALIGNMENT, dtype=torch.uint8, device="cpu")
        address = -(-room.data_ptr() // _ALIGNMENT) * _ALIGNMENT
        try:
            yield address, size
        finally:
            self._rooms.append(room)


_ALIGNMENT = 64


@dataclass(frozen=True, slots=True)
class _Packed:
    library: Library
    target: Target
    watch: Watch
    weights: PackedSwin


def _outputs(results: Sequence[Tensor], wanted: str, stages: Sequence[int]) -> Outputs:
    outputs = Outputs()
    if wanted == "maps":
        for stage, result in zip(stages, results, strict=True):
            outputs.maps[stage] = result.data_ptr()
    else:
        setattr(outputs, wanted, results[0].data_ptr())
    return outputs
