"""A Swin as the native library sees it: packed weights, and the integers of one image size."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swinkit.kernels import library as c
from swinkit.kernels.library import HEAD_PAD, Target, padded, turned_table
from swinkit.models import Swin
from swinkit.models.attention import CosineAttention, DotProductAttention
from swinkit.models.position import resize_position
from swinkit.models.swin import Block, Mlp
from swinkit.native.packing import Packer, heads_padded, qkv_by_heads
from swinkit.windows import Pair, WindowPlan

HIDDEN_CHUNK = 1536
"""Hidden units computed at a time. A multiple of every target's panel; fixes the order of sums."""
HIDDEN_ROUNDED = 384
"""The same in int8, where so many of a token are rounded together."""
_SIZES_KEPT = 64


@dataclass(frozen=True)
class _PackedBlock:
    """All of a block that does not depend on the image size."""

    block: Block
    struct: c.Block


class PackedSwin:
    """The weights of a model, packed for one target, and the networks of the image sizes seen so far.

    The packed copy is made from the parameters as they are now; `optimized.py` notices when they change.
    """

    def __init__(self, model: Swin, target: Target) -> None:
        with torch.inference_mode(False), torch.no_grad():
            self.model = model
            self.packer = packer = Packer(target)
            self._ends = self._pack_ends()
            self._merges = [self._pack_merge(stage.merge) for stage in model.stages]
            self._blocks = [[self._pack_block(block) for block in stage.blocks] for stage in model.stages]
            self._norms = [packer.norm(self._output_norm(i)) for i in range(len(model.stages))]
        self._networks: dict[Pair, c.Network] = {}
        self._tables: dict[tuple[int, Pair], int] = {}

    @property
    def bytes(self) -> int:
        return self.packer.bytes

    def network(self, image_size: Pair) -> c.Network:
        """The description for images of that many pixels; kept, for a while."""
        found = self._networks.get(image_size)
        if found is None:
            with torch.inference_mode(False), torch.no_grad():
                found = self._describe(image_size)
            if len(self._networks) >= _SIZES_KEPT:
                self._networks.clear()
            self._networks[image_size] = found
        return found

    # ---------------------------------------------------------------- weights

    def _pack_ends(self) -> c.Network:
        model, packer, config = self.model, self.packer, self.model.config
        last = self._output_norm(len(model.stages) - 1)
        network = c.Network(
            version=config.version,
            stages=len(model.stages),
            in_channels=config.in_channels,
            patch=config.patch_size,
            classes=config.classes,
            embed=packer.end(model.patch_embed.proj.weight.flatten(1), model.patch_embed.proj.bias),
            embed_norm=packer.norm(model.patch_embed.norm),
            norm=packer.norm(model.norm if model.norm is not None else last),
        )
        if model.head is not None:
            network.head = packer.end(model.head.weight, model.head.bias)
        return network

    def _pack_merge(self, merge: nn.Module) -> tuple[c.Linear, c.Norm]:
        if isinstance(merge, nn.Identity):
            return c.Linear(), c.Norm()
        reduction = cast("nn.Linear", merge.reduction)
        return self.packer.linear(reduction.weight, None), self.packer.norm(cast("nn.Module", merge.norm))

    def _pack_block(self, block: Block) -> _PackedBlock:
        packer, attention = self.packer, block.attention
        heads, panel = attention.heads, packer.target.panel
        size = padded(attention.proj.weight.shape[1] // heads, HEAD_PAD)
        mlp: Mlp = block.mlp
        most = HIDDEN_ROUNDED if packer.target.dtype == "int8" else HIDDEN_CHUNK
        chunk = min(most, padded(mlp.fc1.weight.shape[0], packer.target.inputs))
        qkv = qkv_by_heads(attention.qkv.weight, heads, panel)
        bias = qkv_by_heads(attention.padding(), heads, panel)
        struct = c.Block(
            norm1=packer.norm(block.norm1),
            norm2=packer.norm(block.norm2),
            norm3=packer.norm(block.norm3),
            qkv=packer.linear(qkv, bias, outputs=3 * size),
            proj=packer.linear(heads_padded(attention.proj.weight, heads, axis=1), attention.proj.bias),
            fc1=packer.linear(mlp.fc1.weight, mlp.fc1.bias),
            fc2=packer.linear(mlp.fc2.weight, mlp.fc2.bias, chunk=chunk),
            scale=packer.keep(_scales(attention)),
            heads=heads,
            head_size=size,
            hidden_chunk=chunk,
        )
        return _PackedBlock(block, struct)

    # ---------------------------------------------------------------- sizes

    def _describe(self, image_size: Pair) -> c.Network:
        model, config = self.model, self.model.config
        network = c.Network()
        ctypes.pointer(network)[0] = self._ends
        network.image = image_size
        network.kept = position = self._position(image_size)
        network.position = None if position is None else position.data_ptr()
        for i, stage in enumerate(model.stages):
            height, width = config.map_size(image_size, i)
            shape = torch.empty(1, height, width, 0, device="cpu")
            plans = [stage.plan(shape, j) for j in range(len(stage.blocks))]
            blocks = [self._block(one, plan) for one, plan in zip(self._blocks[i], plans, strict=True)]
            reduction, norm = self._merges[i]
            network.stage[i] = c.Stage(
                reduction=reduction,
                reduction_norm=norm,
                blocks=(c.Block * len(blocks))(*blocks),
                output_norm=self._norms[i],
                depth=len(blocks),
                channels=config.channels[i],
                height=height,
                width=width,
            )
        return network

    def _block(self, packed: _PackedBlock, plan: WindowPlan) -> c.Block:
        struct = c.Block()
        ctypes.pointer(struct)[0] = packed.struct
        struct.bias_table = self._table(packed.block, plan.window)
        struct.follow(plan)
        return struct

    def _table(self, block: Block, window: Pair) -> int:
        """Address of a block's bias table for a window."""
        key = id(block), window
        if key not in self._tables:
            self._tables[key] = self.packer.keep(turned_table(block.attention.position_bias(window)))
        return self._tables[key]

    def _output_norm(self, stage: int) -> nn.Module | None:
        norms = self.model.norms
        return norms[str(stage)] if str(stage) in norms else None  # noqa: SIM401  a ModuleDict has no get

    def _position(self, image_size: Pair) -> Tensor | None:
        """The absolute position embedding of the first map. (1, H, W, padded C)"""
        if self.model.position is None:
            return None
        position = resize_position(self.model.position, self.model.config.map_size(image_size, 0))
        channels = position.shape[-1]
        return F.pad(position, (0, padded(channels) - channels)).contiguous()


def _scales(attention: DotProductAttention | CosineAttention) -> Tensor:
    """What each head's scores are multiplied by. (h)"""
    if isinstance(attention, CosineAttention):
        return attention.scale()
    scale = attention.scale(attention.proj.weight.shape[1])
    return torch.full((attention.heads,), scale, dtype=torch.float32, device="cpu")
