"""Each drawing of the page as one function: facts in, SVG or data URIs out. Coordinates are pixels of the
model's input unless said otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from markupsafe import Markup

from swinkit.drawings import images, svg
from swinkit.drawings.attention import Packed
from swinkit.drawings.facts import BlockFacts, Facts, Patches, Shift, StageFacts
from swinkit.drawings.measure import Comparison, Cost
from swinkit.models.position import log_coordinates
from swinkit.windows import Pair, WindowPlan, relative_index

Span = tuple[float, float]

REGION_LETTERS = "ABCDEFGHI"


# ------------------------------------------------------------------------------------ patches

_ZOOM = 7
"""Patches on each axis of the magnified part."""


def patches_whole(facts: Facts) -> Markup:
    """The picture under its grid of patches, and the part that is magnified."""
    height, width = facts.input_size
    rows, columns = facts.patches.size
    top, left, down, right = _zoomed(facts.patches)
    return svg.drawing(
        width,
        height,
        svg.picture(width, height),
        _thin_grid(range(rows, height, rows), range(columns, width, columns), height, width),
        *_frame(left, top, right - left, down - top),
        label=f"The picture cut into {facts.patches.map[0]} × {facts.patches.map[1]} patches",
    )


def patches_magnified(facts: Facts) -> Markup:
    """A few patches at once, the example framed."""
    height, width = facts.input_size
    (rows, columns), place = facts.patches.size, facts.patches.place
    top, left, down, right = _zoomed(facts.patches)
    inside = (
        svg.picture(width, height),
        svg.grid(range(top, down + 1, rows), range(left, right + 1, columns), height, width),
        *_frame(place[1] * columns, place[0] * rows, columns, rows),
    )
    moved = svg.element("g", *inside, transform=f"translate({-left} {-top})")
    return svg.drawing(right - left, down - top, moved, label="Some of the patches, magnified; one is framed")


def patch_pixels(facts: Facts) -> str:
    """The example patch alone, pixel by pixel, as a data URI."""
    (rows, columns), place = facts.patches.size, facts.patches.place
    finer = facts.picture.shape[0] // facts.input_size[0]
    top, left = place[0] * rows * finer, place[1] * columns * finer
    patch = facts.picture[top : top + rows * finer, left : left + columns * finer]
    coarse = patch.reshape(-1, finer, patch.shape[1] // finer, finer, 3).mean(axis=(1, 3))
    return images.png(coarse.round().astype(np.uint8))


def embedding_strip(patches: Patches) -> str:
    """The example's token, one cell for each channel, in rows of sixteen."""
    values = patches.embedding
    padded = np.full(-(-len(values) // 16) * 16, np.nan)
    padded[: len(values)] = values
    cells = padded.reshape(-1, 16)
    colours = images.signed(np.nan_to_num(cells), float(np.abs(values).max()))
    opaque = np.where(np.isnan(cells), 0, 255).astype(np.uint8)
    return images.png(np.dstack((colours, opaque)))


def _zoomed(patches: Patches) -> tuple[int, int, int, int]:
    """Top, left, bottom and right of the magnified part."""
    (rows, columns), place = patches.size, patches.place
    spans = []
    for axis, side in ((0, rows), (1, columns)):
        count = min(_ZOOM, patches.map[axis])
        first = min(max(place[axis] - count // 2, 0), patches.map[axis] - count)
        spans.append((first * side, (first + count) * side))
    return spans[0][0], spans[1][0], spans[0][1], spans[1][1]


def _frame(x: int, y: int, width: int, height: int) -> tuple[Markup, Markup]:
    return (
        svg.rectangle(x, y, width, height, "frame-casing"),
        svg.rectangle(x, y, width, height, "frame"),
    )


def _thin_grid(rows: range, columns: range, height: int, width: int) -> Markup:
    path = "".join(f"M0 {y}H{width}" for y in rows) + "".join(f"M{x} 0V{height}" for x in columns)
    return svg.element("path", d=path, class_="hairline")


# ------------------------------------------------------------------------------------ windows


def windows_of(stage: StageFacts, input_size: Pair) -> Markup:
    """The plain windows of a stage over the picture, its padding hatched."""
    rows, columns = stage.plain.grid
    label = f"Stage {stage.index + 1}: {rows} × {columns} windows"
    return _windows(stage.plain, stage.stride, input_size, label)


def teaching_windows(shift: Shift, input_size: Pair) -> Markup:
    rows, columns = shift.plan.grid
    return _windows(shift.plan, shift.stride, input_size, f"{rows} × {columns} windows without a shift")


def displaced_windows(shift: Shift, input_size: Pair) -> Markup:
    """Windows moved by the shift before anything is rolled: uneven pieces, coloured by region."""
    plan, stride = shift.plan, shift.stride
    height, width = extent(plan, stride, input_size)
    return svg.drawing(
        width,
        height,
        *_canvas(height, width, input_size),
        *_pieces(plan, stride),
        label="The same windows displaced by the shift: whole ones, halves and corners",
    )


def roll(shift: Shift, input_size: Pair) -> Markup:
    """The rolled picture; the script moves the group `rolling` back and forth."""
    plan, stride = shift.plan, shift.stride
    height, width = plan.padded[0] * stride[0], plan.padded[1] * stride[1]
    period_y, period_x = (period(plan, axis) * stride[axis] for axis in (0, 1))
    content = (
        *_canvas(period_y, period_x, input_size),
        *_pieces(plan, stride),
        svg.element("g", id="partners"),
    )
    tile = svg.element("svg", *content, width=period_x, height=period_y, overflow="hidden", id="tile")
    copies = [
        svg.element("use", href="#tile", x=x, y=y)
        for y, x in ((0, period_x), (period_y, 0), (period_y, period_x))
    ]
    start = f"translate({-plan.shift[1] * stride[1]:g} {-plan.shift[0] * stride[0]:g})"
    rolling = svg.element("g", tile, *copies, id="rolling", transform=start)
    return svg.drawing(
        width,
        height,
        svg.rectangle(0, 0, width, height, "padding"),
        svg.element("svg", rolling, width=period_x, height=period_y, overflow="hidden"),
        label="The picture after the cyclic shift: whole windows again, some of them with several regions",
        class_="clickable",
        id_="roll",
    )


def _windows(plan: WindowPlan, stride: Span, input_size: Pair, label: str) -> Markup:
    height, width = extent(plan, stride, input_size)
    return svg.drawing(
        width,
        height,
        *_canvas(height, width, input_size),
        svg.grid(*_lines(plan, stride), height, width),
        label=label,
    )


def _canvas(height: float, width: float, input_size: Pair) -> tuple[Markup, Markup]:
    """Hatching where there is no picture, and the picture."""
    return svg.rectangle(0, 0, width, height, "padding"), svg.picture(input_size[1], input_size[0])


def extent(plan: WindowPlan, stride: Span, input_size: Pair) -> Span:
    """Height and width of the drawing: all whole windows, and all of the picture."""
    padded = plan.padded
    return max(padded[0] * stride[0], input_size[0]), max(padded[1] * stride[1], input_size[1])


def _lines(plan: WindowPlan, stride: Span) -> tuple[list[float], list[float]]:
    """Where windows begin and end."""
    return (
        [row * plan.window[0] * stride[0] for row in range(plan.grid[0] + 1)],
        [column * plan.window[1] * stride[1] for column in range(plan.grid[1] + 1)],
    )


def _pieces(plan: WindowPlan, stride: Span) -> list[Markup]:
    """Displaced windows on the picture: regions in colour with their letters, and lines between windows."""
    down, right = stride
    height, width = period(plan, 0) * down, period(plan, 1) * right
    letter = 0.075 * max(height, width)
    regions = [
        _region(3 * i + j, x0 * right, y0 * down, (x1 - x0) * right, (y1 - y0) * down, letter)
        for i, y0, y1 in _strips(plan, 0)
        for j, x0, x1 in _strips(plan, 1)
    ]
    seam = svg.rectangle(0, 0, width, height, "seam")
    rows, columns = ([cut * stride[axis] for cut in _cuts(plan, axis)] for axis in (0, 1))
    return [*regions, seam, svg.grid(rows, columns, height, width)]


def period(plan: WindowPlan, axis: int) -> int:
    """After how many tokens the rolled map comes again."""
    return plan.map[axis] if plan.rolls_first else plan.padded[axis]


def _cuts(plan: WindowPlan, axis: int) -> list[int]:
    """Tokens at which displaced windows begin."""
    wraps_at, window, shift = period(plan, axis), plan.window[axis], plan.shift[axis]
    return sorted((place + shift) % wraps_at for place in range(0, wraps_at, window))


def _strips(plan: WindowPlan, axis: int) -> list[tuple[int, int, int]]:
    """The three strips of the shifted axis, rolled back: number, first token, end."""
    wraps_at, window, shift = period(plan, axis), plan.window[axis], plan.shift[axis]
    edges = (0, plan.padded[axis] - window, plan.padded[axis] - shift, plan.padded[axis])
    strips = []
    for number in range(3):
        start, end = edges[number] + shift, min(edges[number + 1], wraps_at) + shift
        for low, high in ((start, min(end, wraps_at)), (max(start, wraps_at) - wraps_at, end - wraps_at)):
            if high > low:
                strips.append((number, low, high))
    return strips


def _region(number: int, x: float, y: float, width: float, height: float, letter: float) -> Markup:
    size = round(min(letter, 0.6 * min(width, height)), 2)
    return svg.element(
        "g",
        svg.rectangle(x, y, width, height, f"region r{number}"),
        svg.text(
            x + width / 2, y + height / 2 + size * 0.35, REGION_LETTERS[number], "letter", font_size=size
        ),
    )


# ------------------------------------------------------------------------------------ relative position


def index_picture(window: Pair) -> str:
    """The relative index of a window, N × N, as colours."""
    index = relative_index(window).numpy()
    return images.magnitudes_png(index, 0, index.max())


def bias_pictures(block: BlockFacts) -> list[str]:
    """Each head's bias by offset. v1: around 0; v2: always above it."""
    bias = block.bias
    if block.logit_scale is None:
        limit = float(np.abs(bias).max())
        return [images.signed_png(head, limit) for head in bias]
    low, high = float(bias.min()), float(bias.max())
    return [images.magnitudes_png(head, low, high) for head in bias]


def coordinates_chart(window: Pair, pretrained: Pair | None) -> Markup:
    """v2: the log-spaced coordinate of each offset."""
    coordinates = log_coordinates(window, pretrained or window)[:, window[1] - 1, 0]
    offsets = range(1 - window[0], window[0])
    points = [(float(x), float(y)) for x, y in zip(offsets, coordinates, strict=True)]
    ends = (1 - window[0], 0, window[0] - 1)
    return svg.line_chart(
        [svg.Series("log-spaced coordinate", "accent", points)],
        label="Log-spaced coordinate by offset in tokens",
        x_ticks=[(float(x), f"{x:+d}".replace("+0", "0").replace("-", "−")) for x in ends],
        unit="",
        log=False,
    )


# ------------------------------------------------------------------------------------ attention


def attention_view(facts: Facts, packed: Packed, token: Pair) -> Markup:
    """Where one token looks, averaged over heads; the script draws the same for any token."""
    plan = packed.plan
    stride = facts.stages[packed.stage].stride
    height, width = extent(plan, stride, facts.input_size)
    rows, columns = plan.map
    looks = packed.facts.trace.attention_of(*token).mean(dim=0).float().numpy()  # H, W
    present = np.argwhere(looks > 0)
    colours = images.magnitudes(looks[looks > 0][None], 0, float(looks.max()))[0]
    cells = [
        svg.rectangle(
            int(x) * stride[1],
            int(y) * stride[0],
            stride[1],
            stride[0],
            "looked",
            fill="#{:02x}{:02x}{:02x}".format(*colour),
        )
        for (y, x), colour in zip(present, colours, strict=True)
    ]
    marker = svg.rectangle(token[1] * stride[1], token[0] * stride[0], stride[1], stride[0], "token")
    return svg.drawing(
        width,
        height,
        *_canvas(height, width, facts.input_size),
        svg.rectangle(0, 0, columns * stride[1], rows * stride[0], "veil"),
        svg.element("g", *cells, id="looks"),
        svg.element("g", marker, id="asking"),
        label="Where the chosen token looks; choose another by clicking or with the arrow keys",
        class_="clickable",
        id_="attention-view",
    )


# ------------------------------------------------------------------------------------ cost


def macs_chart(comparison: Comparison) -> Markup:
    """What the formulas say."""
    return _cost_chart(comparison, "Multiply-adds by side of the image", "", lambda cost: cost.macs, True)


def seconds_chart(comparison: Comparison) -> Markup:
    """What was measured; where it was not, scaled with the multiply-adds."""
    return _cost_chart(comparison, "Seconds by side of the image", "s", lambda cost: cost.seconds, True)


def bytes_chart(comparison: Comparison) -> Markup:
    """What was measured; where it was not, scaled with the scores, and in windows with the tokens."""
    return _cost_chart(comparison, "Bytes by side of the image", "B", lambda cost: cost.bytes, False)


def _cost_chart(
    comparison: Comparison,
    label: str,
    unit: str,
    value: Callable[[Cost], float | None],
    follows_macs: bool,
) -> Markup:
    last = max(cost.pixels for cost in comparison.windows if cost.seconds is not None)
    lines = []
    for name, class_, costs, power in (
        ("every token with every other", "everything", comparison.everything, 4),
        ("within windows", "accent", comparison.windows, 2),
    ):
        shown = [cost for cost in costs if cost.pixels <= last]
        points = [(cost.pixels, value(cost)) for cost in shown]
        measured = [(float(x), float(y)) for x, y in points if y is not None]
        known = shown[len(measured) - 1]
        expected = [
            (
                float(cost.pixels),
                measured[-1][1]
                * (cost.macs / known.macs if follows_macs else (cost.pixels / known.pixels) ** power),
            )
            for cost in shown[len(measured) :]
        ]
        lines.append(svg.Series(name, class_, measured, expected))
    sizes = [cost.pixels for cost in comparison.windows if cost.pixels <= last]
    ticks = [(float(size), str(size)) for size in sizes if _has_room(size, sizes)]
    return svg.line_chart(lines, label=label, x_ticks=ticks, unit=unit)


def _has_room(size: int, sizes: Sequence[int]) -> bool:
    """Whether a tick at this size can be read: the doublings of the first."""
    return (size // sizes[0]).bit_count() == 1
