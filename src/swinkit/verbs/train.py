"""Learn from a folder of pictures."""

from __future__ import annotations

import json
import platform
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from swinkit import __version__
from swinkit.engine.run import SCHEMA, Run, clear, new_run
from swinkit.errors import ConfigError, RunError

if TYPE_CHECKING:
    from swinkit.data import ImageSet, Split
    from swinkit.data.loader import Images
    from swinkit.engine.checkpoint import Continuation
    from swinkit.engine.progress import Progress
    from swinkit.engine.settings import TrainConfig
    from swinkit.models import Swin
    from swinkit.recipes.defaults import DataFacts, Machine, Plan, Start, Wishes
    from swinkit.tasks import Evaluation, Task

_LOOKED_AT = 100  # pictures whose sizes are measured
_SHOWN = 10  # pictures left out that are named on the screen


def train(
    data: str | Path | None = None,
    *,
    out: str | Path | None = None,
    seed: int = 0,
    model: str | None = None,
    weights: str | Path | None = None,
    image_size: int | tuple[int, int] | None = None,
    epochs: int | None = None,
    time: str | None = None,
    batch: int | None = None,
    lr: float | None = None,
    precision: Literal["fp32", "bf16"] | None = None,
    device: str | None = None,
    threads: int | None = None,
    kernel: str | None = None,
    resume: str | Path | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
) -> Run:
    """Train a Swin on pictures; says what it will do and why, then does it.

    Everything about the training lies in the run's folder, which `predict` and `evaluate` take as weights.
    Ctrl-C saves first and says how to go on.

    Args:
        data: A folder of class folders, with or without train, val and test above them; without one, the
            embedded handwritten digits. Nothing is written into it.
        out: Folder of the run; by default the first free runs/NAME-1, runs/NAME-2, …
        seed: Decides everything that is random.
        model: Size to train from scratch (`swinkit models`); by default one that suits the pictures.
        weights: What to start from in place of fresh weights: a run, a weights file, the name of published
            weights, or hf:owner/name.
        image_size: Pixels of the model's input; by default what suits the pictures, or the weights.
        epochs: Passes over the training pictures.
        time: How long to train, in place of epochs: 90s, 10m, 1h.
        batch: Pictures in one step.
        lr: Peak learning rate.
        precision: Of products inside a training step; by default bf16 where the machine is faster with it.
        device: What computes, in torch's words (cpu, cuda, cuda:1); by default a GPU where there is one.
        threads: CPU threads; by default as many as torch takes.
        kernel: Window attention to use (`swinkit doctor` lists them); by default the fastest that applies.
        resume: A run to go on with, exactly where it stopped; no other setting goes with it.
        overwrite: Replace the run that `out` holds.
        dry_run: Stop after saying what would be done.

    Returns:
        The run; `run.evaluation` has the numbers, `run.best` the model.

    Raises:
        DataError: the pictures cannot be trained on.
        ConfigError: settings contradict each other.
        RunError: the run's folder is taken, or training broke down.
        KeyboardInterrupt: stopped on request, after saving.
    """
    from swinkit.recipes.defaults import Wishes

    if resume is not None:
        others = (
            out,
            model,
            weights,
            image_size,
            epochs,
            time,
            batch,
            lr,
            precision,
            device,
            threads,
            kernel,
        )
        if data is not None or seed or overwrite or dry_run or any(value is not None for value in others):
            raise ConfigError(
                "a resumed run keeps its settings, so nothing else can be set beside it",
                hint=f"swinkit train --resume {resume}",
            )
        return _resume(Run(Path(resume)))
    wishes = Wishes(
        data=None if data is None else str(data),
        model=model,
        image_size=(image_size, image_size) if isinstance(image_size, int) else image_size,
        epochs=epochs,
        seconds=None if time is None else seconds_in(time),
        batch=batch,
        lr=lr,
        precision=precision,
        kernel=kernel,
        seed=seed,
    )
    _refuse_contradictions(wishes, weights)
    return _start(
        wishes, weights, out=out, device=device, threads=threads, overwrite=overwrite, dry_run=dry_run
    )


