from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from tyro.conf import Positional

from swinkit.cli.options import Debug, Flag, Json, option, size, sizes
from swinkit.cli.screen import print_json, say
from swinkit.verbs.convert import convert

# As weights.formats.FORMATS, which imports torch; a test holds them equal.
Format = Literal[
    "swinkit",
    "microsoft",
    "simmim",
    "timm",
    "timm_old",
    "huggingface",
    "torchvision",
    "mmdet",
    "mmseg",
    "mmpretrain",
    "swin_det",
    "swin_seg",
    "detectron2",
]


@dataclass(frozen=True, kw_only=True)
class Convert:
    """Write weights in another format, tensor for tensor; nothing is resized and no type changes.

    The target of huggingface is a folder that transformers loads, that of timm a folder or a file; detectron2
    takes .pkl or .pth, swinkit .safetensors, the others .pth or .safetensors.

    examples:
      swinkit convert swin_tiny.pth swin_tiny_hf/ --to huggingface
      swinkit convert runs/flowers flowers.pth --to timm
    """

    source: Annotated[Positional[str], option("SOURCE")]
    """File, folder, run, catalogue name or hf:owner/name."""
    target: Annotated[Positional[str], option("TARGET")]
    """File or folder to write."""
    to: Format
    """The format. timm_old is timm before 0.9; swin_det and swin_seg are the original forks."""
    window: Annotated[str | None, option("TOKENS")] = None
    """Where the file does not say its window: one (8), or one per stage (16,16,16,8)."""
    pretrained_window: Annotated[str | None, option("TOKENS")] = None
    """Of Swin v2, the same for the window it was pretrained with, where that was another."""
    image_size: Annotated[str | None, option("PIXELS")] = None
    """Where the file does not say for which pictures it is: a side (224), or height and width (192x320)."""
    overwrite: Flag = False
    """Replace what stands at TARGET."""
    json: Json = False
    debug: Debug = False

    def run(self) -> int:
        written = convert(
            self.source,
            self.target,
            self.to,
            window=sizes(self.window, "--window"),
            pretrained_window=sizes(self.pretrained_window, "--pretrained-window"),
            image_size=size(self.image_size, "--image-size"),
            overwrite=self.overwrite,
        )
        if self.json:
            print_json({"written": written, "format": self.to})
        else:
            print(written)
        say(f"wrote {written} ({self.to}); `swinkit inspect {written}` says what it holds")
        return 0
