"""Make src/swinkit/data/digits.npz from the copy of the UCI handwritten digits that scikit-learn ships.

    python scripts/make_digits.py [TARGET]

The result is the same file byte for byte wherever it is made. Source and licence are named in NOTICE.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

TARGET = Path(__file__).parents[1] / "src" / "swinkit" / "data" / "digits.npz"


def make(target: Path) -> None:
    bunch = load_digits()
    arrays = {"images": bunch.images.astype(np.uint8), "labels": bunch.target.astype(np.uint8)}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            stored = io.BytesIO()
            np.save(stored, array)
            # numpy.savez would stamp the time of day; a fixed date keeps the file the same
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1998, 7, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, stored.getvalue(), compresslevel=9)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    make(target)
    print(f"{target}: {target.stat().st_size:,} bytes")
