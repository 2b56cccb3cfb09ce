from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tyro.conf import Positional

from swinkit.cli.options import Debug, Flag, Json, option, size
from swinkit.cli.screen import print_json, say
from swinkit.verbs.explain import explain


@dataclass(frozen=True, kw_only=True)
class Explain:
    """Write a page that teaches Swin on a picture and shows the state of a model.

    One HTML file that needs no network: patches, windows, the cyclic shift, masks, position biases, feature
    maps, attention of any token you click, and what attention costs on this machine.

    examples:
      swinkit explain
      swinkit explain cat.jpg --weights runs/pets
    """

    image: Annotated[Positional[str | None], option("[IMAGE]", "by default an embedded picture")] = None
    """A picture."""
    weights: Annotated[str | None, option("SOURCE", "by default fresh weights")] = None
    """Run, weights file, catalogue name or hf:owner/name."""
    model: Annotated[str | None, option("SIZE", "by default swin_tiny")] = None
    """Size to draw with fresh weights; `swinkit models` lists them."""
    image_size: Annotated[str | None, option("PIXELS", "by default the model's")] = None
    """Another input: a side (448), or height and width (192x320). It never changes a window."""
    measure: Annotated[bool, option("", "a few seconds")] = True
    """Leave out timing attention on this machine."""
    seed: Annotated[int, option("NUMBER", "by default 0")] = 0
    """Decides fresh weights."""
    out: Annotated[str | None, option("PATH", "by default runs/explain-NAME")] = None
    """The page (.html), or a folder for it."""
    overwrite: Flag = False
    """Replace a page that is there already."""
    json: Json = False
    debug: Debug = False

    def run(self) -> int:
        page = explain(
            self.image,
            self.weights,
            model=self.model,
            image_size=size(self.image_size, "--image-size"),
            measure=self.measure,
            seed=self.seed,
            out=self.out,
            overwrite=self.overwrite,
        )
        if self.json:
            print_json({"page": page})
        else:
            print(page)
        say(f"wrote {page}; open it in a browser")
        return 0