def _start(
    wishes: Wishes,
    weights: str | Path | None,
    *,
    out: str | Path | None,
    device: str | None,
    threads: int | None,
    overwrite: bool,
    dry_run: bool,
) -> Run:
    from swinkit.data import open_images, with_validation
    from swinkit.engine.progress import Progress
    from swinkit.engine.timing import measured_pace
    from swinkit.recipes.defaults import default_plan, within_time
    from swinkit.recipes.fresh import fresh_model, preprocess
    from swinkit.tasks import TASKS
    from swinkit.verbs.classifier import computing
    from swinkit.verbs.machine import processor

    images = open_images(wishes.data)
    run = new_run(out, name=images.name, overwrite=overwrite)
    progress = Progress(run)
    whole, images = images, _readable(images, progress)
    images, divided = with_validation(images, seed=wishes.seed)
    with computing(threads=threads, kernel=wishes.kernel):
        begun, start = _weights(weights, images, wishes)
        plan = default_plan(_facts(images), _machine(device), wishes, start)
        model = begun or fresh_model(plan.config, images.classes)
        model.preprocess = model.preprocess or preprocess(plan.config)
        task = TASKS[plan.config.task](images.classes)
        train = _training_images(images, model, plan.config)
        pace = measured_pace(
            model,
            task,
            train,
            images.split("val").samples,
            plan.config,
            cores=processor().cores,
            threads_asked=threads is not None,
        )
        plan = within_time(plan, wishes, pace)
        _say_plan(progress, plan, images, model, divided=divided, run=run)
        if dry_run:
            return run
        _begin(run, plan, images, whole)
        return _train_and_score(run, plan.config, images, model, task, train, progress)


def _resume(run: Run) -> Run:
    from swinkit.data import open_images
    from swinkit.engine.checkpoint import load_checkpoint
    from swinkit.engine.progress import Progress
    from swinkit.tasks import TASKS
    from swinkit.verbs.classifier import chosen_device, computing
    from swinkit.verbs.evaluate import divided_as

    facts, config = run.facts, run.config
    chosen_device(config.device)
    images = open_images(config.data)
    if images.fingerprint() != facts["data"]["fingerprint"]:
        raise RunError(
            f"cannot resume {run.folder}: the pictures in {images.name} are not those it was begun with",
            hint="bring them back, or begin anew with another --out",
        )
    images = divided_as(run, images)
    progress = Progress(run, goes_on=True)
    with computing(threads=config.threads, kernel=config.kernel):
        model, continuation = load_checkpoint(run)
        position = continuation.position
        progress.say(
            f"going on with {run.folder} after step {position.step}, epoch {len(position.history) + 1}"
        )
        task = TASKS[config.task](images.classes)
        train = _training_images(images, model, config)
        return _train_and_score(run, config, images, model, task, train, progress, continuation)


def _train_and_score(
    run: Run,
    config: TrainConfig,
    images: ImageSet,
    model: Swin,
    task: Task,
    train: Images,
    progress: Progress,
    continuation: Continuation | None = None,
) -> Run:
    """Fit, then score the best model as it lies on the disk."""
    from swinkit.engine.inference import evaluate
    from swinkit.engine.interrupt import Interrupted
    from swinkit.engine.loop import fit
    from swinkit.verbs.evaluate import write_evaluation
    from swinkit.weights import load

    try:
        fit(model, task, train, images.split("val").samples, config, run, progress, continuation=continuation)
    except Interrupted as stopped:
        progress.say(f"{stopped}, and saved; to go on: swinkit train --resume {run.folder}")
        progress.keep()
        raise
    held_out: Split = "test" if "test" in images.splits() else "val"
    found = evaluate(load(run.best).to(config.device), task, images.split(held_out).samples)
    found = replace(found, data=images.name, split=held_out, weights=str(run.best))
    write_evaluation(run.folder, found)
    _say_result(progress, run, found)
    return run


# What goes in ---------------------------------------------------------------------------------------------


def _readable(images: ImageSet, progress: Progress) -> ImageSet:
    """The images without those that cannot be decoded, which are named."""
    from swinkit.data.loader import verify

    with progress.counting("reading pictures", len(images)) as count:
        good, bad = verify(images.samples, progress=count)
    images = replace(images, samples=good, skipped=(*images.skipped, *bad))
    for path, reason in images.skipped[:_SHOWN]:
        progress.say(f"left out {path}: {reason}")
    if len(images.skipped) > _SHOWN:
        progress.say(f"left out {len(images.skipped) - _SHOWN} more; run.json lists them all")
    for note in images.notes:
        progress.say(f"note: {note}")
    return images


def _weights(
    source: str | Path | None, images: ImageSet, wishes: Wishes
) -> tuple[Swin, Start] | tuple[None, None]:
    """The model to start from, with a head for these classes, and what the recipe has to know of it."""
    from swinkit.recipes.defaults import DROP_PATH, Start
    from swinkit.weights import load

    if source is None:
        return None, None
    model = load(source, classes=images.classes, image_size=wishes.image_size, drop_path=DROP_PATH)
    return model, Start(weights=str(source), config=model.config, preprocess=model.preprocess)


