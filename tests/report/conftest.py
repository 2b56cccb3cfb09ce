"""One finished training for all tests of this room, and others made from it."""

from __future__ import annotations

import pytest

from tests.report.runs import Finished, finished


@pytest.fixture(scope="session")
def run() -> Finished:
    return finished()
