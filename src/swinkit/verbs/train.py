"""Learn from a folder of pictures."""

from __future__ import annotations

import shlex
import time as clock
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from swinkit.engine.run import Run, cached, new_run, refuse_begun
from swinkit.errors import ConfigError, RunError
from swinkit.tasks.imbalance import Asked

if TYPE_CHECKING:
    from swinkit.data import ImageSet
    from swinkit.engine.checkpoint import Continuation
    from swinkit.engine.distillation import Teacher
    from swinkit.engine.distributed import Processes
    from swinkit.engine.progress import Progress
    from swinkit.engine.settings import TrainConfig
    from swinkit.models import Backbone
    from swinkit.recipes.defaults import Plan
    from swinkit.recipes.wishes import Wishes
    from swinkit.tasks import Task
    from swinkit.trust.assess import Frozen
    from swinkit.verbs.training_data import TrainingData


def train(
    data: str | Path | None = None,
    *,
    out: str | Path | None = None,
    seed: int = 0,
    labels: str | Path | None = None,
    group_by: str | None = None,
    resplit: bool = False,
    exclude: str | Path | None = None,
    recipe: str | None = None,
    model: str | None = None,
    weights: str | Path | None = None,
    image_size: int | tuple[int, int] | None = None,
    epochs: int | None = None,
    time: str | None = None,
    batch: int | None = None,
    lr: float | Literal["find"] | None = None,
    precision: Literal["fp32", "bf16"] | None = None,
    teacher: str | Path | None = None,
    distillation: Literal["soft", "hard"] = "soft",
    imbalance: Asked = "auto",
    device: str | None = None,
    threads: int | None = None,
    cache: Literal["ram", "disk", "none"] | None = None,
    shard: bool = False,
    kernel: str | None = None,
    track: Literal["tensorboard", "mlflow", "wandb"] | None = None,
    resume: str | Path | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
) -> Run:
    """Train a Swin, or a network of timm, on pictures; says what it will do and why, then does it.

    Everything about the training lies in the run's folder, which `predict` and `evaluate` take as weights.
    Ctrl-C saves first and says how to go on.

    Args:
        data: A folder of class folders, with or without train, val and test above them, a table of
            path,label, parquet files or tar archives, or hf:owner/name, a data set that is streamed from the
            Hugging Face hub; without one, the embedded handwritten digits. Nothing is written into it.
        out: Folder of the run; by default the first free runs/NAME-1, runs/NAME-2, …, beside the data where
            that would be inside it.
        seed: Decides everything that is random.
        labels: Text file with one class in each line, which fixes their order; by default those of train, in
            natural order.
        group_by: What a split never parts (a patient, a film): a column of the table, or a pattern of file
            names with braces around what belongs together, as in {patient}_*.
        resplit: Divide the pictures anew, whatever splits the data brings.
        exclude: findings.csv of a `check`: the files it says to leave out are left out.
        recipe: A published recipe (`recipes/published.py`), or FILE.py:FUNCTION, a function of yours that
            returns a TrainConfig, or takes the one that suits the pictures and returns it changed
            (docs/how-to/recipes.md); other settings go before what it says.
        model: Size to train (`swinkit models`), or timm:NAME, a network of timm (`swinkit[timm]`); by default
            one that suits the pictures.
        weights: What to start from: a run, a weights file, the name of published weights, hf:owner/name, or
            none. By default published weights of the model, where they lie on this disk or can be fetched;
            that is tried once, for five seconds, and what will be fetched is named first.
        image_size: Pixels of the model's input; by default what suits the pictures, or the weights.
        epochs: Passes over the training pictures.
        time: How long to train, in place of epochs: 90s, 10m, 1h.
        batch: Pictures in one step.
        lr: Peak learning rate; "find" tries ever higher ones for some steps and takes the best.
        precision: Of products inside a training step; by default bf16 where the machine is faster with it.
        teacher: A model to learn from beside the labels: a run, a weights file, the name of published
            weights, hf:owner/name or timm:NAME. It has to know all classes, under these names.
        distillation: soft learns the teacher's probabilities, hard just its answers.
        imbalance: What to do about classes of unequal size: none, weights, sampler or logit-adjust; auto does
            something from 5 to 1 on, and says what.
        device: What computes, in torch's words (cpu, cuda, cuda:1); by default a GPU where there is one.
        threads: CPU threads; by default as many as torch takes.
        cache: Where to keep training pictures decoded and small: ram, disk (the run's folder, until the
            training ends) or none. By default in memory where they take a tenth of what is free or less.
        shard: Whether several processes (torchrun) share out the model, each with a part of the weights,
            their gradients and what the optimiser remembers. Happens unasked where one has no room for all.
        kernel: What computes the blocks (`swinkit doctor` lists the kernels); by default the fastest.
        track: Where the numbers of each epoch are shown as well: tensorboard (in the run's folder), mlflow or
            wandb (as their environment variables say). metrics.jsonl has them always.
        resume: A run to go on with, exactly where it stopped; no other setting goes with it.
        overwrite: Replace the run that `out` holds.
        dry_run: Stop after saying what would be done.

    Returns:
        The run; `run.evaluation` has the numbers, `run.best` the model.

    Raises:
        DataError: the pictures cannot be trained on.
        ConfigError: settings contradict each other, or `out` lies inside the data.
        RunError: the run's folder is taken, or training broke down.
        KeyboardInterrupt: stopped on request, after saving.
    """
    from swinkit.data import read_classes
    from swinkit.engine.distributed import joined, own_device
    from swinkit.engine.interrupt import stop_on_request
    from swinkit.engine.trackers import check_tracker
    from swinkit.recipes.wishes import Wishes
    from swinkit.verbs.classifier import chosen_device

    with joined() as processes:
        if processes.rank > 0:
            with stop_on_request():  # the first process is asked to stop too, and they stop together
                return _follow(processes)
        with processes.released():
            wishes = Wishes(
                data=None if data is None else str(data),
                labels=None if labels is None else read_classes(labels),
                labels_file=None if labels is None else str(labels),
                group_by=group_by,
                resplit=resplit,
                exclude=None if exclude is None else str(exclude),
                recipe=recipe,
                model=model,
                weights=None if weights is None else str(weights),
                image_size=(image_size, image_size) if isinstance(image_size, int) else image_size,
                epochs=epochs,
                time=time,
                batch=batch,
                lr=lr,
                precision=precision,
                teacher=None if teacher is None else str(teacher),
                distillation=distillation,
                imbalance=imbalance,
                device=device,
                threads=threads,
                cache=cache,
                shard=shard,
                kernel=kernel,
                track=track,
                seed=seed,
            )
            if resume is not None:
                if wishes != Wishes() or out is not None or overwrite or dry_run:
                    raise ConfigError(
                        "a resumed run keeps its settings, so nothing else can be set beside it",
                        hint=f"swinkit train --resume {shlex.quote(str(resume))}",
                    )
                return _resume(Run(Path(resume)))
            if shard and processes.size == 1:
                raise ConfigError(
                    "shard shares a model out over several processes, and this is the only one",
                    hint="torchrun --nproc-per-node 8 -m swinkit train … --shard",
                )
            check_tracker(track)
            own_device(chosen_device(device))
            return _start(wishes, out=out, overwrite=overwrite, dry_run=dry_run)


