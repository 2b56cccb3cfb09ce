"""What a run writes down before its first step."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING, Any

from swinkit import __version__
from swinkit.engine.run import SCHEMA, Run, clear

if TYPE_CHECKING:
    from swinkit.data import ImageSet
    from swinkit.models import Backbone
    from swinkit.recipes.defaults import Plan
    from swinkit.verbs.training_data import TrainingData


def begin(run: Run, plan: Plan, model: Backbone, data: TrainingData, found: dict[str, Any]) -> None:
    """Clear the folder of an earlier run, and write run.json and split.csv.

    found: what planning found out beside the plan: the weights that training starts from, …
    """
    from swinkit.data import write_atomically, write_split

    clear(run)
    images = data.images
    facts = {
        "schema": SCHEMA,
        "config": plan.config.to_dict(),
        "reasons": plan.reasons,
        **found,
        "data": {
            "name": images.name,
            "fingerprint": data.whole.fingerprint(),
            "classes": images.classes,
            "pictures": {name: len(images.split(name)) for name in images.splits()},
            "unreadable": data.unreadable,
            "bad_lines": [place for place, _ in data.whole.bad_lines],
            "copies": data.copies,
            "findings": [
                {"code": one.code, "message": one.message, "files": one.files} for one in data.findings
            ],
        },
        "skipped": images.skipped,
        "kernel": model.kernel,
        "versions": _versions(model),
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
    }
    write_split(run.split, images.samples)
    write_atomically(run.folder / "run.json", json.dumps(facts, indent=2, ensure_ascii=False) + "\n")


def pictures_of(run: Run, *, group_by: str | None = None) -> ImageSet:
    """The pictures that a run was begun with, not yet divided. group_by: in place of the run's own."""
    from swinkit.data import open_images

    config = run.config
    return open_images(
        config.data,
        labels=config.labels,
        group_by=group_by or config.group_by,
        exclude=run.facts["data"].get("bad_lines", ()),  # which older runs did not have
    )


def changes_since(run: Run, images: ImageSet) -> str:
    """How many pictures came, went or changed since a run was begun, in words."""
    from swinkit.data import split_names

    before = split_names(run.split) | set(run.facts["data"]["unreadable"])
    now = {sample.name for sample in images.samples}
    counts = (len(now - before), "added"), (len(before - now), "removed")
    return " and ".join(f"{count} {what}" for count, what in counts if count) or "some have other contents"


def _versions(model: Backbone) -> dict[str, str]:
    import numpy
    import torch

    from swinkit.backbones.timm_network import TimmBackbone

    versions = {
        "swinkit": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": numpy.__version__,
    }
    return versions | ({"timm": model.config.version} if isinstance(model, TimmBackbone) else {})
