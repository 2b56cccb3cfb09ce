"""Fetch weights from the Hugging Face hub: looked for in its cache first, named before, tried once.

The offline switches (`HF_HUB_OFFLINE`, `TRANSFORMERS_OFFLINE`), `HF_HOME` and `HF_ENDPOINT` are honoured as
they stand when `fetch` is called.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from swinkit.errors import CheckpointError
from swinkit.weights.asking import ANSWER_SECONDS, Say, is_offline, size_in_words, within
from swinkit.weights.files import COMPANION_NAMES

# A published repository keeps its weights under one of these, in order of preference.
HUB_WEIGHTS_NAMES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_DISK_ERRORS = (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT)


class _NoSuchFile(CheckpointError):
    """The repository is there, the file in it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """One file of a repository, at a revision (a branch, tag or commit; None is the main branch)."""

    repository: str
    filename: str
    revision: str | None = None
    sha256: str = ""

    def __str__(self) -> str:
        return f"{self.filename} of {self.repository}" + (f" at {self.revision}" if self.revision else "")

    @property
    def advice(self) -> str:
        """How to get the file without this machine's connection."""
        url = f"{_endpoint()}/{self.repository}/resolve/{self.revision or 'main'}/{self.filename}"
        digest = f" (SHA-256 {self.sha256})" if self.sha256 else ""
        return f"fetch {url}{digest} elsewhere and give its path, or set HF_HOME to a cache that holds it"


def fetch(
    repository: str,
    filename: str,
    *,
    revision: str | None = None,
    sha256: str = "",
    say: Say | None = None,
    answer_seconds: float = ANSWER_SECONDS,
) -> Path:
    """The path of one file of a hub repository (`owner/name`), from the cache or fetched into it.

    What will be fetched is told to `say` before; a `sha256` is compared with what came. Raises
    CheckpointError when the file is not cached and the hub is switched off, silent for `answer_seconds`, or
    refuses it.
    """
    cached = _cached(repository, filename, revision)
    if cached is not None:
        return cached
    wanted = _Wanted(repository=repository, filename=filename, revision=revision, sha256=sha256)
    if is_offline():
        raise CheckpointError(
            f"{wanted} is not in the cache {_cache_folder()}, and HF_HUB_OFFLINE keeps the hub switched off",
            hint=wanted.advice,
        )
    try:
        size_bytes = _ask(wanted, answer_seconds)
        if say is not None:
            say(f"fetching {wanted} ({size_in_words(size_bytes)}) from {_endpoint()} into {_cache_folder()}")
        path = _download(wanted, answer_seconds)
    except Exception as error:  # each version of the library raises other classes, some not its own
        raise _explained(error, wanted) from None
    if sha256 and _sha256(path) != sha256:
        raise CheckpointError(
            f"{wanted} came with another content than expected (its SHA-256 is not {sha256})",
            hint=f"delete {path.resolve()} and fetch it again; if it stays so, the file was replaced there",
        )
    return path


def fetch_model(
    repository: str,
    *,
    revision: str | None = None,
    say: Say | None = None,
    answer_seconds: float = ANSWER_SECONDS,
) -> Path:
    """The folder with the weights of a hub repository and the config files beside them, for `read_file`.

    Nothing is asked of the hub when all of it is cached. Config files that cannot be had are left out, and
    that is said. Raises CheckpointError as `fetch` does.
    """
    weights = _weights(repository, revision, say, answer_seconds)
    folder = weights.parent
    snapshot = folder.name  # the commit: all further files are taken from the same one
    for part in _parts(weights):
        fetch(repository, part, revision=snapshot, say=say, answer_seconds=answer_seconds)
    for name in COMPANION_NAMES:
        if _is_known_absent(repository, name, snapshot):
            continue
        try:
            fetch(repository, name, revision=snapshot, say=say, answer_seconds=answer_seconds)
        except _NoSuchFile:
            _remember_absent(repository, name, snapshot)
        except CheckpointError as error:
            if say is not None:
                say(f"going on without {name}: {error.message}")
            break
    return folder


def is_cached(repository: str) -> bool:
    """Whether the weights of a repository lie on this disk already."""
    return any(_cached(repository, name, None) for name in HUB_WEIGHTS_NAMES)


