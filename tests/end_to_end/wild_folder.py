"""A folder as people hand it on: collected by many hands, over years, from phones, scanners and zip files.

The pictures are made on the spot, no two alike; every defect stands in a table with what `check` says of it.
"""

from __future__ import annotations

import io
import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from tests.data.pictures_for_tests import scene
from tests.end_to_end.messy_folder import huge_png

HEIGHT, WIDTH = 90, 120
TRAIN = {"ant": 40, "bee": 40, "cicada larva": 20}
VAL = {"ant": 16, "bee": 16, "cicada larva": 8}


@dataclass
class Wild:
    """The folder, what is planted in it by code and path, and the copies: code and the two paths."""

    root: Path
    planted: list[tuple[str, str]] = field(default_factory=list)
    copies: list[tuple[str, str, str]] = field(default_factory=list)
    _seed: int = 0

    def picture(self, *, height: int = HEIGHT, width: int = WIDTH) -> Image.Image:
        """One that nobody has seen."""
        self._seed += 1
        return scene(self._seed, height, width)

    def plant(self, code: str, name: str) -> Path:
        self.planted.append((code, unicodedata.normalize("NFC", name)))
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def copy(self, code: str, original: str, name: str) -> tuple[Path, Path]:
        self.copies.append((code, original, name))
        return self.root / original, self.root / name


