"""The command line: help, exit codes, what goes to stdout and what to stderr."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from swinkit import __version__
from swinkit.cli import main as cli
from swinkit.cli.main import VERBS, main
from swinkit.errors import (
    CheckpointError,
    ConfigError,
    DataError,
    KernelRefused,
    RunError,
    ShapeError,
    SwinkitError,
)

HEAVY = ("torch", "numpy", "torchvision", "PIL")


def swinkit(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "swinkit", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, **environment},
    )


# ------------------------------------------------------------------------------------ help


def test_the_overview_names_every_verb_and_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0

    shown = capsys.readouterr().out
    for name, door in VERBS.items():
        assert f"  {name}" in shown
        assert cli.summary(door) in shown


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_has_a_first_line_two_examples_and_says_what_each_option_means(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    with pytest.raises(SystemExit) as left:
        main([verb, "--help"])

    shown = capsys.readouterr().out
    assert left.value.code in (0, None)
    assert cli.summary(VERBS[verb]) in shown
    assert shown.count(f"  swinkit {verb}") >= 2
    for line in shown.splitlines():  # │ --option VALUE   what it means │
        if line.startswith("│ --"):
            assert line.strip("│ ").count("  ") >= 1, f"{line} is not explained"


@pytest.mark.parametrize("arguments", [["--help"], *([verb, "--help"] for verb in VERBS)], ids=" ".join)
def test_help_comes_without_anything_heavy(arguments: list[str]) -> None:
    script = (
        "import sys\n"
        "from swinkit.cli.main import main\n"
        f"try: code = main({arguments!r})\n"
        "except SystemExit as left: code = left.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], code, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stderr.strip() in ("[] 0", "[] None")


@pytest.mark.parametrize("flag", ["-V", "--version"])
def test_the_version_is_data(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([flag]) == 0
    assert capsys.readouterr().out == f"swinkit {__version__}\n"


# ------------------------------------------------------------------------------------ wrong use


def test_an_unknown_verb_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["modles"]) == 2

    screen = capsys.readouterr()
    assert screen.out == ""
    assert screen.err.splitlines() == [
        "error: there is no verb 'modles'",
        "hint: did you mean `swinkit models`?",
    ]


@pytest.mark.parametrize("option", ["--precision", "--epochs", "--cache"])
def test_a_wrong_value_is_answered_without_words_of_python(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["train", "photos", option, "None"])

    answer = capsys.readouterr().err
    assert option in answer
    assert "None'," not in answer and "NoneType" not in answer


def test_an_unknown_option_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["models", "--versoin", "2"])

    assert left.value.code == 2
    screen = capsys.readouterr()
    assert screen.out == ""
    assert "--versoin" in screen.err
    assert "--version" in screen.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DataError("no"), 1),
        (ConfigError("no"), 2),
        (CheckpointError("no"), 2),
        (ShapeError("no"), 2),
        (RunError("no"), 2),
        (KernelRefused("no"), 3),
        (MemoryError(), 3),
        (ImportError("no onnx"), 3),
        (PermissionError("no"), 3),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_each_kind_of_error_has_its_exit_code_and_no_stack_trace(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(VERBS["models"], "run", raises(error))

    assert main(["models"]) == code

    screen = capsys.readouterr()
    assert screen.out == ""
    assert "Traceback" not in screen.err
    assert 1 <= len(screen.err.splitlines()) <= 2


@pytest.mark.parametrize(("data", "code"), [("hf:owner/name", 1), ("nowhere", 2)])
def test_bad_data_of_a_stream_is_no_slip_of_the_pen(
    data: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VERBS["train"], "run", raises(DataError("no")))

    assert main(["train", data]) == code


def test_a_disk_that_is_full_is_the_machines_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    error = RunError("cannot write")
    error.__cause__ = OSError(28, "No space left on device")
    monkeypatch.setattr(VERBS["models"], "run", raises(error))

    assert main(["models"]) == 3


def test_debug_shows_where_an_error_came_from(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(VERBS["models"], "run", raises(ConfigError("no", hint="yes")))

    assert main(["models", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_an_error_of_our_own_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VERBS["models"], "run", raises(KeyError("a fault in swinkit")))

    with pytest.raises(KeyError):
        main(["models"])


def raises(error: BaseException):
    def run(_: object) -> int:
        raise error

    return run


def test_every_error_has_a_code() -> None:
    for kind in SwinkitError.__subclasses__():
        assert cli._code(kind("no")) in (1, 2, 3)


# ------------------------------------------------------------------------------------ stdout and stderr


def test_json_on_stdout_is_all_of_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "nano", "--json"]) == 0

    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == ["swin_nano"]


def test_a_table_is_plain_text_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "swin_tiny"]) == 0

    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split()[:2] == ["name", "parameters"]
    assert len(rows) == 3
    assert "\x1b" not in header + "".join(rows)
    assert rows[0].startswith("swin_tiny_patch4_window7_224.ms_in1k")


def test_nothing_found_is_the_answer_no(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "resnet"]) == 1

    screen = capsys.readouterr()
    assert screen.out == ""
    assert "nothing fits" in screen.err


@pytest.mark.parametrize("reader", ["head -1", "true"], ids=["reads a line", "reads nothing"])
@pytest.mark.parametrize("words", ["models", "--version"])
def test_a_reader_that_stops_reading_is_no_error(words: str, reader: str) -> None:
    command = f"{sys.executable} -m swinkit {words} | {reader}; echo ${{PIPESTATUS[0]}}"

    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=600)

    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


def test_python_dash_m_is_the_same_command(tmp_path: Path) -> None:
    missing = str(tmp_path / "weights.pth")

    done = swinkit("inspect", missing)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"error: {missing}")
    assert "hint:" in done.stderr


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1", "FORCE_COLOR": ""}, {"TERM": "dumb"}], ids=str)
def test_no_colour_where_it_is_not_wanted(environment: dict[str, str]) -> None:
    assert "\x1b" not in swinkit("modles", **environment).stderr


@pytest.mark.parametrize(("no_color", "expected"), [("1", False), ("", True)])
def test_help_on_a_terminal_is_coloured_unless_no_color_is_set(
    no_color: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pty = pytest.importorskip("pty")  # a pretended terminal; not on Windows
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "swinkit", "models", "--help"]

    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs):
        os.close(theirs)
        shown = b"".join(read_all(ours))
    os.close(ours)

    assert b"swinkit" in shown
    assert (b"\x1b" in shown) == expected


def read_all(terminal: int) -> Iterator[bytes]:
    with contextlib.suppress(OSError):  # Linux's word for the end
        while part := os.read(terminal, 4096):
            yield part