def _facts(images: ImageSet) -> DataFacts:
    from swinkit.recipes.defaults import DataFacts

    train = images.split("train").samples
    sizes = [sample.pixels().shape[:2] for sample in train[:: max(1, len(train) // _LOOKED_AT)]]
    heights, widths = zip(*sizes, strict=True)
    return DataFacts(
        name=images.name,
        layout=images.layout,
        train=len(train),
        val=len(images.split("val").samples),
        classes=images.classes,
        size=(sorted(heights)[len(heights) // 2], sorted(widths)[len(widths) // 2]),
    )


def _machine(device: str | None) -> Machine:
    import torch

    from swinkit.recipes.defaults import Machine
    from swinkit.verbs.classifier import chosen_device
    from swinkit.verbs.machine import processor

    chip, chosen = processor(), chosen_device(device)
    return Machine(
        device=chosen,
        threads=torch.get_num_threads(),
        bf16=torch.cuda.is_bf16_supported(including_emulation=False)
        if chosen.startswith("cuda")
        else chosen == "cpu" and chip.computes_bf16,
    )


def _training_images(images: ImageSet, model: Swin, config: TrainConfig) -> Images:
    from swinkit.data.loader import Images
    from swinkit.data.transforms import train_transform
    from swinkit.engine.inference import preprocess_of

    preprocess = preprocess_of(model)
    transform = train_transform(
        config.augmentation,
        image_size=preprocess.image_size,
        mean=preprocess.mean,
        std=preprocess.std,
        interpolation=preprocess.interpolation,
    )
    return Images(
        samples=images.split("train").samples,
        classes=images.classes,
        transform=transform,
        channels=len(preprocess.mean),
        seed=config.seed,
    )


def seconds_in(text: str) -> float:
    """90s, 10m, 1h, 1h30m as seconds. Raises ConfigError for anything else."""
    match = re.fullmatch(r"(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s)?", text.replace(" ", ""))
    try:
        seconds = (
            sum(float(part) * unit for part, unit in zip(match.groups(), (3600, 60, 1), strict=True) if part)
            if match
            else 0.0
        )
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise ConfigError(f"{text!r} is no length of time", hint="write 90s, 10m or 1h30m")
    return seconds


def _refuse_contradictions(wishes: Wishes, weights: str | Path | None) -> None:
    wrong = []
    if wishes.epochs is not None and wishes.seconds is not None:
        wrong.append("epochs and time both say how long; give one of them")
    if wishes.model is not None and weights is not None:
        wrong.append(
            "model names a size to train from scratch, and weights bring their own; give one of them"
        )
    for name in ("epochs", "batch"):
        value = getattr(wishes, name)
        if value is not None and value < 1:
            wrong.append(f"{name} is a count from 1; got {value}")
    if wishes.image_size is not None and min(wishes.image_size) < 1:
        wrong.append(f"image_size is in pixels, from 1; got {wishes.image_size}")
    if wrong:
        raise ConfigError("; ".join(wrong))


# What comes out -------------------------------------------------------------------------------------------


def _begin(run: Run, plan: Plan, images: ImageSet, whole: ImageSet) -> None:
    """Write what is known before the first step: run.json and split.csv. whole: with what cannot be read."""
    from swinkit.data import write_atomically, write_split
    from swinkit.kernels import kernel_report

    clear(run)
    facts = {
        "schema": SCHEMA,
        "config": plan.config.to_dict(),
        "reasons": plan.reasons,
        "data": {
            "name": images.name,
            "fingerprint": whole.fingerprint(),
            "classes": images.classes,
            "pictures": {name: len(images.split(name)) for name in images.splits()},
            "unreadable": sorted({s.name for s in whole.samples} - {s.name for s in images.samples}),
        },
        "skipped": images.skipped,
        "kernel": next(report.name for report in kernel_report() if report.runs),
        "versions": _versions(),
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
    }
    write_split(run.split, images.samples)
    write_atomically(run.folder / "run.json", json.dumps(facts, indent=2, ensure_ascii=False) + "\n")


def _versions() -> dict[str, str]:
    import numpy
    import torch

    return {
        "swinkit": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": numpy.__version__,
    }


def _say_plan(
    progress: Progress, plan: Plan, images: ImageSet, model: Swin, *, divided: bool, run: Run
) -> None:
    if divided:
        progress.say("split: by class, a fifth of the training pictures to choose by; split.csv says which")
    for reason in plan.reasons:
        progress.say(reason)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    progress.say(f"run: {run.folder}, {parameters:,} parameters to learn")


def _say_result(progress: Progress, run: Run, found: Evaluation) -> None:
    chosen = ", by which the best epoch was also chosen" if found.split == "val" else ""
    progress.say(
        f"accuracy {found.accuracy:.1%} (balanced {found.balanced_accuracy:.1%}) on the {found.pictures:,} "
        f"pictures of {found.split}{chosen}"
    )
    progress.say(f"the model is {run.best}; to use it: swinkit predict PICTURES --weights {run.folder}")
    progress.keep()
