"""`python -m swinkit` is the command `swinkit`."""

from swinkit.cli.main import run

run()
