"""transformers, Swin v1 and v2: a folder of `config.json` and `model.safetensors`.

q, k and v are three matrices. v1 has two sets of names: the one on disk, which every version writes, and the
one in the memory of transformers from 5 on; both are read, the first is written. Task models put `swin.` or
`swinv2.` in front of the encoder. A v1 backbone has a norm for each stage, a v2 backbone has none at all.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from swinkit.models import SwinConfig
from swinkit.weights.formats import arrange, microsoft
from swinkit.weights.names import NameTable, Pairs, Shapes, Translation, part_around, translate

ANCHOR = "embeddings.patch_embeddings.projection.weight"

_BLOCK, _THEIRS = "stages.{i}.blocks.{j}", "encoder.layers.{i}.blocks.{j}"
PAIRS: Pairs = (
    ("patch_embed.proj.*", "embeddings.patch_embeddings.projection.*"),
    ("patch_embed.norm.*", "embeddings.norm.*"),
    ("position", "embeddings.position_embeddings"),
    ("mask_token", "embeddings.mask_token"),
    (f"{_BLOCK}.norm1.*", f"{_THEIRS}.layernorm_before.*"),
    (f"{_BLOCK}.norm2.*", f"{_THEIRS}.layernorm_after.*"),
    (f"{_BLOCK}.attention.q.*", f"{_THEIRS}.attention.self.query.*"),
    (f"{_BLOCK}.attention.k.*", f"{_THEIRS}.attention.self.key.*"),
    (f"{_BLOCK}.attention.v.*", f"{_THEIRS}.attention.self.value.*"),
    (f"{_BLOCK}.attention.proj.*", f"{_THEIRS}.attention.output.dense.*"),
    (f"{_BLOCK}.attention.bias_table", f"{_THEIRS}.attention.self.relative_position_bias_table"),
    (f"{_BLOCK}.attention.logit_scale", f"{_THEIRS}.attention.self.logit_scale"),
    (f"{_BLOCK}.attention.cpb.0.*", f"{_THEIRS}.attention.self.continuous_position_bias_mlp.0.*"),
    (f"{_BLOCK}.attention.cpb.1.weight", f"{_THEIRS}.attention.self.continuous_position_bias_mlp.2.weight"),
    (f"{_BLOCK}.mlp.fc1.*", f"{_THEIRS}.intermediate.dense.*"),
    (f"{_BLOCK}.mlp.fc2.*", f"{_THEIRS}.output.dense.*"),
    ("stages.{i}.merge.norm.*", "encoder.layers.{i-1}.downsample.norm.*"),
    ("stages.{i}.merge.reduction.weight", "encoder.layers.{i-1}.downsample.reduction.weight"),
    ("norms.{i}.*", "hidden_states_norms.stage{i+1}.*"),
    ("norm.*", "layernorm.*"),
    ("head.*", "/classifier.*"),
    ("decoder.*", "/decoder.0.*"),
    # In memory, from transformers 5 on
    (f"{_BLOCK}.attention.q.*", f"{_THEIRS}.attention.q_proj.*"),
    (f"{_BLOCK}.attention.k.*", f"{_THEIRS}.attention.k_proj.*"),
    (f"{_BLOCK}.attention.v.*", f"{_THEIRS}.attention.v_proj.*"),
    (f"{_BLOCK}.attention.proj.*", f"{_THEIRS}.attention.o_proj.*"),
    (
        f"{_BLOCK}.attention.bias_table",
        f"{_THEIRS}.attention.relative_position_bias.relative_position_bias_table",
    ),
    (f"{_BLOCK}.mlp.fc1.*", f"{_THEIRS}.mlp.fc1.*"),
    (f"{_BLOCK}.mlp.fc2.*", f"{_THEIRS}.mlp.fc2.*"),
    ("norms.{i}.*", "hidden_states_norms.{i}.*"),  # MaskFormer's own Swin
)
BUFFERS: Pairs = (  # of files by transformers 4
    (f"{_BLOCK}.attention.relative_index", f"{_THEIRS}.attention.self.relative_position_index"),
    (
        f"{_BLOCK}.attention.relative_index",
        f"{_THEIRS}.attention.relative_position_bias.relative_position_index",
    ),
    (f"{_BLOCK}.attention.relative_coordinates", f"{_THEIRS}.attention.self.relative_coords_table"),
)
_UNUSED = "the final norm, which a backbone with a norm for each stage does not use"
DROPPED = {
    "/swin.layernorm.*": _UNUSED,
    "swin.layernorm.*": _UNUSED,
    "layernorm.*": _UNUSED,
}


def recognise(shapes: Shapes) -> bool:
    part = part_around(shapes, ANCHOR)
    return part is not None and part.has(r"encoder\.layers\.0\.blocks\.0\..*")


def to_native(tensors: dict[str, Tensor]) -> Translation:
    part = part_around(tensors, ANCHOR)
    assert part is not None
    tensors = _with_norms_inside(tensors, part.prefix)
    is_backbone = any("hidden_states_norms." in name for name in tensors)
    pairs = tuple(pair for pair in PAIRS if not (is_backbone and pair[0] == "norm.*"))
    found = translate(tensors, part, pairs=pairs, buffers=BUFFERS, dropped=DROPPED)
    found.tensors = arrange.tokens_as_map(arrange.flat_tables(arrange.fuse_qkv(found.tensors)))
    return found


def _with_norms_inside(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """In memory the norms of a backbone stand beside the encoder, behind a shorter prefix than it."""
    outer = prefix[: prefix[:-1].rfind(".") + 1]
    norms = f"{outer}hidden_states_norms."
    if not prefix or prefix == outer:
        return tensors
    return {n.replace(outer, prefix, 1) if n.startswith(norms) else n: t for n, t in tensors.items()}


def from_native(tensors: dict[str, Tensor], config: SwinConfig) -> dict[str, Tensor]:
    learnt = arrange.split_qkv(arrange.row_tables(arrange.tokens_as_row(tensors)))
    is_task_model = bool(config.classes) or config.masked_modelling
    prefix = ("swin." if config.version == 1 else "swinv2.") if is_task_model else ""
    return NameTable(PAIRS).write(learnt, prefix)


def policy(config: SwinConfig) -> str:
    """SwinModel and SwinBackbone are different functions; of v2 there is one."""
    if config.version == 2:
        return "huggingface_v2"
    # Donut's encoder has no final norm either, but switches the shift off as a classifier does.
    is_backbone = config.dense is not None and config.norms
    return "dense" if is_backbone else "huggingface"


def refusals(config: SwinConfig) -> Iterator[str]:
    if config.dense is not None and (config.classes or config.masked_modelling):
        yield "maps and a head in one model"
    if config.dense is not None and config.version == 1 and not config.norms:
        yield "a backbone of v1 without norms"
    if config.dense is not None and config.version == 2 and config.norms:
        yield "a backbone of v2 with norms"
    if config.classes and config.masked_modelling:
        yield "a head and a pixel decoder in one model"
    if config.extra_norm_every:
        yield "extra norms inside the stages"
    if not config.patch_norm:
        yield "a patch embedding without a norm"
    if config.position is not None and config.version == 2:
        yield "an absolute position embedding in v2"
    yield from microsoft.one_window_refusals(config)
    if config.version == 1 and len(set(config.window)) > 1:
        yield f"bias tables for another window in each stage {tuple(side for side, _ in config.window)}"
