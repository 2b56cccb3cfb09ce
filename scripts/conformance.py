"""Writes docs/conformance.md: who gives which numbers at which image size, with one set of weights.

    pip install swinkit[peers]
    python scripts/conformance.py

One small random Swin is written in each library's format, loaded there strictly, and run in double
precision at each size. Its logits are compared with the two published rules as swinkit implements them, the
original classifier's (`microsoft`) and the original dense backbones' (`dense`); that these are the
originals' is shown by the tests against outputs of the original code. A second table compares swinkit,
under each library's policy, with that library.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

import swinkit
from swinkit.data.vision import load_torchvision
from swinkit.models import Swin
from swinkit.windows import POLICIES

Size = tuple[int, int]
Run = Callable[[Tensor], Tensor]

OUT = Path(__file__).parents[1] / "docs" / "conformance.md"
SIZES: dict[int, tuple[Size, ...]] = {  # by version: the configured size first
    1: ((224, 224), (448, 448), (256, 320), (640, 480), (225, 231), (112, 112), (64, 64), (32, 96), (28, 28)),
    2: ((256, 256), (512, 512), (320, 256), (384, 384), (225, 231), (128, 128), (64, 64), (32, 96)),
}
SAME = 1e-5
"""Largest difference, as a share of the largest value, that counts as the same numbers."""


@dataclass(frozen=True)
class Peer:
    """One way to run another library: how to build it for an image size, and the policy that equals it."""

    name: str
    policy: str
    build: Callable[[Swin, Size, Path], Run]
    configured: bool = False
    """Built anew for each size; otherwise for the first size only."""


def main() -> None:
    load_torchvision()
    pages = [_head()]
    for version in (1, 2):
        pages.append(_tables(version))
    OUT.write_text("\n".join(pages))
    print(f"wrote {OUT}", file=sys.stderr)


def _tables(version: int) -> str:
    model = _weights(version)
    first, sizes = SIZES[version][0], SIZES[version]
    peers = [*PEERS, *(V1_PEERS if version == 1 else V2_PEERS)]
    rules, own = [], []
    with tempfile.TemporaryDirectory() as folder:
        runs = {p.name: p.build(model, first, Path(folder) / p.name) for p in peers}
        for size in sizes:
            x = _image(size)
            rule = {name: _under(model, name, first)(x) for name in ("microsoft", "dense")}
            cells, matches = ["microsoft, dense"], []
            for peer in peers:
                run = runs[peer.name]
                if peer.configured:
                    run = peer.build(model, size, Path(folder) / f"{peer.name} {size}")
                theirs = _tried(run, x)
                cells.append(_which_rule(theirs, rule))
                ours = _tried(_under(model, peer.policy, size if peer.configured else first), x)
                matches.append(_difference(ours, theirs))
            rules.append((f"{size[0]} × {size[1]}", *cells))
            own.append((f"{size[0]} × {size[1]}", *matches))
        purity = ["pure", "yes" if _is_pure(_under(model, "microsoft", first), sizes) else "**no**"]
        for peer in peers:
            run = peer.build(model, first, Path(folder) / f"{peer.name} again")
            purity.append("yes" if _is_pure(run, sizes) else "**no**")
    names = [peer.name for peer in peers]
    return "\n".join(
        [
            f"\n## Swin v{version}, window {model.config.window[0][0]}\n",
            "Whose numbers: a rule's name where the logits equal it, otherwise the difference from the "
            "original classifier's as a share of the largest logit.\n",
            _table(["image", "swinkit", *names], [*rules, tuple(purity)]),
            "\nswinkit under that library's policy, against that library (largest difference):\n",
            _table(["image", *names], own),
        ]
    )


# models ---------------------------------------------------------------------------------------------------


def _weights(version: int) -> Swin:
    """A Swin in which every parameter matters."""
    generator = torch.Generator().manual_seed(version)
    side, window = (224, 7) if version == 1 else (256, 8)
    model = swinkit.create_model(
        "swin_pico", version=version, embed_dim=8, depths=(2, 2, 2, 2), num_heads=(1, 2, 4, 8),
        patch_size=4, window=window, image_size=side, classes=10,
    )  # fmt: skip
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("bias_table"):
                parameter.copy_(0.7 * noise)
            elif parameter.ndim == 1:
                parameter.copy_(0.15 * noise + ("norm" in name and name.endswith("weight")))
            elif not name.endswith("logit_scale"):
                parameter.copy_(noise / parameter[0].numel() ** 0.5)
    return model.eval()


def _under(model: Swin, policy: str, size: Size) -> Run:
    """The same weights under another policy, configured for a size; in double precision."""
    other = Swin(replace(model.config, policy=POLICIES[policy], image_size=size))
    other.load_state_dict(model.state_dict())
    return other.double().eval()


def _timm(model: Swin, size: Size, folder: Path, **settings: bool) -> Run:
    from timm.models.swin_transformer import SwinTransformer
    from timm.models.swin_transformer_v2 import SwinTransformerV2

    config = model.config
    cls = SwinTransformer if config.version == 1 else SwinTransformerV2
    theirs = cls(
        img_size=size,
        window_size=config.window[0],
        embed_dim=config.embed_dim,
        depths=config.depths,
        num_heads=config.num_heads,
        num_classes=config.classes,
        **settings,
    )
    path = swinkit.save(_shrunk_as(theirs, model), folder.with_suffix(".pth"), "timm")
    theirs.load_state_dict(torch.load(path, weights_only=True))
    return theirs.double().eval()


def _shrunk_as(theirs: nn.Module, model: Swin) -> Swin:
    """timm builds the tables of a map that is smaller than a window for the shrunk window: their centre."""
    if model.config.version == 2:
        return model
    windows = tuple(stage.blocks[0].window_size for stage in theirs.layers)
    cut = Swin(replace(model.config, window=windows))
    state = model.state_dict()
    for name, parameter in cut.state_dict().items():
        if name.endswith("bias_table"):
            rows, columns = (
                (mine - part) // 2
                for mine, part in zip(state[name].shape[1:], parameter.shape[1:], strict=True)
            )
            table = state[name]
            state[name] = table[:, rows : table.shape[1] - rows, columns : table.shape[2] - columns]
    cut.load_state_dict(state)
    return cut


def _timm_dynamic(model: Swin, size: Size, folder: Path) -> Run:
    return _timm(model, size, folder, strict_img_size=False)


def _torchvision(model: Swin, size: Size, folder: Path) -> Run:
    from torchvision.models import swin_transformer as swin

    config = model.config
    v2 = {"block": swin.SwinTransformerBlockV2, "downsample_layer": swin.PatchMergingV2}
    theirs = swin.SwinTransformer(
        patch_size=list(config.patch_size),
        embed_dim=config.embed_dim,
        depths=list(config.depths),
        num_heads=list(config.num_heads),
        window_size=list(config.window[0]),
        num_classes=config.classes,
        **(v2 if config.version == 2 else {}),
    )
    path = swinkit.save(model, folder.with_suffix(".pth"), "torchvision")
    theirs.load_state_dict(torch.load(path, weights_only=True))
    return theirs.double().eval()


def _transformers(model: Swin, size: Size, folder: Path) -> Run:
    import transformers

    version_2 = model.config.version == 2
    cls = transformers.Swinv2ForImageClassification if version_2 else transformers.SwinForImageClassification
    saved = swinkit.save(model, folder, "huggingface")
    theirs = cls.from_pretrained(saved, image_size=list(size)).double().eval()
    return lambda x: theirs(x).logits


def _transformers_backbone(model: Swin, size: Size, folder: Path) -> Run:
    """SwinBackbone with the classifier's norm and head behind it."""
    import transformers

    saved = swinkit.save(model, folder, "huggingface")
    last = f"stage{len(model.config.depths)}"
    backbone = transformers.SwinBackbone.from_pretrained(saved, out_features=[last]).double().eval()
    norm, head = model.norm, model.head
    assert norm is not None and head is not None
    # Its own output norm is not in the file: give it the classifier's.
    backbone.hidden_states_norms[last].load_state_dict(norm.state_dict())
    head = nn.Linear(head.in_features, head.out_features).double()
    head.load_state_dict(model.head.state_dict())  # type: ignore[union-attr]
    return lambda x: head(backbone(x).feature_maps[-1].mean((2, 3)))


