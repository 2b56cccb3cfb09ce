"""Fetch one file from a plain address: looked for first, named before, tried once, its digest compared.

Files lie where `torch.hub` keeps them (`TORCH_HOME`, else `~/.cache/torch`, then `hub/checkpoints`), so that
what torchvision has fetched is not fetched again. The hub's offline switches hold here too.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import urllib.error
import urllib.request
from pathlib import Path

from swinkit.errors import CheckpointError
from swinkit.weights.asking import ANSWER_SECONDS, Say, is_offline, size_in_words, within

_CHUNK_BYTES = 1 << 20


def cache_folder() -> Path:
    """Where downloaded files are kept."""
    home = os.environ.get("TORCH_HOME") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or "~/.cache", "torch"
    )
    return Path(os.path.expandvars(home)).expanduser() / "hub" / "checkpoints"


def cached(url: str) -> Path | None:
    """The file of that address, if it was fetched before."""
    path = cache_folder() / url.rpartition("/")[2]
    return path if path.is_file() else None


def download(
    url: str, *, sha256: str = "", say: Say | None = None, answer_seconds: float = ANSWER_SECONDS
) -> Path:
    """The path of the file at `url`, from the cache or fetched into it.

    sha256: the digest or its first characters. What will be fetched is told to `say` before. Raises
    CheckpointError when the file is not cached and the switches say offline, the server is silent for
    `answer_seconds` or refuses, or another content comes than expected.
    """
    found = cached(url)
    if found is not None:
        return found
    target = cache_folder() / url.rpartition("/")[2]
    digest = f" (its SHA-256 begins with {sha256})" if sha256 else ""
    advice = f"fetch {url}{digest} elsewhere and put it at {target}"
    if is_offline():
        raise CheckpointError(
            f"{target.name} is not in {target.parent}, and HF_HUB_OFFLINE forbids fetching it", hint=advice
        )
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    try:
        # The timeout of a socket does not cover looking up its name.
        with within(answer_seconds, lambda: urllib.request.urlopen(url, timeout=answer_seconds)) as answer:
            length = answer.headers.get("Content-Length")
            size_bytes = int(length) if length else None
            if say is not None:
                say(f"fetching {url} ({size_in_words(size_bytes)}) into {target.parent}")
            target.parent.mkdir(parents=True, exist_ok=True)
            came, count_bytes = _store(answer, temporary)
        if size_bytes is not None and count_bytes != size_bytes:
            raise CheckpointError(
                f"{url} broke off after {count_bytes:,} of {size_bytes:,} bytes", hint="try again"
            )
        if not came.startswith(sha256):
            raise CheckpointError(
                f"{url} came with another content than expected (SHA-256 {came}, expected {sha256}…)",
                hint="something between here and there replaced it; nothing was kept",
            )
        os.replace(temporary, target)
    except urllib.error.HTTPError as error:
        error.close()
        raise CheckpointError(f"{url} was refused with HTTP status {error.code}", hint=advice) from None
    except OSError as error:  # also URLError and TimeoutError
        reason = getattr(error, "reason", None) or error.strerror or error
        raise CheckpointError(f"{url} cannot be fetched ({reason})", hint=advice) from None
    finally:
        temporary.unlink(missing_ok=True)
    return target


def _store(answer: urllib.request._UrlopenRet, path: Path) -> tuple[str, int]:
    """Write what comes; its SHA-256 and size in bytes."""
    digest = hashlib.sha256()
    count_bytes = 0
    with path.open("xb") as file:
        while chunk := answer.read(_CHUNK_BYTES):
            file.write(chunk)
            digest.update(chunk)
            count_bytes += len(chunk)
    return digest.hexdigest(), count_bytes
