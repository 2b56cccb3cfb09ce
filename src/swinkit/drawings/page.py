"""The page: drawings and sentences put into the template. Numbers come from facts.py and measure.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata, resources
from typing import Any

import jinja2
from markupsafe import Markup

from swinkit.drawings import figures, images
from swinkit.drawings.attention import Packed, pack
from swinkit.drawings.facts import (
    EXAMPLE,
    Facts,
    StageFacts,
    score_entries,
    window_kinds,
    windows_without_cyclic_shift,
)
from swinkit.drawings.measure import Comparison
from swinkit.drawings.svg import quantity
from swinkit.models.cost import macs
from swinkit.windows import Pair, Policy, WindowPlan, relative_index

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
    first = facts.stages[0].plain
    return _template().render(
        facts=facts,
        cost=cost,
        macs=macs(facts.config, facts.input_size),
        contents=CONTENTS,
        picture_name=subject.picture,
        model_name=subject.model,
        weights_name=subject.weights,
        load_report=subject.load_report,
        version=metadata.version("swinkit"),
        chosen_block=chosen,
        drawings=_drawings(facts, packed[chosen], token, cost),
        example=_example(),
        entries={"everything": score_entries(*facts.patches.map)},
        entries_sentence=entries_sentence(facts.patches.map, first),
        offsets=(2 * first.window[0] - 1) * (2 * first.window[1] - 1),
        pretrained=facts.config.pretrained_window and facts.config.pretrained_window[0],
        window_pixels=tuple(m * p for m, p in zip(first.window, facts.config.patch_size, strict=True)),
        windows_before=facts.teaching.plan.grid[0] * facts.teaching.plan.grid[1],
        windows_displaced=windows_without_cyclic_shift(facts.teaching.plan),
        padded_stages=listed([str(s.index + 1) for s in facts.stages if s.padding]),
        explained=listed([percent(stage.explained) for stage in facts.stages]),
        teaching_sentence=teaching_sentence(facts),
        whole_sentence=whole_sentence(facts.stages),
        attention_sentence=attention_sentence(packed),
        cost_sentence=cost and cost_sentence(cost),
        cost_rows=cost and list(zip(cost.windows, cost.everything, strict=True)),
        policy_sentence=policy_sentence(facts.config.policy),
        settings=_settings(facts, subject),
        data=_data(facts, packed, chosen, token),
    )


def _template() -> jinja2.Template:
    files = resources.files("swinkit.drawings")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters |= {
        "by": by,
        "count": lambda value: f"{value:,}",
        "decimals": lambda value: f"{value:.3g}".replace("-", "−"),
        "measured": lambda value, unit: "–" if value is None else quantity(value, unit),
        "padding_words": padding_words,
        "percent": percent,
        "quantity": lambda value: quantity(value, ""),
        "shift_words": shift_words,
        "signed": lambda value: f"{value:g}".replace("-", "−"),
        "stride": lambda pair: str(pair[0]) if pair[0] == pair[1] else by(pair),
    }
    environment.globals |= {
        "style": Markup(files.joinpath("page.css").read_text("utf-8")),
        "script": Markup(files.joinpath("page.js").read_text("utf-8")),
    }
    return environment.from_string(files.joinpath("page.html.jinja").read_text("utf-8"))


# ------------------------------------------------------------------------------------ drawings and data


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


# ------------------------------------------------------------------------------------ sentences


def entries_sentence(map_size: Pair, plan: WindowPlan) -> str:
    """How many pairs windows leave, beside all of them."""
    everything, within = score_entries(*map_size), score_entries(*plan.padded, window=plan.window)
    if everything <= within:
        return "It is the only one, so that nothing is saved at this size."
    return f"Together they leave {within:,} pairs per head, {everything / within:.3g} times fewer."


def teaching_sentence(facts: Facts) -> str:
    shift = facts.teaching
    if shift.stage is None:
        return (
            "No stage of this model shifts at this size, for each map fits into one window; "
            "a map of 4 × 4 tokens with windows of 2 × 2 stands in."
        )
    return (
        f"Stage {shift.stage + 1}: {by(shift.plan.map)} tokens in windows of {by(shift.plan.window)}, "
        f"shifted by {by(shift.plan.shift)}."
    )


def whole_sentence(stages: Sequence[StageFacts]) -> str:
    shifting = [stage for stage in stages if stage.shifts]
    if not shifting:
        return ""
    parts = [
        f"{stage.whole_windows} of {stage.plain.grid[0] * stage.plain.grid[1]} in stage {stage.index + 1}"
        for stage in shifting
    ]
    return f"In the shifted blocks, {listed(parts)} hold a single region and need no mask."


def attention_sentence(packed: Sequence[Packed]) -> str:
    limits = []
    for one in packed:
        words = []
        if one.step > 1:
            words.append(f"one token in {one.step * one.step}")
        if one.heads < one.all_heads:
            words.append(f"the mean and {one.heads} of {one.all_heads} heads")
        if words:
            limits.append(f"stage {one.stage + 1}: {', '.join(words)}")
    sentence = "Weights are kept in 16 steps, relative to the largest of each token."
    if limits:
        sentence += f" To keep this page small, not everything is in it ({'; '.join(dict.fromkeys(limits))})."
    return sentence


def cost_sentence(cost: Comparison) -> str:
    both = [
        (w, g)
        for w, g in zip(cost.windows, cost.everything, strict=True)
        if w.seconds is not None and g.seconds is not None
    ]
    if not both:
        return "Nothing could be measured within the time allowed."
    w, g = both[-1]
    sentences = [
        f"At {w.pixels} pixels, {w.side * w.side:,} tokens, windows took {quantity(w.seconds or 0, 's')} and "
        f"{quantity(w.bytes or 0, 'B')}, global attention {quantity(g.seconds or 0, 's')} and "
        f"{quantity(g.bytes or 0, 'B')}."
    ]
    skipped = [one for one in cost.everything if one.skipped]
    if skipped:
        sentences.append(
            f"Global attention was not run from {skipped[0].pixels} pixels on: it {skipped[0].skipped}. "
            "Dashed: how it would go on."
        )
    return " ".join(sentences)


def policy_sentence(policy: Policy) -> str:
    """The choices of a policy in words."""
    edge = {
        "pad": "an image that is no whole number of patches is padded",
        "crop": "an image that is no whole number of patches is cropped",
    }[policy.edge]
    order = {
        "pad, roll": "a map that is no whole number of windows is padded, then rolled",
        "roll, pad": "a map that is no whole number of windows is rolled, then padded",
    }[policy.order]
    decided = {
        "per call": "window and shift follow the map at hand",
        "at image_size": "window and shift were settled for the image size of the configuration",
    }[policy.decided]
    small = {
        "pad": "a map smaller than a window is padded up to it",
        "shorter side": "on a map no larger than a window, the window shrinks to the shorter side",
        "per axis": "a window larger than the map shrinks on each axis",
        "first axis": "a window larger than the map shrinks to its height",
    }[policy.small]
    shift_off = {
        "never": "every second block shifts, whatever the size",
        "per axis": "there is no shift along an axis that is one window",
        "either axis": "there is no shift once either axis is one window",
        "first axis": "there is no shift once the height is one window",
    }[policy.shift_off]
    padding = "" if policy.padding == "attended" else "; padding is masked out"
    return f"{edge}; {order}; {decided}; {small}; {shift_off}{padding}."


def padding_words(stage: StageFacts) -> str:
    below, right = (p - m for p, m in zip(stage.plain.padded, stage.map, strict=True))
    words = [f"{below} below" if below else "", f"{right} right" if right else ""]
    return ", ".join(word for word in words if word) or "none"


def shift_words(stage: StageFacts) -> str:
    if stage.depth == 1:
        return "none: a single block"
    if not any(stage.shifted.shift):
        return "none: one window" if stage.plain.grid == (1, 1) else "none"
    return by(stage.shifted.shift)


def by(pair: Pair) -> str:
    return f"{pair[0]} × {pair[1]}"


def percent(share: float, decimals: int = 0) -> str:
    return f"{100 * share:.{decimals}f} %"


def listed(parts: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def _settings(facts: Facts, subject: Subject) -> list[tuple[str, str]]:
    c = facts.config

    def per_stage(values: Sequence[Any]) -> str:
        return ", ".join(by(value) if isinstance(value, tuple) else str(value) for value in values)

    rows = [
        ("version", str(c.version)),
        ("channels of stage 1 (C)", str(c.embed_dim)),
        ("blocks per stage", per_stage(c.depths)),
        ("heads per stage", per_stage(c.num_heads)),
        ("window per stage", per_stage(c.window)),
        ("pretrained window", per_stage(c.pretrained_window) if c.pretrained_window else ""),
        ("patch", by(c.patch_size)),
        ("channels of the input", str(c.in_channels)),
        ("MLP ratio", f"{c.mlp_ratio:g}"),
        ("absolute position", by(c.position) if c.position else ""),
        ("classes", f"{c.classes:,}" if c.classes else "no head"),
        ("stages given out", per_stage([stage + 1 for stage in c.dense]) if c.dense else ""),
        ("configured for", f"{by(c.image_size)} pixels" if c.image_size else "any size"),
        ("policy", c.policy.name),
        ("kernel", subject.kernel),
    ]
    return [(name, value) for name, value in rows if value]