def _start(wishes: Wishes, *, out: str | Path | None, overwrite: bool, dry_run: bool) -> Run:
    """Look at everything, say the plan, and follow it."""
    from swinkit.data import open_images
    from swinkit.engine.claim import alone_in
    from swinkit.engine.progress import Progress
    from swinkit.health.findings import read_exclusions
    from swinkit.recipes.named import recipe_named, with_recipe
    from swinkit.verbs.classifier import computing
    from swinkit.verbs.frozen import frozen_features, keep_frozen, say_by_folds, warm_start
    from swinkit.verbs.planning import planned
    from swinkit.verbs.record import begin
    from swinkit.verbs.starting_weights import refuse_unknown
    from swinkit.verbs.training_data import training_data

    began = clock.monotonic()
    recipe = None if wishes.recipe is None else recipe_named(wishes.recipe)
    wishes = wishes if recipe is None else with_recipe(wishes, recipe)
    refuse_unknown(wishes.model, wishes.weights, wishes.teacher)
    left_out = frozenset() if wishes.exclude is None else read_exclusions(wishes.exclude)
    images = open_images(wishes.data, labels=wishes.labels, group_by=wishes.group_by, exclude=left_out)
    run = new_run(out, name=images.name, data=wishes.data, overwrite=overwrite)
    progress = Progress(run)
    data = training_data(images, wishes, left_out, progress)
    with computing(threads=wishes.threads, kernel=wishes.kernel):
        found = planned(data, wishes, recipe, progress, began=began)
        plan, model, config = found.plan, found.model, found.plan.config
        _say_plan(progress, plan, data, model, run)
        if dry_run:
            return run
        with alone_in(run):
            if not overwrite:
                refuse_begun(run)  # by a training that came and went while this one was planned
            begin(run, plan, model, data, found.facts)
            frozen = frozen_features(model, data.images, config, progress, most=found.probed)
            keep_frozen(run, frozen)
            if config.warm_start:
                say_by_folds(found.task, frozen, config.seed, progress, together=data.copies or ())
                warm_start(model, found.task, frozen)
            teacher = found.teacher
            return _fit_and_score(run, config, data.images, model, found.task, progress, frozen, teacher)


