"""Make the class lists under src/swinkit/weights/labels/ from lists that timm and torchvision ship.

    python scripts/make_labels.py        needs timm and torchvision installed

Microsoft published no list for its ImageNet-22K heads, but says in data/imagenet22k_dataset.py of
microsoft/Swin-Transformer how the 21,841 rows are ordered: as Google's list of 21,843 synsets, of which two
have no images; the last two synsets stand in their places. So that is how the list is made here, and
`check` holds it against two other facts: the synsets are those of ImageNet's fall 2011 release, and each of
ImageNet-1K's stands in the row that data/map22kto1k.txt names.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import lzma
from collections import Counter
from pathlib import Path

TARGET = Path(__file__).parents[1] / "src/swinkit/weights/labels"
ROWS_22K = 21_841
MAP_22K_TO_1K_SHA256 = "4fff66d6f337db6dd0b41d1b6c863e617f9400d37892df630eecfcfa50131aab"
TEDDY, CHEMISE = "n04399382", "n03013580"  # the one ImageNet-1K synset that 22K lacks, and its row


def main() -> None:
    info = _package("timm") / "data" / "_info"
    lemmas = dict(line.split("\t", 1) for line in _lines(info / "imagenet_synset_to_lemma.txt"))
    synsets_1k = _lines(info / "imagenet_synsets.txt")
    synsets_22k = microsoft_order(_lines(info / "imagenet21k_goog_synsets.txt"))
    check(synsets_1k, synsets_22k, fall_2011=_lines(info / "imagenet22k_synsets.txt"))

    names_1k = torchvision_names()
    assert len(names_1k) == len(set(names_1k)) == len(synsets_1k)
    (TARGET / "imagenet_1k.txt").write_bytes(_table(synsets_1k, names_1k))
    packed = lzma.compress(_table(synsets_22k, unique_names(synsets_22k, lemmas)), preset=9)
    (TARGET / "imagenet_22k.txt.xz").write_bytes(packed)


def microsoft_order(google: list[str]) -> list[str]:
    """Google's 21,843 synsets as rows of a Microsoft head: the last two fill the places of the empty two."""
    rows = google[:ROWS_22K]
    for place, synset in zip(("n03931044", "n09859684"), google[ROWS_22K:], strict=True):
        rows[rows.index(place)] = synset
    return rows


def check(synsets_1k: list[str], synsets_22k: list[str], *, fall_2011: list[str]) -> None:
    assert sorted(synsets_22k) == sorted(fall_2011)
    row = {synset: str(index) for index, synset in enumerate(synsets_22k)}
    rows = "\n".join(row[CHEMISE if synset == TEDDY else synset] for synset in synsets_1k)
    assert hashlib.sha256(rows.encode()).hexdigest() == MAP_22K_TO_1K_SHA256


def unique_names(synsets: list[str], lemmas: dict[str, str]) -> list[str]:
    """The first word of each synset; where several share it, all words; where that fails, the synset too."""
    first = {synset: lemmas[synset].split(",")[0] for synset in synsets}
    shared_first = Counter(first.values())
    shared_all = Counter(lemmas[synset] for synset in synsets)

    def name(synset: str) -> str:
        if shared_first[first[synset]] == 1:
            return first[synset]
        return lemmas[synset] if shared_all[lemmas[synset]] == 1 else f"{lemmas[synset]} ({synset})"

    names = [name(synset) for synset in synsets]
    assert len(set(names)) == len(synsets)
    return names


def torchvision_names() -> list[str]:
    """torchvision's readable names, taken from its source so that its compiled part need not load."""
    source = (_package("torchvision") / "models" / "_meta.py").read_text("utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_IMAGENET_CATEGORIES":
            return list(ast.literal_eval(node.value))
    raise SystemExit("torchvision/models/_meta.py no longer holds _IMAGENET_CATEGORIES")


def _table(synsets: list[str], names: list[str]) -> bytes:
    return "".join(f"{s}\t{n}\n" for s, n in zip(synsets, names, strict=True)).encode()


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{name} is not installed")
    return Path(spec.origin).parent


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


if __name__ == "__main__":
    main()
