"""The weights that training starts from: those asked for, else published ones that can be had, else fresh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from swinkit.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from swinkit.backbones.library import Published
    from swinkit.data.channels import Channels
    from swinkit.models import Backbone
    from swinkit.recipes.facts import DataFacts, Machine, Start
    from swinkit.recipes.wishes import Wishes
    from swinkit.weights.catalogue import Entry

Say = Callable[[str], None]

_LEAST_LOADED = 0.95
"""Share of the numbers below the head that a file must bring: with less, training would start from noise."""


@dataclass(frozen=True)
class StartingWeights:
    """A model with weights and what a recipe has to know of it; or neither, and why."""

    model: Backbone | None = None
    start: Start | None = None
    why: str = ""
    """Why training begins from scratch."""

    def to_dict(self) -> dict[str, Any]:
        """What run.json says of it."""
        if self.model is None or self.start is None:
            return {"from_scratch": self.why}
        return {"weights": self.start.weights, "loaded": self.start.loaded, "licence": self.start.licence}


def starting_weights(
    classes: tuple[str, ...], facts: DataFacts, machine: Machine, wishes: Wishes, say: Say
) -> StartingWeights:
    """The model to start from, with a head for these classes, and with the windows of a size that was named.

    What nobody asked for is looked for on this disk, then asked of the hub once, and never stops a training.
    Raises CheckpointError where weights that were asked for cannot be had, ConfigError where they are not of
    the model that was asked for.
    """
    from swinkit.backbones.names import is_timm
    from swinkit.recipes.defaults import wanted_size
    from swinkit.weights.catalogue import of_size

    if wishes.weights == "none":
        return StartingWeights(why="as asked")
    if wishes.weights is not None:
        why = f"fine-tune {wishes.weights}, as asked"
        return _loaded(wishes.weights, classes, facts.channels, wishes, why=why)
    if wishes.model is not None and is_timm(wishes.model):
        return _of_timm(wishes.model, classes, facts.channels, wishes, say)
    size, why = wanted_size(facts, machine, wishes)
    if size is None:
        return StartingWeights(why=why)
    entries = of_size(size)
    if not entries:
        return StartingWeights(why=f"no weights of {size} were published")
    try:
        entry, where = _published(entries, say)
        why = f"fine-tune {entry.name} ({entry.licence}), published weights {where}"
        return _loaded(entry.name, classes, facts.channels, wishes, why=why, licence=entry.licence)
    except CheckpointError as error:
        return _not_to_be_had(size, error, say)


def refuse_unknown(model: str | None, weights: str | None, teacher: str | None) -> None:
    """Before any picture is read: ConfigError for a name of a model that nobody knows.

    Raises CheckpointError for weights, or a teacher, that are neither here nor published anywhere.
    """
    from swinkit.backbones.library import published
    from swinkit.backbones.names import is_timm
    from swinkit.models import size_config
    from swinkit.weights.load import refuse_unknown_source

    for source in (weights, teacher):
        if is_timm(source):
            published(source)
        elif source not in (None, "none"):
            refuse_unknown_source(source)
    if is_timm(model):
        published(model)
    elif model is not None:
        size_config(model)


def _of_timm(
    name: str, classes: tuple[str, ...], channels: Channels, wishes: Wishes, say: Say
) -> StartingWeights:
    """Published weights of a network of timm, in the same way."""
    from swinkit.backbones.library import published

    found = published(name)
    if not found.exists:
        return StartingWeights(why=f"no weights of {name} were published")
    try:
        where = _fetched(found, say)
        why = f"fine-tune {found} ({found.licence}), published weights {where}"
        return _loaded(str(found), classes, channels, wishes, why=why, licence=found.licence)
    except CheckpointError as error:
        return _not_to_be_had(name, error, say)


def _fetched(found: Published, say: Say) -> str:
    if found.is_cached:
        return "found on this disk"
    say(f"no weights of timm:{found.name} on this disk; asking for {found}, licence {found.licence}")
    found.fetch(say)
    return "fetched"


def _not_to_be_had(what: str, error: CheckpointError, say: Say) -> StartingWeights:
    say(f"no published weights: {error.message}")
    if error.hint:
        say(f"  to have them: {error.hint}")
    return StartingWeights(why=f"published weights of {what} could not be had")


def _published(entries: tuple[Entry, ...], say: Say) -> tuple[Entry, str]:
    """The first that lies on this disk, else the first of all, fetched."""
    from swinkit.weights.catalogue import fetch, is_cached

    for entry in entries:
        if is_cached(entry):
            return entry, "found on this disk"
    default = entries[0]
    say(f"no weights of {default.size} on this disk; asking for {default.name}, licence {default.licence}")
    fetch(default, say)
    return default, "fetched"


def _loaded(
    source: str,
    classes: tuple[str, ...],
    channels: Channels,
    wishes: Wishes,
    *,
    why: str,
    licence: str = "",
) -> StartingWeights:
    from swinkit.backbones.opening import open_model
    from swinkit.recipes.defaults import DROP_PATH
    from swinkit.recipes.facts import Start

    model = open_model(
        source,
        classes=classes,
        in_channels=channels.count,
        image_size=wishes.image_size,
        drop_path=DROP_PATH if wishes.drop_path is None else wishes.drop_path,
    )
    _prepare_as_measured(model, channels)
    _refuse_another_size(model, source, wishes.model)
    _refuse_partial(model)
    report = model.load_report
    model, windows = _with_windows_of(model, wishes.model)
    new = f"; new: {', '.join(report.new)}" if report.new else ""
    start = Start(
        weights=source,
        image_size=_made_for(model),
        preprocess=model.preprocess,
        why=why,
        licence=licence,
        loaded=report.summary + new + windows,
        new_head=_knows_not_all_classes(model),
    )
    return StartingWeights(model, start)


def _made_for(model: Backbone) -> tuple[int, int] | None:
    """Pixels of the pictures that a model was made for, where that is known."""
    from swinkit.models import Swin

    if model.preprocess is not None:
        return model.preprocess.image_size
    return model.config.image_size if isinstance(model, Swin) else None


def _with_windows_of(model: Backbone, size: str | None) -> tuple[Backbone, str]:
    """The model with the windows of a size that was named, and what became of it in words."""
    from swinkit.models import Swin, size_config

    if size is None or not isinstance(model, Swin) or size_config(size).window == model.config.window:
        return model, ""
    return model.resize(window=size_config(size).window), f"; windows as in {size}"


def _prepare_as_measured(model: Backbone, channels: Channels) -> None:
    """Normalise by the numbers of this data, unless the weights have learnt from such channels before.

    Pictures, grey or coloured, are prepared as the weights were scored.
    """
    known = model.preprocess
    if known is None or channels.mean is None or channels.std is None or not channels.own_values:
        return
    if known.own_values and "patch_embed.proj.weight" not in model.load_report.resized:
        return
    model.preprocess = replace(known, mean=channels.mean, std=channels.std, own_values=True)


def _knows_not_all_classes(model: Backbone) -> bool:
    """Whether the head has rows that came from nowhere: `load` makes them zero."""
    return model.head is not None and bool((model.head.weight == 0).all(dim=1).any())


def _refuse_another_size(model: Backbone, source: str, asked: str | None) -> None:
    """Raise ConfigError unless the weights are of the model that was asked for, if one was."""
    from swinkit.backbones.names import is_timm
    from swinkit.models import Swin, size_config

    if asked is None:
        return
    if not isinstance(model, Swin) or is_timm(asked):
        if not isinstance(model, Swin) and asked.partition(".")[0] == str(model):
            return
        raise ConfigError(
            f"{source} holds {'a Swin' if isinstance(model, Swin) else model}, not {asked}",
            hint="leave the model out: weights bring their own",
        )
    there, wanted = model.config, size_config(asked)
    if any(getattr(there, name) != getattr(wanted, name) for name in ("version", "depths", "num_heads")):
        raise ConfigError(
            f"{source} holds a Swin v{there.version} of depths {there.depths} and heads {there.num_heads}; "
            f"{asked} is v{wanted.version} of depths {wanted.depths} and heads {wanted.num_heads}",
            hint="leave the model out: weights bring their own",
        )


def _refuse_partial(model: Backbone) -> None:
    """Raise CheckpointError where more of the model than its head would start from noise."""
    sizes = {name: tensor.numel() for name, tensor in model.state_dict().items() if name[:5] != "head."}
    new = {name: size for name, size in sizes.items() if name in model.load_report.new}
    share = 1 - sum(new.values()) / sum(sizes.values())
    if share < _LEAST_LOADED:
        raise CheckpointError(
            f"{model.load_report.source} gives only {share:.1%} of the model's numbers below the head; "
            f"these would be new: {', '.join(list(new)[:5])}{', …' if len(new) > 5 else ''}",
            hint="swinkit inspect says what the file holds; --weights none trains from scratch",
        )
