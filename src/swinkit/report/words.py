"""Every sentence of the pages about a model, in one place so that they can be read together.

Plain words for a person who is no engineer; the numbers in them are `Number`s, which say where they stand.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any

from markupsafe import Markup

from swinkit.health.findings import Finding
from swinkit.report.heat import Overlay
from swinkit.report.mistakes import Mistakes, Stamp
from swinkit.report.numbers import NOTHING, Sheet, Shown, chance
from swinkit.report.page import called, displayable
from swinkit.report.verdict import FEW, FEW_OF_A_CLASS, Caution, Headline
from swinkit.trust.assessment import Assessment, Cost, LabelBaselines, LookedFor, MultiLabelAssessment
from swinkit.trust.comparison import Comparison, Contender, Duel, Entrant, SetContender, SetDuel

_NAMED = 8  # classes that a sentence names

# The verdict ---------------------------------------------------------------------------------------------

HEADLINES: dict[Headline, str] = {
    "nothing learnt": "It has not learnt to tell these pictures apart",
    "not shown": "It has not been shown to do better than guessing",
    "by folds": "About {by_folds} right on pictures it had not seen",
    "too few": "{accuracy} right, on too few pictures to trust",
    "learnt from": "{accuracy} right, on pictures it learnt from",
    "below the probe": "{accuracy} right, no better than a plain baseline",
    "chosen on the same": "{accuracy} right, on the pictures it was chosen by",
    "unseen": "{accuracy} right on pictures it had never seen",
    "measured": "{accuracy} right",
}

# caution -> what is the matter, and what it means and what to do
CAUTIONS: dict[Caution, tuple[str, str]] = {
    "too few": (
        "Too few to trust.",
        "Only {pictures} pictures were scored. Numbers begin to mean something from about "
        f"{FEW}, and a few hundred are better: until then, read the interval and not the figure.",
    ),
    "learnt from": (
        "Scored on what it learnt from.",
        "These are the pictures of its own training, which it may know by heart. They say nothing about "
        "others.",
    ),
    "chosen on the same": (
        "Chosen on the same pictures.",
        "The best epoch is the one that did best on these very pictures, so the numbers flatter it a little. "
        "For an honest number, keep pictures aside in a folder called <code>test</code>.",
    ),
    "copies": (
        "Copies of training pictures.",
        "Pictures here that are copies of some it learnt from: {trained_copies}. Without them its {share} is "
        "{without_copies}.",
    ),
    "no better than the majority": (
        "No better than one answer for all.",
        "Always answering {majority_class} is right on {majority} of these pictures, and the model is "
        "not shown to do better. It needs more pictures, published weights to start from, or longer "
        "training.",
    ),
    "no better than guessing": (
        "No better than guessing.",
        "Answers drawn at random would give a {measure} that lies within the interval of the model, or above "
        "it. More pictures would tell.",
    ),
    "uneven": (
        "The classes are uneven.",
        "Always answering {majority_class} would be right on {majority}, about as often as the model. It has "
        "learnt something all the same: read the balanced accuracy, and the table of classes.",
    ),
    "nothing but a probe": (
        "Nothing but a linear classifier has learnt.",
        "There was no time for an epoch, so all but the last layer is as the weights were that it started "
        "from. Given more <code>--time</code>, all of it learns.",
    ),
    "below the probe": (
        "No better than a plain baseline.",
        "A linear classifier on {probe_features} reaches a {measure} of {probe}. Training the whole "
        "network has not paid on these pictures: start from published weights, train longer, or gather more.",
    ),
    "like the probe": (
        "Hardly better than a plain baseline.",
        "A linear classifier on {probe_features} reaches a {measure} of {probe}, which lies "
        "within the interval of the model. The difference may be chance.",
    ),
    "still rising": (
        "It had not finished learning.",
        "The curve was still rising when training ended. Train longer, with <code>--epochs</code> or "
        "<code>--time</code>.",
    ),
    "from scratch": (
        "From scratch on little data.",
        "Its weights began at random and saw {train} pictures. On so few, published weights usually do much "
        "better: <code>swinkit train … --weights swin_tiny</code>.",
    ),
    "classes without pictures": (
        "Classes that nobody checked.",
        "Nothing is known about {without_pictures}: no picture of theirs was scored.",
    ),
    "classes with few pictures": (
        "Some classes rest on few pictures.",
        f"Fewer than {FEW_OF_A_CLASS} each: {{with_few_pictures}}. Their rows in the table of classes "
        "are rough.",
    ),
}


def headline(name: Headline, sheet: Sheet) -> Markup:
    by_folds = sheet.share("by_folds", "accuracy", "value") if name == "by folds" else ""
    return _said(HEADLINES[name], accuracy=sheet.share("accuracy"), by_folds=by_folds)


def folded(found: Assessment | MultiLabelAssessment, sheet: Sheet) -> Markup:
    """The number over all pictures, where they are few, and what it is of."""
    if found.by_folds is None:
        return Markup("")
    if isinstance(found, Assessment):
        kind, what, measure = "accuracy", "The share it then names right", "balanced accuracy"
    else:
        kind = "mean_average_precision"
        what, measure = "Its mean average precision", "mean average precision"
    return _said(
        "There are {pictures} pictures in all, too few to keep some aside for the number at the end. So it "
        "comes from five rounds: a linear classifier on the features of {features} learns from four fifths "
        "of the pictures and is asked about the rest, until every picture has been asked about once by one "
        "that was not taught it. {what} is {value}, and as far as so many pictures can tell between {low} "
        "and {high} (95\u202f% interval); in the five rounds {measure} came to {each}. The trained model is "
        "another one; its own numbers follow, and they were chosen on the same pictures.",
        pictures=sheet.count("by_folds", "pictures"),
        features=place(found.by_folds.features),
        what=what,
        value=sheet.share("by_folds", kind, "value"),
        low=sheet.share("by_folds", kind, "low"),
        high=sheet.share("by_folds", kind, "high"),
        measure=measure,
        each=Markup(", ").join(
            sheet.whole("by_folds", "each", row) for row in range(len(found.by_folds.each))
        ),
    )


def lead(found: Assessment, sheet: Sheet) -> Markup:
    """Accuracy with its interval, and balanced accuracy where it differs."""
    return _said(
        "{who} named {accuracy} of {pictures} pictures right{part}. As far as so many can tell, the share "
        "lies between {low} and {high} for pictures of this kind (95\u202f% interval). Averaged over the "
        "classes, so that a rare one counts as much as a common one, it is {balanced} "
        "({balanced_low} to {balanced_high}).{copies}",
        who="It" if found.by_folds is None else "The trained model",
        part=f" (split {found.evaluation.split})" if found.evaluation.split else "",
        pictures=sheet.count("pictures"),
        accuracy=sheet.share("accuracy"),
        low=sheet.share("intervals", "accuracy", "low"),
        high=sheet.share("intervals", "accuracy", "high"),
        balanced=sheet.share("balanced_accuracy"),
        balanced_low=sheet.share("intervals", "balanced_accuracy", "low"),
        balanced_high=sheet.share("intervals", "balanced_accuracy", "high"),
        copies=copies(found),
    )


def copies(found: Assessment | MultiLabelAssessment) -> str:
    """Whether pictures of training were scored; where some were, a caution says so too."""
    if found.trained_copies is None:
        return " What it learnt from is not known here, so copies of it may be among them."
    if found.copies == "file":
        return (
            " Of copies of training pictures only those with the same contents were looked for, none that "
            "were changed: `swinkit check` finds them."
        )
    return (
        ""
        if found.trained_copies
        else " None of them is a copy of a training picture, not even a changed one."
    )


def against_baselines(found: Assessment, sheet: Sheet) -> Markup:
    """What the model has to beat."""
    if found.baselines is None:
        return Markup("What it learnt from is not known, so there is no baseline to hold it against.")
    majority = _said(
        "Always answering {name}, the commonest class of training, would be right on {majority}.",
        name=called(found.baselines.majority_class),
        majority=sheet.share("baselines", "majority"),
    )
    if found.baselines.probe is None:
        return majority + " No linear classifier was fitted beside it."
    return majority + _said(
        " A linear classifier on {features} reaches a balanced accuracy of {probe}.",
        features=found.baselines.probe_features,
        probe=sheet.share("baselines", "probe", "value"),
    )


def caution(
    name: Caution,
    found: Assessment | MultiLabelAssessment,
    sheet: Sheet,
    run: Sheet | None,
) -> tuple[str, Markup]:
    """What is the matter in bold, and the rest."""
    title, text = CAUTIONS[name]
    pictures = {name: one.pictures for name, one in found.per_class.items()}
    values: dict[str, Any] = {
        "pictures": sheet.count("pictures"),
        "without_pictures": names(name for name, count in pictures.items() if count == 0),
        "with_few_pictures": names(name for name, count in pictures.items() if 0 < count < FEW_OF_A_CLASS),
    }
    values["trained_copies"] = sheet.count("trained_copies")
    if isinstance(found, Assessment):
        values |= {"measure": "balanced accuracy", "share": "accuracy"}
        values["without_copies"] = sheet.share("accuracy_without_copies")
    else:
        values |= dict.fromkeys(("measure", "share"), "mean average precision")
        values["without_copies"] = sheet.share("precision_without_copies")
    values |= _baselines(found, sheet)
    if run:
        values["train"] = run.count("data", "pictures", "train")
    return title, _said(text, **values)


def _baselines(found: Assessment | MultiLabelAssessment, sheet: Sheet) -> dict[str, Any]:
    if found.baselines is None:
        return {}
    probe = {
        "probe_features": found.baselines.probe_features,
        "probe": sheet.share("baselines", "probe", "value") if found.baselines.probe else NOTHING,
    }
    if isinstance(found.baselines, LabelBaselines):
        return probe
    majority = {
        "majority_class": called(found.baselines.majority_class),
        "majority": sheet.share("baselines", "majority"),
    }
    return probe | majority


# Several classes for a picture ---------------------------------------------------------------------------

LABEL_HEADLINES: dict[Headline, str] = {
    "nothing learnt": HEADLINES["nothing learnt"],
    "not shown": HEADLINES["not shown"],
    "below the probe": "{score} mean average precision, no better than a plain baseline",
    "by folds": "About {by_folds} mean average precision on pictures it had not seen",
    "too few": "{score} mean average precision, on too few pictures to trust",
    "learnt from": "{score} mean average precision, on pictures it learnt from",
    "chosen on the same": "{score} mean average precision, on the pictures it was chosen by",
    "unseen": "{score} mean average precision on pictures it had never seen",
    "measured": "{score} mean average precision",
}
BY_LABEL = (
    "A picture is given a class from its threshold on: a probability, chosen for each class on the pictures "
    "that the best epoch was chosen by. Found: the share of the pictures with the class that were given it "
    "(recall). Right: the share of those given it that have it (precision). F1 is their harmonic mean. "
    "Average precision needs no threshold: it says how well the pictures that have a class are put before "
    "those that have not; answers at random give about the share of pictures that have the class. Bars "
    "and ranges are 95\u202f% intervals. The worst class comes first; choose one to see its mistakes."
)
NO_DOUBTFUL_LABELS = (
    "Labels that may be wrong are not looked for where a picture may have several classes; the mistakes of "
    "each class, above, are where to look for them."
)
LABEL_ROBUSTNESS = (
    "The same pictures, made worse in one way at a time, and the mean average precision that is left."
)
LOOKED_FOR = (
    "The brighter a place, the more it spoke for the class named below. A model that is right for a wrong "
    "reason looks at the background, at a frame or at writing."
)


def label_headline(name: Headline, sheet: Sheet) -> Markup:
    by_folds = sheet.share("by_folds", "mean_average_precision", "value") if name == "by folds" else ""
    return _said(LABEL_HEADLINES[name], score=sheet.share("mean_average_precision"), by_folds=by_folds)


def label_lead(found: MultiLabelAssessment, sheet: Sheet) -> Markup:
    scored = found.evaluation
    text = "Scored on {pictures} pictures{part}, each of which may show several classes or none. "
    if found.mean_average_precision is not None:
        text += (
            "Mean average precision says how well pictures that have a class are put before those that have "
            "not, on the average of the classes: 100\u202f% is perfect. As far as so many pictures can tell, "
            "it lies between {low} and {high} (95\u202f% interval). "
        )
    text += "With the threshold of each class, F1 is {f1} on the average of the classes"
    if scored.exact is not None:
        text += ", and {exact} of the pictures were given just the classes they have"
    known = found.mean_average_precision is not None
    return _said(
        text + ".{copies}",
        pictures=sheet.count("pictures"),
        part=f" (split {scored.split})" if scored.split else "",
        copies=copies(found),
        low=sheet.share("intervals", "mean_average_precision", "low") if known else "",
        high=sheet.share("intervals", "mean_average_precision", "high") if known else "",
        f1=sheet.share("f1"),
        exact=sheet.share("exact"),
    )


def against_guesses(found: MultiLabelAssessment, sheet: Sheet) -> Markup:
    """What the model has to beat where a picture may have several classes."""
    if found.baselines is None:
        return Markup("No picture is known to have a class, so there is no baseline to hold it against.")
    guessing = _said(
        "Answers at random would have a mean average precision of {guessing}.",
        guessing=sheet.share("baselines", "guessing"),
    )
    if found.baselines.probe is None:
        return guessing + " No linear classifier was fitted beside it."
    return guessing + _said(
        " A linear classifier on {features} reaches {probe}.",
        features=found.baselines.probe_features,
        probe=sheet.share("baselines", "probe", "value"),
    )


MISSED = "Has it, was not given it"
GIVEN = "Was given it, has it not"


# Sections ------------------------------------------------------------------------------------------------

CONFUSION = (
    "Each row is a class, each column an answer: the diagonal is right, everything else a mistake. Choose a "
    "number to see its pictures."
)
LINES = "Lines are 95\u202f% intervals."
PAIRS = (
    "Each row is a class taken for another, the commonest first. With so many classes a table of all "
    "against all could not be read."
)
BY_CLASS = (
    "Found: the share of the pictures of a class that were named so (recall). Right: the share of the "
    "answers with this name that were true (precision). F1 is their harmonic mean. Bars show 95\u202f% "
    "intervals, the mark the figure itself; the worst class comes first."
)
TOP_LOSSES = (
    "The pictures whose true class it held for the least probable. Often these show a wrong label, a "
    "bad crop, or a kind of picture that was missing in training."
)
SUSPECTS = (
    "A linear classifier that had not seen these pictures, taught by the others, finds another class more "
    "probable than their label. Look at the first of them: the label may be wrong."
)
LOOKED = (
    "The brighter a place, the more it spoke for the answer. A model that is right for a wrong reason looks "
    "at the background, at a frame or at writing."
)
CALIBRATION = (
    "A probability should mean what it says: of all answers given with 80\u202f%, four in five should be "
    "right. On the diagonal they are; below it the model is too sure of itself."
)
COVERAGE = (
    "If it may stay silent below a threshold, it answers fewer pictures and is right more often on those it "
    "answers."
)
ROBUSTNESS = "The same pictures, made worse in one way at a time, and how often it is still right."
FULL = "Pictures are shown until the page is about as large as one can send; predictions.csv has all of them."
LEFT_OUT_BELOW = "Those that are named below, among what stands out in the data, are not listed here as well."
MORE_LEFT_OUT = "And more; evaluation.json lists them all."
NOTES = "Notes: read all the same, and good to know"
MORE_OF_A_KIND = "And more of this kind."
SEVERITIES = {"error": "an error", "warning": "a warning", "note": "a note"}
NOTHING_LEFT_OUT = "Every file could be read."


def pairs_shown(wrong: Mistakes) -> str:
    if len(wrong.pairs) == wrong.all_pairs:
        return ""
    return "Only the commonest are listed; evaluation.json has them all (confusion)."


def cut(per_cell: int) -> str:
    return f"At most {per_cell} are shown, those it was surest of."


def mistaken(one: Stamp) -> Markup:
    return _said(
        "{label}, called {predicted} ({sure})",
        label=called(one.label),
        predicted=called(one.predicted),
        sure=one.sure,
    )


def suspected(one: Stamp) -> Markup:
    return _said(
        "labelled {label} ({of_label}), perhaps {predicted}",
        label=called(one.label),
        of_label=one.of_label,
        predicted=called(one.predicted),
    )


def suspects_shown(sheet: Sheet, top: int) -> Markup:
    if len(sheet.at("suspects")) <= top:
        return Markup("")
    return _said(
        "The likeliest of {all} are shown; evaluation.json lists them all.", all=sheet.count("suspects")
    )


def not_looked_for(reason: str) -> str:
    return f"Wrong labels were not looked for: {reason.rstrip('.')}."


def looked(one: Overlay) -> Markup:
    if isinstance(one.looked, LookedFor):
        said = "{given} ({sure})" if one.looked.right else "{given} ({sure}), which it has not"
        return _said(said, given=called(one.looked.given), sure=one.sure)
    says = "named so" if one.looked.right else "called {predicted}"
    return _said(
        f"{{label}}, {says} ({{sure}})",
        label=called(one.looked.label),
        predicted=called(one.looked.predicted),
        sure=one.sure,
    )


def reliability(when: str, sheet: Sheet) -> Markup:
    return _said(
        "{when}: expected calibration error {ece}, Brier score {brier}",
        when={"before": "As it came from training", "after": "With the temperature"}[when],
        ece=sheet.share("calibration", when, "ece"),
        brier=sheet.plain("calibration", when, "brier"),
    )


def temperature(found: Assessment, sheet: Sheet) -> Markup:
    """What was done about its probabilities."""
    calibration = found.calibration
    assert calibration is not None
    if calibration.skipped:
        return _said("No temperature was fitted: {why}.", why=calibration.skipped.rstrip("."))
    return _said(
        "Its outputs are divided by a temperature of {temperature}, fitted on {on}; "
        "<code>predict</code> does so too. That never changes an answer, only how sure it sounds.",
        temperature=sheet.plain("calibration", "temperature"),
        on=calibration.fitted_on,
    )


def unsure(found: Assessment, sheet: Sheet) -> Markup:
    """From which probability on `predict` gives an answer, and what that comes to."""
    calibration = found.calibration
    assert calibration is not None
    if calibration.unsure_below is None:
        return Markup("")
    text = "<code>predict</code> answers “unsure” below {threshold}"
    if calibration.error_rate is not None:
        text += ", chosen on {on} so that at most {error_rate} of its answers are wrong"
    if calibration.answered is not None:
        text += ". Here it then answers {coverage} of the pictures, and is right on {accuracy} of those"
    answered = calibration.answered is not None
    return _said(
        text + ".",
        threshold=sheet.share("calibration", "unsure_below"),
        on=calibration.fitted_on,
        error_rate=sheet.share("calibration", "error_rate"),
        coverage=sheet.share("calibration", "answered", "coverage") if answered else "",
        accuracy=sheet.share("calibration", "answered", "accuracy") if answered else "",
    )


def coverage(sheet: Sheet, row: int) -> Markup:
    """One threshold in a sentence."""
    at = ("calibration", "coverage", row)
    accuracy = sheet.share(*at, "accuracy")
    begin = "Answering from a probability of {threshold} on, it answers {coverage} of the pictures"
    end = "." if accuracy == NOTHING else ", and is right on {accuracy} of those."
    return _said(
        begin + end,
        threshold=sheet.whole(*at, "threshold"),
        coverage=sheet.share(*at, "coverage"),
        accuracy=accuracy,
    )


def left_out(path: str, reason: str) -> tuple[Markup, str]:
    """A file that could not be used, by a name that tells nothing about the machine, and the reason."""
    short = below_the_data(path)
    return called(short), without_folders(reason.replace(path, short))


def finding(one: Finding) -> Markup:
    """A finding with the files it is about, unless its message names them."""
    message = without_folders(one.message)
    if not one.files or one.files[0] in one.message:
        return _said("{message}", message=message)
    return _said("{files}: {message}", files=names(map(below_the_data, one.files)), message=message)


def without_folders(text: str) -> str:
    """A sentence in which a file has its name alone, wherever it lies on that machine."""
    return str(displayable(_ABSOLUTE.sub("", text)))


def cost(of: Cost, sheet: Sheet) -> list[tuple[str, Shown]]:
    """What one answer takes, row by row."""
    threads = f"{of.threads} thread{'s' if of.threads != 1 else ''}"
    on = f"on {of.device}, {threads}, kernel {of.kernel}"
    return [
        ("parameters", sheet.count("cost", "parameters")),
        ("multiply-adds a picture", sheet.measure("cost", "macs", unit="")),
        (f"time a picture, {on}", sheet.measure("cost", "seconds_per_picture", unit="s")),
        ("size of the file", sheet.measure("cost", "file_bytes", unit="B")),
    ]


def made_with(run: Sheet) -> Markup:
    """Versions and machine."""
    versions = ", ".join(f"{name} {version}" for name, version in run.at("versions").items())
    return _said("Made with {versions}; {system}.", versions=versions, system=run.at("system"))


def where_numbers_stand(run: bool) -> str:
    files = "evaluation.json and predictions.csv"
    if run:
        files = "evaluation.json, predictions.csv, run.json, split.csv and metrics.jsonl"
    return f"Every number here stands in {files} beside this page."


# Several models ------------------------------------------------------------------------------------------

PAIR_BY_PAIR = (
    "Two runs answer the same pictures, so what counts is where they differ. An interval that holds 0 "
    "means that chance alone may explain the difference."
)
MANY_PAIRS = (
    "The more runs are compared, the likelier one pair differs by chance. A difference counts here only if "
    "it stands the correction for the number of pairs (Holm); the intervals are of one pair alone."
)


def measures_of(one: Contender | SetContender) -> dict[str, str]:
    """By what runs are judged, the deciding one first: the name of the field, and in words."""
    if isinstance(one, Contender):
        return {"balanced_accuracy": "Balanced accuracy", "accuracy": "Accuracy"}
    return {"mean_average_precision": "Mean average precision", "f1": "F1"}


def compared(found: Comparison) -> Markup:
    """The best run, if the pictures can tell."""
    best = max(found.contenders, key=lambda one: one.judged.value).name
    against = [one for one in found.duels if best in (one.first, one.second)]
    if all(one.decided for one in against):
        return _said("{name} is the best", name=called(best)) if len(against) > 1 else duel(against[0])
    if len(against) == 1:
        return Markup("No difference can be shown")
    return _said("{name} is ahead, but not beyond doubt", name=called(best))


def compared_lead(found: Comparison, sheet: Sheet) -> Markup:
    text = "Scored on the {pictures} pictures that all of them have, by their content."
    if found.left_out:
        text += " {left_out} others, which not all have, are left out."
    return _said(text, pictures=sheet.count("pictures"), left_out=sheet.count("left_out"))


def duel(one: Duel | SetDuel) -> Markup:
    """Which of two runs is better, if the pictures can tell."""
    if not one.decided:
        return _said(
            "Between {first} and {second} no difference can be shown",
            first=called(one.first),
            second=called(one.second),
        )
    better, worse = (one.first, one.second) if one.judged.value < 0 else (one.second, one.first)
    return _said("{better} is better than {worse}", better=called(better), worse=called(worse))


def duel_numbers(one: Duel | SetDuel, sheet: Sheet, row: int) -> Markup:
    at = ("duels", row)
    if isinstance(one, SetDuel):
        return _said(
            "Mean average precision of {second} against that of {first}: {value} points ({low} to {high}); "
            "F1: {f1} points ({f1_low} to {f1_high}). If they were equally good, mean average precision "
            "would part them so far with a probability of {p} (answers exchanged at random).",
            first=called(one.first),
            second=called(one.second),
            value=sheet.points(*at, "mean_average_precision", "value"),
            low=sheet.points(*at, "mean_average_precision", "low"),
            high=sheet.points(*at, "mean_average_precision", "high"),
            f1=sheet.points(*at, "f1", "value"),
            f1_low=sheet.points(*at, "f1", "low"),
            f1_high=sheet.points(*at, "f1", "high"),
            p=sheet.number(*at, "p", as_=chance),
        )
    return _said(
        "Balanced accuracy of {second} against that of {first}: {value} points ({low} to {high}); "
        "accuracy: {accuracy} points ({accuracy_low} to {accuracy_high}). {only_second} pictures only "
        "{second} got right, {only_first} only {first}. If they were equally good, balanced accuracy would "
        "part them so far with a probability of {p_balanced}, accuracy with one of {p}.",
        first=called(one.first),
        second=called(one.second),
        value=sheet.points(*at, "balanced_accuracy", "value"),
        low=sheet.points(*at, "balanced_accuracy", "low"),
        high=sheet.points(*at, "balanced_accuracy", "high"),
        accuracy=sheet.points(*at, "accuracy", "value"),
        accuracy_low=sheet.points(*at, "accuracy", "low"),
        accuracy_high=sheet.points(*at, "accuracy", "high"),
        only_first=sheet.count(*at, "only_first"),
        only_second=sheet.count(*at, "only_second"),
        p_balanced=sheet.number(*at, "p_balanced", as_=chance),
        p=sheet.number(*at, "p", as_=chance),
    )


def entrant(one: Entrant) -> Markup:
    """What model it is, and what it began from."""
    weights = "scratch" if one.weights == "none" else called(place(one.weights))
    model = "" if one.model in (None, one.weights) else called(place(one.model))
    return _said("{model}, from {weights}" if model else "from {weights}", model=model, weights=weights)


def where_numbers_of_a_comparison_stand() -> str:
    return "Every number here stands in comparison.json beside this page."


# What a run is called, and how to repeat it --------------------------------------------------------------


def command(run: Mapping[str, Any]) -> list[str]:
    """The command that makes this run again, word by word; paths as `place` shows them.

    Where the time there was decided how much of the model learns, or that nothing but the linear classifier
    does, the time stands in place of the epochs.
    """
    config, asked = run["config"], run.get("asked", {})  # runs of before it was kept have none
    words = ["swinkit", "train"]
    if config["data"] is not None:
        words.append(place(config["data"]))
    if config["weights"] is None:
        words += ["--weights", "none", "--model", config["model"]]
    else:
        words += ["--weights", place(config["weights"])]
        words += ["--model", asked["model"]] if "model" in asked else []
    height, width = config["image_size"]
    words += ["--image-size", str(height) if height == width else f"{height}x{width}"]
    partly = config.get("frozen_stages", 0) > 0 and "epochs" not in asked and "recipe" not in asked
    timed = partly or not config["epochs"]
    for name in ("batch", "lr", "precision", "seed") if timed else _RESOLVED:
        words += [f"--{name}", str(config[name])]
    for name in _ASKED if timed else _ASKED[1:]:
        if name in asked:
            words += [f"--{name.removesuffix('_file').replace('_', '-')}", place(str(asked[name]))]
    words += ["--resplit"] if asked.get("resplit") else []
    return [displayable(shlex.quote(word)) for word in words]


_RESOLVED = ("epochs", "batch", "lr", "precision", "seed")
"""Settings that are given as they came out."""
_ASKED = (
    "time",
    "labels_file",
    "group_by",
    "exclude",
    "recipe",
    "teacher",
    "distillation",
    "imbalance",
    "device",
    "threads",
    "cache",
    "kernel",
)
"""Settings that are given where they were asked for; else they follow from the pictures and the machine."""


def place(path: str) -> str:
    """A path as the page may show it: as seen from the working folder, or its last name alone."""
    if PureWindowsPath(path).drive:
        return PureWindowsPath(path).name
    there = Path(path)
    if not there.is_absolute():
        return path
    return str(there.relative_to(Path.cwd())) if there.is_relative_to(Path.cwd()) else there.name


def below_the_data(path: str) -> str:
    """An absolute path without what leads to the data: its folder, which is the class, and its name."""
    kind = PureWindowsPath if PureWindowsPath(path).drive else PurePath
    return "/".join(kind(path).parts[-2:]) if kind(path).is_absolute() else path


_ABSOLUTE = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?[/\\](?:[^\s/\\:]+[/\\])+")
"""Folders that lead to a file, wherever they stand in a sentence."""


def names(of: Iterable[str]) -> Markup:
    """Some names as a list in a sentence."""
    listed = list(of)
    shown = [called(name) for name in listed[:_NAMED]]
    if len(listed) > _NAMED:
        return Markup(", ").join(shown) + " and others"
    return (
        Markup(" and ").join([Markup(", ").join(shown[:-1]), shown[-1]])
        if len(shown) > 1
        else Markup("").join(shown)
    )


def _said(text: str, **values: Any) -> Markup:
    """A sentence with its values, which are escaped unless they are marks already."""
    return Markup(text).format(**{name: displayable(value) for name, value in values.items()})


def settings(run: Mapping[str, Any]) -> Sequence[str]:
    """The reasons that the plan gave, line by line, without where things lie on that machine."""
    return [without_folders(line) for line in run["reasons"]]
