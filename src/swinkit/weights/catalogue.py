"""The published Swin weights: where they lie, what they were scored with, and under which licence.

Add one by adding a row to one of the three tables. The facts come from timm 1.0.31 (`default_cfgs` and its
results), torchvision 0.28 (`Swin_*_Weights`) and Microsoft's README and MODELHUB; nothing here was measured
by us, and what we could not verify is None. timm's `swinv2_cr_*` are another network and are left out.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from pathlib import Path

from swinkit.errors import ConfigError
from swinkit.models import ALIASES, SIZES, Preprocess, SwinConfig
from swinkit.weights import hub
from swinkit.weights.asking import Say
from swinkit.weights.download import cached, download
from swinkit.weights.labels import LABEL_SETS


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One published set of weights."""

    name: str
    size: str
    """The row of `models.SIZES`, with another window where `window` is given."""
    format: str
    """Whose names its tensors have: `timm`, `huggingface` or `torchvision`."""
    repository: str = ""
    """`owner/name` on the Hugging Face hub; empty where there is a `url`."""
    url: str = ""
    sha256: str = ""
    """First characters of the digest of the file at `url`."""
    labels: str | None
    """A list of class names in `weights.labels.LABEL_SETS`; None where there is no head."""
    preprocess: Preprocess
    """With which it was scored."""
    top1: float | None = None
    """Percent on ImageNet-1K's validation images, as published."""
    top5: float | None = None
    scored_by: str = ""
    """Who published the score: the same weights score differently under another preparation of the images."""
    licence: str
    provenance: str
    """Which weights these are, and what is uncertain about them."""
    window: int | None = None
    masked_modelling: bool = False

    @property
    def source(self) -> str:
        """What `load` takes: `hf:owner/name`, or the address of a file."""
        return self.url or f"hf:{self.repository}"

    @property
    def protocol(self) -> str:
        """How the pictures were prepared for the score, in words."""
        height, width = self.preprocess.image_size
        shape = self.preprocess.resize_to
        if self.preprocess.squash:
            return f"stretched to {height} × {width}, {self.preprocess.interpolation}"
        side = min(shape) if shape else min(height, width)
        return f"shorter side {side}, centre crop {height} × {width}, {self.preprocess.interpolation}"

    @property
    def classes(self) -> int:
        """Rows of the head; 0: no head."""
        return _CLASSES[self.labels]

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """What the rows of the head stand for."""
        return LABEL_SETS[self.labels]() if self.labels else None

    @property
    def config(self) -> SwinConfig:
        """The architecture, as swinkit builds it."""
        size = SIZES[self.size]
        return replace(
            size,
            window=((self.window, self.window),) * len(size.depths) if self.window else size.window,
            image_size=self.preprocess.image_size,
            classes=self.classes,
            masked_modelling=self.masked_modelling,
        )


def find(name: str) -> Entry:
    """The published weights of that name.

    name: as listed (`swin_tiny_patch4_window7_224.ms_in1k`), a hub repository with or without `hf:`, an older
    name of the same weights, or a size or its alias (`swin_tiny`), which means its default weights.
    Raises ConfigError with the nearest names.
    """
    entry = lookup(name)
    if entry is not None:
        return entry
    if name in SIZES or name in ALIASES:
        raise ConfigError(
            f"no weights were published for the size {name}", hint=f"create_model({name!r}) makes fresh ones"
        )
    near = difflib.get_close_matches(name, [*CATALOGUE, *_OTHER_NAMES], n=3, cutoff=0.5)
    raise ConfigError(
        f"there are no published weights named {name!r}",
        hint=f"nearest: {', '.join(near)}" if near else "`swinkit models` lists them",
    )


def lookup(name: str) -> Entry | None:
    """The published weights of that name, or None."""
    name = name.removeprefix("hf:").removeprefix("timm/")
    return CATALOGUE.get(_OTHER_NAMES.get(name, name))


def of_size(size: str) -> tuple[Entry, ...]:
    """Published weights of a size or its alias that a classifier can start from, the default ones first."""
    key = ALIASES.get(size, size)
    return tuple(e for e in CATALOGUE.values() if e.size == key and not e.window and not e.masked_modelling)


