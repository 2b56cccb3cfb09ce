"""The sentences of the page about speed."""

from __future__ import annotations

from markupsafe import Markup

from swinkit.benchmark.results import Benchmark, Case, Row
from swinkit.report.numbers import Sheet, Shown
from swinkit.report.page import called

COLUMNS = (
    "median",
    "95 of 100 within",
    "images a second",
    "times the first",
    "of the product rate",
    "outside products",
    "working memory",
    "process",
    "multiply-adds an image",
    "off by",
    "start",
)
HOW = (
    "All of a case take turns, round by round, and before each turn the machine multiplies matrices of "
    "2048 × 2048: what slows the machine slows all alike. A line behind a bar reaches to the 95th "
    "percentile.",
    "<strong>Times the first</strong> and <strong>of the product rate</strong> are medians over rounds. The "
    "rate is that of torch.mm in the same type with the same threads, just before.",
    "<strong>Outside products</strong> is measured by torch's profiler (attention that is one operator "
    "counts as a product); with a ≤ it is what is left at most, were products as fast as that rate.",
    "<strong>Working memory</strong> is what calls add to a process of their own, beside weights and images; "
    "<strong>process</strong> is everything it holds more than before, weights in all copies included.",
    "<strong>Off by</strong> is the largest difference from the formula in float32, as a share of the "
    "largest logit; who is further off than the type allows is not timed. Other architectures have nothing "
    "to agree with.",
    "<strong>Start</strong> is the time from the model in memory to the first answer: packing, tracing, "
    "compiling.",
)


def headline(found: Benchmark, sheet: Sheet) -> Markup:
    """The first case in a sentence."""
    case = found.rows[0].case
    time = sheet.measure("rows", 0, "wall", "p50", unit="s")
    images = "one image" if case.batch == 1 else f"{case.batch} images"
    said = Markup("{} answers {} in {}").format(called(case.model), images, time)
    beside = best_peer(case, found, sheet)
    return said + Markup("; ") + beside if beside else said


def best_peer(case: Case, found: Benchmark, sheet: Sheet) -> Markup:
    """The fastest other implementation of a case beside its first contender; empty where there is none."""
    first, peer = found.first(case), found.best_peer(case)
    if peer is None:
        return Markup("")
    times = sheet.plain("rows", found.rows.index(peer), "ratio", digits=2)
    return Markup("the fastest other, {}, takes {} times as long as {}").format(peer.name, times, first.name)


def lead(found: Benchmark, sheet: Sheet) -> Markup:
    """The machine, and whether it was ours alone."""
    here = found.machine
    sets = ", ".join(here.instruction_sets)
    said = Markup("On {} ({} cores; {}), torch {}.").format(
        called(here.processor), here.cores, sets or "no vector instructions known", here.versions["torch"]
    )
    place = found.most_crowded()
    if place is not None:
        said += Markup(
            " Others used the machine at the same time: its threads had the processor for {} of the time "
            "that a product took. Read ratios and shares, not single times."
        ).format(sheet.whole("rates", place, "busy"))
    return said


def rate(place: int, sheet: Sheet) -> Markup:
    """The product rate between the timings of a case."""
    best, median = (sheet.measure("rates", place, name, unit="MAC/s") for name in ("best", "median"))
    return Markup("Product rate of the machine: {} at best, {} in the median of {} samples.").format(
        best, median, sheet.count("rates", place, "samples")
    )


def outside(share: Shown, row: Row) -> Markup:
    return Markup("{}{}").format("≤ " if row.outside_is == "at most" else "", share)


def footer() -> Markup:
    return Markup("Every number stands in <code>bench.json</code> beside this page.")
