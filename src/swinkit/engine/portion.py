"""How many pictures go through the model together, and fewer of them when memory runs out."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable
from typing import TypeVar

import torch

from swinkit.errors import RunError

Result = TypeVar("Result")

_WORDS = ("allocate memory", "bad_alloc", "out of memory")  # of torch's allocators, where no type says it


class Portion:
    """A number of pictures that is halved, for good, whenever memory runs out with it.

    say: is told so in one line. again: whether an act can be tried again; not where other processes wait in
    the middle of it.
    """

    def __init__(self, pictures: int, say: Callable[[str], object], *, again: bool = True) -> None:
        self.pictures = pictures
        self._say, self._again = say, again

    def attempt(self, act: Callable[[int], Result]) -> Result:
        """`act(pictures)`, tried again with half as many, half of those, …

        act must leave nothing behind when it fails. Raises RunError, from a MemoryError, when memory does not
        even suffice for a single picture, or there is no trying again.
        """
        while True:
            try:
                return act(self.pictures)
            except (MemoryError, RuntimeError) as error:
                if not ran_out(error):
                    raise
                wanted = _wanted(error)
            # Only here, outside of the handler, is the error gone and with it all that the failed act held.
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            self._halve(wanted)

    def _halve(self, wanted: str) -> None:
        if not self._again:
            raise RunError(
                f"memory ran out{wanted} in a step that other processes wait in, so it cannot be done again",
                hint="go on with more processes, of which each has less to do: torchrun … --resume",
            ) from MemoryError()
        if self.pictures == 1:
            raise RunError(
                f"memory ran out on a single picture{wanted}",
                hint="smaller pictures (--image-size), a smaller --model, or other programs to end; "
                "what was saved is untouched, and --resume goes on from there",
            ) from MemoryError()
        self.pictures = -(-self.pictures // 2)
        self._say(
            f"memory ran out{wanted}: the step again with {self.pictures} at a time; "
            "batch, order and result stay the same"
        )


def ran_out(error: Exception) -> bool:
    """Whether this is how Python or torch says that there is no more memory."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(
        words in str(error) for words in _WORDS
    )


def _wanted(error: Exception) -> str:
    """What could not be had, in words, where the message says it."""
    found = re.search(r"[Tt]ried to allocate ([\d.]+ ?[KMGT]?i?B|\d+ bytes)", str(error))
    if not found:
        return ""
    amount = found[1]
    if amount.endswith("bytes"):
        amount = f"{int(amount.split()[0]) / 1e6:,.0f} MB"
    return f" (another {amount} were not to be had)"
