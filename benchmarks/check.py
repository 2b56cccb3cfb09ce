"""What does `swinkit check` cost, beside merely decoding the same pictures?

    python benchmarks/check.py PHOTOS

Any folder of class folders; a thousand JPEGs are enough. Prints the processor time of a picture in
milliseconds: of Pillow alone, which decodes each file in full and looks at nothing; of reading, in which
every file is decoded, hashed and searched for missing data; of comparing each with all others.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from swinkit.data import survey
from swinkit.data.samples import Sample
from swinkit.health.copies import find_copies
from swinkit.health.facts import Facts, examine

REPEATS = 3


def main(folder: str) -> None:
    samples = survey(folder).samples
    decoding = least(lambda: decode(samples))
    reading = least(lambda: examine(samples, threads=1))
    facts = examine(samples, threads=1)
    comparing = least(lambda: find_copies(samples, facts))
    each = 1000 / len(samples)
    print(f"{len(samples):,} pictures of {megapixels(facts):.2f} million pixels on average")
    print(f"Pillow alone  {decoding * each:6.2f} ms a picture")
    print(f"reading       {reading * each:6.2f} ms, {reading / decoding:.2f} times as much")
    print(f"comparing     {comparing * each:6.2f} ms")
    print(
        f"check         {(reading + comparing) * each:6.2f} ms, {(reading + comparing) / decoding:.2f} times"
    )


def decode(samples: tuple[Sample, ...]) -> None:
    for sample in samples:
        with Image.open(Path(str(sample.source))) as image:
            image.convert("RGB")


def megapixels(facts: tuple[Facts, ...]) -> float:
    sizes = [one.header.size for one in facts if one.header is not None]
    return sum(height * width for height, width in sizes) / len(sizes) / 1e6


def least(work: Callable[[], object]) -> float:
    """Seconds of the processor, the least of three times."""
    seconds = []
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])
