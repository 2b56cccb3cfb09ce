"""What this machine is: processor, devices, memory and disk, each read where the system says it."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from swinkit.verbs.free_memory import free_memory, memory_limit

if TYPE_CHECKING:
    from swinkit.recipes.facts import Machine

# As torch names them and as Linux does, in the order in which they matter to us.
_INSTRUCTION_SETS = {
    "avx2": ("avx2", "avx2"),
    "avx512": ("avx512_f", "avx512f"),
    "avx512_vnni": ("avx512_vnni", "avx512_vnni"),
    "avx512_bf16": ("avx512_bf16", "avx512_bf16"),
    "amx_bf16": ("amx_bf16", "amx_bf16"),
    "neon": ("neon", "asimd"),
    "sve": ("sve", "sve"),
    "bf16": ("bf16", "bf16"),
}
_COMPUTES_BF16 = {"avx512_bf16", "amx_bf16", "bf16"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    name: str
    cores: int
    """Logical cores that this process may use."""
    threads: int
    """Threads that torch computes with."""
    instruction_sets: tuple[str, ...]
    computes_bf16: bool
    """Whether bfloat16 products run in hardware, so that autocast to it is faster here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Something torch can compute on besides the processor."""

    name: str
    """As `--device` takes it."""
    kind: str
    memory_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Bytes of memory and disk; None where the system does not say."""

    memory: int | None
    memory_free: int | None
    disk_free: int | None
    """Where the command runs and writes its runs."""


def processor() -> Processor:
    import torch

    from swinkit.health.facts import own_cores

    says = _cpuinfo()
    torch_says: dict[str, str] = getattr(torch.cpu, "get_capabilities", dict)()
    flags = set((says.get("flags") or says.get("Features") or "").split())
    sets = tuple(
        name
        for name, (of_torch, of_linux) in _INSTRUCTION_SETS.items()
        if torch_says.get(of_torch) or of_linux in flags
    )
    return Processor(
        name=says.get("model name")
        or torch_says.get("cpu_name")
        or platform.processor()
        or platform.machine(),
        cores=own_cores(),
        threads=torch.get_num_threads(),
        instruction_sets=sets,
        computes_bf16=bool(_COMPUTES_BF16 & set(sets)),
    )


def machine_for(device: str | None) -> Machine:
    """What a recipe has to know of this machine. ConfigError where the device is not there."""
    import torch

    from swinkit.recipes.facts import Machine
    from swinkit.verbs.classifier import chosen_device

    chosen, ram = chosen_device(device), free_memory()
    return Machine(
        device=chosen,
        threads=torch.get_num_threads(),
        bf16=torch.cuda.is_bf16_supported(including_emulation=False)
        if chosen.startswith("cuda")
        else chosen == "cpu" and processor().computes_bf16,
        memory=torch.cuda.mem_get_info(chosen)[0] if chosen.startswith("cuda") else _share(ram),
        ram=ram,
    )


def _share(ram: int | None) -> int | None:
    """What one of several processes of a training on this machine may take."""
    return None if ram is None else ram // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def devices() -> tuple[Device, ...]:
    import torch

    found = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            facts = torch.cuda.get_device_properties(index)
            found.append(Device(name=f"cuda:{index}", kind=facts.name, memory_bytes=facts.total_memory))
    if torch.backends.mps.is_available():
        found.append(Device(name="mps", kind="Apple GPU", memory_bytes=None))
    return tuple(found)


def space() -> Space:
    total, limit = _total_memory(), memory_limit()
    return Space(
        memory=min(total, limit) if total and limit else total or limit,
        memory_free=free_memory(),
        disk_free=shutil.disk_usage(".").free,
    )


def _cpuinfo() -> dict[str, str]:
    """What Linux says of the first core."""
    with contextlib.suppress(OSError):
        first = Path("/proc/cpuinfo").read_text("utf-8", "replace").partition("\n\n")[0]
        pairs = (line.partition(":") for line in first.splitlines())
        return {key.strip(): value.strip() for key, _, value in pairs}
    return {}


def _total_memory() -> int | None:
    """Of the machine, where POSIX knows."""
    with contextlib.suppress(AttributeError, ValueError, OSError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None
