"""What Pillow can decode, as an array of the file's own depth: EXIF, inks, palettes, transparency resolved.

Layout: H W C, pixels. Nothing here changes Pillow's global switches.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import threading
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageSequence, JpegImagePlugin, UnidentifiedImageError

from swinkit.errors import DataError

# Pillow's name of a format and the usual endings of its files. Formats whose reader starts another program
# (EPS), or accepts almost anything (TGA), are left out on purpose.
_FORMATS: dict[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),  # MPO is a JPEG with more behind it
    "PNG": (".png", ".apng"),
    "GIF": (".gif",),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp",),
    "AVIF": (".avif",),
    "JPEG2000": (".jp2", ".j2k", ".jpx"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
    "ICO": (".ico",),
    "PCX": (".pcx",),
    "HEIF": (".heic", ".heif"),  # where pillow-heif is installed
}
_UPRIGHT = {  # EXIF orientation -> what turns the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_THEIR_SIDE = (5, 6, 7, 8)
_ORIENTATION_TAG = 0x0112
_CAMERA_TAGS = (0x010F, 0x0110)  # make and model
_BITS_PER_SAMPLE_TAG = 258
_SAMPLES_PER_PIXEL_TAG = 277
_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
_MEASUREMENTS = ("L", "I", "F", *_SIXTEEN_BIT)  # modes whose pages may be channels of one field

_SCALES = (2, 4, 8)  # at which libjpeg decodes a JPEG directly; it reads every byte all the same

_header_lock = threading.Lock()  # Python's warning filters belong to the whole process


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a picture file says of itself.

    format, mode: in Pillow's words; NPY for arrays. size: (height, width), upright, of the whole picture.
    channels: as they are decoded. bits: of a sample, in the file. orientation: by EXIF, 1 to 8.
    frames: whether there are more than one, or pages. broken_exif: whether it has EXIF that says nothing.
    camera: make and model by EXIF.
    """

    format: str
    mode: str
    size: tuple[int, int]
    channels: int
    bits: int = 8
    orientation: int = 1
    transparent: bool = False
    frames: bool = False
    broken_exif: bool = False
    camera: str = ""


@cache
def formats() -> tuple[str, ...]:
    """The formats that can be read here, by Pillow's names."""
    Image.init()
    with contextlib.suppress(ImportError):
        importlib.import_module("pillow_heif").register_heif_opener()  # optional
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def extensions() -> tuple[str, ...]:
    """The endings, lower case and with the dot, under which pictures of these formats are found."""
    return tuple(ending for name in formats() for ending in _FORMATS[name])


def unread_endings() -> tuple[str, ...]:
    """The endings of pictures for which a reader is missing here."""
    return tuple(ending for name in _FORMATS if name not in formats() for ending in _FORMATS[name])


def endings_of(name: str) -> tuple[str, ...]:
    """The endings that files of a format have; none for a format that is not Pillow's."""
    return _FORMATS.get("JPEG" if name == "MPO" else name, ())


def open_picture(file: BinaryIO) -> Image.Image | None:
    """Read the header only; None when Pillow knows no such picture, DataError for far too many pixels.

    JPEGs may have any number of pixels, since `decode` can take them in smaller.
    """
    start = file.tell()
    try:
        with _quiet():  # of bombs we warn ourselves, with a limit for each call
            return Image.open(file, formats=formats())
    except UnidentifiedImageError:
        return None
    except Image.DecompressionBombError as error:
        file.seek(start)
        if file.read(3) == b"\xff\xd8\xff":
            file.seek(start)
            with _quiet():
                return JpegImagePlugin.JpegImageFile(file)
        raise DataError("it has far too many pixels to be decoded", hint=str(error)) from error


def decode(image: Image.Image, *, max_pixels: int, keep_alpha: bool = False) -> np.ndarray:
    """Decode an opened picture to H, W, C: uint8, uint16, int32 or float32, as many channels as it shows.

    The first frame of an animation; the pages of a TIFF of grey or float pages of one size become channels.
    Transparency is composed on white unless `keep_alpha`. A JPEG of more than `max_pixels` is decoded at 1/2,
    1/4 or 1/8 of its size. Raises DataError before decoding any other that has more.
    """
    if image.format == "JPEG" and image.width * image.height > max_pixels:
        _decode_smaller(image, max_pixels)
    _refuse_too_many(image.size, 1, max_pixels)
    if image.format == "TIFF" and image.mode in _MEASUREMENTS and getattr(image, "n_frames", 1) > 1:
        return _decode_pages(image, max_pixels)
    image.load()
    return _to_array(_upright(image), keep_alpha)


def glance(image: Image.Image, *, side: int, max_pixels: int) -> tuple[Header, np.ndarray]:
    """What an opened picture says of itself, and how it looks: like `decode`, but faster for a JPEG.

    That is decoded in grey and at a part of its size, as long as this leaves `side` pixels.
    """
    mode, (width, height), bits = image.mode, image.size, _bits(image)
    transparent = image.has_transparency_data
    frames = bool(getattr(image, "is_animated", False)) and image.format not in ("MPO", "ICO")
    if image.format in ("JPEG", "MPO"):
        image.draft("L", (side, side))
    shown = decode(image, max_pixels=max_pixels)
    exif = _exif(image)  # only now: asking a PNG for its EXIF decodes it
    orientation = _orientation(exif)
    header = Header(
        format=image.format or "",
        mode=mode,
        size=(width, height) if orientation in _ON_THEIR_SIDE else (height, width),
        channels=3 if mode == "RGB" else shown.shape[2],
        bits=bits,
        orientation=orientation,
        transparent=transparent,
        frames=frames,
        broken_exif=bool(image.info.get("exif")) and not exif,
        camera=" ".join(str(exif[tag]).strip("\0 ") for tag in _CAMERA_TAGS if tag in exif),
    )
    return header, shown


