"""Numbers as people read them, and where they stand."""

from __future__ import annotations

import pytest

from swinkit.report.numbers import NOTHING, Number, Sheet, count, percent, pointer


@pytest.mark.parametrize(
    ("share", "decimals", "expected"),
    [
        (0.5, 1, "50.0 %"),
        (0.12345, 1, "12.3 %"),
        (0.12345, 0, "12 %"),
        (1, 1, "100.0 %"),
        (0, 0, "0 %"),
        (0.9999, 1, "99.9 %"),  # not all of them
        (0.9999, 0, "99 %"),
        (0.0001, 1, "0.1 %"),  # not none
        (1 - 1e-12, 0, "100 %"),  # what a sum of floats leaves
    ],
)
def test_only_all_or_nothing_reads_100_or_0_percent(share: float, decimals: int, expected: str) -> None:
    assert expected == percent(share, decimals).replace("\N{NARROW NO-BREAK SPACE}", " ")


def test_a_pointer_escapes_what_class_names_may_hold() -> None:
    assert "/per_class/a~1b~0c/0" == pointer("per_class", "a/b~c", 0)


def test_a_number_carries_its_value_and_its_place() -> None:
    sheet = Sheet("evaluation.json", {"per_class": {'"><b>': {"f1": 0.25}}, "none": None, "list": [1, 2]})
    number = sheet.share("per_class", '"><b>', "f1")
    assert isinstance(number, Number)
    assert (
        '<data value="0.25" data-fact="evaluation.json#/per_class/&#34;&gt;&lt;b&gt;/f1">25.0\u202f%</data>'
        == number.__html__()
    )
    assert NOTHING == sheet.share("none")
    assert "2" == str(sheet.count("list"))  # its length


def test_thousands_are_set_apart() -> None:
    assert "1\u202f234\u202f567" == count(1_234_567)