def make_wild_folder(root: Path) -> Wild:
    """Training and Validation of three classes, about 230 files."""
    wild = Wild(root)
    for split, counts in (("Training", TRAIN), ("Validation", VAL)):
        for name, count in counts.items():
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                wild.picture().save(folder / f"img{number}.jpg", quality=90)
    _unreadable(wild, "Training/ant")
    _missing_data(wild, "Training/bee")
    _unusual(wild, "Training/ant", "Training/bee")
    _names(wild, "Training/bee")
    _copies(wild)
    _other_files(wild)
    _links(wild, "Training/bee")
    return wild


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _unreadable(wild: Wild, folder: str) -> None:
    contents = {
        "empty.png": b"",
        "error page.jpg": b"\n<!DOCTYPE html><html><body>403 Forbidden</body></html>",
        "json.jpg": b'{"error": "rate limit"}',
        "pointer.png": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
        "zip.jpeg": b"PK\x03\x04" + bytes(100),
        "zeros.jpg": bytes(5000),
        "movie.gif": b"\0\0\0\x18ftypmp42" + bytes(64),
        "drawing.png": b"<svg xmlns='http://www.w3.org/2000/svg'></svg>",
        "phone.jpg": b"\0\0\0\x18ftypheic" + bytes(64),
        "IMG_0001.HEIC": b"\0\0\0\x18ftypheic" + bytes(64),
        "bomb.png": huge_png(30000, 20000),
    }
    cut = {"PNG": "png", "GIF": "gif", "WEBP": "webp", "BMP": "bmp", "TIFF": "tif", "JPEG": "jpg"}
    for kind, ending in cut.items():
        whole = _saved(wild.picture(), kind)
        contents[f"cut half.{ending}"] = whole[: len(whole) // 2]
    whole = _saved(wild.picture(), "TIFF", compression="tiff_lzw")
    contents["cut lzw.tif"] = whole[: len(whole) // 2]
    whole = _saved(wild.picture(), "JPEG", progressive=True)
    contents["cut progressive.jpg"] = whole[: len(whole) // 2]
    contents["only a header.jpg"] = whole[:200]
    for name, content in contents.items():
        wild.plant("D001", f"{folder}/{name}").write_bytes(content)


def _missing_data(wild: Wild, folder: str) -> None:
    """What decoders do not complain of."""
    for name, options in (("closed.jpg", {}), ("closed progressive.jpg", {"progressive": True})):
        whole = _saved(wild.picture(), "JPEG", quality=90, **options)
        wild.plant("D225", f"{folder}/{name}").write_bytes(whole[: len(whole) * 2 // 3] + b"\xff\xd9")
    whole = _saved(wild.picture(), "WEBP", quality=90)
    holed = whole[: len(whole) * 2 // 3].ljust(len(whole), b"\0")
    wild.plant("D225", f"{folder}/holed.webp").write_bytes(holed)


def _unusual(wild: Wild, folder: str, other: str) -> None:
    def save(code: str, name: str, image: Image.Image, kind: str | None = None, **options: object) -> None:
        image.save(wild.plant(code, name), kind, **options)

    for orientation in range(2, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        save("D201", f"{folder}/turned{orientation}.jpg", wild.picture(), exif=exif)
    save("D202", f"{other}/inks.jpg", wild.picture().convert("CMYK"))
    save("D202", f"{other}/profile.jpg", wild.picture().convert("CMYK"), icc_profile=b"no profile at all")
    save("D203", f"{other}/palette.png", wild.picture().quantize(64))
    save("D203", f"{other}/clear.gif", wild.picture().quantize(64), transparency=3)
    save("D204", f"{other}/clear.png", _see_through(wild.picture(), "RGBA"))
    save("D204", f"{other}/grey clear.png", _see_through(wild.picture(), "LA"))
    grey = np.asarray(wild.picture().convert("L"))
    save("D205", f"{other}/deep.png", Image.fromarray(grey.astype(np.uint16) * 257))
    grey = np.asarray(wild.picture().convert("L"))
    save("D205", f"{other}/decimal.tif", Image.fromarray(grey.astype(np.float32) / 255))
    frames = [wild.picture() for _ in range(3)]
    save("D206", f"{folder}/moving.webp", frames[0], save_all=True, append_images=frames[1:])
    save("D206", f"{folder}/pages.tif", wild.picture(), save_all=True, append_images=frames[1:])
    save("D207", f"{other}/really a gif.png", wild.picture(), "GIF")
    save("D207", f"{other}/really a bmp.jpg", wild.picture(), "BMP")
    save("D208", f"{other}/no_ending", wild.picture(), "JPEG")
    save("D209", f"{other}/poster.png", Image.new("1", (9000, 7000)))
    save("D210", f"{other}/line.png", wild.picture(height=12, width=600))
    save("D210", f"{folder}/column.png", Image.fromarray(np.asarray(wild.picture())[:, :1]))
    save("D211", f"{folder}/dot.bmp", Image.new("RGB", (1, 1), "red"))
    save("D212", f"{folder}/black.jpg", Image.new("RGB", (WIDTH, HEIGHT)))
    save("D213", f"{folder}/grey.jpg", wild.picture().convert("L"))
    save("D214", f"{other}/fax.tif", wild.picture().convert("1"), compression="group4")
    save("D215", f"{folder}/2019/summer/x.jpg", wild.picture())
    save("D222", f"{other}/camera.jpg", wild.picture(), exif=b"Exif\0\0MM\0*\xff\xff\xff\xf0broken")
    save("D217", "Training/loose.jpg", wild.picture())
    save("D217", "loose too.png", wild.picture())
    wild.plant("D101", "Training/dragonfly").mkdir()
    wild.planted += [("D218", f"{split}/cicada larva") for split in ("Training", "Validation")]


def _see_through(image: Image.Image, mode: str) -> Image.Image:
    image = image.convert(mode)
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


def _names(wild: Wild, folder: str) -> None:
    names = [
        "line\nbreak.jpg",
        "tab\tand space.jpg",
        '<b>bold & "quoted".jpg',
        "-rf.jpg",
        "=cmd().jpg",
        "蜂 🐝.jpg",
        unicodedata.normalize("NFD", "zoë.jpg"),
        "LOUD.JPEG",
        "n" * 251 + ".jpg",
    ]
    plain = ("=cmd().jpg", "n" * 251 + ".jpg")
    for name in names:
        path = wild.root / folder / name if name in plain else wild.plant("D218", f"{folder}/{name}")
        wild.picture().save(path, "JPEG", quality=90)
    raw = Path(os.fsdecode(os.fsencode(wild.root / folder) + b"/abeille d\xe9t\xe9.jpg"))
    wild.planted.append(("D218", raw.relative_to(wild.root).as_posix()))
    wild.picture().save(raw, quality=90)


def _copies(wild: Wild) -> None:
    """Of pictures in train, in val and in another class, changed as people change them."""
    changes: dict[str, Callable[[Image.Image], Image.Image]] = {
        "as is": lambda image: image,
        "mirrored": ImageOps.mirror,
        "half size": lambda image: image.resize((WIDTH // 2, HEIGHT // 2), Image.Resampling.LANCZOS),
        "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.25),
        "on its side": lambda image: image.transpose(Image.Transpose.ROTATE_90),
        "cropped": lambda image: image.crop((6, 4, WIDTH - 5, HEIGHT - 5)),
        "signed": _signed,
        "letterboxed": lambda image: ImageOps.expand(image, (0, 24), "black"),
        "grey": lambda image: image.convert("L").convert("RGB"),
    }
    for number, (what, change) in enumerate(changes.items()):
        original, copy = wild.copy("D002", f"Training/ant/img{number}.jpg", f"Validation/ant/{what}.jpg")
        change(Image.open(original)).save(copy, quality=70)
    original, copy = wild.copy("D003", "Training/ant/img20.jpg", "Training/bee/was an ant.png")
    Image.open(original).resize((WIDTH * 2, HEIGHT * 2)).save(copy)
    original, copy = wild.copy("D219", "Training/bee/img3.jpg", "Training/bee/img3 (1).jpg")
    copy.write_bytes(original.read_bytes())


def _signed(image: Image.Image) -> Image.Image:
    image = image.copy()
    ImageDraw.Draw(image).text((8, HEIGHT - 20), "(c) somebody", "white")
    return image


def _other_files(wild: Wild) -> None:
    names = (
        "Training/ant/Thumbs.db",
        "Training/ant/.DS_Store",
        "Training/ant/._img0.jpg",
        "Training/bee/img0.txt",
        "Training/bee/img0.xml",
        "Training/bee/img0.json",
        "Training/notes.docx",
        "README.md",
    )
    for name in names:
        wild.plant("D216", name).write_bytes(b"\0\1\2")
    for name in ("__MACOSX", "Training/@eaDir", "Training/bee/.cache"):
        folder = wild.plant("D216", name)
        (folder / "ant").mkdir(parents=True)
        wild.picture().save(folder / "ant" / "thumb.jpg")


def _links(wild: Wild, folder: str) -> None:
    wild.plant("D001", f"{folder}/gone.jpg").symlink_to("nowhere.jpg")
    wild.plant("D001", f"{folder}/circle.jpg").symlink_to("circle.jpg")
    wild.plant("D216", f"{folder}/self").symlink_to(wild.root / folder, target_is_directory=True)
    wild.plant("D216", f"{folder}/all").symlink_to(wild.root, target_is_directory=True)
    outside = wild.root.parent / "elsewhere.jpg"
    wild.picture().save(outside, quality=90)
    (wild.root / folder / "linked.jpg").symlink_to(outside)
    os.mkfifo(wild.plant("D001", f"{folder}/pipe.jpg"))
