"""What a benchmark is asked for: a setting may have several values, and all are checked before any work."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from swinkit.benchmark.contenders import OTHER
from swinkit.benchmark.others import find
from swinkit.benchmark.own import DEFAULT, OWN
from swinkit.benchmark.peers import PEERS
from swinkit.benchmark.ready import missing
from swinkit.benchmark.results import Case, LeftOut
from swinkit.errors import ConfigError
from swinkit.windows import Pair, pair

DTYPES = ("float32", "bfloat16", "int8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Models, and for each the product of the rest. sizes: empty for the model's own."""

    models: tuple[str, ...]
    sizes: tuple[Pair, ...]
    batches: tuple[int, ...]
    dtypes: tuple[str, ...]
    threads: tuple[int, ...]
    contenders: tuple[str, ...]
    """Names as `contenders.builder` knows them; the first is what others are compared with."""
    left_out: tuple[LeftOut, ...]
    """Peers that are not installed."""
    rounds: int

    def cases(self, model: str, own_size: Pair) -> Iterator[Case]:
        """What a model is to be measured in."""
        every = product(self.sizes or (own_size,), self.dtypes, self.batches, self.threads)
        for size, dtype, batch, threads in every:
            yield Case(model=model, image_size=size, batch=batch, dtype=dtype, threads=threads)


def settled(
    *,
    model: str | Path | Sequence[str | Path],
    image_size: int | Pair | Sequence[int | Pair] | None,
    batch: int | Sequence[int] | None,
    dtype: str | Sequence[str] | None,
    threads: int | Sequence[int] | None,
    kernel: str | Sequence[str] | None,
    peers: str | Sequence[str] | None,
    vs: str | Sequence[str] | None,
    rounds: int,
    usual_threads: int,
) -> Wishes:
    """The wishes of `swinkit.bench`. Raises ConfigError for a name or a number that there is not."""
    wanted = _known("peer", _words(peers), PEERS)
    why = {name: missing(PEERS[name].packages) for name in wanted}
    return Wishes(
        models=_words(model) or ("swin_tiny",),
        sizes=_sizes(image_size),
        batches=_counts("batch", batch, usual=1),
        dtypes=_known("dtype", _words(dtype) or ("float32",), DTYPES),
        threads=_counts("threads", threads, usual=usual_threads),
        contenders=(
            *_known("kernel", _words(kernel) or DEFAULT, OWN),
            *(name for name in wanted if not why[name]),
            *(OTHER + find(name).named for name in _words(vs)),
        ),
        left_out=tuple(LeftOut(name=name, where="", why=said) for name, said in why.items() if said),
        rounds=_counts("rounds", rounds, usual=1)[0],
    )


def _words(value: str | Path | Sequence[str | Path] | None) -> tuple[str, ...]:
    """One, several or none, each once. A word is one value, not its letters."""
    if value is None:
        return ()
    return tuple(dict.fromkeys(map(str, [value] if isinstance(value, (str, Path)) else value)))


def _sizes(value: int | Pair | Sequence[int | Pair] | None) -> tuple[Pair, ...]:
    """A tuple of two numbers is one size, height and width; a list holds several."""
    if value is None:
        return ()
    several = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(pair(one, "image_size") for one in several))  # type: ignore[arg-type]


def _counts(name: str, given: int | Sequence[int] | None, *, usual: int) -> tuple[int, ...]:
    if given is None:
        return (usual,)
    values = [given] if isinstance(given, int) else given
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ConfigError(f"{name} is a count from 1; got {value!r}")
    return tuple(dict.fromkeys(values)) or (usual,)


def _known(what: str, names: Sequence[str], known: Collection[str]) -> tuple[str, ...]:
    for name in names:
        if name not in known:
            raise ConfigError(f"bench knows no {what} {name!r}", hint=f"choose among {', '.join(known)}")
    return tuple(names)