def _decode_smaller(image: Image.Image, max_pixels: int) -> None:
    """Have a JPEG decoded at the largest part of its size that is allowed, if there is one."""
    for scale in _SCALES:
        small = -(-image.width // scale), -(-image.height // scale)
        if small[0] * small[1] <= max_pixels:
            image.draft(None, (image.width // scale, image.height // scale))
            return


def loses_samples(image: Image.Image) -> bool:
    """Whether Pillow would quietly cut the samples of this TIFF to 8 bits, or drop a fourth channel."""
    if image.format != "TIFF" or image.mode in _MEASUREMENTS:
        return False
    tags = getattr(image, "tag_v2", {})
    deeper = max(tags.get(_BITS_PER_SAMPLE_TAG, (8,))) > 8
    return deeper or tags.get(_SAMPLES_PER_PIXEL_TAG, 1) > len(image.getbands())


def _decode_pages(image: Image.Image, max_pixels: int) -> np.ndarray:
    size, mode, count = image.size, image.mode, getattr(image, "n_frames", 1)
    _refuse_too_many(size, count, max_pixels)
    pages: list[np.ndarray] = []
    for page in ImageSequence.Iterator(image):
        if (page.size, page.mode) != (size, mode):
            return pages[0]  # a thumbnail or a pyramid follows: only the first page is the picture
        pages.append(_to_array(page, keep_alpha=False))
    return np.concatenate(pages, axis=2)


def _refuse_too_many(size: tuple[int, int], pages: int, max_pixels: int) -> None:
    width, height = size
    if width * height * pages > max_pixels:
        of_pages = f" x {pages} pages" if pages > 1 else ""
        raise DataError(
            f"it has {width} x {height}{of_pages} = {width * height * pages:,} pixels,"
            f" more than the {max_pixels:,} allowed",
            hint="make it smaller first; a picture for a network seldom needs more than a megapixel",
        )


def _upright(image: Image.Image) -> Image.Image:
    turn = _UPRIGHT.get(_orientation(_exif(image)))
    return image if turn is None else image.transpose(turn)


def _exif(image: Image.Image) -> dict[int, Any]:
    """What a decoded picture's EXIF says; nothing where it is broken, which it can be in many ways."""
    try:
        with _quiet():
            return dict(image.getexif())
    except Exception:
        return {}


def _orientation(exif: Mapping[int, Any]) -> int:
    value = exif.get(_ORIENTATION_TAG)
    return value if value in _UPRIGHT else 1


def _bits(image: Image.Image) -> int:
    layouts = [str(tile.args) for tile in getattr(image, "tile", [])]  # "RGB;16B": how samples lie there
    stored: int = max(getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE_TAG, (8,)))
    if stored > 8:
        return stored
    if image.mode in _SIXTEEN_BIT or any(";16" in layout for layout in layouts):
        return 16
    return {"1": 1, "I": 32, "F": 32}.get(image.mode, 8)


def _to_array(image: Image.Image, keep_alpha: bool) -> np.ndarray:
    if image.mode in _SIXTEEN_BIT or image.mode in ("I", "F"):
        values = np.asarray(image)
        sixteen = image.mode in _SIXTEEN_BIT or (image.format, image.mode) == ("PPM", "I")
        return values.astype(np.uint16 if sixteen else values.dtype.newbyteorder("="))[..., None]
    shown = _to_shown(image, keep_alpha)
    values = np.asarray(shown)
    return values if values.ndim == 3 else values[..., None]


def _to_shown(image: Image.Image, keep_alpha: bool) -> Image.Image:
    """The picture as it looks on white paper: mode L, RGB, or RGBA if alpha is kept."""
    if image.has_transparency_data:
        grey = image.mode in ("1", "L", "LA", "La")
        if image.mode in ("La", "RGBa"):  # premultiplied: Pillow converts these only to their plain forms
            image = image.convert({"La": "LA", "RGBa": "RGBA"}[image.mode])
        image = image.convert("RGBA")
        if keep_alpha:
            return image
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image).convert("L" if grey else "RGB")
    if image.mode in ("1", "L"):
        return image.convert("L")
    if image.mode == "CMYK":
        return _inks_to_rgb(image)
    return image.convert("RGB")


def _inks_to_rgb(image: Image.Image) -> Image.Image:
    """CMYK through the profile in the file where there is a usable one, else Pillow's plain arithmetic."""
    profile = image.info.get("icc_profile")
    if profile:
        with contextlib.suppress(ImportError, OSError, ValueError):
            from PIL import ImageCms

            with contextlib.suppress(ImageCms.PyCMSError):
                source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
                converted = ImageCms.profileToProfile(
                    image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
                )
                if converted is not None:
                    return converted
    return image.convert("RGB")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No warnings about headers, since nobody can act on them. Locked: all threads share the filters."""
    with _header_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