def fetch(entry: Entry, say: Say | None = None) -> Path:
    """The folder or file of published weights, from the cache or fetched into it.

    What will be fetched is told to `say` first. Raises CheckpointError where it cannot be had.
    """
    if entry.url:
        return download(entry.url, sha256=entry.sha256, say=say)
    return hub.fetch_model(entry.repository, say=say)


def is_cached(entry: Entry) -> bool:
    """Whether the weights lie on this machine's disk already."""
    if entry.url:
        return cached(entry.url) is not None
    return hub.is_cached(entry.repository)


# ------------------------------------------------------------------------------------ the tables

_CLASSES = {"imagenet1k": 1000, "imagenet22k_ms": 21841, None: 0}

# size, tag, top-1, top-5 by timm's results. The first row of a size is its default, in timm's order.
_TIMM = (
    ("swin_tiny_patch4_window7_224", "ms_in1k", 81.388, 95.540),
    ("swin_tiny_patch4_window7_224", "ms_in22k_ft_in1k", 80.966, 96.020),
    ("swin_tiny_patch4_window7_224", "ms_in22k", None, None),
    ("swin_small_patch4_window7_224", "ms_in22k_ft_in1k", 83.330, 96.996),
    ("swin_small_patch4_window7_224", "ms_in1k", 83.228, 96.326),
    ("swin_small_patch4_window7_224", "ms_in22k", None, None),
    ("swin_base_patch4_window7_224", "ms_in22k_ft_in1k", 85.276, 97.566),
    ("swin_base_patch4_window7_224", "ms_in1k", 83.604, 96.450),
    ("swin_base_patch4_window7_224", "ms_in22k", None, None),
    ("swin_base_patch4_window12_384", "ms_in22k_ft_in1k", 86.442, 98.068),
    ("swin_base_patch4_window12_384", "ms_in1k", 84.478, 96.886),
    ("swin_base_patch4_window12_384", "ms_in22k", None, None),
    ("swin_large_patch4_window7_224", "ms_in22k_ft_in1k", 86.320, 97.890),
    ("swin_large_patch4_window7_224", "ms_in22k", None, None),
    ("swin_large_patch4_window12_384", "ms_in22k_ft_in1k", 87.142, 98.228),
    ("swin_large_patch4_window12_384", "ms_in22k", None, None),
    ("swin_s3_tiny_224", "ms_in1k", 82.128, 95.958),
    ("swin_s3_small_224", "ms_in1k", 83.778, 96.460),
    ("swin_s3_base_224", "ms_in1k", 83.920, 96.650),
    ("swinv2_tiny_window8_256", "ms_in1k", 81.824, 95.988),
    ("swinv2_tiny_window16_256", "ms_in1k", 82.828, 96.222),
    ("swinv2_small_window8_256", "ms_in1k", 83.844, 96.650),
    ("swinv2_small_window16_256", "ms_in1k", 84.216, 96.874),
    ("swinv2_base_window8_256", "ms_in1k", 84.246, 96.902),
    ("swinv2_base_window16_256", "ms_in1k", 84.608, 97.064),
    ("swinv2_base_window12_192", "ms_in22k", None, None),
    ("swinv2_base_window12to16_192to256", "ms_in22k_ft_in1k", 86.270, 97.906),
    ("swinv2_base_window12to24_192to384", "ms_in22k_ft_in1k", 87.142, 98.228),
    ("swinv2_large_window12_192", "ms_in22k", None, None),
    ("swinv2_large_window12to16_192to256", "ms_in22k_ft_in1k", 86.934, 98.106),
    ("swinv2_large_window12to24_192to384", "ms_in22k_ft_in1k", 87.474, 98.264),
)

