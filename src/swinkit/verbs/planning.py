"""What a training will do: decided by pictures, machine and what was asked, timed, and put into words."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from swinkit.errors import ConfigError

if TYPE_CHECKING:
    from swinkit.data import ImageSet, Sample
    from swinkit.engine.distillation import Teacher
    from swinkit.engine.progress import Progress
    from swinkit.engine.range_test import RangeTest
    from swinkit.engine.settings import TrainConfig
    from swinkit.engine.timing import Pace
    from swinkit.models import Backbone
    from swinkit.recipes.budget import Estimate
    from swinkit.recipes.defaults import Plan
    from swinkit.recipes.named import Change, Recipe
    from swinkit.recipes.wishes import Wishes
    from swinkit.tasks import Task
    from swinkit.verbs.training_data import TrainingData

_PAGES = 5.0  # seconds, of a two-core machine with a few hundred pictures to score
_TRIED = 8  # pictures that are decoded to see how long all will take
_PROBED = 0.25  # share of the time that the linear classifier may take
_DOUBT = 0.7  # of the time by counting, as which the real one may turn out
_LEAST_PROBED, _MOST_PROBED = 500, 20_000  # pictures; with more, a linear classifier learns little


@dataclass(frozen=True)
class Planned:
    """A plan and what it is for.

    facts: what was found beside the plan, as run.json keeps it.
    probed: pictures that the linear classifier learns from.
    """

    plan: Plan
    model: Backbone
    task: Task
    teacher: Teacher | None
    facts: dict[str, Any]
    probed: int


def planned(
    data: TrainingData, wishes: Wishes, recipe: Recipe | Change | None, progress: Progress, *, began: float
) -> Planned:
    """Decide everything. began: when the training was asked for, by the monotonic clock."""
    from swinkit.engine.distributed import processes
    from swinkit.engine.memory import bytes_kept
    from swinkit.recipes.budget import within_time
    from swinkit.recipes.cache import with_cache
    from swinkit.recipes.defaults import default_plan, suited_to_epochs
    from swinkit.recipes.fresh import fresh_model, preprocess
    from swinkit.recipes.memory import Needs, within_memory
    from swinkit.recipes.named import following
    from swinkit.verbs.machine import machine_for
    from swinkit.verbs.starting_weights import starting_weights
    from swinkit.verbs.teacher import teacher_for
    from swinkit.verbs.training_data import facts_of, task_of

    images = data.images
    facts, machine = facts_of(data), machine_for(wishes.device)
    begun = starting_weights(images.classes, facts, machine, wishes, progress.say)
    plan = default_plan(facts, machine, wishes, begun.start, fresh=begun.why)
    plan = plan if recipe is None else following(recipe, plan)
    plan = with_cache(plan, facts, machine, wishes)
    model = begun.model or fresh_model(plan.config, images.classes)
    model.preprocess = model.preprocess or preprocess(plan.config)
    plan = replace(plan, config=replace(plan.config, drop_path=model.drop_path))
    if plan.config.shard and not model.can_share:
        raise ConfigError("only a Swin is shared out among processes", hint="leave out --shard")
    task, teacher = task_of(images, plan.config), teacher_for(images, model, plan.config)
    if model.mixes_pictures and processes().size > 1:
        plan = plan.because(
            "batch norms", "each process averages over its own pictures; the first one's count"
        )
    lesson = _Lesson(images, task, teacher, wishes, began)
    facts_kept = {"asked": wishes.to_dict(), "start": begun.to_dict()}
    needs = Needs(
        kept=0,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        free=machine.memory,
        processes=processes().size,
        shareable=model.can_share,
        can_recompute=model.can_recompute,
        mixes=model.mixes_pictures,
    )
    if needs.too_large:
        model, config = _at_size(plan.config, model)
        needs = replace(needs, kept=bytes_kept(model, config.image_size, model.in_channels))
        plan = _untimed(within_memory(replace(plan, config=config), needs), wishes)
        probed = min(len(images.split("train")), _MOST_PROBED)
        return Planned(plan, model, task, teacher, facts_kept, probed)
    plan, chosen = _fitting(plan, model, lesson)
    if wishes.lr == "find":
        plan, chosen, tested = _with_rate(plan, chosen, lesson)
        facts_kept["range_test"] = tested.to_dict()
    plan = within_time(plan, wishes, chosen.estimate, chosen.pace)
    plan = with_cache(plan, facts, machine, wishes)  # again, now that epochs and pixels are known
    plan = plan if recipe else suited_to_epochs(plan)
    needs = replace(needs, kept=bytes_kept(chosen.model, plan.config.image_size, model.in_channels))
    return Planned(within_memory(plan, needs), chosen.model, task, teacher, facts_kept, chosen.probed)


@dataclass(frozen=True)
class _Lesson:
    """What is learnt, from which pictures, and what was asked of it when."""

    images: ImageSet
    task: Task
    teacher: Teacher | None
    wishes: Wishes
    began: float


@dataclass(frozen=True)
class _Timed:
    """Settings that were tried for a few steps."""

    config: TrainConfig
    model: Backbone
    pace: Pace
    estimate: Estimate
    probed: int


def _untimed(plan: Plan, wishes: Wishes) -> Plan:
    """The plan for a model that processes share out for none has room for all: nobody can time a step of it.

    Raises ConfigError unless it was said how long to train, and how fast.
    """
    from swinkit.engine.distributed import processes
    from swinkit.verbs.machine import processor

    if wishes.epochs is None or wishes.lr == "find":
        raise ConfigError(
            "no process has room for this model as a whole, so its steps cannot be tried beforehand",
            hint="say how long to train: --epochs 30, and no --lr find",
        )
    config = replace(plan.config, workers=min(4, processor().cores // (2 * processes().size)))
    why = "unknown: no process has room for all of the model"
    return replace(plan, config=config).because("time", why)


def _at_size(config: TrainConfig, model: Backbone) -> tuple[Backbone, TrainConfig]:
    """The model for the input that the settings say, and the settings with how pictures come to it."""
    assert model.preprocess is not None
    if model.preprocess.image_size == config.image_size:
        return model, config
    model = model.resize(image_size=config.image_size)
    return model, replace(config, resize_to=model.preprocess.resize_to if model.preprocess else None)


def _fitting(plan: Plan, model: Backbone, lesson: _Lesson) -> tuple[Plan, _Timed]:
    """As many stages and pixels as leave time for some epochs, and the pace with them.

    Where nothing does, all of them: the linear classifier is then what there is time for. Only what can make
    a difference is timed, for timing takes time too.
    """
    from swinkit.recipes.budget import ENOUGH, epochs_within, lighter

    whole = _timed(plan.config, model, lesson)
    if plan.config.weights is None or lesson.wishes.epochs is not None:
        return plan, whole
    depths = model.depths
    may_shrink = model.any_size and lesson.wishes.image_size is None and lesson.teacher is None
    settled = replace(plan.config, threads=whole.pace.threads)
    chosen = whole
    for less in lighter(settled, depths, smaller=may_shrink):
        by_counting = replace(whole.estimate, epoch=_DOUBT * less.share * whole.estimate.epoch)
        if epochs_within(by_counting, lesson.wishes) < ENOUGH:
            continue  # not worth timing
        tried = whole if less.share == 1 else _timed(less.config, model, lesson)
        if epochs_within(tried.estimate, lesson.wishes) >= ENOUGH:
            chosen = tried
            break
    return _lightened(plan, chosen, whole, len(depths)), chosen


def _timed(config: TrainConfig, model: Backbone, lesson: _Lesson) -> _Timed:
    """The pace with these settings. The model comes back for another size of input where they say so."""
    from swinkit.engine.distributed import processes
    from swinkit.engine.timing import measured_pace
    from swinkit.recipes.budget import UNASKED_BUDGET, Estimate
    from swinkit.trust import looked, robustness
    from swinkit.verbs.machine import processor
    from swinkit.verbs.training_data import first_kept, training_images

    images, wishes = lesson.images, lesson.wishes
    model, config = _at_size(config, model)
    train, val = training_images(images, model, config), images.split("val").samples
    began = time.perf_counter()
    train = first_kept(train, config, _TRIED)
    keeping = (time.perf_counter() - began) / _TRIED
    pace = measured_pace(
        model,
        lesson.task,
        train,
        val,
        config,
        cores=processor().cores,
        threads_asked=wishes.threads is not None or config.frozen_stages > 0,
        teacher=lesson.teacher,
    )
    test = images.split("test").samples
    held_out, scored = [*val, *test], test or val
    at_the_end = len(held_out) + robustness.passes(model, scored) + looked.passes(scored)
    look = pace.seconds_to_look if config.weights else 0.0
    affordable = (
        int(_PROBED * (wishes.seconds or UNASKED_BUDGET) / look) - len(held_out) if look else _MOST_PROBED
    )
    probed = min(len(train.samples), _MOST_PROBED, max(affordable, _LEAST_PROBED))
    estimate = Estimate(
        spent=time.monotonic() - lesson.began,
        keeping=(len(train) + len(val)) * keeping,
        probing=(probed + len(held_out)) * look,
        epoch=pace.seconds_per_epoch / processes().size,
        scoring=at_the_end * pace.seconds_to_look
        + robustness.seconds_to_change(model, scored)
        + _seconds_to_fit(model, lesson, [*train.samples[:probed], *held_out], config)
        + _PAGES,
    )
    return _Timed(config, model, pace, estimate, probed)


def _seconds_to_fit(
    model: Backbone, lesson: _Lesson, samples: Sequence[Sample], config: TrainConfig
) -> float:
    """For linear classifiers: the head to begin with, the baseline, those that judge labels unseen."""
    from swinkit.engine.probe import seconds_to_fit
    from swinkit.trust.suspects import FOLDS
    from swinkit.verbs.frozen import channels_of

    judging = FOLDS if lesson.task.name == "classification" else 0
    fits = int(config.warm_start) + 1 + judging
    return fits * seconds_to_fit(lesson.task, samples, channels_of(model, config)) if samples else 0.0


def _with_rate(plan: Plan, chosen: _Timed, lesson: _Lesson) -> tuple[Plan, _Timed, RangeTest]:
    """The plan with a learning rate found by trying, which took time."""
    from swinkit.engine.range_test import range_test
    from swinkit.verbs.training_data import training_images

    began = time.monotonic()
    train = training_images(lesson.images, chosen.model, chosen.config)
    tested = range_test(chosen.model, lesson.task, train, plan.config, teacher=lesson.teacher)
    spent = chosen.estimate.spent + time.monotonic() - began
    plan = replace(plan, config=replace(plan.config, lr=tested.lr))
    why = f"{tested.lr:g}, found by {len(tested.tried)} steps with ever higher ones; batches of "
    plan = plan.because("learning rate", f"{why}{plan.config.batch}")
    return plan, replace(chosen, estimate=replace(chosen.estimate, spent=spent)), tested


def _lightened(plan: Plan, chosen: _Timed, whole: _Timed, stages: int) -> Plan:
    """The plan with the settings that were chosen, and what they leave out."""
    from swinkit.engine.progress import in_words

    plan = replace(plan, config=chosen.config)
    epoch = f"an epoch of everything would take {in_words(whole.estimate.epoch)}"
    height, width = chosen.config.image_size
    if chosen.config.image_size != whole.config.image_size:
        plan = plan.because("input", f"{height} × {width} pixels, fewer than the weights know; {epoch}")
    frozen = chosen.config.frozen_stages
    if frozen:
        plan = plan.because("learns", f"the last {stages - frozen} of {stages} stages, and the head; {epoch}")
    return plan
