"""The one door through which pixels come in: `read(path)`, for training, prediction and serving alike."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from swinkit.data import arrays, first_bytes, pictures
from swinkit.data.files import did_you_mean
from swinkit.errors import DataError

MAX_PIXELS = 178_000_000  # what Pillow itself takes for a decompression bomb

_EMPTY = "it is empty (0 bytes)"
_FETCH_AGAIN = "fetch or export the file again, or leave it out"
_PIL_LUMA = np.array([19595, 38470, 7471], dtype=np.uint32)  # ITU-R 601 in 1/65536, as Pillow's convert("L")


def read(
    path: str | os.PathLike[str],
    *,
    channels: int | None = 3,
    own_values: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> np.ndarray:
    """Decode one picture to H, W, C.

    channels: 3 or 1 give uint8: 16 bits are scaled by 1/257, never clipped, and decimal numbers must lie in
        0..1 or 0..255. Another number gives the file's own values if it holds just that many channels (4:
        alpha is one of them). None gives what the file holds. Own values are uint8, uint16, or float32 for
        all else; colour PNGs of 16 bits are the exception, which Pillow reads as 8 bits.
    own_values: give the file's own values with 1 and 3 channels too, if it holds just so many.
    max_pixels: width x height x pages, checked before anything is decoded; Pillow's own limit holds as well.

    Upright by EXIF; CMYK through its profile; palettes resolved; transparency composed on white; the first
    frame of an animation; the grey pages of one size in a TIFF are channels.
    Raises DataError, with the path and the reason in one sentence.
    """
    path = Path(path)
    with _failures_named(path):
        _refuse_what_is_no_file(path)
        with path.open("rb") as file:
            return to_channels(
                _decode(file, channels, own_values, max_pixels), channels, own_values=own_values
            )


def content_of(path: Path) -> bytes:
    """The bytes of a file. Raises DataError, as `read` does, where there is none that could be read."""
    with _failures_named(path):
        _refuse_what_is_no_file(path)
        return path.read_bytes()


def read_bytes(
    content: bytes,
    where: str,
    *,
    channels: int | None = 3,
    own_values: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> np.ndarray:
    """The same for a picture that lies inside a larger file; `where` names it in errors."""
    with _failures_named(where):
        if not content:
            raise DataError(_EMPTY, hint=_FETCH_AGAIN)
        file = io.BytesIO(content)
        return to_channels(_decode(file, channels, own_values, max_pixels), channels, own_values=own_values)


def glance(
    content: bytes,
    where: str,
    *,
    side: int,
    channels: int | None = 3,
    own_values: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> tuple[pictures.Header, np.ndarray]:
    """What the bytes of a picture file say of themselves, and the picture in grey: H, W uint8.

    It fails where `read` fails, and with the same words, but is faster: a JPEG is decoded at a part of its
    size, as long as that leaves `side` pixels.
    """
    with _failures_named(where):
        if not content:
            raise DataError(_EMPTY, hint=_FETCH_AGAIN)
        file = io.BytesIO(content)
        image = None
        if channels in (1, 3) and not own_values and not content.startswith(first_bytes.NPY):
            image = pictures.open_picture(file)
        if image is not None:
            header, shown = pictures.glance(image, side=side, max_pixels=max_pixels)
            return header, to_channels(shown, 1)[..., 0]
        file.seek(0)
        array = to_channels(_decode(file, channels, own_values, max_pixels), channels, own_values=own_values)
        kind = first_bytes.picture_kind(content[: first_bytes.LENGTH]) or ""
        return array_header(array, kind.removeprefix("a ")), grey(array)


def array_header(array: np.ndarray, kind: str = "") -> pictures.Header:
    """What can be said of pixels, H, W, C, that no picture shows as they are."""
    height, width, held = array.shape
    bits = 1 if array.dtype == bool else 8 * array.dtype.itemsize
    return pictures.Header(format=kind, mode=array.dtype.name, size=(height, width), channels=held, bits=bits)


def grey(array: np.ndarray) -> np.ndarray:
    """H, W uint8 of H, W, C with any number of channels: their mean, from black to white; gaps are black."""
    if array.dtype == np.uint8 and array.shape[2] in (1, 3):
        return to_channels(array, 1)[..., 0]
    mean = np.nan_to_num(array.mean(axis=2, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(mean.min()), float(mean.max())
    return np.rint((mean - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)


def extensions() -> tuple[str, ...]:
    """Endings of the files that `read` is made for, lower case, with the dot."""
    return (*pictures.extensions(), ".npy")


@contextmanager
def _failures_named(where: str | Path) -> Iterator[None]:
    """Turn whatever goes wrong inside into a DataError that names the picture."""
    try:
        yield
    except DataError as error:
        raise DataError(f"cannot read {where}: {error.message}", hint=error.hint) from error.__cause__
    except PermissionError as error:
        raise DataError(f"cannot read {where}: no permission") from error
    except MemoryError as error:
        raise DataError(f"cannot read {where}: it does not fit into memory") from error
    except Exception as error:  # decoders fail on damaged files in every way Python knows
        reason = str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
        raise DataError(
            f"cannot read {where}: the picture is cut off or damaged ({reason})", hint=_FETCH_AGAIN
        ) from error


def _refuse_what_is_no_file(path: Path) -> None:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        what = "it is a link to what is not there" if path.is_symlink() else "there is no such file"
        raise DataError(what, hint=did_you_mean(path)) from error
    except (OSError, ValueError) as error:
        raise DataError(f"the system refuses it ({getattr(error, 'strerror', None) or error})") from error
    if stat.S_ISDIR(status.st_mode):
        raise DataError("it is a folder", hint="give one of the files in it")
    if not stat.S_ISREG(status.st_mode):
        raise DataError("it is no regular file")  # a pipe or a device would never end
    if status.st_size == 0:
        raise DataError(_EMPTY, hint=_FETCH_AGAIN)


def _decode(file: BinaryIO, channels: int | None, own_values: bool, max_pixels: int) -> np.ndarray:
    keep_alpha = channels == 4
    start = file.read(first_bytes.LENGTH)
    file.seek(0)
    if start.startswith(first_bytes.NPY):
        return arrays.from_npy(file, max_pixels=max_pixels)
    image = pictures.open_picture(file)
    deeply = own_values or channels not in (1, 3)
    if image is not None and not (deeply and pictures.loses_samples(image)):
        return pictures.decode(image, max_pixels=max_pixels, keep_alpha=keep_alpha)
    file.seek(0)
    if start.startswith(first_bytes.TIFF):
        return arrays.from_tiff(file, max_pixels=max_pixels, keep_alpha=keep_alpha)
    raise _not_a_picture(start)


def _not_a_picture(start: bytes) -> DataError:
    kind = first_bytes.picture_kind(start)
    if kind == "a HEIC picture":
        return DataError("it is a HEIC picture", hint="pip install pillow-heif, or convert it to JPEG")
    if kind is not None:
        return DataError(f"it begins like {kind}, but its header is cut off or damaged")
    return DataError(f"it is not a picture: it looks like {first_bytes.describe(start)}")


def to_channels(array: np.ndarray, channels: int | None, *, own_values: bool = False) -> np.ndarray:
    """H, W, C of any kind as `read` would give it. Raises DataError where it cannot be shown so."""
    held = array.shape[2]
    if channels in (1, 3) and not own_values:
        if held == channels:
            return _eight_bit(array)
        if held == 1:
            return np.repeat(_eight_bit(array), 3, axis=2)
        if held == 3:
            weighted = _eight_bit(array).astype(np.uint32) @ _PIL_LUMA
            return ((weighted + 0x8000) >> 16).astype(np.uint8)[..., None]
    if channels is not None and held != channels:
        raise DataError(
            f"it has {held} channel{'s' if held > 1 else ''},"
            f" and {channels} {'are' if channels > 1 else 'is'} expected",
            hint=f"a model for such files is trained on them, or has in_channels={held}",
        )
    return _own_values(array)


def _own_values(array: np.ndarray) -> np.ndarray:
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind == "u" and array.dtype.itemsize <= 2:
        return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    return np.ascontiguousarray(array, dtype=np.float32)


def _eight_bit(array: np.ndarray) -> np.ndarray:
    """Any values whose black and white are known, as uint8."""
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:
        return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)  # 65535 -> 255, to the nearest level
    low, high = array.min(), array.max()
    if array.dtype.kind == "f" and low >= 0 and high <= 1:
        return np.rint(array * 255.0).astype(np.uint8)
    if low >= 0 and high <= 255:
        return np.rint(array).astype(np.uint8)
    if np.isnan(low):
        problem = "it holds values that are not numbers (NaN)"
    else:
        problem = f"its values run from {low:g} to {high:g}, and nothing says which is black and which white"
    raise DataError(problem, hint="store 8 or 16 bits, or decimal numbers in 0..1")
