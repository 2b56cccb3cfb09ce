"""Memory that can still be taken, read from folders laid out as Linux lays them out."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from swinkit.verbs.free_memory import free_memory, memory_limit

GIB = 1 << 30


def lay_out(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


MEMINFO = {"proc/meminfo": f"MemTotal: {16 * GIB // 1024} kB\nMemAvailable: {8 * GIB // 1024} kB\n"}
V1 = {
    "proc/self/cgroup": "4:memory:/jobs/42\n0::/\n",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": str(0x7FFFFFFFFFFFF000),
    "sys/fs/cgroup/memory/jobs/42/memory.limit_in_bytes": str(4 * GIB),
    "sys/fs/cgroup/memory/jobs/42/memory.usage_in_bytes": str(3 * GIB),
    "sys/fs/cgroup/memory/jobs/42/memory.stat": f"cache 5\ntotal_inactive_file {GIB // 2}\n",
}
V2 = {
    "proc/self/cgroup": "0::/pod/me\n",
    "sys/fs/cgroup/pod/me/memory.max": "max\n",
    "sys/fs/cgroup/pod/memory.max": f"{5 * GIB}\n",
    "sys/fs/cgroup/pod/memory.current": f"{2 * GIB}\n",
    "sys/fs/cgroup/pod/memory.stat": "anon 1\ninactive_file 0\n",
}


@pytest.mark.parametrize(
    ("files", "free", "limit"),
    [
        (MEMINFO, 8 * GIB, None),
        (MEMINFO | V1, 3 * GIB // 2, 4 * GIB),
        (MEMINFO | V2, 3 * GIB, 5 * GIB),
        (
            MEMINFO | {"sys/fs/cgroup/memory.max": str(2 * GIB), "sys/fs/cgroup/memory.current": str(GIB)},
            GIB,
            2 * GIB,
        ),
        (V1 | {"sys/fs/cgroup/memory/jobs/42/memory.usage_in_bytes": str(5 * GIB)}, 0, 4 * GIB),
        ({}, None, None),
    ],
    ids=["no container", "version 1", "version 2, limited above", "seen from inside", "full", "silent"],
)
def test_the_least_of_all_limits_counts_less_what_is_used_of_it(
    tmp_path: Path, files: dict[str, str], free: int | None, limit: int | None
) -> None:
    root = lay_out(tmp_path, files)

    assert (free, limit) == (free_memory(root), memory_limit(root))


def test_a_limit_set_by_ulimit_is_seen() -> None:
    code = "from swinkit.verbs.free_memory import free_memory; print(free_memory())"
    most = 2 * GIB
    done = subprocess.run(
        [sys.executable, "-c", code],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (most, most)),
        capture_output=True,
        text=True,
        check=True,
    )

    assert 0 < int(done.stdout) < most