def _weights(repository: str, revision: str | None, say: Say | None, answer_seconds: float) -> Path:
    for name in HUB_WEIGHTS_NAMES:
        cached = _cached(repository, name, revision)
        if cached is not None:
            return cached
    for name in HUB_WEIGHTS_NAMES:
        try:
            return fetch(repository, name, revision=revision, say=say, answer_seconds=answer_seconds)
        except _NoSuchFile:
            continue
    raise CheckpointError(
        f"{repository} holds no weights under a usual name ({', '.join(HUB_WEIGHTS_NAMES)})",
        hint=f"see what it holds at {_endpoint()}/{repository}/tree/{revision or 'main'}",
    )


def _parts(weights: Path) -> list[str]:
    if not weights.name.endswith(".index.json"):
        return []
    try:
        return sorted(set(json.loads(weights.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{weights} is no index of a model in parts") from None


def _cache_folder() -> Path:
    said = os.environ.get
    home = said("HF_HOME") or os.path.join(said("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    cache = said("HF_HUB_CACHE") or said("HUGGINGFACE_HUB_CACHE") or f"{home}/hub"
    return Path(os.path.expandvars(cache)).expanduser()


def _cached(repository: str, filename: str, revision: str | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    try:
        found = try_to_load_from_cache(repository, filename, cache_dir=_cache_folder(), revision=revision)
    except ValueError as error:
        raise CheckpointError(
            f"{repository!r} with file {filename!r} is no name on the hub ({error})",
            hint="expected owner/name",
        ) from None
    return Path(found) if isinstance(found, str) else None


def _is_known_absent(repository: str, filename: str, snapshot: str) -> bool:
    from huggingface_hub import _CACHED_NO_EXIST, try_to_load_from_cache

    found = try_to_load_from_cache(repository, filename, cache_dir=_cache_folder(), revision=snapshot)
    return found is _CACHED_NO_EXIST


def _remember_absent(repository: str, filename: str, snapshot: str) -> None:
    """Leave the library's own mark in its cache, so that the next call need not ask."""
    folder = _cache_folder() / f"models--{repository.replace('/', '--')}" / ".no_exist" / snapshot
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / filename).touch()
    except OSError:
        pass  # a cache that cannot be written is asked again


def _endpoint() -> str:
    from huggingface_hub import constants

    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


def _ask(wanted: _Wanted, seconds: float) -> int | None:
    """One question whether the file is there; its size in bytes, where the answer gives it."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    url = hf_hub_url(wanted.repository, wanted.filename, revision=wanted.revision, endpoint=_endpoint())
    return within(seconds, lambda: get_hf_file_metadata(url, timeout=seconds)).size


def _download(wanted: _Wanted, seconds: float) -> Path:
    from huggingface_hub import hf_hub_download

    path = hf_hub_download(
        wanted.repository,
        wanted.filename,
        revision=wanted.revision,
        endpoint=_endpoint(),
        cache_dir=_cache_folder(),
        etag_timeout=seconds,
    )
    return Path(path)


def _explained(error: Exception, wanted: _Wanted) -> CheckpointError:
    """One sentence for whatever went wrong between us and the hub."""
    from huggingface_hub import errors

    endpoint, repository = _endpoint(), wanted.repository
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.GatedRepoError):
        return CheckpointError(
            f"{wanted} is given out only to those who accepted its terms",
            hint=f"accept them at {endpoint}/{repository}, then log in with `hf auth login`",
        )
    if isinstance(error, errors.RepositoryNotFoundError) or status == 401:
        return CheckpointError(
            f"{endpoint} knows no repository {repository}, or does not show it to you",
            hint="check the spelling (owner/name); for a private one, log in with `hf auth login`",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return CheckpointError(f"{endpoint} has {repository}, but no revision {wanted.revision} of it")
    is_hub = isinstance(error, errors.EntryNotFoundError) or "X-Repo-Commit" in _headers(error)
    if status == 404 and is_hub:
        return _NoSuchFile(
            f"{endpoint} has no {wanted}", hint=f"see what there is at {endpoint}/{repository}/tree/main"
        )
    if status is not None:
        return CheckpointError(
            f"{endpoint} answered with HTTP status {status} when asked for {wanted}", hint=wanted.advice
        )
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
        return CheckpointError(
            f"{wanted} cannot be stored in {_cache_folder()} ({reason})", hint="set HF_HOME to another place"
        )
    return CheckpointError(
        f"{wanted} is not in the cache, and {endpoint} cannot be reached ({reason})", hint=wanted.advice
    )


def _headers(error: Exception) -> Mapping[str, str]:
    return getattr(getattr(error, "response", None), "headers", {})


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
