"""Learn from a folder of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from swinkit.engine.run import Run, new_run
from swinkit.errors import ConfigError, RunError
from swinkit.tasks.imbalance import Asked

if TYPE_CHECKING:
    from swinkit.data import ImageSet
    from swinkit.data.loader import Images
    from swinkit.engine.checkpoint import Continuation
    from swinkit.engine.distillation import Teacher
    from swinkit.engine.progress import Progress
    from swinkit.engine.settings import TrainConfig
    from swinkit.models import Swin
    from swinkit.recipes.defaults import Plan
    from swinkit.recipes.wishes import Wishes
    from swinkit.tasks import Evaluation, Task
    from swinkit.verbs.training_data import TrainingData


def train(
    data: str | Path | None = None,
    *,
    out: str | Path | None = None,
    seed: int = 0,
    labels: str | Path | None = None,
    group_by: str | None = None,
    resplit: bool = False,
    recipe: str | None = None,
    model: str | None = None,
    weights: str | Path | None = None,
    image_size: int | tuple[int, int] | None = None,
    epochs: int | None = None,
    time: str | None = None,
    batch: int | None = None,
    lr: float | None = None,
    precision: Literal["fp32", "bf16"] | None = None,
    teacher: str | Path | None = None,
    distillation: Literal["soft", "hard"] = "soft",
    imbalance: Asked = "auto",
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
        data: A folder of class folders, with or without train, val and test above them, a table of
            path,label, parquet files or tar archives; without one, the embedded handwritten digits. Nothing
            is written into it.
        out: Folder of the run; by default the first free runs/NAME-1, runs/NAME-2, …
        seed: Decides everything that is random.
        labels: Text file with one class in each line, which fixes their order; by default those of train, in
            natural order.
        group_by: What a split never parts (a patient, a film): a column of the table, or a pattern of file
            names with braces around what belongs together, as in {patient}_*.
        resplit: Divide the pictures anew, whatever splits the data brings.
        recipe: A published recipe (`recipes/published.py`), or FILE.py:FUNCTION, a function of yours that
            returns a TrainConfig; other settings go before what it says.
        model: Size to train (`swinkit models`); by default one that suits the pictures.
        weights: What to start from: a run, a weights file, the name of published weights, hf:owner/name, or
            none. By default published weights of the model, where they lie on this disk or can be fetched;
            that is tried once, for five seconds, and what will be fetched is named first.
        image_size: Pixels of the model's input; by default what suits the pictures, or the weights.
        epochs: Passes over the training pictures.
        time: How long to train, in place of epochs: 90s, 10m, 1h.
        batch: Pictures in one step.
        lr: Peak learning rate.
        precision: Of products inside a training step; by default bf16 where the machine is faster with it.
        teacher: A model to learn from beside the labels: a run, a weights file, the name of published weights
            or hf:owner/name. It has to know all classes, under these names.
        distillation: soft learns the teacher's probabilities, hard just its answers.
        imbalance: What to do about classes of unequal size: none, weights, sampler or logit-adjust; auto does
            something from 5 to 1 on, and says what.
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
    from swinkit.data import read_classes
    from swinkit.recipes.wishes import Wishes

    wishes = Wishes(
        data=None if data is None else str(data),
        labels=None if labels is None else read_classes(labels),
        group_by=group_by,
        resplit=resplit,
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
        kernel=kernel,
        seed=seed,
    )
    if resume is None:
        return _start(wishes, out=out, overwrite=overwrite, dry_run=dry_run)
    if wishes != Wishes() or out is not None or overwrite or dry_run:
        raise ConfigError(
            "a resumed run keeps its settings, so nothing else can be set beside it",
            hint=f"swinkit train --resume {resume}",
        )
    return _resume(Run(Path(resume)))


def _start(wishes: Wishes, *, out: str | Path | None, overwrite: bool, dry_run: bool) -> Run:
    """Look at everything, say the plan, and follow it."""
    from swinkit.data import open_images
    from swinkit.engine.progress import Progress
    from swinkit.engine.timing import measured_pace
    from swinkit.recipes.defaults import default_plan, within_time
    from swinkit.recipes.fresh import fresh_model, preprocess
    from swinkit.recipes.named import following, recipe_named, with_recipe
    from swinkit.verbs.classifier import computing
    from swinkit.verbs.machine import machine_for, processor
    from swinkit.verbs.record import begin
    from swinkit.verbs.starting_weights import starting_weights
    from swinkit.verbs.training_data import facts_of, training_data

    recipe = None if wishes.recipe is None else recipe_named(wishes.recipe)
    wishes = wishes if recipe is None else with_recipe(wishes, recipe)
    images = open_images(wishes.data, labels=wishes.labels, group_by=wishes.group_by)
    run = new_run(out, name=images.name, overwrite=overwrite)
    progress = Progress(run)
    data = training_data(images, wishes, progress)
    images = data.images
    with computing(threads=wishes.threads, kernel=wishes.kernel):
        facts, machine = facts_of(data), machine_for(wishes.device)
        begun = starting_weights(images.classes, facts, machine, wishes, progress.say)
        plan = default_plan(facts, machine, wishes, begun.start, fresh=begun.why)
        plan = plan if recipe is None else following(recipe, plan)
        model = begun.model or fresh_model(plan.config, images.classes)
        model.preprocess = model.preprocess or preprocess(plan.config)
        task = _task(images, plan.config)
        teacher = _teacher(images, model, plan.config)
        train = _training_images(images, model, plan.config)
        pace = measured_pace(
            model,
            task,
            train,
            images.split("val").samples,
            plan.config,
            cores=processor().cores,
            threads_asked=wishes.threads is not None,
            teacher=teacher,
        )
        plan = within_time(plan, wishes, pace)
        _say_plan(progress, plan, data, model, run)
        if dry_run:
            return run
        begin(run, plan, data, begun.to_dict())
        return _fit_and_score(run, plan.config, images, model, task, train, progress, teacher=teacher)


def _resume(run: Run) -> Run:
    """Go on where a run stopped, with the settings, weights and pictures it has."""
    from swinkit.data import open_images
    from swinkit.engine.checkpoint import load_checkpoint
    from swinkit.engine.progress import Progress
    from swinkit.verbs.classifier import chosen_device, computing
    from swinkit.verbs.evaluate import divided_as

    facts, config = run.facts, run.config
    chosen_device(config.device)
    images = open_images(config.data, labels=config.labels, group_by=config.group_by)
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
        task = _task(images, config)
        teacher = _teacher(images, model, config)
        train = _training_images(images, model, config)
        return _fit_and_score(
            run, config, images, model, task, train, progress, continuation, teacher=teacher
        )


def _fit_and_score(
    run: Run,
    config: TrainConfig,
    images: ImageSet,
    model: Swin,
    task: Task,
    train: Images,
    progress: Progress,
    continuation: Continuation | None = None,
    *,
    teacher: Teacher | None = None,
) -> Run:
    """Fit, then score the best model as it lies on the disk."""
    from swinkit.engine.interrupt import Interrupted
    from swinkit.engine.loop import fit
    from swinkit.verbs.evaluate import assess_run

    try:
        fit(
            model,
            task,
            train,
            images.split("val").samples,
            config,
            run,
            progress,
            continuation=continuation,
            teacher=teacher,
        )
    except Interrupted as stopped:
        progress.say(f"{stopped}, and saved; to go on: swinkit train --resume {run.folder}")
        progress.keep()
        raise
    found = assess_run(run, images, device=config.device).evaluation
    _say_result(progress, run, found)
    return run


def _task(images: ImageSet, config: TrainConfig) -> Task:
    """What is learnt from the pictures of train."""
    from swinkit.tasks import TASKS

    task: Task = TASKS[config.task](images.classes)
    return task.against(config.imbalance, images.split("train").samples)


def _teacher(images: ImageSet, model: Swin, config: TrainConfig) -> Teacher | None:
    """The model to learn from, where there is to be one."""
    from swinkit.engine.distillation import teacher_of
    from swinkit.engine.inference import preprocess_of
    from swinkit.weights import load

    if config.distillation is None:
        return None
    return teacher_of(
        load(config.distillation.teacher).to(config.device),
        config.distillation,
        classes=images.classes,
        task=config.task,
        ours=preprocess_of(model),
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
        coloured=not preprocess.own_values,
    )
    return Images(
        samples=images.split("train").samples,
        classes=images.classes,
        transform=transform,
        channels=preprocess.channels,
        own_values=preprocess.own_values,
        seed=config.seed,
        repeats=config.repeats,
        balanced=config.imbalance == "sampler",
    )


def _say_plan(progress: Progress, plan: Plan, data: TrainingData, model: Swin, run: Run) -> None:
    for line in (*data.notes, *plan.reasons):
        progress.say(line)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    progress.say(f"run: {run.folder}, {parameters:,} parameters to learn")


def _say_result(progress: Progress, run: Run, found: Evaluation) -> None:
    chosen = ", by which the best epoch was also chosen" if found.split == "val" else ""
    progress.say(
        f"accuracy {found.accuracy:.1%} (balanced {found.balanced_accuracy:.1%}) on the {found.pictures:,} "
        f"pictures of {found.split}{chosen}"
    )
    progress.say(f"what to make of that, with pictures: {run.report}")
    progress.say(f"the model is {run.best}; to use it: swinkit predict PICTURES --weights {run.folder}")
    progress.keep()