PEERS = (
    Peer("timm, built for the size", "timm", _timm, configured=True),
    Peer("timm, non-strict", "timm", _timm_dynamic),
    Peer("torchvision", "torchvision", _torchvision),
)
V1_PEERS = (
    Peer("transformers model", "huggingface", _transformers, configured=True),
    Peer("transformers backbone", "dense", _transformers_backbone),
)
V2_PEERS = (Peer("transformers model", "huggingface_v2", _transformers, configured=True),)


# comparisons ----------------------------------------------------------------------------------------------


def _image(size: Size) -> Tensor:
    generator = torch.Generator().manual_seed(size[0] * 1000 + size[1])
    return torch.randn(1, 3, *size, generator=generator, dtype=torch.float64)


def _tried(run: Run, x: Tensor) -> Tensor | str:
    """Logits, or what kind of error came instead."""
    try:
        with torch.no_grad():
            return run(x)
    except (AssertionError, RuntimeError, ValueError) as error:
        return type(error).__name__


def _which_rule(theirs: Tensor | str, rules: dict[str, Tensor]) -> str:
    if isinstance(theirs, str):
        return f"refuses ({theirs})"
    same = [name for name, logits in rules.items() if _share(theirs, logits) <= SAME]
    return ", ".join(same) or f"{_share(theirs, rules['microsoft']):.2g}"


def _difference(ours: Tensor | str, theirs: Tensor | str) -> str:
    if isinstance(theirs, str):
        return "it refuses" + ("" if isinstance(ours, str) else ", swinkit runs")
    if isinstance(ours, str):
        return f"**swinkit refuses ({ours})**"
    share = _share(ours, theirs)
    return f"{share:.0e}" if share <= SAME else f"**{share:.2g}**"


def _share(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max() / b.abs().max())


def _is_pure(run: Run, sizes: tuple[Size, ...]) -> bool:
    """Whether the first image gives the same bits after all other sizes, and a size what it gave before."""
    second = _tried(run, _image(sizes[1]))
    for size in sizes:
        _tried(run, _image(size))
    again = _tried(run, _image(sizes[1]))
    if isinstance(second, str) or isinstance(again, str):
        return second is again or second == again
    return torch.equal(second, again)


# page -----------------------------------------------------------------------------------------------------


def _head() -> str:
    import timm
    import torchvision
    import transformers

    return (
        "# Conformance\n\n"
        "Made by `python scripts/conformance.py`; run it yourself. One small random Swin, written by "
        "swinkit in each library's format, loaded there, run in double precision.\n\n"
        f"torch {torch.__version__.split('+')[0]}, timm {timm.__version__}, "
        f"torchvision {torchvision.__version__.split('+')[0]}, transformers {transformers.__version__}.\n\n"
        "At the published size all agree, but for the backbones, whose last stage keeps its shift where one "
        "window covers the map. At other sizes one set of weights is a different function in each library; "
        "swinkit has each of them by name (`policy=`), and takes the one a file was made with. "
        "*pure*: the same image gives the same bits again after images of other sizes."
    )


def _table(header: list[str], rows: list[tuple[str, ...]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    main()
