"""A folder as found in the wild, with its defects planted and listed.

The pictures are real scans of handwriting (the embedded digits) in colour on textured ground, so that a model
can learn them and no two look alike by accident.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from swinkit.data import digits

NAMES = {"0": "zero", "1": "one", "7": "seven"}
WIDTH, HEIGHT = 128, 112  # pixels
TRAIN = {"zero": 130, "one": 26, "seven": 20}  # 5 : 1
VAL = {"zero": 24, "one": 10}  # no seven
ORIENTATION = 0x0112  # the EXIF tag


@dataclass
class Messy:
    """The folder, and below it the paths of every defect by kind. pairs: (train, val) copies, by kind."""

    root: Path
    planted: dict[str, list[str]] = field(default_factory=dict)
    pairs: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def plant(self, kind: str, path: Path) -> Path:
        self.planted.setdefault(kind, []).append(path.relative_to(self.root).as_posix())
        return path

    def pair(self, kind: str, train: Path, val: Path) -> None:
        names = train.relative_to(self.root).as_posix(), val.relative_to(self.root).as_posix()
        self.pairs.setdefault(kind, []).append(names)


def make_messy_folder(root: Path) -> Messy:
    """Train and val of three classes, about 230 files, two dozen kinds of trouble."""
    messy = Messy(root)
    scenes = {name: _scenes(label) for label, name in NAMES.items()}
    train = {name: _saved(scenes[name], root / "train" / name, count) for name, count in TRAIN.items()}
    val = {name: _saved(scenes[name], root / "val" / name, count) for name, count in VAL.items()}
    (root / "train" / "nine").mkdir()
    messy.planted["empty class"] = ["train/nine"]
    _unreadable(messy, root / "train" / "zero")
    _unusual(messy, scenes, train)
    _copies(messy, train, val)
    _names(messy, scenes["zero"], root / "train" / "zero")
    _no_pictures(messy, root)
    return messy


def _scenes(label: str) -> Iterator[Image.Image]:
    """Every scan of one digit, each in its own colours on its own ground."""
    for number, sample in enumerate(sample for sample in digits().samples if sample.label == label):
        random = np.random.default_rng(1000 * int(label) + number)
        ink = Image.fromarray(sample.pixels()[..., 0]).resize((80, 96), Image.Resampling.BICUBIC)
        ground = Image.fromarray(_texture(random))
        colour = tuple(int(value) for value in random.integers(0, 90, 3))
        place = int(random.integers(0, WIDTH - 80)), int(random.integers(0, HEIGHT - 96))
        ground.paste(Image.new("RGB", ink.size, colour), place, ink)
        yield ground


def _texture(random: np.random.Generator) -> np.ndarray:
    """Bright clouds of several sizes. (HEIGHT, WIDTH, 3) uint8"""
    clouds = sum(
        np.asarray(
            Image.fromarray(random.integers(0, 256, (size, size, 3), dtype=np.uint8)).resize(
                (WIDTH, HEIGHT), Image.Resampling.BICUBIC
            ),
            dtype=np.float32,
        )
        * share
        for size, share in ((3, 0.3), (7, 0.2), (40, 0.08))
    )
    return np.clip(110 + clouds * 0.45, 0, 255).astype(np.uint8)


def _saved(scenes: Iterator[Image.Image], folder: Path, count: int) -> list[Path]:
    folder.mkdir(parents=True)
    paths = [folder / f"{number:03d}.jpg" for number in range(count)]
    for path in paths:
        next(scenes).save(path, quality=90)
    return paths


def _unreadable(messy: Messy, folder: Path) -> None:
    whole = (folder / "000.jpg").read_bytes()
    messy.plant("unreadable", folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    messy.plant("unreadable", folder / "zero bytes.jpg").write_bytes(b"")
    messy.plant("unreadable", folder / "page.jpg").write_text("<!DOCTYPE html><title>404</title>")


def _unusual(messy: Messy, scenes: dict[str, Iterator[Image.Image]], train: dict[str, list[Path]]) -> None:
    """Readable, but not plain: what a naive reader shows wrongly."""
    folder = train["zero"][0].parent
    next(scenes["zero"]).save(messy.plant("wrong extension", folder / "is_png.jpg"), "PNG")
    for number in range(3):
        path = messy.plant("cmyk", folder / f"cmyk {number}.jpg")
        next(scenes["zero"]).convert("CMYK").save(path, quality=90)
    for orientation in range(2, 9):
        path = messy.plant("rotated", folder / f"phone_{orientation}.jpg")
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        next(scenes["zero"]).save(path, quality=90, exif=exif)
    for path in train["seven"][:6]:  # sixteen bits in this class alone
        grey = np.asarray(Image.open(path).convert("L"), dtype=np.uint16) * 257
        path.unlink()
        Image.fromarray(grey).save(messy.plant("16 bits", path.with_suffix(".png")))
    clear = next(scenes["one"]).convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    clear.save(messy.plant("alpha", train["one"][0].parent / "clear.png"))
    frames = [next(scenes["zero"]) for _ in range(3)]
    path = messy.plant("animated", folder / "moving.gif")
    frames[0].save(path, save_all=True, append_images=frames[1:])
    Image.new("RGB", (1, 1)).save(messy.plant("one pixel", folder / "dot.png"))
    next(scenes["zero"]).resize((5000, 3)).save(messy.plant("long and thin", folder / "strip.png"))
    messy.plant("too large", folder / "poster.png").write_bytes(huge_png(20000, 15000))


def _copies(messy: Messy, train: dict[str, list[Path]], val: dict[str, list[Path]]) -> None:
    sources = iter(train["zero"][20:])
    folder = val["zero"][0].parent
    for number in range(3):
        source, copy = next(sources), folder / f"same {number}.jpg"
        copy.write_bytes(source.read_bytes())
        messy.pair("exact", source, copy)
    for number in range(3):
        source, copy = next(sources), folder / f"encoded {number}.jpg"
        Image.open(source).save(copy, quality=45)
        messy.pair("encoded again", source, copy)
    for number in range(2):
        source, copy = next(sources), folder / f"mirror {number}.jpg"
        ImageOps.mirror(Image.open(source)).save(copy, quality=90)
        messy.pair("mirrored", source, copy)
    source, copy = next(sources), train["one"][0].parent / "both.jpg"
    copy.write_bytes(source.read_bytes())
    messy.planted["two labels"] = [path.relative_to(messy.root).as_posix() for path in (source, copy)]


def _names(messy: Messy, scenes: Iterator[Image.Image], folder: Path) -> None:
    for name in ("größe.jpg", "图片 1.jpg", "cafe\N{COMBINING ACUTE ACCENT}.jpg", "UPPER.JPG"):
        next(scenes).save(messy.plant("name", folder / name), "JPEG", quality=90)


def _no_pictures(messy: Messy, root: Path) -> None:
    for name in ("Thumbs.db", "notes.txt", "._x.jpg", ".DS_Store"):
        messy.plant("ignored", root / "train" / "one" / name).write_bytes(b"\0\1\2")


def huge_png(width: int, height: int) -> bytes:
    """A bilevel PNG of many pixels in few bytes, made without holding it."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    packer = zlib.compressobj(9)
    row = b"\0" * (1 + width // 8)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