def _resume(run: Run) -> Run:
    """Go on where a run stopped, with the settings, weights and pictures it has."""
    from swinkit.engine.checkpoint import load_checkpoint
    from swinkit.engine.claim import alone_in
    from swinkit.engine.distributed import own_device
    from swinkit.engine.progress import Progress
    from swinkit.verbs.classifier import chosen_device, computing
    from swinkit.verbs.evaluate import divided_as
    from swinkit.verbs.frozen import kept_frozen
    from swinkit.verbs.record import changes_since, pictures_of
    from swinkit.verbs.teacher import teacher_for
    from swinkit.verbs.training_data import task_of

    facts, config = run.facts, run.config
    own_device(chosen_device(config.device))
    images = pictures_of(run)
    if images.fingerprint() != facts["data"]["fingerprint"]:
        raise RunError(
            f"cannot resume {run.folder}: the pictures in {images.name} are not those it was begun with: "
            + changes_since(run, images),
            hint="bring them back, or begin anew with another --out",
        )
    images = divided_as(run, images)
    progress = Progress(run, goes_on=True)
    with alone_in(run), computing(threads=config.threads, kernel=config.kernel):
        model, continuation = load_checkpoint(run)
        position = continuation.position
        progress.say(
            f"going on with {run.folder} after step {position.step}, epoch {len(position.history) + 1}"
        )
        task, frozen = task_of(images, config), kept_frozen(run, images)
        teacher = teacher_for(images, model, config)
        return _fit_and_score(run, config, images, model, task, progress, frozen, teacher, continuation)


def _follow(processes: Processes) -> Run:
    """In a process beside the first one: take up, without a word, the run that it has begun.

    Raises SystemExit where there is no run, or it ends in a way that the first process tells.
    """
    from swinkit.engine.checkpoint import load_checkpoint
    from swinkit.engine.distributed import LeftAlone
    from swinkit.engine.interrupt import Interrupted
    from swinkit.engine.loop import fit
    from swinkit.engine.progress import Progress
    from swinkit.verbs.classifier import computing
    from swinkit.verbs.evaluate import divided_as
    from swinkit.verbs.record import pictures_of
    from swinkit.verbs.teacher import teacher_for
    from swinkit.verbs.training_data import kept_pictures, task_of

    folder = processes.announced()
    if folder is None:
        raise SystemExit(0)
    run = Run(Path(folder))
    config = run.config
    images = divided_as(run, pictures_of(run))
    with computing(threads=config.threads, kernel=config.kernel):
        model, continuation = load_checkpoint(run)
        silent = Progress(run, silent=True)
        train, val = kept_pictures(images, model, run, config, silent)
        try:
            fit(
                model,
                task_of(images, config),
                train,
                val,
                config,
                run,
                silent,
                continuation=continuation,
                teacher=teacher_for(images, model, config),
            )
        except Interrupted:
            raise SystemExit(130) from None
        except RunError as error:
            if isinstance(error, LeftAlone) or isinstance(error.__cause__, MemoryError):
                raise
            raise SystemExit(1) from error
    return run


def _fit_and_score(
    run: Run,
    config: TrainConfig,
    images: ImageSet,
    model: Backbone,
    task: Task,
    progress: Progress,
    frozen: Frozen | None,
    teacher: Teacher | None,
    continuation: Continuation | None = None,
) -> Run:
    """Fit, then score the best model as it lies on the disk."""
    from swinkit.engine.interrupt import Interrupted
    from swinkit.engine.loop import fit
    from swinkit.verbs.evaluate import assess_run
    from swinkit.verbs.result import result_lines
    from swinkit.verbs.training_data import kept_pictures

    train, val = kept_pictures(images, model, run, config, progress)
    try:
        fit(
            model,
            task,
            train,
            val,
            config,
            run,
            progress,
            continuation=continuation,
            teacher=teacher,
        )
    except Interrupted as stopped:
        progress.say(f"{stopped}, and saved; to go on: swinkit train --resume {shlex.quote(str(run.folder))}")
        progress.keep()
        raise
    for path in cached(run):
        path.unlink(missing_ok=True)
    found = assess_run(run, images, device=config.device, frozen=frozen)
    progress.keep()  # so that it is among the files that are named
    for line in result_lines(run, found, linear=not config.epochs):
        progress.say(line)
    progress.keep()
    return run


def _say_plan(progress: Progress, plan: Plan, data: TrainingData, model: Backbone, run: Run) -> None:
    for line in (*data.notes, *plan.reasons):
        progress.say(line)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    progress.say(f"run: {run.folder}, {parameters:,} parameters to learn")
