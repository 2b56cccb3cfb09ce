# make demo    train on the embedded digits, predict, evaluate: four to nine minutes on two CPU cores
# make test    the whole suite, about fifteen minutes on two cores
# make check   lint, formatting, types
# make soak    the full matrix behind the suite: every format, direction, size and dtype
# make setup   only the environment, in .venv; SWINKIT_TORCH chooses another build of torch (scripts/setup)
# All of them can be run again at any time; the environment is made once.

.PHONY: setup demo test soak check

VENV := .venv/bin

setup:
	@scripts/setup

demo: setup
	@scripts/demo

test:
	@scripts/setup dev peers browser
	OMP_NUM_THREADS=1 $(VENV)/python -m pytest -n 2

soak:
	@scripts/setup dev peers browser
	OMP_NUM_THREADS=1 $(VENV)/python -m pytest -n 2 -m soak

check:
	@scripts/setup dev peers browser
	@scripts/check
