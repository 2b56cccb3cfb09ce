"""Everything swinkit raises on purpose.

    SwinkitError
    ├── ShapeError       (ValueError)    an array or map of the wrong size, type or layout
    ├── ConfigError      (ValueError)    settings that contradict each other or name nothing
    ├── DataError        (ValueError)    images, labels or folders that cannot be used
    ├── CheckpointError  (ValueError)    a weights file that cannot be read, recognised or written
    ├── KernelRefused    (RuntimeError)  a kernel that does not apply to this call or this machine
    └── RunError         (RuntimeError)  a training run that cannot start, go on or be resumed

A message says what was attempted, what came and what was expected; `hint` says what to do.
"""

from __future__ import annotations


class SwinkitError(Exception):
    """Base of all errors that are the caller's to mend; `hint` is one sentence of advice."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class ShapeError(SwinkitError, ValueError):
    pass


class ConfigError(SwinkitError, ValueError):
    pass


class DataError(SwinkitError, ValueError):
    pass


class CheckpointError(SwinkitError, ValueError):
    pass


class KernelRefused(SwinkitError, RuntimeError):
    pass


class RunError(SwinkitError, RuntimeError):
    pass
