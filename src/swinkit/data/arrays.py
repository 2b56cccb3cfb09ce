"""Arrays in files that are no ordinary picture: .npy, and many-channel TIFFs through the optional tifffile.

Layout: H W C.
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from swinkit.errors import DataError

_PLAIN_ARRAY = "save a plain array of numbers with numpy.save"
_UNASSOCIATED_ALPHA = 2  # TIFF ExtraSamples
_RGB = 2  # TIFF PhotometricInterpretation


def from_npy(file: BinaryIO, *, max_pixels: int) -> np.ndarray:
    """An array of H, W or H, W, C; never unpickles. Raises DataError for any other shape or kind."""
    try:
        shape, kind = _npy_header(file)
    except ValueError as error:
        raise DataError(f"it is cut off or damaged ({error})", hint=_PLAIN_ARRAY) from error
    if kind.hasobject:
        raise DataError("it holds Python objects", hint=_PLAIN_ARRAY)
    if len(shape) not in (2, 3) or kind.kind not in "buif":
        raise DataError(
            f"it holds an array of shape {shape} and type {kind}",
            hint="a picture is an array of H, W or H, W, C numbers",
        )
    _refuse_too_many(shape, max_pixels)
    file.seek(0)
    array = np.load(file, allow_pickle=False)
    return array if array.ndim == 3 else array[..., None]


def _npy_header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type, so that sizes are checked before anything is read."""
    major, _ = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    shape, _, kind = header(file)
    return shape, kind


def from_tiff(file: BinaryIO, *, max_pixels: int, keep_alpha: bool = False) -> np.ndarray:
    """The first image series of a TIFF that Pillow cannot hold: many channels, 16-bit colour, doubles.

    Raises DataError naming the extra when tifffile, or imagecodecs for a rarer compression, is not installed.
    """
    try:
        import tifffile
    except ImportError as error:
        raise DataError(
            "it is a TIFF of a kind that needs the tifffile library",
            hint='pip install "swinkit[multichannel]"',
        ) from error
    try:
        with tifffile.TiffFile(file) as tiff:
            series, page = tiff.series[0], tiff.pages[0]
            _refuse_too_many(series.shape, max_pixels)
            array = _channels_last(series.asarray(), series.axes)
            alpha = tuple(int(kind) for kind in page.extrasamples) == (_UNASSOCIATED_ALPHA,)
            coloured = int(page.photometric) == _RGB and array.shape[2] == 4
    except ValueError as error:
        if "imagecodecs" in str(error):
            raise DataError(
                "it is a TIFF compressed in a way that needs imagecodecs", hint="pip install imagecodecs"
            ) from error
        raise
    return array if keep_alpha or not (alpha and coloured) else _on_white(array)


def _channels_last(array: np.ndarray, axes: str) -> np.ndarray:
    """To H, W, C, from any order of the axes Y, X and at most one more."""
    if "Y" not in axes or "X" not in axes or array.ndim > 3:
        raise DataError(
            f"it holds an array of axes {axes} and shape {array.shape}",
            hint="a picture has rows (Y), columns (X) and at most one axis of channels",
        )
    rows, columns = axes.index("Y"), axes.index("X")
    if array.ndim == 2:
        return array.transpose(rows, columns)[..., None]
    return array.transpose(rows, columns, 3 - rows - columns)


def _on_white(array: np.ndarray) -> np.ndarray:
    """Compose R, G, B, alpha of any whole-number type on white."""
    white = np.iinfo(array.dtype).max if array.dtype.kind == "u" else 1
    share = array[..., 3:].astype(np.float64) / white
    colour = array[..., :3] * share + white * (1 - share)
    return (np.rint(colour) if array.dtype.kind == "u" else colour).astype(array.dtype)


def _refuse_too_many(shape: tuple[int, ...], max_pixels: int) -> None:
    count = int(np.prod(shape, dtype=np.int64))
    if count > max_pixels or count == 0:
        raise DataError(
            f"it holds an array of shape {tuple(shape)}: {count:,} values, and between 1 and {max_pixels:,}"
            " may be read at once"
        )