# hub name, size, which weights (as in timm's tags), top-1, top-5 by Microsoft's README.
_MICROSOFT = (
    ("swin-tiny-patch4-window7-224", "swin_tiny_patch4_window7_224", "in1k", 81.2, 95.5),
    ("swin-small-patch4-window7-224", "swin_small_patch4_window7_224", "in1k", 83.2, 96.2),
    ("swin-base-patch4-window7-224", "swin_base_patch4_window7_224", "?", None, None),
    ("swin-base-patch4-window12-384", "swin_base_patch4_window12_384", "?", None, None),
    ("swin-base-patch4-window7-224-in22k", "swin_base_patch4_window7_224", "in22k", None, None),
    ("swin-base-patch4-window12-384-in22k", "swin_base_patch4_window12_384", "in22k", None, None),
    ("swin-large-patch4-window7-224", "swin_large_patch4_window7_224", "in22k_ft_in1k", 86.3, 97.9),
    ("swin-large-patch4-window12-384", "swin_large_patch4_window12_384", "in22k_ft_in1k", 87.3, 98.2),
    ("swin-large-patch4-window7-224-in22k", "swin_large_patch4_window7_224", "in22k", None, None),
    ("swin-large-patch4-window12-384-in22k", "swin_large_patch4_window12_384", "in22k", None, None),
    ("swinv2-tiny-patch4-window8-256", "swinv2_tiny_window8_256", "in1k", 81.8, 95.9),
    ("swinv2-tiny-patch4-window16-256", "swinv2_tiny_window16_256", "in1k", 82.8, 96.2),
    ("swinv2-small-patch4-window8-256", "swinv2_small_window8_256", "in1k", 83.7, 96.6),
    ("swinv2-small-patch4-window16-256", "swinv2_small_window16_256", "in1k", 84.1, 96.8),
    ("swinv2-base-patch4-window8-256", "swinv2_base_window8_256", "in1k", 84.2, 96.9),
    ("swinv2-base-patch4-window16-256", "swinv2_base_window16_256", "in1k", 84.6, 97.0),
    ("swinv2-base-patch4-window12-192-22k", "swinv2_base_window12_192", "in22k", None, None),
    ("swinv2-large-patch4-window12-192-22k", "swinv2_large_window12_192", "in22k", None, None),
    (
        "swinv2-base-patch4-window12to16-192to256-22kto1k-ft",
        "swinv2_base_window12to16_192to256",
        "in22k_ft_in1k",
        86.2,
        97.9,
    ),
    (
        "swinv2-base-patch4-window12to24-192to384-22kto1k-ft",
        "swinv2_base_window12to24_192to384",
        "in22k_ft_in1k",
        87.1,
        98.2,
    ),
    (
        "swinv2-large-patch4-window12to16-192to256-22kto1k-ft",
        "swinv2_large_window12to16_192to256",
        "in22k_ft_in1k",
        86.9,
        98.0,
    ),
    (
        "swinv2-large-patch4-window12to24-192to384-22kto1k-ft",
        "swinv2_large_window12to24_192to384",
        "in22k_ft_in1k",
        87.6,
        98.3,
    ),
)

# hub name, size, window, pixels: SimMIM (Xie et al. 2022), without a head.
_SIMMIM = (
    ("swin-base-simmim-window6-192", "swin_base_patch4_window7_224", 6, 192),
    ("swin-large-simmim-window12-192", "swin_large_patch4_window12_384", 12, 192),
)

# name, size, start of the digest, shorter side, top-1, top-5.
_TORCHVISION = (
    ("swin_t", "swin_tiny_patch4_window7_224", "704ceda3", 232, 81.474, 95.776),
    ("swin_s", "swin_small_patch4_window7_224", "5e29d889", 246, 83.196, 96.360),
    ("swin_b", "swin_base_patch4_window7_224", "68c6b09e", 238, 83.582, 96.640),
    ("swin_v2_t", "swinv2_tiny_window8_256", "b137f0e2", 260, 82.072, 96.132),
    ("swin_v2_s", "swinv2_small_window8_256", "637d8ceb", 260, 83.712, 96.816),
    ("swin_v2_b", "swinv2_base_window8_256", "781e5279", 272, 84.112, 96.864),
)

_WHICH = {
    "in1k": "trained on ImageNet-1K",
    "in22k": "trained on ImageNet-22K, with its 21,841 classes",
    "in22k_ft_in1k": "trained on ImageNet-22K, fine-tuned on ImageNet-1K",
    "?": "trained on ImageNet-1K, or on 22K and then 1K: its publisher does not say, hence no score",
}


