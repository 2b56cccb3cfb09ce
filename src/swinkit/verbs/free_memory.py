"""How much memory can still be taken: what the system, the containers around us and `ulimit` leave."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NO_LIMIT = 1 << 60  # older kernels write a huge number where there is none


@dataclass(frozen=True)
class _Hierarchy:
    """Where a version of Linux's control groups keeps its numbers, and under which names."""

    mounts: tuple[str, ...]
    limit: str
    usage: str
    reclaimable: str
    """In memory.stat: pages of files, which are given back when memory is wanted."""


_VERSION_1 = _Hierarchy(
    ("sys/fs/cgroup/memory",), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
)
_VERSION_2 = _Hierarchy(
    ("sys/fs/cgroup", "sys/fs/cgroup/unified"), "memory.max", "memory.current", "inactive_file"
)


def free_memory(root: Path = Path("/")) -> int | None:
    """Bytes, the least of all limits; None where nothing says anything. root: where proc and sys lie."""
    return min((*_in_the_system(root), *_in_containers(root), *_in_this_process(root)), default=None)


def memory_limit(root: Path = Path("/")) -> int | None:
    """Bytes that the containers around this process allow it at most; None without a limit."""
    return min((limit for limit, _ in _limits(root)), default=None)


def _in_the_system(root: Path) -> Iterator[int]:
    match = re.search(r"^MemAvailable:\s+(\d+) kB", _text(root / "proc/meminfo"), re.MULTILINE)
    if match:
        yield int(match[1]) * 1024


def _in_containers(root: Path) -> Iterator[int]:
    for limit, used in _limits(root):
        yield max(0, limit - used)


def _limits(root: Path) -> Iterator[tuple[int, int]]:
    """The limit of each group that this process is in, with what is used of it."""
    for hierarchy, inside in _groups(root):
        for mount in hierarchy.mounts:
            top = root / mount
            folder = top / inside
            while folder.is_relative_to(top):
                limit = _number(folder / hierarchy.limit)
                if limit is not None and limit < _NO_LIMIT:
                    used = _number(folder / hierarchy.usage) or 0
                    yield limit, used - _reclaimable(folder, hierarchy)
                folder = folder.parent


def _groups(root: Path) -> Iterator[tuple[_Hierarchy, str]]:
    """Where this process stands in each hierarchy, as /proc says; at its top, where it does not."""
    lines = _text(root / "proc/self/cgroup").splitlines()
    parts = [line.split(":", 2) for line in lines if line.count(":") >= 2]
    for hierarchy, names in ((_VERSION_1, "memory"), (_VERSION_2, "")):
        inside = [path for _, controllers, path in parts if names in controllers.split(",")]
        yield hierarchy, inside[0].strip("/") if inside else ""


def _reclaimable(folder: Path, hierarchy: _Hierarchy) -> int:
    match = re.search(rf"^{hierarchy.reclaimable} (\d+)$", _text(folder / "memory.stat"), re.MULTILINE)
    return int(match[1]) if match else 0


def _in_this_process(root: Path) -> Iterator[int]:
    """What `ulimit -v` leaves."""
    with contextlib.suppress(ImportError):  # not on Windows
        import resource

        most, _ = resource.getrlimit(resource.RLIMIT_AS)
        match = re.search(r"^VmSize:\s+(\d+) kB", _text(root / "proc/self/status"), re.MULTILINE)
        if most != resource.RLIM_INFINITY and match:
            yield max(0, most - int(match[1]) * 1024)


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdecimal() else None  # the word max: no limit


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
