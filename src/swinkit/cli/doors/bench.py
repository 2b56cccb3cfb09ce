from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional

from swinkit.cli.options import Debug, Json, counts, listed, listed_sizes, option
from swinkit.cli.screen import count, print_json, print_table, say
from swinkit.verbs.bench import bench

if TYPE_CHECKING:
    from swinkit.verbs.bench import Benchmark, Row

_HEADER = (
    *("who", "median", "95 %", "images/s", "times", "of product rate", "outside"),
    *("working", "process", "MACs", "off by", "start"),
)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Measure inference on this processor, beside other implementations with the same weights.

    Everyone takes turns, round by round, with the machine's own product rate sampled in between; outputs are
    compared first, and who answers something else is left out. Settings take several values with commas.
    Exit code 3 where nothing of what was asked for can run.

    examples:
      swinkit bench
      swinkit bench swin_tiny swin_base --batch 1,8 --dtype float32,bfloat16 --peers timm,openvino
      swinkit bench --image-size 224,448,896 --vs resnet50,vit_s_16,convnext_tiny
      swinkit bench runs/pets-1 --threads 1,2
    """

    model: Annotated[Positional[tuple[str, ...]], option("[MODEL…]", "by default swin_tiny")] = ("swin_tiny",)
    """Sizes (with random weights), runs, weights files."""
    image_size: Annotated[str | None, option("SIZES", "by default the model's own")] = None
    """Sides, or height and width: 224,448,192x320."""
    batch: Annotated[str | None, option("NUMBERS", "by default 1")] = None
    """Images that go through the model at once."""
    dtype: Annotated[str | None, option("{float32,bfloat16,int8}", "by default float32")] = None
    """What products are computed in."""
    threads: Annotated[str | None, option("NUMBERS", "by default as many as torch takes")] = None
    """Threads of the processor."""
    kernel: Annotated[str | None, option("{native,torch,reference}", "by default native,torch")] = None
    """Kernels of swinkit; others are compared with the first."""
    peers: Annotated[str | None, option("NAMES", "by default none")] = None
    """Other implementations: timm,torchvision,transformers,compile,onnxruntime,openvino."""
    vs: Annotated[str | None, option("NAMES", "by default none")] = None
    """Other architectures, by torchvision's or timm's names."""
    rounds: Annotated[int, option("NUMBER", "by default 7")] = 7
    """Turns that each gets."""
    out: Annotated[str | None, option("FOLDER", "by default the first free runs/bench-1, bench-2, …")] = None
    """Where to write bench.json and bench.html."""
    json: Json = False
    debug: Debug = False

    def run(self) -> int:
        found = bench(
            self.model,
            image_size=listed_sizes(self.image_size, "--image-size"),
            batch=counts(self.batch, "--batch"),
            dtype=listed(self.dtype),
            threads=counts(self.threads, "--threads"),
            kernel=listed(self.kernel),
            peers=listed(self.peers),
            vs=listed(self.vs),
            rounds=self.rounds,
            out=self.out,
        )
        if self.json:
            print_json(found.to_dict())
        else:
            _print(found)
        _say_the_end(found)
        return 0


def _print(found: Benchmark) -> None:
    for number, (case, rows) in enumerate(found.cases().items()):
        rate = next(one for one in found.rates if one.case == case)
        print(("\n" if number else "") + f"{case}; product rate {count(rate.best)}MAC/s")
        print_table(_HEADER, [tuple(_cells(row)) for row in rows], right=range(1, len(_HEADER)))
        if peer := found.best_peer(case):
            print(f"the fastest other, {peer.name}, takes {peer.ratio:.2f} times as long as {rows[0].name}")


def _cells(row: Row) -> Iterator[str]:
    yield row.name
    yield f"{1000 * row.wall.p50:.1f} ms"
    yield f"{1000 * row.wall.p95:.1f} ms"
    yield f"{row.throughput:.1f}"
    yield f"{row.ratio:.2f}"
    yield f"{row.share:.0%}"
    yield f"{'≤ ' if row.outside_is == 'at most' else ''}{row.outside:.0%}"
    yield f"{row.memory.working / 2**20:.1f} MiB" if row.memory else "–"
    yield f"{row.memory.process / 2**20:.0f} MiB" if row.memory else "–"
    yield count(row.macs)
    yield "–" if row.off is None else f"{row.off:.0e}"
    yield f"{row.start:.2f} s"


def _say_the_end(found: Benchmark) -> None:
    for one in found.left_out:
        say(f"{one.name} is left out{f' ({one.where})' if one.where else ''}: {one.why}")
    place = found.most_crowded()
    if place is not None:
        had = f"{found.rates[place].busy:.0%} of the processor"
        say(f"the machine was shared: products had {had}; read ratios, not times")
    say(f"wrote bench.json and bench.html into {found.folder}")
