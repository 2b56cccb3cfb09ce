"""What a file is that is no PyTorch checkpoint: other frameworks, pictures, web pages, archives, texts."""

from __future__ import annotations

from pathlib import Path

from swinkit.errors import CheckpointError

NOT_OURS = "swinkit reads PyTorch weights: .safetensors, .pth, .pt, .bin, .pkl, or a save_pretrained folder"
_UNPACK = "unpack it and give the file inside"

# (offset, first bytes, what such a file is, what to do)
_FOREIGN_FILES: tuple[tuple[int, bytes, str, str], ...] = (
    (
        0,
        b"version https://git-lfs",
        "is a Git LFS pointer, not the weights",
        "run `git lfs pull` where it lies",
    ),
    (0, b"\x89HDF\r\n\x1a\n", "is a Keras or TensorFlow model (HDF5)", NOT_OURS),
    (4, b"TFL3", "is a TensorFlow Lite model", NOT_OURS),
    (0, b"\x93NUMPY", "is a single NumPy array (.npy) without names", NOT_OURS),
    (0, b"GGUF", "is a GGUF file", NOT_OURS),
    (0, b"\x89PNG\r\n\x1a\n", "is a PNG image", NOT_OURS),
    (0, b"\xff\xd8\xff", "is a JPEG image", NOT_OURS),
    (0, b"GIF8", "is a GIF image", NOT_OURS),
    (8, b"WEBP", "is a WebP image", NOT_OURS),
    (0, b"II*\x00", "is a TIFF image", NOT_OURS),
    (0, b"MM\x00*", "is a TIFF image", NOT_OURS),
    (0, b"%PDF", "is a PDF document", NOT_OURS),
    (0, b"\x1f\x8b", "is compressed with gzip", _UNPACK),
    (0, b"BZh", "is compressed with bzip2", _UNPACK),
    (0, b"\xfd7zXZ\x00", "is compressed with xz", _UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "is compressed with zstd", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "is a 7z archive", _UNPACK),
    (0, b"Rar!", "is a RAR archive", _UNPACK),
    (257, b"ustar", "is a tar archive (or a torch file from before 2017)", _UNPACK),
    (0, b"\x7fELF", "is a program", NOT_OURS),
    (0, b"MZ\x90", "is a program", NOT_OURS),
)
FOREIGN_ENDINGS = {
    ".onnx": "is an ONNX model",
    ".msgpack": "is a Flax model",
    ".h5": "is a Keras or TensorFlow model",
    ".keras": "is a Keras model",
    ".pb": "is a TensorFlow model",
    ".tflite": "is a TensorFlow Lite model",
}


def refuse_foreign(path: Path, head: bytes) -> None:
    """Raise CheckpointError when `head`, the first bytes of `path`, are those of another kind of file."""
    for offset, signature, kind, advice in _FOREIGN_FILES:
        if head[offset : offset + len(signature)] == signature:
            raise CheckpointError(kind, hint=advice)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml")):
        raise CheckpointError(
            "is a web page, not the weights (a download that led to a login or an error page?)",
            hint="fetch the weights file itself and try again",
        )
    if _looks_like_onnx(head):
        raise CheckpointError("is an ONNX model", hint=NOT_OURS)
    if path.suffix in FOREIGN_ENDINGS and head[0] != 0x80 and not head.startswith(b"PK"):
        raise CheckpointError(FOREIGN_ENDINGS[path.suffix], hint=NOT_OURS)


def what_it_is(head: bytes) -> str:
    """The best sentence for a file that has no signature we know, from its first bytes."""
    try:
        text = head.decode("utf-8", errors="strict" if len(head) < 512 else "ignore")
    except UnicodeDecodeError:
        text = "\0"
    if not all(sign.isprintable() or sign.isspace() for sign in text):
        return f"is no weights file that swinkit knows (it begins with the bytes {head[:8].hex(' ')})"
    words = text.split(maxsplit=1)
    return (
        f"is a text file, not weights (it begins with {words[0][:40]!r})" if words else "is a blank text file"
    )


def _looks_like_onnx(head: bytes) -> bool:
    # A protobuf that begins with field 1 (IR version) and field 2 (the producer's name).
    return head[0] == 0x08 and head[2:3] == b"\x12" and head[4 : 4 + head[3]].replace(b".", b"").isalnum()
