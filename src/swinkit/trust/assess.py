"""All that is found out about one model: from pictures with labels to an `Assessment`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from swinkit.data import Sample
from swinkit.engine.inference import EVALUATION_BATCH, Unreadable
from swinkit.engine.probe import fit_probe
from swinkit.errors import DataError
from swinkit.models import Backbone
from swinkit.tasks import Evaluation, MultiLabelEvaluation, Task
from swinkit.trust.answers import Answers, gather
from swinkit.trust.assessment import (
    Assessment,
    Baselines,
    Calibration,
    Interval,
    LabelBaselines,
    MultiLabelAssessment,
    Scored,
)
from swinkit.trust.calibration import class_indices, coverage, coverages, reliability, softmax
from swinkit.trust.caution import Caution
from swinkit.trust.cost import cost_of
from swinkit.trust.intervals import Resampled, groups_of
from swinkit.trust.looked import looked, looked_for
from swinkit.trust.robustness import shaken, shaken_sets
from swinkit.trust.said import said
from swinkit.trust.sets import assess_sets, mean_precision
from swinkit.trust.suspects import Found, suspects

UNKNOWN = Caution(skipped="nothing says how to take the answers of this model")
TOP = 5
_HASH = 32  # hexadecimal digits, 128 bits: no two of any number of pictures agree by chance


@dataclass(frozen=True, kw_only=True, slots=True)
class Frozen:
    """Features of pictures by a model that has not seen their labels: the starting weights, say.

    of: what they are features of, in words. samples: N, of all splits. features: N, C.
    """

    of: str
    samples: Sequence[Sample]
    features: Tensor


def assess(
    model: Backbone,
    task: Task,
    samples: Sequence[Sample],
    *,
    caution: Caution = UNKNOWN,
    train: Sequence[Sample] = (),
    copies: Sequence[Sequence[str]] | None = None,
    chosen_on_same: bool = False,
    learnt_from: bool = False,
    frozen: Frozen | None = None,
    weights: Path | None = None,
    thorough: bool = False,
    batch: int = EVALUATION_BATCH,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Assessment | MultiLabelAssessment:
    """Score a model on samples with labels, spelled as the task's classes, and find out how far to trust it.

    caution: what the model's file says about its answers.
    train: what it learnt from, where that is known: for the majority class, and for copies.
    copies: names of pictures of all splits that show the same, also changed; None: nobody looked, and only
        files with the same contents are found.
    chosen_on_same: whether the best epoch was chosen by these same samples; learnt_from: whether some of them
        were even trained on.
    frozen: features of all splits that know no label, for the linear baseline and for wrong labels.
    weights: the file, for what it costs.
    thorough: also look for wrong labels, for where the model looks, and at worse pictures, which takes many
        passes.
    progress: called with (pictures done, pictures in all).
    Raises DataError where no sample can be read.
    """
    skipped: list[tuple[str, str]] = []

    def unreadable(sample: Sample, error: DataError) -> None:
        skipped.append((sample.path, error.message.removeprefix(f"cannot read {sample.path}: ")))

    answers = gather(model, samples, batch=batch, unreadable=unreadable, progress=progress)
    seen = _contents(train, unreadable)
    scored = task.evaluate(caution.calibrated(answers.outputs), answers.samples)
    top = len(task.classes) if isinstance(scored, MultiLabelEvaluation) else TOP
    evaluation = replace(
        scored, predictions=tuple(said(task, caution, answers, top=top)), skipped=tuple(skipped)
    )
    cost = cost_of(model, answers.samples, weights)
    beside = _Beside(train, seen, copies, chosen_on_same, learnt_from, frozen, seed)
    if isinstance(evaluation, MultiLabelEvaluation):
        sets = replace(_of_sets(task, evaluation, answers, beside), cost=cost)
        return _looked_at_sets(sets, model, task, caution, answers) if thorough else sets
    found = replace(_of_classes(task, evaluation, answers, caution, beside), cost=cost)
    return _looked_at(found, model, task, caution, answers, beside) if thorough else found


@dataclass(frozen=True, slots=True)
class _Beside:
    """What is known beside model and pictures; as `assess` says. seen: the contents of train."""

    train: Sequence[Sample]
    seen: Collection[str]
    copies: Sequence[Sequence[str]] | None
    chosen_on_same: bool
    learnt_from: bool
    frozen: Frozen | None
    seed: int


def _of_classes(
    task: Task, evaluation: Evaluation, answers: Answers, caution: Caution, beside: _Beside
) -> Assessment:
    drawn = _resampled(evaluation, answers.samples, beside.seed)
    accuracy, balanced = drawn.accuracy(), drawn.balanced_accuracy()
    assert accuracy is not None and balanced is not None  # there is a picture
    pictures = tuple(_scored(evaluation, answers, caution))
    others = _others(answers.samples, beside)
    right = [pictures[row].label == pictures[row].predicted for row in others]
    return Assessment(
        evaluation=evaluation,
        accuracy=accuracy,
        balanced_accuracy=balanced,
        per_class={name: drawn.of_class(index) for index, name in enumerate(task.classes)},
        pictures=pictures,
        chosen_on_same=beside.chosen_on_same,
        baselines=_baselines(task, beside.train, answers.samples, beside.frozen, beside.seed),
        calibration=_calibration(evaluation, answers, caution),
        trained_copies=len(pictures) - len(others) if beside.train else None,
        accuracy_without_copies=sum(right) / len(right) if beside.train and right else None,
        copies="file" if beside.copies is None else "near",
    )


def _looked_at(
    found: Assessment, model: Backbone, task: Task, caution: Caution, answers: Answers, beside: _Beside
) -> Assessment:
    """With what takes many passes."""
    doubts = _doubts(task, answers, beside)
    evaluation = found.evaluation
    return replace(
        found,
        suspects=doubts.suspects,
        suspects_skipped=doubts.skipped,
        robustness=shaken(model, task, caution, answers.samples),
        looked=looked(model, answers.samples, evaluation.predictions, evaluation.answers),
    )


def _of_sets(
    task: Task, evaluation: MultiLabelEvaluation, answers: Answers, beside: _Beside
) -> MultiLabelAssessment:
    contents = [content(sample) for sample in answers.samples]
    sets = assess_sets(evaluation, answers, contents, chosen_on_same=beside.chosen_on_same, seed=beside.seed)
    guesses = _guesses(task, evaluation, answers.samples, beside.frozen, beside.seed)
    return _beside_copies(replace(sets, baselines=guesses), task, answers, beside)


def _looked_at_sets(
    sets: MultiLabelAssessment, model: Backbone, task: Task, caution: Caution, answers: Answers
) -> MultiLabelAssessment:
    evaluation = sets.evaluation
    return replace(
        sets,
        robustness=shaken_sets(model, task, caution, answers.samples),
        looked=looked_for(model, answers.samples, evaluation.predictions, evaluation.classes),
    )


def _doubts(task: Task, answers: Answers, beside: _Beside) -> Found:
    """Wrong labels, by features that know none: the starting weights', else of pictures not trained on."""
    frozen, together = beside.frozen, beside.copies or ()
    if frozen is not None:
        return suspects(task, frozen.samples, frozen.features, together=together)
    if beside.learnt_from:
        return Found(skipped="the model was trained on these pictures, and would repeat a wrong label")
    return suspects(task, answers.samples, answers.features, together=together)


