"""The page: drawings and sentences put into the template. Numbers come from facts.py and measure.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata, resources
from typing import Any

import jinja2
from markupsafe import Markup

from swinkit.drawings import figures, images, words
from swinkit.drawings.attention import Packed, pack
from swinkit.drawings.facts import (
    EXAMPLE,
    Facts,
    score_entries,
    window_kinds,
    windows_without_cyclic_shift,
)
from swinkit.drawings.look import look
from swinkit.drawings.measure import Comparison
from swinkit.drawings.svg import quantity
from swinkit.models.cost import macs
from swinkit.windows import Pair, WindowPlan, relative_index

CONTENTS = (
    ("patches", "Patches become tokens"),
    ("windows", "Attention within windows"),
    ("shift", "Shifted windows"),
    ("roll-section", "The cyclic shift"),
    ("masks", "Four masks"),
    ("position", "Relative position"),
    ("merging", "Merging, and the pyramid"),
    ("attention", "Where a token looks"),
    ("cost", "What it costs"),
    ("model", "This model"),
)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Names and words about what is drawn, from whoever knows them."""

    picture: str
    model: str
    weights: str = ""
    """Where they come from; empty for fresh ones."""
    kernel: str = ""
    load_report: str = ""


def render(facts: Facts, subject: Subject, cost: Comparison | None = None) -> str:
    """The whole page as HTML, self-contained. cost: measured times and memory, where wanted."""
    packed = pack(facts.blocks)
    chosen = _chosen_block(facts)
    token = _first_token(facts, packed[chosen])
    return _template().render(
        facts=facts,
        subject=subject,
        cost=cost,
        packed=packed,
        chosen_block=chosen,
        macs=macs(facts.config, facts.input_size),
        drawings=_drawings(facts, packed[chosen], token, cost),
        example=_example(),
        pieces=windows_without_cyclic_shift(facts.teaching.plan),
        pairs=score_entries(*facts.patches.map),
        offsets=_offsets(facts.stages[0].plain.window),
        contents=CONTENTS,
        version=metadata.version("swinkit"),
        data=_data(facts, packed, chosen, token),
    )


def _template() -> jinja2.Template:
    files = resources.files("swinkit.drawings")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters |= {
        "by": words.by,
        "count": lambda value: f"{value:,}",
        "decimals": lambda value: f"{value:.3g}".replace("-", "−"),
        "measured": lambda value, unit: "–" if value is None else quantity(value, unit),
        "padding_words": words.padding_words,
        "percent": words.percent,
        "quantity": lambda value: quantity(value, ""),
        "shift_words": words.shift_words,
        "signed": lambda value: f"{value:g}".replace("-", "−"),
        "stride": lambda pair: str(pair[0]) if pair[0] == pair[1] else words.by(pair),
    }
    environment.globals |= {
        "words": words,
        "style": look() + Markup(files.joinpath("page.css").read_text("utf-8")),
        "script": Markup(files.joinpath("page.js").read_text("utf-8")),
    }
    return environment.from_string(files.joinpath("page.html.jinja").read_text("utf-8"))


def _drawings(facts: Facts, packed: Packed, token: Pair, cost: Comparison | None) -> dict[str, Any]:
    shift, size = facts.teaching, facts.input_size
    config = facts.config
    pretrained = config.pretrained_window[0] if config.pretrained_window else None
    window = facts.stages[0].plain.window
    return {
        "picture": images.jpeg(facts.picture),
        "patches_whole": figures.patches_whole(facts),
        "patches_magnified": figures.patches_magnified(facts),
        "patch_pixels": figures.patch_pixels(facts),
        "embedding": figures.embedding_strip(facts.patches),
        "windows": [figures.windows_of(stage, size) for stage in facts.stages],
        "teaching_windows": figures.teaching_windows(shift, size),
        "displaced": figures.displaced_windows(shift, size),
        "roll": figures.roll(shift, size),
        "masks": [images.png(images.mask_picture(kind.mask, kind.regions)) for kind in shift.kinds],
        "index": figures.index_picture(window),
        "coordinates": figures.coordinates_chart(window, pretrained) if config.version == 2 else None,
        "biases": [figures.bias_pictures(block) for block in facts.blocks],
        "features": [images.png(stage.features) for stage in facts.stages],
        "attention": figures.attention_view(facts, packed, token),
        "macs_chart": cost and figures.macs_chart(cost),
        "seconds_chart": cost and figures.seconds_chart(cost),
        "bytes_chart": cost and figures.bytes_chart(cost),
    }


def _data(facts: Facts, packed: Sequence[Packed], chosen: int, token: Pair) -> dict[str, Any]:
    """What the script needs."""
    shift = facts.teaching
    return {
        "roll": {
            **plan_for_page(shift.plan),
            "stride": shift.stride,
            "shift": shift.plan.shift,
            "period": [figures.period(shift.plan, axis) for axis in (0, 1)],
        },
        "blocks": [
            {
                **plan_for_page(one.plan),
                **one.for_page(),
                "stride": facts.stages[one.stage].stride,
                "extent": figures.extent(one.plan, facts.stages[one.stage].stride, facts.input_size),
            }
            for one in packed
        ],
        "chosen": chosen,
        "token": token,
        "ramp": images.MAGNITUDE,
    }


def plan_for_page(plan: WindowPlan) -> dict[str, Any]:
    """The plan's integers, and which token of the map stands where."""
    return {
        "map": plan.map,
        "grid": plan.grid,
        "window": plan.window,
        "source": images.base64_of(plan.source().numpy().astype("<u4")),
        "regions": "".join(map(str, plan.regions().flatten().tolist())),
    }


def _chosen_block(facts: Facts) -> int:
    """The plain block of the stage that taught shifting, for its windows are large enough to see."""
    wanted = facts.teaching.stage
    matches = [i for i, block in enumerate(facts.blocks) if block.stage == wanted and not block.is_shifted]
    return matches[0] if matches else 0


def _first_token(facts: Facts, packed: Packed) -> Pair:
    """The token over the example patch, or the nearest that the page holds."""
    patch, stride = facts.config.patch_size, facts.stages[packed.stage].stride
    place = [
        min(int((facts.patches.place[axis] + 0.5) * patch[axis] / stride[axis]), packed.plan.map[axis] - 1)
        for axis in (0, 1)
    ]
    return place[0] - place[0] % packed.step, place[1] - place[1] % packed.step


def _offsets(window: Pair) -> int:
    """Different places that one token of a window can have beside another."""
    return (2 * window[0] - 1) * (2 * window[1] - 1)


Cell = tuple[str, str]  # what stands in it, and its class


def _example() -> dict[str, Any]:
    """The 4 × 4 map of the textbooks, in numbers."""
    rows, columns = EXAMPLE.grid
    mh, mw = EXAMPLE.window
    regions = EXAMPLE.regions().view(rows, columns, mh, mw).transpose(1, 2).reshape(EXAMPLE.padded)
    masks = [
        {"name": kind.name, "rows": [[_mask_cell(value) for value in row] for row in kind.mask.tolist()]}
        for kind in window_kinds(EXAMPLE)
    ]
    return {
        "regions": [[(figures.REGION_LETTERS[value], "") for value in row] for row in regions.tolist()],
        "kinds": masks,
        "index": [[(str(value), "") for value in row] for row in relative_index(EXAMPLE.window).tolist()],
    }


def _mask_cell(value: float) -> Cell:
    return ("0", "") if value == 0 else (f"{value:g}".replace("-", "−"), "off")
