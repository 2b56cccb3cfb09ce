"""Nothing that was written before is ever lost."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from swinkit.errors import RunError
from swinkit.writing import printable, write_atomically


@pytest.mark.parametrize(
    "content", [b"new", "new", lambda file: file.write(b"new")], ids=["bytes", "text", "a function"]
)
def test_content_replaces_what_stood_there(tmp_path, content):
    path = tmp_path / "deep" / "file"
    write_atomically(path, b"old")

    assert path == write_atomically(path, content)

    assert path.read_bytes() == b"new"
    assert [path] == [*path.parent.iterdir()]


def _full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_costs_nothing_and_is_said_in_one_sentence(tmp_path, monkeypatch, call):
    path = tmp_path / "best"
    write_atomically(path, b"old")
    monkeypatch.setattr(os, call, _full_disk)

    with pytest.raises(RunError, match=r"cannot write .*best: No space left on device"):
        write_atomically(path, b"new")

    assert path.read_bytes() == b"old"
    assert [path] == [*tmp_path.iterdir()]


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_writes_that_take_only_a_part_are_gone_on_with(tmp_path, monkeypatch, size):
    write_for_real = os.write
    monkeypatch.setattr(
        os, "write", lambda handle, data: write_for_real(handle, memoryview(data)[: max(1, len(data) // 3)])
    )

    write_atomically(tmp_path / "file", bytes(range(256)) * (size // 256) + b"end")

    assert (tmp_path / "file").read_bytes() == bytes(range(256)) * (size // 256) + b"end"


def test_what_the_system_refused_is_told_whatever_the_writer_makes_of_it(tmp_path, monkeypatch):
    """torch says "file write failed"; a person has to know that the disk is full."""
    monkeypatch.setattr(os, "write", _full_disk)

    def wraps(file):
        try:
            file.write(b"new")
            file.flush()
        except OSError:
            raise RuntimeError("file write failed") from None

    with pytest.raises(RunError, match="No space left on device"):
        write_atomically(tmp_path / "file", wraps)


def test_a_writer_that_fails_half_way_leaves_the_old_file_and_keeps_its_error(tmp_path):
    path = tmp_path / "best"
    write_atomically(path, b"old")

    def half(file):
        file.write(b"ne")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, half)

    assert path.read_bytes() == b"old"
    assert [path] == [*tmp_path.iterdir()]


def test_a_reader_never_sees_a_part_even_when_the_writer_is_killed(tmp_path):
    path = tmp_path / "state"
    program = (
        "import sys; from swinkit.writing import printable, write_atomically\n"
        "number = 0\n"
        "while True:\n"
        "    write_atomically(sys.argv[1], bytes([number % 256]) * 200_000); number += 1"
    )
    for delay in (0.0, 0.003, 0.011, 0.02):
        with subprocess.Popen([sys.executable, "-c", program, str(path)]) as writer:
            while not path.exists():
                time.sleep(0.005)
            time.sleep(delay)
            writer.send_signal(signal.SIGKILL)
        content = path.read_bytes()

        assert len(content) == 200_000
        assert len(set(content)) == 1


def test_a_link_stays_a_link(tmp_path):
    write_atomically(tmp_path / "real", b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")

    write_atomically(tmp_path / "link", b"new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_bytes(b"")

    write_atomically(tmp_path / "atomic", b"")

    assert (tmp_path / "plain").stat().st_mode == (tmp_path / "atomic").stat().st_mode


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(RunError, match="cannot write"):
        write_atomically(tmp_path / "file" / "below", b"")


def test_bytes_that_are_no_utf8_are_kept_in_text_and_escaped_in_json(tmp_path):
    name = b"caf\xe9".decode("utf-8", "surrogateescape")

    write_atomically(tmp_path / "a.txt", name)
    write_atomically(tmp_path / "a.json", json.dumps([name], ensure_ascii=False))

    assert b"caf\xe9" == (tmp_path / "a.txt").read_bytes()
    assert [name] == json.loads((tmp_path / "a.json").read_text("utf-8"))


@pytest.mark.parametrize("sign", ["\x1b", "\n", "\u202e", "\u2066", "\u2028"])
def test_signs_that_would_change_what_is_seen_are_spelt(sign):
    assert printable(f"a{sign}b") == f"a{sign!r}b".replace("'", "")