def _contents(samples: Sequence[Sample], unreadable: Unreadable) -> set[str]:
    """Of the samples that are still there: a picture may go while others are trained on."""
    found: set[str] = set()
    for sample in samples:
        try:
            found.add(content(sample))
        except DataError as error:
            unreadable(sample, error)
        except OSError as error:
            unreadable(sample, DataError(f"cannot read {sample.path}: {error.strerror or error}"))
    return found


def _others(scored: Sequence[Sample], beside: _Beside) -> list[int]:
    """Rows of the scored pictures of which no copy was trained on."""
    taught, seen = {sample.name for sample in beside.train}, beside.seen
    alike = {name for names in beside.copies or () if not taught.isdisjoint(names) for name in names}
    return [
        row
        for row, sample in enumerate(scored)
        if sample.name not in alike and (not seen or content(sample) not in seen)
    ]


def _beside_copies(
    sets: MultiLabelAssessment, task: Task, answers: Answers, beside: _Beside
) -> MultiLabelAssessment:
    """The same where a picture may have several classes."""
    if not beside.train:
        return sets
    others = _others(answers.samples, beside)
    scores = task.scores()
    scores.add(answers.outputs[others], task.targets([answers.samples[row] for row in others]))
    return replace(
        sets,
        trained_copies=len(sets.pictures) - len(others),
        precision_without_copies=scores.result()["mean_average_precision"] if others else None,
        copies="file" if beside.copies is None else "near",
    )


