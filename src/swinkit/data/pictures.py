"""What Pillow can decode, as an array of the file's own depth: EXIF, inks, palettes, transparency resolved.

Layout: H W C, pixels. Nothing here changes Pillow's global switches.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import threading
import warnings
from collections.abc import Iterator
from functools import cache
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageSequence, UnidentifiedImageError

from swinkit.errors import DataError

# Pillow's name of a format and the usual endings of its files. Formats whose reader starts another program
# (EPS), or accepts almost anything (TGA), are left out on purpose.
_FORMATS: dict[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "MPO": (".mpo",),
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
_ORIENTATION_TAG = 0x0112
_BITS_PER_SAMPLE_TAG = 258
_SAMPLES_PER_PIXEL_TAG = 277
_SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
_MEASUREMENTS = ("L", "I", "F", *_SIXTEEN_BIT)  # modes whose pages may be channels of one field

_header_lock = threading.Lock()  # Python's warning filters belong to the whole process


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


def open_picture(file: BinaryIO) -> Image.Image | None:
    """Read the header only; None when Pillow knows no such picture, DataError for far too many pixels."""
    try:
        with _quiet():  # of bombs we warn ourselves, with a limit for each call
            return Image.open(file, formats=formats())
    except UnidentifiedImageError:
        return None
    except Image.DecompressionBombError as error:
        raise DataError("it has far too many pixels to be decoded", hint=str(error)) from error


def decode(image: Image.Image, *, max_pixels: int, keep_alpha: bool = False) -> np.ndarray:
    """Decode an opened picture to H, W, C: uint8, uint16, int32 or float32, as many channels as it shows.

    The first frame of an animation; the pages of a TIFF of grey or float pages of one size become channels.
    Transparency is composed on white unless `keep_alpha`.
    Raises DataError before decoding when there are more than `max_pixels`.
    """
    _refuse_too_many(image.size, 1, max_pixels)
    if image.format == "TIFF" and image.mode in _MEASUREMENTS and getattr(image, "n_frames", 1) > 1:
        return _decode_pages(image, max_pixels)
    image.load()
    return _to_array(_upright(image), keep_alpha)


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
    try:
        with _quiet():
            orientation = image.getexif().get(_ORIENTATION_TAG)
    except Exception:  # broken EXIF fails in many ways, and then tells no orientation
        return image
    turn = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


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
