"""From a model's answers to what is said: the one way of `predict`, `evaluate` and the end of a training."""

from __future__ import annotations

from swinkit.tasks import Prediction, Task
from swinkit.trust.answers import Answers
from swinkit.trust.caution import Caution


def said(task: Task, caution: Caution, answers: Answers, *, top: int) -> list[Prediction]:
    """The answers in words: the `top` best classes and all given ones, and whether to rely on the first."""
    outputs = caution.calibrated(answers.outputs)
    sets = task.sets(outputs)
    several = any(given is not None for given in sets)
    shares = task.decode(outputs, top=len(task.classes) if several else top)
    strange = caution.strangeness(answers.looks, answers.features)
    return [
        _prediction(sample.name, best, given, caution, strangeness, top)
        for sample, best, given, strangeness in zip(answers.samples, shares, sets, strange, strict=True)
    ]


def _prediction(
    image: str,
    best: dict[str, float],
    given: tuple[str, ...] | None,
    caution: Caution,
    strangeness: float | None,
    top: int,
) -> Prediction:
    label = next(iter(best))
    return Prediction(
        image=image,
        label=label,
        probability=best[label],
        labels=given,
        probabilities={
            name: share
            for place, (name, share) in enumerate(best.items())
            if place < top or name in (given or ())
        },
        unsure=caution.is_unsure(best[label], strangeness),
        strangeness=strangeness,
    )
