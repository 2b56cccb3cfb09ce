"""Pictures that come in a stream: too many to keep, without a length, and with no way back.

    hf:owner/name        a data set of the Hugging Face hub, or hf:FOLDER on this disk, front to back

What training looks at more than once is kept in memory: pictures of val and test, and some from the head of
train, by which channels, sizes and classes are found. Training itself takes pictures as they come, shuffled
in a buffer; the next epoch goes on where the one before ended. That order depends on how many processes load
and train, and cannot be taken up again in the middle, so a run on a stream is resumed with other pictures
than it would have gone on with, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from swinkit.data.containers import Held
from swinkit.data.readers.hf_datasets import Columns, datasets_library, failures_named
from swinkit.data.readers.shared import SPLIT_WORDS
from swinkit.data.samples import ImageSet, Sample, Split
from swinkit.errors import DataError

Share = tuple[int, int]

PREFIX = "hf:"
KEPT = 1000
"""Pictures of each split that are kept in memory."""
CHOSEN_BY = 500
"""Pictures at the head of train that become val where the data has none."""
EPOCH = 10_000
"""Pictures between two validations."""
BUFFER = 1000
"""Pictures among which the next one is drawn."""

_NOTE = (
    f"the pictures come as a stream: an epoch is {EPOCH:,} of them, shuffled among {BUFFER:,}; of other "
    f"splits the first {KEPT:,} are looked at; a resumed run goes on with other pictures than it would have"
)


@dataclass(frozen=True)
class Stream:
    """The pictures of train, as they come. skipped: those at its head that are val."""

    columns: Columns
    name: str
    skipped: int = 0

    def __len__(self) -> int:
        """Pictures of one epoch: no more than a measure, since nobody knows how many there are."""
        return EPOCH

    @property
    def files(self) -> int:
        """From which it is read, and so the loaders that can share the reading."""
        return int(self.columns.rows.num_shards)

    def samples(self, seed: int, epoch: int, share: Share = (0, 1)) -> Iterator[Sample]:
        """Pictures without end, shuffled within a buffer, otherwise in every pass through the data.

        epoch: number of the first pass. share: (number, of so many) of the files, whose number can be shared
        out evenly.
        """
        from datasets.distributed import split_dataset_by_node

        while True:
            rows = self.columns.rows.skip(self.skipped) if self.skipped else self.columns.rows
            rows = split_dataset_by_node(rows.shuffle(seed=seed, buffer_size=BUFFER), *share)
            rows.set_epoch(epoch)
            empty = True
            for sample in _samples(self.columns, rows, self.name, "train"):
                empty = False
                yield sample
            if empty:
                raise DataError(f"{self.name} has no labelled picture to train on")
            epoch += 1


def is_stream(data: object) -> bool:
    return str(data).startswith(PREFIX)


def open_stream(data: str, *, group_by: str | None = None) -> ImageSet:
    """A data set of which train is a stream, and whatever else it has is kept, as far as there is room.

    Raises DataError where it cannot be opened, or has no train split.
    """
    name = data.removeprefix(PREFIX)
    parts = _opened(data, name)
    with failures_named(data):
        splits = {
            SPLIT_WORDS.get(part.casefold()): Columns.of(rows, data, group_by) for part, rows in parts.items()
        }
        if "train" not in splits:
            raise DataError(f"{data} has no split train, only {', '.join(parts)}")
        train = splits.pop("train")
        held = 0 if "val" in splits else CHOSEN_BY
        kept = list(islice(_samples(train, train.rows, data, "val"), held))
        head = _samples(train, train.rows.skip(held) if held else train.rows, data, "train")
        kept += islice(head, KEPT)
        for split, columns in splits.items():
            if split is not None:
                kept += islice(_samples(columns, columns.rows, data, split), KEPT)
    taken = f"; the first {held} of train are val" if held else ""
    return ImageSet(
        name=name.rstrip("/").rsplit("/", 1)[-1],
        samples=tuple(kept),
        classes=(),
        task="multilabel" if any(sample.labels is not None for sample in kept) else "classification",
        layout=f"a stream{taken}",
        notes=(_NOTE,),
        stream=Stream(train, data, held),
    )


def _opened(data: str, name: str) -> Mapping[str, Any]:
    library = datasets_library()
    try:
        parts: Mapping[str, Any] = library.load_dataset(name, streaming=True)
    except Exception as error:  # the hub, the network and the disk fail in many ways
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise DataError(
            f"cannot open {data}: {reason}",
            hint="hf:owner/name is a data set of the hub, hf:FOLDER one of yours",
        ) from error
    return parts


def _samples(columns: Columns, rows: Any, name: str, split: Split) -> Iterator[Sample]:
    """The labelled pictures of some rows, with their bytes."""
    for index, row in enumerate(rows):
        picture = row[columns.picture]
        if picture is None or picture["bytes"] is None:
            continue
        label, labels = columns.known(row[columns.label])
        if label is None and labels is None:
            continue
        yield Sample(
            name=f"{split}/{index}",
            label=label,
            labels=labels,
            group=None if columns.group is None else str(row[columns.group]),
            split=split,
            source=Held(f"{name} {split} row {index}", picture["bytes"]),
        )
