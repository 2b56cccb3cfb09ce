from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from tyro.conf import Positional

from swinkit.cli.options import Debug, Flag, Json, option
from swinkit.cli.screen import count, print_json, print_table, say
from swinkit.verbs.models import ModelRow, list_models


@dataclass(frozen=True, kw_only=True)
class Models:
    """List the sizes that can be built, and the weights published for them.

    A name with weights goes to `--weights` of predict, evaluate and train, and to swinkit.load; a size to
    `--model` and swinkit.create_model. No network is asked.

    examples:
      swinkit models tiny
      swinkit models --version 2 --max-parameters 50e6 --json
    """

    filter: Annotated[Positional[str], option("[NAME]", "by default all")] = ""
    """Part of a name."""
    version: Annotated[Literal[1, 2] | None, option("{1,2}")] = None
    """Only Swin v1, or only v2."""
    pretrained: Flag = False
    """Only what has published weights."""
    max_parameters: Annotated[float | None, option("NUMBER")] = None
    """Only models with at most so many parameters, such as 30e6."""
    json: Json = False
    debug: Debug = False

    def run(self) -> int:
        rows = list_models(
            filter=self.filter,
            version=self.version,
            pretrained=self.pretrained,
            max_parameters=self.max_parameters,
        )
        if self.json:
            print_json(rows)
        elif rows:
            header = ("name", "parameters", "MACs", "pixels", "classes", "top-1", "scored by", "licence")
            print_table(header, [_cells(row) for row in rows], right=(1, 2, 3, 4, 5))
        if not rows:
            say("nothing fits; `swinkit models` lists all")
        return 0 if rows else 1


def _cells(row: ModelRow) -> tuple[str, ...]:
    weights = row.weights
    return (
        row.name,
        count(row.parameters),
        count(row.macs),
        str(row.image_size[0]),
        str(row.classes or "–"),
        f"{weights.top1:.2f}" if weights and weights.top1 else "–",
        (weights.scored_by if weights else "") or "–",
        weights.licence if weights else "no weights",
    )
