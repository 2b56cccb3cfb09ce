"""A server on this machine that answers as the Hugging Face hub does."""

from __future__ import annotations

import hashlib
import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from huggingface_hub import constants

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class StandIn:
    """A hub of one repository: files by name, the requests it got, and the answers it is told to give."""

    def __init__(self) -> None:
        self.repository = "someone/swin_tiny"
        self.files: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.refusal: tuple[int, str] | None = None
        self.delay_seconds = 0.0
        self.endpoint = ""

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.requests.append(f"{request.command} {request.path}")
        time.sleep(self.delay_seconds)
        prefix = f"/{self.repository}/resolve/"
        revision, _, name = request.path.removeprefix(prefix).partition("/")
        if self.refusal is not None:
            self.reply(request, self.refusal[0], b"", {"X-Error-Code": self.refusal[1]})
        elif not request.path.startswith(prefix):
            self.reply(request, 401, b"", {"X-Error-Code": "RepoNotFound"})
        elif revision not in ("main", COMMIT):
            self.reply(request, 404, b"", {"X-Error-Code": "RevisionNotFound"})
        elif name not in self.files:
            self.reply(request, 404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        else:
            etag = hashlib.sha256(self.files[name]).hexdigest()
            self.reply(request, 200, self.files[name], {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})

    @staticmethod
    def reply(
        request: http.server.BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]
    ) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(body)


@contextmanager
def standing_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """The hub, as far as this process knows; what is fetched lies in `home`."""
    stand_in = StandIn()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            stand_in.answer(self)

        def do_GET(self) -> None:
            stand_in.answer(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    stand_in.endpoint = f"http://127.0.0.1:{server.server_port}"
    clean_environment(monkeypatch, home, stand_in.endpoint)
    yield stand_in
    server.shutdown()
    server.server_close()
    thread.join()


def clean_environment(monkeypatch: pytest.MonkeyPatch, home: Path, endpoint: str) -> None:
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HF_HOME", str(home))
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
