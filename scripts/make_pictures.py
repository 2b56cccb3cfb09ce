"""Make docs/pictures/windows.svg, the picture of the README, from a trained model.

    python scripts/make_pictures.py [WEIGHTS]      by default runs/demo, which `make demo` trains

One file without references to others, readable on a light and on a dark page.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from markupsafe import Markup

from swinkit.drawings import figures, images, svg
from swinkit.drawings.attention import pack
from swinkit.drawings.facts import BlockFacts, Facts, Shift, gather
from swinkit.drawings.scene import scene
from swinkit.weights.load import load

TARGET = Path(__file__).parents[1] / "docs" / "pictures" / "windows.svg"
PIXELS = 128
"""Side of the input: its digits are about as large as those the demo is trained on."""
LOOKS_FROM = 0.56, 0.47
"""The token whose attention is drawn, as shares of height and width."""
SIDE, GAP, LABEL = 236, 20, 46

# A grey that has a contrast above 4 on GitHub's light and on its dark ground.
STYLE = """
text { font: 15px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #737d88; }
.line, .casing, .hairline, .token, .seam { fill: none; vector-effect: non-scaling-stroke; }
.casing { stroke: rgb(0 0 0 / 0.45); stroke-width: 3px; }
.line { stroke: #fff; stroke-width: 1.4px; }
.hairline { stroke: rgb(255 255 255 / 0.5); stroke-width: 0.5px; }
.region { fill-opacity: 0.4; }
.letter, .frame, .frame-casing { display: none; }
.token { stroke: #fff; stroke-width: 2.5px; }
.veil { fill: #000; fill-opacity: 0.42; }
.looked { fill-opacity: 0.74; shape-rendering: crispEdges; }
"""


def make(weights: str, target: Path) -> None:
    model = load(weights)
    if model.preprocess is None:
        raise SystemExit(f"{weights} does not say how it wants its pictures prepared")
    preprocess = replace(model.preprocess.for_size((PIXELS, PIXELS)), resize_to=None)
    facts = gather(model, scene(), preprocess)
    shifted = [block for block in facts.blocks if block.is_shifted][-1]
    panels = (
        (figures.patches_whole(facts), f"{facts.patches.map[0]} × {facts.patches.map[1]} patches"),
        (
            _windows(facts, shifted),
            f"attention in windows of {shifted.plan.window[0]} × {shifted.plan.window[1]}",
        ),
        (_displaced(facts, shifted), "shifted in every other block"),
        (_attention(facts, shifted), "where one token looks"),
    )
    width = len(panels) * (SIDE + GAP) - GAP
    placed = [_placed(panel, words, x=i * (SIDE + GAP)) for i, (panel, words) in enumerate(panels)]
    drawing = svg.drawing(
        width,
        SIDE + LABEL,
        svg.element("style", Markup(STYLE + _region_colours())),
        _symbol(facts),
        *placed,
        label="A picture cut into patches, into windows, into shifted windows, and where one token looks",
    )
    words = str(drawing).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(words + "\n", "utf-8")


def _windows(facts: Facts, block: BlockFacts) -> Markup:
    return figures.windows_of(facts.stages[block.stage], facts.input_size)


def _displaced(facts: Facts, block: BlockFacts) -> Markup:
    shift = Shift(stage=block.stage, plan=block.plan, stride=facts.stages[block.stage].stride)
    return figures.displaced_windows(shift, facts.input_size)


def _attention(facts: Facts, block: BlockFacts) -> Markup:
    rows, columns = block.plan.map
    token = int(LOOKS_FROM[0] * rows), int(LOOKS_FROM[1] * columns)
    return figures.attention_view(facts, pack([block])[0], token)


def _placed(panel: Markup, words: str, x: int) -> Markup:
    """A drawing and the words below it."""
    drawing = str(panel).replace("<svg ", f'<svg x="{x}" width="{SIDE}" height="{SIDE}" ', 1)
    return Markup(drawing) + svg.text(x, SIDE + 28, words)


def _symbol(facts: Facts) -> Markup:
    """The picture, once, for all panels."""
    height, width = facts.input_size
    image = svg.element("image", href=images.jpeg(facts.picture), width=width, height=height)
    return svg.element("symbol", image, id="picture", viewBox=f"0 0 {width} {height}")


def _region_colours() -> str:
    return "".join(f".r{i} {{ fill: rgb{colour}; }}\n" for i, colour in enumerate(images.REGIONS))


if __name__ == "__main__":
    make(sys.argv[1] if len(sys.argv) > 1 else "runs/demo", TARGET)
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")
