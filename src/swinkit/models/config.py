"""What a Swin Transformer is made of: one frozen record from which the model can be rebuilt."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from swinkit.errors import ConfigError
from swinkit.windows import POLICIES, Pair, Policy


@dataclass(frozen=True, kw_only=True)
class SwinConfig:
    """Architecture of a Swin Transformer, v1 (Liu et al. 2021), v2 (Liu et al. 2022) or S3.

    Tuples over stages have one entry per stage. Pairs are (rows, columns).
    Raises ConfigError naming every contradiction at once.
    """

    version: Literal[1, 2] = 1
    embed_dim: int = 96
    """C, channels of the first stage; each merging doubles them."""
    depths: tuple[int, ...] = (2, 2, 6, 2)
    num_heads: tuple[int, ...] = (3, 6, 12, 24)
    window: tuple[Pair, ...] = ((7, 7), (7, 7), (7, 7), (7, 7))
    """Window of each stage in tokens, as a weights file holds it."""
    pretrained_window: tuple[Pair | None, ...] | None = None
    """v2: the window for which coordinates are scaled, where it is another than `window`."""
    patch_size: Pair = (4, 4)
    in_channels: int = 3
    mlp_ratio: float = 4.0
    qkv_bias: bool = True
    patch_norm: bool = True
    position: Pair | None = None
    """Size in tokens of a learnt absolute position embedding, where there is one."""
    rounded_logit_limit: bool = False
    """v2: logit scales are clamped at ln 100 rounded to float32, as in Microsoft's code; elsewhere the
    limit is not rounded. It shows in double precision alone."""
    extra_norm_every: int = 0
    """v2, huge sizes: a LayerNorm on the whole residual stream after every n-th block of a stage."""
    drop_path: float = 0.0
    """Rate of stochastic depth in the last block; it grows linearly from 0 over all blocks."""
    classes: int = 1000
    """Rows of the head; 0: no head."""
    dense: tuple[int, ...] | None = None
    """Stages whose maps leave the model as a backbone; later stages are not built."""
    norms: bool = True
    """Whether each dense stage has an output norm."""
    masked_modelling: bool = False
    """SimMIM (Xie et al. 2022): a mask token and a one-layer pixel decoder."""
    image_size: Pair | None = None
    """Pixels for which the model was configured. Any other size works too."""
    policy: Policy = POLICIES["microsoft"]

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise ConfigError("this Swin cannot be built: " + "; ".join(problems))

    def _problems(self) -> list[str]:
        stages = len(self.depths)
        problems = []
        for name in ("num_heads", "window", "pretrained_window"):
            value = getattr(self, name)
            if value is not None and len(value) != stages:
                problems.append(f"{name} has {len(value)} entries, depths has {stages}")
        if not stages or any(depth < 1 for depth in self.depths):
            problems.append(f"depths must be one or more blocks per stage, got {self.depths}")
        for stage, heads in enumerate(self.num_heads):
            channels = self.embed_dim * 2**stage
            if heads < 1 or channels % heads:
                problems.append(f"{channels} channels of stage {stage} do not divide by {heads} heads")
        if self.version not in (1, 2):
            problems.append(f"version is 1 or 2, got {self.version}")
        if self.version == 1 and self.pretrained_window is not None:
            problems.append("pretrained_window belongs to v2; v1 resizes its bias tables instead")
        if self.classes < 0 or self.in_channels < 1 or self.embed_dim < 1:
            problems.append("classes, in_channels and embed_dim are counts")
        if not 0 <= self.drop_path < 1:
            problems.append(f"drop_path is a rate from 0 to below 1, got {self.drop_path}")
        for stage in self.dense or ():
            if not 0 <= stage < stages:
                problems.append(f"dense names stage {stage}; there are stages 0 to {stages - 1}")
        if self.dense is not None and (not self.dense or list(self.dense) != sorted(set(self.dense))):
            problems.append(f"dense lists stages in ascending order, each once; got {self.dense}")
        return problems

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each stage, C·2^i."""
        return tuple(self.embed_dim * 2**stage for stage in range(len(self.depths)))

    @property
    def strides(self) -> tuple[Pair, ...]:
        """Pixels per token of each stage, (rows, columns)."""
        rows, columns = self.patch_size
        return tuple((rows * 2**stage, columns * 2**stage) for stage in range(len(self.depths)))

    @property
    def built_stages(self) -> int:
        """Stages that the model needs: all of them unless it only serves earlier maps."""
        if self.dense is None or self.classes or self.masked_modelling:
            return len(self.depths)
        return self.dense[-1] + 1

    @property
    def has_final_norm(self) -> bool:
        return self.dense is None or bool(self.classes) or self.masked_modelling

    def map_size(self, image_size: Pair, stage: int) -> Pair:
        """Size in tokens of a stage's map for an image of that many pixels."""
        rows, columns = (
            size // patch if self.policy.edge == "crop" else -(-size // patch)
            for size, patch in zip(image_size, self.patch_size, strict=True)
        )
        for _ in range(stage):
            rows, columns = (rows + 1) // 2, (columns + 1) // 2
        return rows, columns

    def configured_map(self, stage: int) -> Pair | None:
        """The map for which policies that decide at `image_size` decide, where that is known."""
        if self.image_size is None:
            return None
        if self.policy.small == "first axis":  # transformers' v2 floors at every halving
            rows, columns = (s // p for s, p in zip(self.image_size, self.patch_size, strict=True))
            return max(rows // 2**stage, 1), max(columns // 2**stage, 1)
        return self.map_size(self.image_size, stage)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them back to an equal config."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> SwinConfig:
        """Inverse of `to_dict`, also after a trip through JSON. Raises ConfigError on unknown names."""
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise ConfigError(f"unknown architecture settings: {', '.join(sorted(unknown))}")
        settings = {name: _tuples(value) for name, value in values.items()}
        if "policy" in settings:
            settings["policy"] = Policy(**settings["policy"])
        return cls(**settings)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, (list, tuple)) else value
