"""What a file is, judged by its first bytes: a picture, or the web page that was saved in its place."""

from __future__ import annotations

LENGTH = 512  # bytes that are worth looking at

NPY = b"\x93NUMPY"
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two are BigTIFF
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

_PICTURES = {
    b"\xff\xd8\xff": "a JPEG",
    b"\x89PNG\r\n\x1a\n": "a PNG",
    b"GIF8": "a GIF",
    b"BM": "a BMP",
    **dict.fromkeys(TIFF, "a TIFF"),
    NPY: "a numpy array",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 picture",
}
_OTHERS = {
    b"version https://git-lfs": "a Git LFS pointer (the picture itself was never fetched)",
    b"%PDF": "a PDF document",
    b"%!PS": "a PostScript document",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"SIMPLE  =": "a FITS file",
    b"\x89HDF": "an HDF5 file",
    b"8BPS": "a Photoshop file",
}
_MARKUP = {
    b"<!doctype html": "an HTML page",
    b"<html": "an HTML page",
    b"<svg": "an SVG drawing",
    b"<?xml": "XML",
}


def picture_kind(start: bytes) -> str | None:
    """The kind of picture that begins with these bytes ("a JPEG"), or None."""
    for magic, name in _PICTURES.items():
        if start.startswith(magic):
            return name
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "a WebP picture"
    if start[4:8] == b"ftyp":
        brand = start[8:12]
        return "a HEIC picture" if brand in _HEIF_BRANDS else "an AVIF picture" if brand == b"avif" else None
    return None


def describe(start: bytes) -> str:
    """What the first bytes of a file look like, in words for an error message."""
    kind = picture_kind(start)
    if kind is not None:
        return kind
    if start[4:8] == b"ftyp":
        return "a video"
    for magic, name in _OTHERS.items():
        if start.startswith(magic):
            return name
    lowered = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for magic, name in _MARKUP.items():
        if lowered.startswith(magic):
            return name
    if not start.strip(b"\0"):
        return "nothing but zero bytes"
    if _is_text(start):
        return "plain text"
    return f"nothing known here (its first bytes are {start[:8].hex(' ')})"


def _is_text(start: bytes) -> bool:
    try:
        text = start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:  # a character cut at the end of the sample is no sign of anything
            return False
        text = start[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\t\r\n\f" for character in text)