def _timm(size: str, tag: str, top1: float | None, top5: float | None) -> Entry:
    pixels = _pixels(size)
    share = 1.0 if pixels == 384 else 0.9  # crop_pct
    return Entry(
        name=f"{size}.{tag}",
        size=size,
        format="timm",
        repository=f"timm/{size}.{tag}",
        labels="imagenet22k_ms" if tag == "ms_in22k" else "imagenet1k",
        preprocess=_shorter_side(int(pixels / share), pixels),
        top1=top1,
        top5=top5,
        scored_by="timm" if top1 else "",
        licence="MIT",
        provenance=f"Microsoft's, {_WHICH[tag.removeprefix('ms_')]}; as timm publishes them",
    )


def _microsoft(hub_name: str, size: str, which: str, top1: float | None, top5: float | None) -> Entry:
    pixels = _pixels(size)
    return Entry(
        name=f"microsoft/{hub_name}",
        size=size,
        format="huggingface",
        repository=f"microsoft/{hub_name}",
        labels="imagenet22k_ms" if which == "in22k" else "imagenet1k",
        # Their README's protocol. The image processor in the repository squashes at every size.
        preprocess=Preprocess(image_size=(pixels, pixels), squash=True)
        if pixels == 384
        else _shorter_side(int(256 / 224 * pixels), pixels),
        top1=top1,
        top5=top5,
        scored_by="Microsoft" if top1 else "",
        licence="MIT",
        provenance=f"Microsoft's, {_WHICH[which]}",
    )


def _simmim(hub_name: str, size: str, window: int, pixels: int) -> Entry:
    return Entry(
        name=f"microsoft/{hub_name}",
        size=size,
        window=window,
        masked_modelling=True,
        format="huggingface",
        repository=f"microsoft/{hub_name}",
        labels=None,
        preprocess=_shorter_side(int(256 / 224 * pixels), pixels),
        licence="MIT",
        provenance="Microsoft's, trained on ImageNet-1K to fill in hidden patches (SimMIM); no head",
    )


def _torchvision(name: str, size: str, sha256: str, side: int, top1: float, top5: float) -> Entry:
    return Entry(
        name=f"{name}.imagenet1k_v1",
        size=size,
        format="torchvision",
        url=f"https://download.pytorch.org/models/{name}-{sha256}.pth",
        sha256=sha256,
        labels="imagenet1k",
        preprocess=_shorter_side(side, _pixels(size)),
        top1=top1,
        top5=top5,
        scored_by="torchvision",
        licence="BSD-3-Clause",
        provenance="torchvision's own, trained on ImageNet-1K",
    )


def _pixels(size: str) -> int:
    image_size = SIZES[size].image_size
    assert image_size is not None
    return image_size[0]


def _shorter_side(side: int, crop: int) -> Preprocess:
    return Preprocess(image_size=(crop, crop), resize_to=(side, side))


def _other_names() -> dict[str, str]:
    """Further names of the same weights: torchvision's, timm's before 0.9, Microsoft's files, sizes."""
    names = {entry.name.split(".")[0]: entry.name for entry in CATALOGUE.values() if entry.url}
    for entry in CATALOGUE.values():
        if entry.format != "timm":
            continue
        arch, tag = entry.name.split(".")
        stem = re.sub(
            "^(swinv2_[a-z]+)_", r"\1_patch4_", arch
        )  # Microsoft's files say patch4 in v2, timm does not
        endings = {
            "ms_in1k": [""],
            "ms_in22k": ["_22k", "_in22k"],
            "ms_in22k_ft_in1k": ["_22kto1k", "_22kto1k_finetune", "_22kto1k_ft", "_22kft1k"],
        }[tag]
        for start in (arch, stem):
            names |= {f"{start}{ending}": entry.name for ending in endings if ending}
            names.setdefault(start, entry.name)  # the size's default
    sizes = {alias: names[size] for alias, size in ALIASES.items() if size in names}
    return sizes | names


_ENTRIES = (
    *(_timm(*row) for row in _TIMM),
    *(_microsoft(*row) for row in _MICROSOFT),
    *(_simmim(*row) for row in _SIMMIM),
    *(_torchvision(*row) for row in _TORCHVISION),
)
CATALOGUE: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}
_OTHER_NAMES = _other_names()
