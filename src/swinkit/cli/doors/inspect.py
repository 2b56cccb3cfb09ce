from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional

from swinkit.cli.options import Debug, Json, option
from swinkit.cli.screen import count, percent, print_facts, print_json
from swinkit.verbs.inspect import inspect

if TYPE_CHECKING:
    from swinkit.verbs.inspect import Inspection


@dataclass(frozen=True, kw_only=True)
class Inspect:
    """Say what a weights file holds: format, architecture, sizes, classes, and whether it loads.

    SOURCE is a file of any format, a folder of transformers, a run, a catalogue name or hf:owner/name.
    Nothing in a file is ever run. Exit code 1 where it does not load.

    examples:
      swinkit inspect swin_tiny_patch4_window7_224.pth
      swinkit inspect runs/flowers --json
    """

    source: Annotated[Positional[str], option("SOURCE")]
    """File, folder, run, catalogue name or hf:owner/name."""
    json: Json = False
    debug: Debug = False

    def run(self) -> int:
        found = inspect(self.source)
        if self.json:
            print_json(found)
        else:
            print_facts(_facts(found))
        return 0 if found.loads else 1


def _facts(found: Inspection) -> dict[str, str]:
    verdict = {"loads": f"{'yes' if found.loads else 'no'}, because {found.because}", "hint": found.hint}
    return {
        "file": str(found.path),
        "format": found.format or "none that swinkit knows",
        **_architecture(found),
        "scores": _in_a_row(found.extra.get("scores")),
        "trained": _in_a_row(found.extra.get("trained")),
        "caution": _caution(found.extra.get("caution")),
        "averaged": "averaged (EMA) weights are there, and are the ones that load" if found.averaged else "",
        "dropped": _grouped(found.dropped),
        "left out": _grouped(found.left_out),
        "notes": "\n".join(found.notes),
        **verdict,
    }


def _architecture(found: Inspection) -> dict[str, str]:
    config = found.config
    parameters = f"{found.parameters:,} ({count(found.parameters or 0)})"
    if config is None and found.loads:  # a network of another library
        names = len(found.labels or ())
        return {
            "network": found.size or "",
            "task": found.task or "",
            "parameters": parameters,
            "image size": _pair(found.preprocess.image_size) if found.preprocess else "not stated",
            "classes": _classes(found, names),
        }
    if config is None:
        return {}
    pretrained = config.pretrained_window
    return {
        "size": found.size or ("none of ours" if found.window else "depends on the window"),
        "task": found.task or "",
        "architecture": f"Swin v{config.version}, {config.embed_dim} channels, "
        f"depths {_listed(config.depths)}, heads {_listed(config.num_heads)}",
        "parameters": parameters,
        "window": _listed([_pair(window) for window in found.window]) if found.window else "not stated",
        "pretrained": _listed([_pair(w) if w else "–" for w in pretrained]) if pretrained else "",
        "patch": f"{_pair(config.patch_size)}, {config.in_channels} channels in",
        "image size": _pair(config.image_size) if config.image_size else "not stated; any works",
        "classes": _classes(found, config.classes),
        "maps": f"of stages {_listed(config.dense)}" if config.dense else "",
        "policy": config.policy.name,
    }


def _classes(found: Inspection, classes: int) -> str:
    if not classes:
        return "no head"
    if not found.labels:
        return f"{classes}, without names"
    shown = ", ".join(found.labels[:5])
    return f"{classes}: {shown}{', …' if classes > 5 else ''}"


def _caution(facts: object) -> str:
    """How to take the answers: temperature, and when they are unsure."""
    if not isinstance(facts, dict):
        return ""
    skipped, unsure, rate = (facts.get(name) for name in ("skipped", "unsure_below", "error_rate"))
    parts = [skipped or f"temperature {facts.get('temperature'):.3g}, chosen on {facts.get('fitted_on')}"]
    if unsure is not None and rate is not None:
        parts.append(f"unsure below {percent(unsure)}, so that at most {percent(rate)} of the rest is wrong")
    if facts.get("familiar") is not None:
        parts.append("knows what its pictures are like, and says unsure to stranger ones")
    return "\n".join(parts)


def _in_a_row(facts: object) -> str:
    """Names and values as our own files hold them: accuracy 0.971, loss 0.12."""
    if not isinstance(facts, dict):
        return ""
    rounded = {n: f"{value:.4g}" if isinstance(value, float) else value for n, value in facts.items()}
    return ", ".join(f"{name} {value}" for name, value in rounded.items() if value is not None)


def _grouped(tensors: dict[str, str]) -> str:
    """Why, and how many tensors for that reason."""
    reasons: dict[str, list[str]] = {}
    for name, why in tensors.items():
        reasons.setdefault(why, []).append(name)
    return "\n".join(
        f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {why}"
        for why, names in reasons.items()
    )


def _pair(sides: tuple[int, int]) -> str:
    return str(sides[0]) if sides[0] == sides[1] else f"{sides[0]} × {sides[1]}"


def _listed(values: object) -> str:
    items = [str(value) for value in values]  # type: ignore[attr-defined]
    return items[0] if len(set(items)) == 1 and len(items) > 1 else ", ".join(items)
