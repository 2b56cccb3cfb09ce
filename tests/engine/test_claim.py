from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from swinkit.engine.claim import alone_in
from swinkit.engine.run import Run
from swinkit.errors import RunError

fcntl = pytest.importorskip("fcntl")

OTHER = """
import sys, time
from pathlib import Path
from swinkit.engine.claim import alone_in
from swinkit.engine.run import Run
with alone_in(Run(Path(sys.argv[1]))):
    print("in", flush=True)
    time.sleep(60)
"""


def test_of_two_trainings_in_one_folder_the_second_is_refused(tmp_path: Path) -> None:
    """And a killed one leaves the folder free."""
    run = Run(tmp_path / "run")
    with subprocess.Popen([sys.executable, "-c", OTHER, str(run.folder)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(RunError, match="another training is writing into"), alone_in(run):
            pass
        os.kill(other.pid, signal.SIGKILL)
    with alone_in(run):
        assert run.folder.is_dir()


def test_a_file_system_without_locks_is_not_taken_for_another_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)

    refused = pytest.raises(RunError, match=r"cannot keep other trainings out of .*: No locks available")
    with refused as caught, alone_in(Run(tmp_path)):
        pass
    assert "--out" in caught.value.hint


def test_on_windows_the_file_is_closed_before_it_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    close, unlink = os.close, Path.unlink
    with monkeypatch.context() as windows:
        windows.setattr(sys, "platform", "win32")
        windows.setitem(sys.modules, "msvcrt", SimpleNamespace(LK_NBLCK=2, locking=lambda *_: None))
        windows.setattr(os, "close", lambda handle: (happened.append("close"), close(handle)))
        windows.setattr(Path, "unlink", lambda path, **how: (happened.append("unlink"), unlink(path, **how)))
        with alone_in(Run(tmp_path)):
            pass

    assert ["close", "unlink"] == happened


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with alone_in(Run(tmp_path)):
        pass

    assert [] == list(tmp_path.iterdir())
