"""The Swin Transformer, read with Figure 3 of Liu et al. 2021 beside it.

Maps are `B, H, W, C` inside the model; feature maps leave it as `B, C, H, W`. Modules hold learnt
parameters and nothing else: windows, shifts and masks come from `windows.py` at each call, so that the
same input gives the same output whatever came before.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from swinkit.errors import ConfigError, ShapeError
from swinkit.kernels import forced_precision, kernel_report
from swinkit.models.attention import CosineAttention, DotProductAttention
from swinkit.models.backbone import Backbone
from swinkit.models.config import SwinConfig
from swinkit.models.cost import macs
from swinkit.models.drop_path import DropPath
from swinkit.models.parameters import parameter_groups
from swinkit.models.position import Resampling, resize_position
from swinkit.models.preprocess import Preprocess
from swinkit.models.resize import resized
from swinkit.models.trace import BlockTrace, Trace, select_blocks
from swinkit.windows import Pair, Policy, WindowPlan, window_plan


class Swin(Backbone):
    """Swin Transformer v1, v2 or S3 for images of any size.

    `model(x)` gives logits `B, classes`; without a head the maps of a dense model, else the pooled
    vector `B, C`. x: `B, in_channels, height, width` in pixels, floating point.
    """

    def __init__(self, config: SwinConfig) -> None:
        super().__init__()
        self.config = config
        self.labels: tuple[str, ...] | None = None
        """Names of the classes, where they are known."""
        self.preprocess: Preprocess | None = None
        """What turns a picture into this model's input, as its weights were scored."""
        self.load_report: Any = None
        """Set by `swinkit.load`: what matched, was resized, is new or was left over."""
        self.checkpoint_stages: tuple[int, ...] = ()
        """Stages whose activations are recomputed in the backward pass instead of kept."""

        self.patch_embed = PatchEmbedding(config)
        self.mask_token = (
            nn.Parameter(torch.zeros(1, 1, 1, config.embed_dim)) if config.masked_modelling else None
        )
        self.position = (
            nn.Parameter(torch.zeros(1, *config.position, config.embed_dim)) if config.position else None
        )
        drop_paths = torch.linspace(0, config.drop_path, sum(config.depths), device="cpu").tolist()
        self.stages: Sequence[Stage] = nn.ModuleList(  # type: ignore[assignment]
            Stage(config, stage, drop_paths) for stage in range(config.built_stages)
        )
        last = config.channels[config.built_stages - 1]
        self.norm = Norm(last) if config.has_final_norm else None
        self.norms = nn.ModuleDict(
            {str(i): Norm(config.channels[i]) for i in config.dense or () if config.norms}
        )
        self.head = nn.Linear(last, config.classes) if config.classes else None
        self.decoder = (
            nn.Conv2d(last, config.strides[-1][0] * config.strides[-1][1] * config.in_channels, 1)
            if config.masked_modelling
            else None
        )
        self.apply(_initialise)
        if self.mask_token is not None:
            nn.init.trunc_normal_(self.mask_token, std=0.02)
        if self.position is not None:
            nn.init.trunc_normal_(self.position, std=0.02)

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each stage's map."""
        return self.config.channels[: len(self.stages)]

    @property
    def strides(self) -> tuple[int, ...] | tuple[Pair, ...]:
        """Pixels per token of each stage's map; pairs where rows and columns differ."""
        strides = self.config.strides[: len(self.stages)]
        square = all(rows == columns for rows, columns in strides)
        return tuple(rows for rows, _ in strides) if square else strides

    @property
    def classes(self) -> int:
        return self.config.classes

    @property
    def in_channels(self) -> int:
        return self.config.in_channels

    @property
    def depths(self) -> tuple[int, ...]:
        return self.config.depths

    @property
    def drop_path(self) -> float:
        return self.config.drop_path

    @property
    def any_size(self) -> bool:
        return True

    @property
    def can_recompute(self) -> bool:
        return True

    @property
    def can_share(self) -> bool:
        return True

    @property
    def mixes_pictures(self) -> bool:
        return False

    @property
    def kernel(self) -> str:
        """The one that runs here, and in which precision where that is not float32."""
        name = next(report.name for report in kernel_report() if report.runs)
        precision = forced_precision()
        return name if precision in (None, "fp32") else f"{name} in {precision}"

    def macs(self, image_size: Pair) -> int:
        """Multiply-adds for one picture, as the paper counts them; `cost.macs` has them part by part."""
        return macs(self.config, image_size).total

    # ---------------------------------------------------------------- calls

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        if self.head is not None:
            return self.head(self.embed(x))
        return self.features(x) if self.config.dense is not None else self.embed(x)

    def features(self, x: Tensor, stages: Sequence[int] | None = None) -> list[Tensor]:
        """Maps of the given stages before merging, each `B, C·2^i, H_i, W_i`.

        A model built with `dense=` gives each map its stage's norm. By default all stages, or those of
        `dense=`. Raises ConfigError for a stage that the model was not built for.
        """
        wanted = self.wanted_stages(stages)
        maps = self._maps(x)
        found = {stage: next(maps) for stage in range(max(wanted) + 1)}
        return [self._feature(found[stage], stage) for stage in wanted]

    def embed(self, x: Tensor) -> Tensor:
        """Mean of the last map after the final norm. (B, C)"""
        return self.encode(x).mean(dim=(1, 2))

    def encode(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """The last map after the final norm. (B, H, W, C)

        mask: SimMIM's, over patches (B, H, W), 1 = hidden.
        """
        *_, last = self._maps(x, mask)
        if self.norm is not None:
            return self.norm(last)
        stage = str(len(self.stages) - 1)
        return self.norms[stage](last) if stage in self.norms else last

    def reconstruct(self, x: Tensor, mask: Tensor) -> Tensor:
        """Pixels that a SimMIM model sees behind its mask (Xie et al. 2022). (B, in, height, width)

        mask: over patches (B, H, W), 1 = hidden. Raises ConfigError without a decoder.
        """
        if self.decoder is None:
            raise ConfigError("this model has no pixel decoder", hint="build it with masked_modelling=True")
        decoded = self.decoder(self.encode(x, mask).permute(0, 3, 1, 2))
        return F.pixel_shuffle(decoded, self.config.strides[-1][0])

    def trace(self, x: Tensor, blocks: Sequence[tuple[int, int]] | None = None) -> Trace:
        """What happens inside, block by block: outputs, windows and attention weights.

        blocks: pairs (stage, block) whose attention is wanted; all by default. See `trace.Trace`.
        """
        wanted = select_blocks(self.config, len(self.stages), blocks)
        traced: dict[tuple[int, int], BlockTrace] = {}
        x = self._tokens(x)
        for i, stage in enumerate(self.stages):
            x = stage.merge(x)
            for j, block in enumerate(stage.blocks):
                plan = stage.plan(x, j)
                weights = block.attention_weights(x, plan) if (i, j) in wanted else None
                x = block(x, plan)
                if weights is not None:
                    traced[i, j] = BlockTrace(x, weights, plan.coordinates(x.device), plan)
        return Trace(blocks=traced, last=x)

    # ---------------------------------------------------------------- changes

    def resize(
        self,
        image_size: int | Pair | None = None,
        window: int | Pair | Sequence[int | Pair] | None = None,
        resize: Resampling = "bicubic",
    ) -> Swin:
        """A new model for another image size or window; this one is left as it is.

        Another image size never changes the window. v1 tables are resampled as `resize` says; v2 keeps
        the window of pretraining as the measure of its coordinates.
        """
        return resized(self, image_size=image_size, window=window, how=resize)

    def parameter_groups(self, weight_decay: float, layer_decay: float | None = None) -> list[dict[str, Any]]:
        """Groups for an optimiser; see `parameters.parameter_groups`."""
        return parameter_groups(self, weight_decay, layer_decay)

    def freeze(self, stages: int) -> Swin:
        """Stop the patch embedding and the first `stages` stages from learning; 0 frees everything.

        What is frozen also drops no paths: `train()` leaves it in evaluation mode.
        """
        if not 0 <= stages <= len(self.stages):
            raise ConfigError(f"this model has {len(self.stages)} stages; cannot freeze {stages}")
        frozen = [self.patch_embed, *self.stages[:stages]] if stages else []
        self.requires_grad_(True)
        for module in frozen:
            module.requires_grad_(False)
        for parameter in (self.position, self.mask_token):
            if parameter is not None:
                parameter.requires_grad_(not stages)
        return self.train(self.training)

    def recompute(self) -> Swin:
        """Compute activations again in the backward pass in place of keeping them (Chen et al. 2016)."""
        self.checkpoint_stages = tuple(range(len(self.stages)))
        return self

    def train(self, mode: bool = True) -> Swin:
        """Training mode for all that learns, or evaluation mode for everything."""
        super().train(mode)
        for part in (self.patch_embed, *self.stages):
            if not any(parameter.requires_grad for parameter in part.parameters()):
                part.eval()
        return self

    # ---------------------------------------------------------------- inside

    def _maps(self, x: Tensor, mask: Tensor | None = None) -> Iterator[Tensor]:
        """Each stage's map before merging. (B, H, W, C)"""
        x = self._tokens(x, mask)
        for i, stage in enumerate(self.stages):
            x = stage(x, recompute=i in self.checkpoint_stages and torch.is_grad_enabled())
            yield x

    def _tokens(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Patch embedding, mask token and absolute position. (B, H, W, C)"""
        self.check_images(x)
        tokens = self.patch_embed(x)
        if mask is not None:
            if self.mask_token is None:
                raise ConfigError("this model has no mask token", hint="build it with masked_modelling=True")
            if mask.shape != tokens.shape[:3]:
                raise ShapeError(
                    f"the mask is over patches, {tuple(tokens.shape[:3])} here; got {tuple(mask.shape)}"
                )
            hidden = mask.to(tokens.dtype).unsqueeze(-1)  # B, H, W, 1
            tokens = tokens * (1 - hidden) + self.mask_token * hidden
        if self.position is not None:
            tokens = tokens + resize_position(self.position, (tokens.shape[1], tokens.shape[2]))
        return tokens

    def _feature(self, x: Tensor, stage: int) -> Tensor:
        x = self.norms[str(stage)](x) if str(stage) in self.norms else x
        return x.permute(0, 3, 1, 2).contiguous()  # B, C, H, W

    def wanted_stages(self, stages: Sequence[int] | None) -> tuple[int, ...]:
        """The stages whose maps `features` gives. Raises ConfigError for one that this model lacks."""
        available = self.config.dense or tuple(range(len(self.stages)))
        wanted = available if stages is None else tuple(stages)
        if not wanted or not set(wanted) <= set(available):
            raise ConfigError(
                f"this model gives maps of stages {available}; asked for {wanted}",
                hint="choose among them, or build the model with dense=(…)",
            )
        return wanted

    def check_images(self, x: Tensor) -> None:
        """Raise ShapeError, saying what came and what was expected, where `x` cannot be an image batch."""
        channels, patch = self.config.in_channels, self.config.patch_size
        expected = f"expected a float tensor (batch, {channels}, height, width)"
        if not isinstance(x, Tensor):
            raise ShapeError(
                f"{expected}, got {type(x).__name__}",
                hint="model.preprocess(picture)[None] turns a picture into one",
            )
        if x.dim() != 4:
            hint = "add a batch axis: x[None]" if x.dim() == 3 else ""
            raise ShapeError(f"{expected}, got shape {tuple(x.shape)}", hint=hint)
        if x.shape[1] != channels:
            last = x.shape[-1] == channels
            raise ShapeError(
                f"{expected}, got {x.shape[1]} channels (shape {tuple(x.shape)})",
                hint="channels come first: x.permute(0, 3, 1, 2)"
                if last
                else f"build or load the model with in_channels={x.shape[1]}",
            )
        if not x.is_floating_point():
            raise ShapeError(
                f"{expected}, got {x.dtype}",
                hint="scale and normalise first, as model.preprocess(picture) does",
            )
        weight = self.patch_embed.proj.weight
        if x.dtype != weight.dtype and not torch.is_autocast_enabled(x.device.type):
            raise ShapeError(
                f"the image is {x.dtype}, the model {weight.dtype}",
                hint="convert one of them, or use torch.autocast",
            )
        if x.shape[0] < 1 or x.shape[2] < 1 or x.shape[3] < 1:
            raise ShapeError(f"{expected} of at least one pixel, got shape {tuple(x.shape)}")
        if self.config.policy.edge == "crop" and (x.shape[2] < patch[0] or x.shape[3] < patch[1]):
            raise ShapeError(
                f"an image of {x.shape[2]} × {x.shape[3]} pixels holds no whole patch of "
                f"{patch[0]} × {patch[1]}, and policy {self.config.policy.name!r} crops",
                hint="pad or resize the image, or choose a policy that pads",
            )


class PatchEmbedding(nn.Module):
    """Patches of pixels to tokens, with a norm of its own. (B, in, height, width) -> (B, H, W, C)"""

    def __init__(self, config: SwinConfig) -> None:
        super().__init__()
        self.patch_size = config.patch_size
        self.pads = config.policy.edge == "pad"
        self.proj = nn.Conv2d(
            config.in_channels, config.embed_dim, kernel_size=config.patch_size, stride=config.patch_size
        )
        self.norm = Norm(config.embed_dim) if config.patch_norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        (rows, columns), (height, width) = self.patch_size, x.shape[-2:]
        if self.pads:
            x = _pad(x, (0, missing(width, columns), 0, missing(height, rows)))
        else:
            x = x[:, :, : height // rows * rows, : width // columns * columns]
        # Patches do not overlap: their convolution is one matrix product, in the layout we need.
        weight = self.proj.weight.permute(0, 2, 3, 1).flatten(1)  # C, rows·columns·in
        return self.norm(F.linear(self._patches(x.permute(0, 2, 3, 1)), weight, self.proj.bias))

    def _patches(self, x: Tensor) -> Tensor:
        """(B, height, width, in) -> (B, H, W, rows·columns·in)"""
        rows, columns = self.patch_size
        batch, height, width, channels = x.shape
        strips = x.reshape(batch * (height // rows), rows, width // columns, columns * channels)
        return strips.transpose(1, 2).reshape(batch, height // rows, width // columns, -1)


class Stage(nn.Module):
    """Merging (from the second stage on), then blocks with plain and shifted windows in turn."""

    def __init__(self, config: SwinConfig, stage: int, drop_paths: Sequence[float]) -> None:
        super().__init__()
        dim = config.channels[stage]
        self.window = config.window[stage]
        self.policy: Policy = config.policy
        self.configured = config.configured_map(stage)
        merging, block = (MergeV1, PreNormBlock) if config.version == 1 else (MergeV2, PostNormBlock)
        self.merge: nn.Module = merging(dim // 2) if stage else nn.Identity()
        first = sum(config.depths[:stage])
        self.blocks: Sequence[Block] = nn.ModuleList(  # type: ignore[assignment]
            block(config, stage, j, drop_path=drop_paths[first + j]) for j in range(config.depths[stage])
        )

    def forward(self, x: Tensor, recompute: bool = False) -> Tensor:
        x = self.merge(x)
        for j, block in enumerate(self.blocks):
            plan = self.plan(x, j)
            x = checkpoint(block, x, plan, use_reentrant=False) if recompute else block(x, plan)
        return x

    def plan(self, x: Tensor, block: int) -> WindowPlan:
        """Windows of one block on this map; every second block is shifted."""
        return window_plan(
            x.shape[1],
            x.shape[2],
            window=self.window,
            shifted=block % 2 == 1,
            policy=self.policy,
            configured=self.configured,
        )


class Block(nn.Module):
    """Parts that both generations share: attention and MLP, each with a norm and stochastic depth."""

    def __init__(self, config: SwinConfig, stage: int, index: int, *, drop_path: float) -> None:
        super().__init__()
        dim, heads, window = config.channels[stage], config.num_heads[stage], config.window[stage]
        self.attention: DotProductAttention | CosineAttention
        if config.version == 1:
            self.attention = DotProductAttention(dim, heads, window, qkv_bias=config.qkv_bias)
        else:
            pretrained = config.pretrained_window[stage] if config.pretrained_window else None
            self.attention = CosineAttention(
                dim,
                heads,
                pretrained_window=pretrained,
                qkv_bias=config.qkv_bias,
                rounded_logit_limit=config.rounded_logit_limit,
            )
        self.norm1 = Norm(dim)
        self.norm2 = Norm(dim)
        self.mlp = Mlp(dim, int(dim * config.mlp_ratio))
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()
        every = config.extra_norm_every
        self.norm3 = Norm(dim) if every and (index + 1) % every == 0 else nn.Identity()

    @abstractmethod
    def attention_weights(self, x: Tensor, plan: WindowPlan) -> Tensor:
        """What each query looks at. (B, H, W, C) -> (B, G, h, N, N)"""


class PreNormBlock(Block):
    """v1: x + attention(norm(x)), then x + mlp(norm(x)) (Liu et al. 2021, eq. 3)."""

    def forward(self, x: Tensor, plan: WindowPlan) -> Tensor:  # B, H, W, C
        x = x + self.drop_path(self.attention(self.norm1(x), plan))
        x = x + self.drop_path(self.mlp(self.norm2(x)))
        return self.norm3(x)

    def attention_weights(self, x: Tensor, plan: WindowPlan) -> Tensor:
        return self.attention.weights(self.norm1(x), plan)  # B, G, h, N, N


class PostNormBlock(Block):
    """v2: x + norm(attention(x)), then x + norm(mlp(x)) (Liu et al. 2022, §3.2)."""

    def __init__(self, config: SwinConfig, stage: int, index: int, *, drop_path: float) -> None:
        super().__init__(config, stage, index, drop_path=drop_path)
        for norm in (self.norm1, self.norm2):  # a fresh block is the identity, as in the original
            nn.init.zeros_(norm.weight)

    def forward(self, x: Tensor, plan: WindowPlan) -> Tensor:  # B, H, W, C
        x = x + self.drop_path(self.norm1(self.attention(x, plan)))
        x = x + self.drop_path(self.norm2(self.mlp(x)))
        return self.norm3(x)

    def attention_weights(self, x: Tensor, plan: WindowPlan) -> Tensor:
        return self.attention.weights(x, plan)  # B, G, h, N, N


class MergeV1(nn.Module):
    """Four neighbours become one token: norm over 4C, then 4C to 2C (Liu et al. 2021, §3.1)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = Norm(4 * dim)
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # B, H, W, C -> B, ⌈H/2⌉, ⌈W/2⌉, 2C
        return self.reduction(self.norm(neighbours(x)))


class MergeV2(nn.Module):
    """The same with the norm after the reduction, over 2C."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = Norm(2 * dim)
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # B, H, W, C -> B, ⌈H/2⌉, ⌈W/2⌉, 2C
        return self.norm(self.reduction(neighbours(x)))


class Norm(nn.LayerNorm):
    """LayerNorm with ε = 1e-5, as everywhere in Swin.

    ε stands here as a constant: a compiler takes a float that a module holds for a variable, and
    compiles everything twice to find out that it is none.
    """

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, 1e-5)


class Mlp(nn.Module):
    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


def neighbours(x: Tensor) -> Tensor:
    """2 × 2 tokens side by side, rows fastest; an odd map is padded by one. (B, ⌈H/2⌉, ⌈W/2⌉, 4C)"""
    x = _pad(x, (0, 0, 0, missing(x.shape[2], 2), 0, missing(x.shape[1], 2)))
    batch, height, width, channels = x.shape
    pairs = x.reshape(batch * (height // 2), 2, width // 2, 2, channels)  # .., row, .., column, C
    return pairs.permute(0, 2, 3, 1, 4).reshape(batch, height // 2, width // 2, 4 * channels)


def missing(size: int, of: int) -> int:
    """How much a size lacks to the next multiple."""
    return (size + of - 1) // of * of - size


def _pad(x: Tensor, amounts: tuple[int, ...]) -> Tensor:
    """Zeros as in torch's pad; a recorded graph pads by a computed amount, so that it holds for all sizes."""
    return F.pad(x, amounts) if torch.compiler.is_compiling() or any(amounts) else x


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
