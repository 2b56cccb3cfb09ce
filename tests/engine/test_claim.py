from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from swinkit.engine.claim import alone_in
from swinkit.engine.run import Run
from swinkit.errors import RunError

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


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with alone_in(Run(tmp_path)):
        pass

    assert [] == list(tmp_path.iterdir())
