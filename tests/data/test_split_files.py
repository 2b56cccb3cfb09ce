"""Who is in which split, written down and read again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from swinkit.data import Sample, read_split, split_by_class, write_split
from swinkit.errors import DataError

from .pictures_for_tests import noise


def _samples(counts: dict[str, int]) -> list[Sample]:
    return [
        Sample(name=f"{label}/{number}", label=label, source=np.array([[[len(label), number]]]))
        for label, count in counts.items()
        for number in range(count)
    ]


def test_a_split_comes_back_from_its_file(tmp_path):
    samples = split_by_class(_samples({"a, with a comma": 5, "größe 图": 5}))

    write_split(tmp_path / "split.csv", samples)
    unsplit = [replace(sample, split=None) for sample in samples]

    assert samples == read_split(tmp_path / "split.csv", unsplit)
    assert (tmp_path / "split.csv").read_text(encoding="utf-8").splitlines()[0] == "name,label,split"


def test_names_that_are_no_unicode_survive(tmp_path):
    odd = Sample(
        name=b"caf\xe9.png".decode("utf-8", "surrogateescape"), label="a", split="val", source=noise()
    )

    write_split(tmp_path / "split.csv", [odd])

    assert (odd,) == read_split(tmp_path / "split.csv", [replace(odd, split=None)])


def test_a_split_of_other_data_names_the_difference(tmp_path):
    write_split(tmp_path / "split.csv", split_by_class(_samples({"a": 3})))

    with pytest.raises(
        DataError, match=r"1 pictures are not in it \(b/0\); 2 of its pictures are missing \(a/1, a/2\)"
    ):
        read_split(tmp_path / "split.csv", _samples({"a": 1, "b": 1}))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no split file"),
        ("a;b;c\n", "no split file"),
        ("name,label,split\na/0,a,trian\n", "line 2: expected name, label and train, val or test"),
        ("name,label,split\na/0\n", "line 2"),
    ],
    ids=["empty", "another table", "a misspelt split", "a short line"],
)
def test_a_file_that_is_no_split_is_refused(tmp_path, text, reason):
    (tmp_path / "split.csv").write_text(text)

    with pytest.raises(DataError, match=reason):
        read_split(tmp_path / "split.csv", _samples({"a": 1}))


def test_a_missing_split_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="there is no split file"):
        read_split(tmp_path / "split.csv", [])
