from __future__ import annotations

from pathlib import Path

import pytest

from swinkit.engine.progress import Progress, Speed, a_second, in_words, time_left
from swinkit.engine.run import Run


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (160, "2 min 40 s"),
        (3600, "1 h 00 min"),
        (11100, "3 h 05 min"),
    ],
)
def test_seconds_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert words == in_words(seconds)


@pytest.mark.parametrize(
    ("done", "seconds", "words"),
    [(4120, 10, "412 a second"), (8, 10, "0.8 a second"), (0, 0, "0.0 a second")],
)
def test_a_rate_is_said_with_the_digits_that_matter(done: int, seconds: float, words: str) -> None:
    assert words == a_second(done, seconds)


def test_counting_shows_how_far_and_how_fast_on_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")

    with Progress(Run(tmp_path)).counting("reading pictures", 40) as count:
        count(40, 40)

    shown = capsys.readouterr().err
    assert "40/40" in shown
    assert "a second" in shown


def test_the_time_left_is_unknown_before_the_first_step() -> None:
    assert "time unknown" == time_left(Speed(steps=10, done=4))


def test_the_time_left_follows_the_steps_of_this_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of an earlier session, which took no time now, must not make this one look fast."""
    now = [100.0]
    monkeypatch.setattr("swinkit.engine.progress.time.monotonic", lambda: now[0])
    speed = Speed(steps=100, done=90)

    now[0] += 4.0
    speed.step("")
    speed.step("")

    assert 16.0 == speed.seconds_left


def test_words_go_to_stderr_and_into_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(Run(tmp_path))

    progress.say("one [bold] thing: 3.5 %")
    progress.keep()

    said = capsys.readouterr()
    assert ("", "one [bold] thing: 3.5 %\n") == (said.out, said.err)
    assert "one [bold] thing: 3.5 %\n" == (tmp_path / "log.txt").read_text()


def test_a_run_that_goes_on_keeps_its_log(tmp_path: Path) -> None:
    first = Progress(Run(tmp_path))
    first.say("begun")
    first.keep()

    second = Progress(Run(tmp_path), goes_on=True)
    second.say("gone on")
    second.keep()

    assert "begun\ngone on\n" == (tmp_path / "log.txt").read_text()


def test_no_bar_is_drawn_where_there_is_no_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress(Run(tmp_path)).training(steps=10, done=0) as speed:
        speed.step("epoch 1")

    assert "" == capsys.readouterr().err


def test_a_terminal_gets_a_bar(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    progress = Progress(Run(tmp_path))

    with progress.training(steps=10, done=3) as speed:
        speed.step("epoch 1 of 2, loss 0.5")
        progress.say("a line between")

    shown = capsys.readouterr().err
    assert "4/10" in shown
    assert "epoch 1 of 2, loss 0.5" in shown
    assert "a line between" in shown
