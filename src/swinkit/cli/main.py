"""`swinkit VERB OBJECT [--option value]`: find the verb, read its options, run it, answer with an exit code.

    0 done · 1 the answer is no · 2 wrong use · 3 this machine cannot · 130 interrupted

Nothing heavy is imported before a verb runs, so that help comes at once. To add a verb, write its door in
`doors/` and add one row to `VERBS`.
"""

from __future__ import annotations

import difflib
import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from inspect import cleandoc
from pathlib import Path
from typing import NoReturn

from swinkit import __version__
from swinkit.cli.doors import Door
from swinkit.cli.doors.bench import Bench
from swinkit.cli.doors.check import Check
from swinkit.cli.doors.compare import Compare
from swinkit.cli.doors.convert import Convert
from swinkit.cli.doors.doctor import Doctor
from swinkit.cli.doors.evaluate import Evaluate
from swinkit.cli.doors.explain import Explain
from swinkit.cli.doors.inspect import Inspect
from swinkit.cli.doors.models import Models
from swinkit.cli.doors.predict import Predict
from swinkit.cli.doors.train import Train
from swinkit.cli.options import nobody_types_none
from swinkit.cli.screen import complain, say, wants_colour
from swinkit.errors import DataError, KernelRefused, SwinkitError

VERBS: dict[str, type[Door]] = {
    "doctor": Doctor,
    "models": Models,
    "check": Check,
    "train": Train,
    "predict": Predict,
    "evaluate": Evaluate,
    "compare": Compare,
    "explain": Explain,
    "inspect": Inspect,
    "convert": Convert,
    "bench": Bench,
}
DONE, NO, WRONG_USE, CANNOT, INTERRUPTED = 0, 1, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _let_any_name_through()
    _let_decoders_be_silent()
    try:
        code = _answer(given)
        sys.stdout.flush()  # the last words too: a reader that left would be an error when the process ends
    except BrokenPipeError:  # `swinkit models | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    return code


def _answer(given: list[str]) -> int:
    if not given or given[0] in ("-h", "--help"):
        print(overview())
        return DONE
    if given[0] in ("-V", "--version"):
        print(f"swinkit {__version__}")
        return DONE
    verb, *rest = given
    return _run(_parsed(verb, rest)) if verb in VERBS else _unknown(verb)


def _let_any_name_through() -> None:
    """Print names of files whose bytes are no UTF-8 as these bytes, in place of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="surrogateescape")


def _let_decoders_be_silent() -> None:
    """What is wrong with a picture is said once, by us, with its path."""
    warnings.filterwarnings("ignore", module=r"PIL\.")
    logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)


def overview() -> str:
    """What `swinkit --help` prints."""
    width = max(map(len, VERBS))
    lines = "\n".join(f"  {name:<{width}}  {summary(door)}" for name, door in VERBS.items())
    return (
        "usage: swinkit VERB [OBJECT] [--option value]\n\n"
        "Swin Transformers: any size, any checkpoint, from a folder of pictures to a model.\n\n"
        f"{lines}\n\n"
        "`swinkit VERB --help` explains a verb, `swinkit --version` says which swinkit this is."
    )


def summary(door: type[Door]) -> str:
    """The first line of a door's docstring."""
    return cleandoc(door.__doc__ or "").partition("\n")[0]


def _parsed(verb: str, rest: Sequence[str]) -> Door:
    """The door with its options read; leaves with 0 after `--help`, with 2 after a mistake."""
    import tyro

    # tyro does not hear NO_COLOR, and asks stdout whether it may colour what it writes to stderr.
    tyro._experimental_options["ansi_codes"] = wants_colour()
    door = VERBS[verb]
    return tyro.cli(
        door,
        prog=f"swinkit {verb}",
        description=_as_written(cleandoc(door.__doc__ or "")),
        args=list(rest),
        config=(tyro.conf.FlagCreatePairsOff, tyro.conf.OmitArgPrefixes),
        registry=nobody_types_none(),
    )


def _as_written(text: str) -> str:
    """Keep the lines of a docstring: tyro joins those that begin with a letter, so they are indented."""
    summary, _, body = text.partition("\n\n")
    lines = (f"  {line}" if line[:1].isalpha() and line != "examples:" else line for line in body.split("\n"))
    return "\n".join([summary, *lines])


def _run(door: Door) -> int:
    try:
        return door.run()
    except SwinkitError as error:
        if door.debug:
            traceback.print_exc()
        else:
            complain(error.message, error.hint)
        return WRONG_USE if isinstance(error, DataError) and _names_nothing(door) else _code(error)
    except KeyboardInterrupt as request:
        say(str(request) or "interrupted")
        return INTERRUPTED
    except (ImportError, MemoryError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        if door.debug:
            traceback.print_exc()
        else:
            complain(_in_words(error), "`swinkit doctor` says what this machine has")
        return CANNOT


def _code(error: SwinkitError) -> int:
    if isinstance(error, KernelRefused):
        return CANNOT
    cause = error.__cause__
    if isinstance(cause, MemoryError):
        return CANNOT
    if isinstance(cause, OSError) and not isinstance(cause, (FileNotFoundError, NotADirectoryError)):
        return CANNOT  # the disk is full, or writing is not permitted
    if isinstance(error, DataError):
        return NO
    return WRONG_USE


def _names_nothing(door: Door) -> bool:
    """Whether the pictures that were asked for are not there at all: a slip of the pen, not bad data.

    Nobody can say that of a stream without asking the hub.
    """
    named = [getattr(door, one, None) for one in ("data", "image")] + [*getattr(door, "images", ())]
    paths = [str(path) for path in named if path is not None]
    return bool(paths) and not any(path.startswith("hf:") or Path(path).exists() for path in paths)


def _in_words(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "there is not enough memory for this"
    return str(error).partition("\n")[0] or type(error).__name__


def _unknown(verb: str) -> int:
    near = difflib.get_close_matches(verb, VERBS, n=1, cutoff=0.4)
    complain(
        f"there is no verb {verb!r}",
        f"did you mean `swinkit {near[0]}`?" if near else f"verbs are {', '.join(VERBS)}",
    )
    return WRONG_USE


def run() -> NoReturn:
    """For `python -m swinkit` and the installed command."""
    sys.exit(main())