def content(sample: Sample) -> str:
    """A hash that two copies of one picture share."""
    return sample.content_hash()[:_HASH]


def _calibration(found: Evaluation, answers: Answers, caution: Caution) -> Calibration:
    targets = class_indices(found.answers, found.classes)
    outputs = answers.outputs.double().numpy()
    after = softmax(outputs / caution.temperature)
    threshold = caution.unsure_below
    return Calibration(
        temperature=caution.temperature,
        fitted_on=caution.fitted_on,
        before=reliability(softmax(outputs), targets),
        after=reliability(after, targets),
        coverage=coverages(after, targets),
        unsure_below=threshold,
        error_rate=caution.error_rate,
        answered=None if threshold is None else coverage(after, targets, threshold),
        skipped=caution.skipped,
    )


def _scored(found: Evaluation, answers: Answers, caution: Caution) -> Iterator[Scored]:
    index = {name: number for number, name in enumerate(found.classes)}
    probabilities = caution.calibrated(answers.outputs).float().softmax(dim=1)
    for sample, told, label, shares in zip(
        answers.samples, found.predictions, found.answers, probabilities, strict=True
    ):
        assert told.label is not None
        share = shares[index[label]]
        yield Scored(
            image=told.image,
            label=label,
            predicted=told.label,
            probability=shares[index[told.label]].item(),
            unsure=told.unsure,
            strangeness=told.strangeness,
            content=content(sample),
            group=sample.group,
            rank=1 + int((shares > share).sum()),
            probability_of_label=share.item(),
            probabilities=tuple(shares.tolist()),
        )


def _resampled(found: Evaluation, samples: Sequence[Sample], seed: int) -> Resampled:
    return Resampled(
        class_indices(found.answers, found.classes),
        class_indices([str(told.label) for told in found.predictions], found.classes),
        classes=len(found.classes),
        groups=groups_of(samples),
        seed=seed,
    )


def _baselines(
    task: Task, train: Sequence[Sample], scored: Sequence[Sample], frozen: Frozen | None, seed: int
) -> Baselines | None:
    counts = Counter(sample.label for sample in train if sample.label is not None)
    if not counts:
        return None
    commonest = max(sorted(counts), key=lambda label: counts[label])
    share = sum(sample.label == commonest for sample in scored) / len(scored)
    found = Baselines(majority_class=commonest, majority=share)
    if frozen is None:
        return found
    return replace(found, probe=_probe(task, scored, frozen, seed), probe_features=frozen.of)


def _probe(task: Task, scored: Sequence[Sample], frozen: Frozen, seed: int) -> Interval | None:
    """Balanced accuracy of a linear classifier beside the model."""
    samples, outputs = _probed(task, scored, frozen)
    truth, answers = task.targets(samples).numpy(), outputs.argmax(dim=1).numpy()
    drawn = Resampled(truth, answers, classes=len(task.classes), groups=groups_of(samples), seed=seed)
    return drawn.balanced_accuracy()


def _guesses(
    task: Task,
    found: MultiLabelEvaluation,
    scored: Sequence[Sample],
    frozen: Frozen | None,
    seed: int,
) -> LabelBaselines | None:
    """What answers at random and a linear classifier come to; None where no class has a picture."""
    shares = [one.pictures / (one.pictures + one.without) for one in found.per_class.values() if one.pictures]
    if not shares:
        return None
    baselines = LabelBaselines(guessing=sum(shares) / len(shares))
    if frozen is None:
        return baselines
    samples, outputs = _probed(task, scored, frozen)
    scores = task.scores()
    scores.add(outputs, task.targets(samples))
    value = scores.result()["mean_average_precision"]
    return replace(
        baselines,
        probe=mean_precision(outputs.numpy(), samples, task.classes, value, seed),
        probe_features=frozen.of,
    )


def _probed(task: Task, scored: Sequence[Sample], frozen: Frozen) -> tuple[list[Sample], Tensor]:
    """What a linear classifier answers to the scored pictures, fitted to train and tuned on val. (N, K)"""

    def part(wanted: Callable[[Sample], bool]) -> tuple[Tensor, list[Sample]]:
        rows = [row for row, sample in enumerate(frozen.samples) if wanted(sample)]
        return frozen.features[rows], [frozen.samples[row] for row in rows]

    names = {sample.name for sample in scored}
    features, samples = part(lambda sample: sample.name in names)
    taught = part(lambda sample: sample.split == "train")
    return samples, fit_probe(task, *taught, val=part(lambda sample: sample.split == "val"))(features)
