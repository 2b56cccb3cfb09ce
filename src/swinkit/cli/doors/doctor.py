from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from swinkit.cli.options import Debug, Json
from swinkit.cli.screen import in_bytes, plain, print_facts, print_json
from swinkit.verbs.doctor import Doctor as Findings
from swinkit.verbs.doctor import Suggestion, doctor
from swinkit.verbs.parity import Parity


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """Say what is installed, which kernel would run and why, and whether it computes right.

    Takes a few seconds and asks no network. Ends with `ready`, or with what is wrong and exit code 3.

    examples:
      swinkit doctor
      swinkit doctor --json
    """

    json: Json = False
    debug: Debug = False

    def run(self) -> int:
        found = doctor()
        if self.json:
            print_json({"ready": found.ready, **plain(found)})
        else:
            print_facts(_facts(found))
        return 0 if found.ready else 3


def _facts(found: Findings) -> dict[str, str]:
    return {
        **_installed(found),
        **_machine(found),
        "kernels": "\n".join(
            [f"{k.name} {'runs' if k.runs else 'waits'}: {k.why}" for k in found.kernels]
            + _faster(found.parity)
        ),
        "parity": "\n".join(map(_proof, found.parity)),
        "weights": "\n".join(found.cached) or "none of the published ones is on this disk yet",
        "training": _suggested(found.suggestion),
        "verdict": "\n".join(f"wrong: {problem}" for problem in found.problems) or "ready",
    }


def _suggested(suggestion: Suggestion | None) -> str:
    if suggestion is None:
        return "memory is too short for the smallest published size; swin_micro and swin_nano take less"
    height, width = suggestion.image_size
    return (
        f"{suggestion.model} at {height} × {width}, {suggestion.batch} pictures at once, "
        f"{suggestion.precision}; swinkit train DATA decides by the pictures"
    )


def _installed(found: Findings) -> dict[str, str]:
    versions = [f"{name} {version or 'missing'}" for name, version in found.packages.items()]
    ours, others = versions[:3], versions[3:]
    torch = found.packages["torch"]
    return {
        "versions": f"{', '.join([*ours, f'python {found.python}'])}\n{', '.join(others)}",
        "torchvision": "its compiled operators work"
        if found.torchvision_operators
        else f"its compiled operators were not made for torch {torch}; swinkit does without them\n"
        "(to mend it, install torch and torchvision together, from one place)",
        "extras": "\n".join(f"{e.command}  {e.purpose} (no {', '.join(e.missing)})" for e in found.extras)
        or "all installed",
    }


def _machine(found: Findings) -> dict[str, str]:
    chip, space = found.processor, found.space
    instructions = " ".join(chip.instruction_sets) or "instruction sets unknown"
    return {
        "system": found.system,
        "processor": f"{chip.name}, {chip.cores} cores, {chip.threads} threads, {instructions}",
        "bfloat16": "in hardware" if chip.computes_bf16 else "not in hardware, so that fp32 is faster here",
        "devices": "\n".join(f"{d.name}: {d.kind}, {in_bytes(d.memory_bytes)}" for d in found.devices)
        or "the processor alone",
        "memory": f"{in_bytes(space.memory)}, {in_bytes(space.memory_free)} free",
        "disk": f"{in_bytes(space.disk_free)} free here",
    }


def _proof(proof: Parity) -> str:
    verdict = "agrees with" if proof.agrees else "DIFFERS from"
    right = "the formula in double precision" if proof.what == "attention" else "PyTorch in float32"
    error = f"error {proof.error:.1e}, up to {proof.tolerance:.0e} is rounding"
    return f"{proof.computed} {verdict} {right}: {error}"


def _faster(proofs: Sequence[Parity]) -> list[str]:
    """Types of product that are there and not taken unasked."""
    others = sorted({one.dtype for one in proofs if one.what == "network"} - {"float32"})
    return [
        f"not taken unasked: {dtype} rounds the products; swinkit.optimize(model, dtype={dtype!r}) takes it"
        for dtype in others
    ]
