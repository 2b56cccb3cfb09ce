from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from tyro.conf import Positional

from swinkit.cli.options import AnswerPrecision, Batch, Debug, Device, Json, Kernel, Threads, option
from swinkit.cli.screen import many, percent, print_json, print_table, say
from swinkit.verbs.predict import Prediction, predict
from swinkit.verbs.tables import write_predictions


@dataclass(frozen=True, kw_only=True)
class Predict:
    """Say what pictures show: class names with probabilities.

    Folders are searched at any depth. An answer that is better not relied on is marked "unsure": too
    improbable, or of a picture too unlike those the model was made for. A picture that cannot be read is
    said, and the others go on; exit code 1 where none could be read.

    examples:
      swinkit predict cat.jpg --weights runs/pets-1
      swinkit predict cat.jpg --weights runs/pets-1 --explain looked/
      swinkit predict photos/ --weights swin_tiny --top 3 --csv answers.csv
    """

    images: Annotated[Positional[tuple[str, ...]], option("IMAGE…", "at least one")]
    """Pictures, and folders of pictures."""
    weights: Annotated[str, option("SOURCE", "required")]
    """Run, weights file, catalogue name or hf:owner/name."""
    top: Annotated[int, option("NUMBER", "by default 5")] = 5
    """Classes to name for each picture."""
    explain: Annotated[str | None, option("FOLDER")] = None
    """Paint where the model looked over each picture, and write that there as a PNG."""
    batch: Batch = 64
    device: Device = None
    threads: Threads = None
    kernel: Kernel = None
    precision: AnswerPrecision = None
    csv: Annotated[str | None, option("FILE")] = None
    """Write a line for each picture into this file too."""
    json: Json = False
    debug: Debug = False

    def run(self) -> int:
        found = predict(
            self.images,
            self.weights,
            top=self.top,
            explain=self.explain,
            batch=self.batch,
            device=self.device,
            threads=self.threads,
            kernel=self.kernel,
            precision=self.precision,
        )
        if self.explain:
            say(f"wrote where the model looked into {self.explain}")
        if self.csv:
            say(f"wrote {write_predictions(self.csv, found)}")
        if self.json:
            print_json(found)
        else:
            print_table(("image", "label", "probability", "or else"), [_cells(said) for said in found], (2,))
        return _verdict(found)


def _cells(said: Prediction) -> tuple[str, str, str, str]:
    if said.label is None or said.probability is None:
        return said.image, "–", "–", f"not read: {said.error}"
    unsure = ", unsure" if said.unsure else ""
    if said.labels is not None:
        return said.image, (", ".join(said.labels) or "none") + unsure, *_shares(said, said.labels)
    return said.image, said.label + unsure, *_shares(said, (said.label,))


def _shares(said: Prediction, given: tuple[str, ...]) -> tuple[str, str]:
    """How probable the answers are, and the rest with how probable they are."""
    shares = {label: percent(share) for label, share in said.probabilities.items()}
    others = (f"{label} {share}" for label, share in shares.items() if label not in given)
    return ", ".join(shares[label] for label in given), ", ".join(others)


def _verdict(found: Sequence[Prediction]) -> int:
    failed = sum(said.error is not None for said in found)
    if failed:
        say(f"{failed} of {many(len(found), 'picture')} could not be read")
    return 1 if failed == len(found) else 0
