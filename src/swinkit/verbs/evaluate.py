"""How good is a model on pictures whose classes are known?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from swinkit.errors import ConfigError, DataError
from swinkit.tasks.results import Evaluation, MultiLabelEvaluation

if TYPE_CHECKING:
    from swinkit.data import ImageSet, Sample, Split
    from swinkit.engine.run import Run
    from swinkit.kernels import Precision
    from swinkit.report.background import Trained
    from swinkit.tasks import Task
    from swinkit.trust.assess import Frozen
    from swinkit.trust.assessment import Assessment, MultiLabelAssessment

    Found: TypeAlias = Assessment | MultiLabelAssessment

Part = Literal["train", "val", "test", "all"]


def evaluate(
    data: str | Path | None = None,
    weights: str | Path | None = None,
    *,
    split: Part | None = None,
    group_by: str | None = None,
    out: str | Path | None = None,
    batch: int = 64,
    device: str | None = None,
    threads: int | None = None,
    kernel: str | None = None,
    precision: Precision | None = None,
) -> Evaluation | MultiLabelEvaluation:
    """Score a model on pictures whose classes are known; classes are matched by name.

    Nothing is written unless `out` is given. The pictures that a run was trained on are left out: for its own
    data, the split is the one that was saved with it.

    Args:
        data: A folder of class folders, with or without train, val and test above them, a table of
            path,label, parquet files or tar archives; by default the data of the run, and the embedded digits
            where the weights are no run.
        weights: A run folder, a weights file of any format, the name of published weights, or hf:owner/name.
        split: The part to score; by default test, else val, else everything.
        group_by: What belongs together (a patient, a film), so that its pictures count as one when intervals
            are drawn: a column of the table, or a pattern of file names as in {patient}_*.
        out: A folder to write report.html, evaluation.json and predictions.csv into.
        batch: Pictures that go through the model at once.
        device: What computes, in torch's words (cpu, cuda, cuda:1); by default a GPU where there is one.
        threads: CPU threads; by default as many as torch takes.
        kernel: What computes the blocks (`swinkit doctor` lists the kernels); by default the fastest.
        precision: Of products, by the native kernels of a CPU alone: fp32, bf16, int8. That is approximate;
            how far its answers agree with fp32 on the first pictures is said. By default fp32.

    Raises:
        DataError: the data has classes that the model does not know, or nothing can be read.
        CheckpointError: the weights cannot be used.
    """
    if weights is None:
        raise ConfigError(
            "evaluate needs a model", hint="name a run folder or a weights file: --weights runs/…"
        )
    from swinkit.trust.assess import assess
    from swinkit.trust.files import write_assessment
    from swinkit.verbs.classifier import computing, open_classifier, say_agreement
    from swinkit.verbs.frozen import kept_frozen

    if batch < 1:
        raise ConfigError(f"batch is a count from 1; got {batch}")
    run = _run_of(weights)
    own = run if run is not None and _is_its_own(run, data) else None
    every = _pictures(data, own, split, group_by)
    images, part = _part(every, split)
    learnt = every.split("train").samples if own is not None and part in ("val", "test") else ()
    frozen = kept_frozen(own, every) if own is not None and learnt and out is not None else None
    with computing(threads=threads, kernel=kernel, precision=precision):
        model, task, caution = open_classifier(weights, device=device)
        samples = _labelled(images, task, named=model.labels is not None, weights=weights)
        say_agreement(model, samples)
        found = assess(
            model,
            task,
            samples,
            caution=caution,
            train=learnt,
            copies=_copies(own),
            chosen_on_same=bool(learnt) and part == "val",
            learnt_from=own is not None and split in ("train", "all"),
            frozen=frozen,
            weights=_file_of(weights),
            thorough=out is not None,
            batch=batch,
        )
    if own is not None and frozen is not None:
        found = _with_folds(found, own, task, frozen)
    found = _described(found, images, part, weights)
    if out is not None:
        write_assessment(Path(out), found)
        _write_page(Path(out), found, images)
    return found.told()


def assess_run(
    run: Run, images: ImageSet, *, device: str | None = None, frozen: Frozen | None = None
) -> Found:
    """The last step of a training: choose how to take its best model, score it, and write down all of it.

    Temperature and thresholds are chosen on val and written into best.safetensors, and that file is scored.
    The numbers come from test where there is one, else from val, by which the best epoch was chosen; the
    assessment says which. frozen: features of all pictures that know no label (see `trust.assess.Frozen`).
    """
    from swinkit.report.background import Trained
    from swinkit.trust.assess import assess
    from swinkit.trust.files import write_assessment
    from swinkit.verbs.classifier import open_classifier

    gone = _choose_caution(run, images, device)
    model, task, caution = open_classifier(run.best, device=device)
    held_out: Split = "test" if "test" in images.splits() else "val"
    found = assess(
        model,
        task,
        images.split(held_out).samples,
        caution=caution,
        train=images.split("train").samples,
        copies=_copies(run),
        chosen_on_same=held_out == "val",
        frozen=frozen,
        weights=run.best,
        thorough=True,
    )
    if frozen is not None:
        found = _with_folds(found, run, task, frozen)
    told = {path for path, _ in found.evaluation.skipped}
    skipped = *run.facts["skipped"], *(one for one in gone if one[0] not in told)
    images = replace(images, skipped=tuple((path, reason) for path, reason in skipped))
    found = _described(found, images, held_out, run.best)
    write_assessment(run.folder, found)
    _write_page(run.folder, found, images, Trained(facts=run.facts, history=run.metrics))
    return found


def _with_folds(found: Found, run: Run, task: Task, frozen: Frozen) -> Found:
    """With the number over all pictures, where no more than those that it was chosen by were set aside."""
    from swinkit.trust.folds import by_folds

    if not found.chosen_on_same or not run.config.warm_start:  # else the features may know the labels
        return found
    folded = by_folds(task, frozen, seed=run.config.seed, together=_copies(run) or ())
    return replace(found, by_folds=folded)  # type: ignore[arg-type]  # of the kind of the task


def _copies(run: Run | None) -> list[list[str]] | None:
    """Names of the pictures of a run that show the same; None where that is not known."""
    copies: list[list[str]] | None = run.facts["data"].get("copies") if run is not None else None
    return copies


def _choose_caution(run: Run, images: ImageSet, device: str | None) -> list[tuple[str, str]]:
    """Choose temperature and thresholds of the run's best model on val, and write them into its file.

    Returns pictures of val that cannot be read any more, with the reason.
    """
    from swinkit.backbones.opening import save_model
    from swinkit.trust.answers import gather
    from swinkit.trust.caution import KEY, chosen_caution
    from swinkit.verbs.classifier import open_classifier

    model, task, _ = open_classifier(run.best, device=device)
    gone: list[tuple[str, str]] = []

    def unreadable(sample: Sample, error: DataError) -> None:
        gone.append((sample.path, error.message.removeprefix(f"cannot read {sample.path}: ")))

    val = gather(model, images.split("val").samples, unreadable=unreadable)
    task = task.chosen_on(val.outputs, val.samples)
    caution = chosen_caution(val, task.targets(val.samples), on="val")
    facts = {**model.load_report.extra, **task.facts(), KEY: caution.to_dict()}
    save_model(model, run.best, extra=facts)
    return gone


def _write_page(folder: Path, found: Found, images: ImageSet, trained: Trained | None = None) -> None:
    """Write report.html: where a picture may have several classes it is another page."""
    from swinkit.report.label_page import write_label_report
    from swinkit.report.model_page import write_report
    from swinkit.trust.assessment import Assessment

    if isinstance(found, Assessment):
        write_report(folder, found, images, trained=trained)
    else:
        write_label_report(folder, found, images, trained=trained)


def _described(found: Found, images: ImageSet, part: str | None, weights: str | Path) -> Found:
    """The assessment with the names of what was scored."""
    evaluation = replace(
        found.evaluation,
        data=images.name,
        split=part,
        weights=str(weights),
        skipped=(*images.skipped, *found.evaluation.skipped),
    )
    return replace(found, evaluation=evaluation)  # type: ignore[arg-type]  # of the kind that it had


def _pictures(data: str | Path | None, run: Run | None, split: Part | None, group_by: str | None) -> ImageSet:
    """The data, divided as the run was where it is the run's own.

    Of other data nothing is asked but that the model knows its classes: it may show one of them only.
    """
    from swinkit.data import refuse_bad_lines, survey
    from swinkit.verbs.record import pictures_of

    if run is None:
        images = survey(data, group_by=group_by)
        refuse_bad_lines(images, data)
        return images
    images = pictures_of(run, group_by=group_by)
    return images if split == "all" else divided_as(run, images)


def _is_its_own(run: Run, data: str | Path | None) -> bool:
    """Whether this is what the run was trained on."""
    own = run.config.data
    return data is None or (own is not None and Path(data).resolve() == Path(own).resolve())


def divided_as(run: Run, images: ImageSet) -> ImageSet:
    """Images in the splits that a run saved, without those that it could not read."""
    from swinkit.data import read_split

    unreadable = set(run.facts["data"]["unreadable"])
    readable = [sample for sample in images.samples if sample.name not in unreadable]
    return replace(images, samples=read_split(run.split, readable))


def _file_of(weights: str | Path) -> Path | None:
    """The file in which the weights lie, where they are a file here."""
    run = _run_of(weights)
    path = Path(weights) if run is None else run.best
    return path if path.is_file() else None


def _run_of(weights: str | Path) -> Run | None:
    from swinkit.engine.run import Run

    folder = Path(weights)
    folder = folder.parent if folder.name == "best.safetensors" else folder
    return Run(folder) if (folder / "run.json").is_file() else None


def _part(images: ImageSet, split: Part | None) -> tuple[ImageSet, str | None]:
    """The pictures to score and the split they are."""
    there = images.splits()
    if split == "all" or (split is None and not there):
        return images, None
    wanted = split or ("test" if "test" in there else "val" if "val" in there else "train")
    if wanted not in there:
        raise DataError(
            f"{images.name} has no split {wanted}",
            hint=f"it has {', '.join(there)}" if there else "leave the split out to score every picture",
        )
    return images.split(wanted), wanted


def _labelled(images: ImageSet, task: Task, *, named: bool, weights: str | Path) -> list[Sample]:
    """The samples with labels spelled as the model's classes. Raises DataError listing the differences."""
    from swinkit.data import match_classes
    from swinkit.weights.labels import names_of_synsets

    if images.task != task.name:
        one, several = "one class for each picture", "any number of classes for each picture"
        theirs, ours = (one, several) if task.name == "classification" else (several, one)
        raise DataError(f"the model in {weights} gives {theirs}, and {images.name} has {ours}")
    labelled = [sample for sample in images.samples if sample.label is not None or sample.labels is not None]
    given = sorted({name for sample in labelled for name in (*sample.shown, *sample.unknown)})
    if not named:
        raise DataError(
            f"the classes of {weights} have no names, so they cannot be matched with {', '.join(given[:4])}",
            hint="load it with the names and save it: swinkit.save(swinkit.load(…, classes=[…]), …)",
        )
    synsets = names_of_synsets(given, task.classes)
    try:
        spelt = synsets or match_classes(given, task.classes)
    except DataError as error:
        raise DataError(
            f"the model in {weights} does not know all classes of {images.name}: {error.message}",
            hint=error.hint,
        ) from error
    return [_respelt(sample, spelt) for sample in labelled]


def _respelt(sample: Sample, spelt: dict[str, str]) -> Sample:
    if sample.labels is None:
        return replace(sample, label=spelt[str(sample.label)])
    return replace(
        sample,
        labels=tuple(spelt[name] for name in sample.labels),
        unknown=tuple(spelt[name] for name in sample.unknown),
    )
