"""From the value inside a checkpoint to named tensors: wrappers opened, averages preferred, prefixes cut.

Training programs keep the weights under some key beside the optimiser, the configuration and a second,
averaged copy (EMA). What was taken and what was left out is said in notes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from swinkit.errors import CheckpointError

# Keys under which programs keep the weights, the averaged weights, and what only training needs.
RAW_KEYS = (
    "state_dict",
    "model",
    "model_state",
    "model_state_dict",
    "module",
    "net",
    "network",
    "weights",
    "params",
)
AVERAGED_KEYS = (
    "model_ema",
    "state_dict_ema",
    "ema_state_dict",
    "ema",
    "ema_model",
    "model_ema_state_dict",
    "params_ema",
)
_TRAINING_WORDS = """
optimizer optimizer_state optimizer_state_dict optimizer_states optim optim_state_dict optimiser
lr_scheduler lr_schedulers lr_scheduler_state_dict scheduler scheduler_state_dict
scaler amp amp_scaler loss_scaler grad_scaler callbacks
"""
TRAINING_KEYS = frozenset(_TRAINING_WORDS.split())
PREFIXES = ("module.", "_orig_mod.")  # of DataParallel and torch.compile
_COUNTERS = ("n_averaged", "steps", "updates", "num_updates", "decay")  # kept inside averaged weights


@dataclass(slots=True, kw_only=True)
class Unwrapped:
    """Named tensors, the plain values that stood beside them, and sentences about the choices made."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def unwrap(value: Any) -> Unwrapped:
    """Find the named tensors in the value of a checkpoint.

    Raises CheckpointError when there are none.
    """
    found = Unwrapped()
    found.tensors = without_prefix(_weights(value, found))
    if not found.tensors:
        what = (
            f"the keys {_listed(list(value))}"
            if isinstance(value, dict) and value
            else f"a value of type {type(value).__name__}"
        )
        raise CheckpointError(
            f"holds no weights: {what} instead of named tensors",
            hint="save the weights with torch.save(model.state_dict(), …)",
        )
    return found


def without_prefix(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Cut `module.` and `_orig_mod.` from the front of the names while every name has it."""
    for prefix in PREFIXES * 2:
        if tensors and all(name.startswith(prefix) and name != prefix for name in tensors):
            tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return tensors


def _weights(value: Any, found: Unwrapped) -> dict[str, Tensor]:
    if not isinstance(value, dict):
        return {}
    if "_parameters" in value and "_modules" in value:
        found.notes.append("a whole pickled model: its tensors were taken, its class was not needed")
        return _module_tensors(value)
    raw_key, raw = _first(value, RAW_KEYS, found)
    averaged_key, averaged = _first(value, AVERAGED_KEYS, found)
    if raw_key or averaged_key:
        _keep_leftovers(value, {raw_key, averaged_key}, found)
        return _preferred(value, raw_key, raw, averaged_key, averaged, found)
    tensors = {str(name): part for name, part in value.items() if isinstance(part, Tensor)}
    groups = {
        str(name): _named_tensors(part)
        for name, part in value.items()
        if isinstance(part, dict) and name not in TRAINING_KEYS
    }
    _keep_leftovers(value, {*tensors, *(name for name, group in groups.items() if group)}, found)
    return tensors | _joined(groups)


def _first(value: dict[Any, Any], keys: tuple[str, ...], found: Unwrapped) -> tuple[str, dict[str, Tensor]]:
    """The first of `keys` under which there are weights."""
    for key in keys:
        inner = Unwrapped()
        tensors = _weights(value.get(key), inner)
        if tensors:
            found.notes += inner.notes
            found.extra.update(inner.extra)
            return key, tensors
    return "", {}


def _preferred(
    value: dict[Any, Any],
    raw_key: str,
    raw: dict[str, Tensor],
    averaged_key: str,
    averaged: dict[str, Tensor],
    found: Unwrapped,
) -> dict[str, Tensor]:
    """The averaged weights where they fit the raw ones; parts that have no average come from the raw ones."""
    averaged = without_prefix({name: tensor for name, tensor in averaged.items() if name not in _COUNTERS})
    raw = without_prefix(raw)
    if not raw or not averaged:
        return raw or averaged
    if averaged_key == "ema_state_dict" and _is_mmengine(value):
        # mmengine's EMAHook exchanges the two when it saves.
        found.notes.append("the averaged (EMA) weights were taken: mmengine keeps them in state_dict")
        return raw
    if any(name not in raw or raw[name].shape != tensor.shape for name, tensor in averaged.items()):
        found.notes.append(
            f"{raw_key} was taken; the averaged weights in {averaged_key} are of another model"
        )
        return raw
    rest = len(raw) - len(averaged)
    kept = f"; {rest} tensors that are not averaged come from {raw_key}" if rest else ""
    found.notes.append(
        f"the averaged (EMA) weights in {averaged_key} were taken, not the raw ones in {raw_key}{kept}"
    )
    return raw | averaged


def _is_mmengine(value: dict[Any, Any]) -> bool:
    meta = value.get("meta")
    return "message_hub" in value or (isinstance(meta, dict) and "mmengine_version" in meta)


def _named_tensors(value: dict[Any, Any]) -> dict[str, Tensor]:
    """All tensors in nested dicts, their names joined by dots."""
    if "_parameters" in value and "_modules" in value:
        return _module_tensors(value)
    own = {str(name): part for name, part in value.items() if isinstance(part, Tensor)}
    return own | _joined(
        {str(name): _named_tensors(part) for name, part in value.items() if isinstance(part, dict)}
    )


def _module_tensors(attributes: dict[str, Any]) -> dict[str, Tensor]:
    """The state dict of an nn.Module, from the attributes it was pickled with."""
    passing = attributes.get("_non_persistent_buffers_set") or ()
    own = {**_dict(attributes.get("_parameters")), **_dict(attributes.get("_buffers"))}
    tensors = {
        str(name): part for name, part in own.items() if isinstance(part, Tensor) and name not in passing
    }
    modules = _dict(attributes.get("_modules"))
    return tensors | _joined({str(name): _module_tensors(_dict(module)) for name, module in modules.items()})


def _joined(groups: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    return {
        f"{group}.{name}": tensor for group, tensors in groups.items() for name, tensor in tensors.items()
    }


def _dict(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _keep_leftovers(value: dict[Any, Any], taken: set[str], found: Unwrapped) -> None:
    """Keep the plain values beside the weights; name what holds further tensors, or only serves training."""
    left_out = []
    for name, part in value.items():
        if name in taken or name in ("", "_metadata"):
            continue
        if isinstance(part, Tensor) and part.numel() == 1:
            found.extra.setdefault(str(name), part.item())
        elif name in TRAINING_KEYS or _holds_tensor(part):
            left_out.append(str(name))
        else:
            found.extra.setdefault(str(name), part)
    if left_out:
        found.notes.append(f"left out: {_listed(left_out)}")


def _holds_tensor(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_tensor, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_holds_tensor, value))
    return isinstance(value, Tensor)


def _listed(names: list[Any], at_most: int = 8) -> str:
    shown = ", ".join(str(name)[:60] for name in names[:at_most])
    return shown + (f" and {len(names) - at_most} more" if len(names) > at_most else "")
