"""What a person sees of a run under way: a bar on a terminal, else a line an epoch; log.txt has it all."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from swinkit.data import write_atomically
from swinkit.engine.run import Run
from swinkit.writing import printable


class Progress:
    """Says lines to people on stderr, and keeps what it said for the run's log.

    silent: in a process beside the first one, which neither speaks nor writes.
    """

    def __init__(self, run: Run, *, goes_on: bool = False, silent: bool = False) -> None:
        self._log = run.folder / "log.txt"
        self._lines: list[str] = []
        if goes_on and self._log.exists():
            self._lines = self._log.read_text("utf-8", "surrogateescape").splitlines()
        self._silent = silent
        self._console = Console(file=sys.stderr, highlight=False, soft_wrap=True, markup=False, quiet=silent)
        self._bar: Bar | None = None

    def say(self, line: str) -> None:
        line = printable(line, keep="\n")
        (self._bar.console if self._bar else self._console).print(line)
        self._lines.append(line)

    def keep(self) -> None:
        """Write the log."""
        if self._silent:
            return
        write_atomically(self._log, "\n".join([*self._lines, ""]))

    @contextmanager
    def counting(self, what: str, total: int) -> Iterator[Callable[[int, int], None]]:
        """Show on a terminal how many of a total are done, and how fast; gives what is to be told of it."""
        columns = TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}")
        began = time.monotonic()
        with Bar(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        ) as bar:
            task = bar.add_task(what, total=total, rate="")
            yield lambda done, total: bar.update(
                task, completed=done, rate=a_second(done, time.monotonic() - began)
            )

    @contextmanager
    def training(self, *, steps: int, done: int) -> Iterator[Speed]:
        """Show how far training is, from `done` of `steps`."""
        speed = Speed(steps=steps, done=done)
        if self._silent or not self._console.is_terminal:
            yield speed
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps, {task.fields[left]}"),
        )
        with Bar(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task("training", total=steps, completed=done, left="time unknown")
            speed.shown = lambda text: bar.update(
                task, completed=speed.done, description=text, left=time_left(speed)
            )
            self._bar = bar
            try:
                yield speed
            finally:
                self._bar = None


class Speed:
    """How fast steps are taken since this session began."""

    def __init__(self, *, steps: int, done: int) -> None:
        self.steps, self.done = steps, done
        self._first, self._began = done, time.monotonic()
        self.shown = lambda text: None

    @property
    def seconds(self) -> float:
        """Since this session began."""
        return time.monotonic() - self._began

    @property
    def seconds_left(self) -> float | None:
        taken = self.done - self._first
        return self.seconds / taken * (self.steps - self.done) if taken else None

    def step(self, text: str) -> None:
        self.done += 1
        self.shown(text)


def in_words(seconds: float) -> str:
    """Seconds as a person says them: 8 s, 2 min 40 s, 3 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def a_second(done: int, seconds: float) -> str:
    """How fast something goes: 412 a second, 0.8 a second."""
    rate = done / max(seconds, 1e-9)
    return f"{rate:,.0f} a second" if rate >= 10 else f"{rate:.1f} a second"


def time_left(speed: Speed) -> str:
    return "time unknown" if speed.seconds_left is None else f"{in_words(speed.seconds_left)} left"
