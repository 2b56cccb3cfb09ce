"""Each verb on the command line and its function in Python: the same words, the same defaults."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

import swinkit
from swinkit.cli.main import VERBS
from swinkit.cli.options import size, sizes
from swinkit.errors import ConfigError

FUNCTION_NAMES = {"models": "list_models"}
OF_THE_COMMAND_LINE = {"json", "debug", "csv", "at_least"}


@pytest.mark.parametrize("verb", VERBS)
def test_a_door_has_the_parameters_of_its_function_with_the_same_defaults(verb: str) -> None:
    function = getattr(swinkit, FUNCTION_NAMES.get(verb, verb))
    parameters = inspect.signature(function).parameters
    fields = {field.name: field for field in dataclasses.fields(VERBS[verb])}

    assert fields.keys() - OF_THE_COMMAND_LINE == parameters.keys()
    for name, parameter in parameters.items():
        missing = fields[name].default is dataclasses.MISSING
        assert missing == (parameter.default is parameter.empty), name
        assert missing or fields[name].default == parameter.default, name


@pytest.mark.parametrize("verb", VERBS)
def test_a_door_is_a_public_function(verb: str) -> None:
    assert FUNCTION_NAMES.get(verb, verb) in swinkit.__all__


@pytest.mark.parametrize(
    ("word", "expected"),
    [(None, None), ("224", 224), ("192x320", (192, 320)), ("192×320", (192, 320))],
)
def test_one_word_is_a_side_or_height_and_width(word: str | None, expected: object) -> None:
    assert size(word, "--image-size") == expected


@pytest.mark.parametrize("word", ["", "0", "7x", "x7", "7x7x7", "-7", "7.5", "seven", "7 7"])
def test_any_other_word_is_refused_with_the_name_of_the_option(word: str) -> None:
    with pytest.raises(ConfigError, match="--image-size takes one side"):
        size(word, "--image-size")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (None, None),
        ("7", 7),
        ("7x14", (7, 14)),
        ("4,2", [(4, 4), (2, 2)]),
        ("7,7,14x7,7", [(7, 7), (7, 7), (14, 7), (7, 7)]),
    ],
)
def test_windows_are_one_word_for_all_stages_or_one_for_each(word: str | None, expected: object) -> None:
    assert sizes(word, "--window") == expected
