"""Learning from a teacher: the losses of the papers, classes by name, pictures as the teacher wants them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from swinkit.data.loader import Batch, train_loader
from swinkit.data.transforms import normalised
from swinkit.engine.distillation import Distillation, Teacher, teacher_of
from swinkit.engine.optimiser import make_optimiser
from swinkit.engine.portion import Portion
from swinkit.engine.step import training_step, with_teacher
from swinkit.errors import ConfigError
from swinkit.models import Preprocess, Swin, create_model
from swinkit.recipes.fresh import fresh_model
from swinkit.tasks.classification import Classification
from swinkit.tasks.multilabel import MultiLabel
from tests.engine.small_runs import SETTINGS, training_images

CLASSES = tuple("0123456789")
OURS = Preprocess(image_size=(16, 16), mean=(0.5,) * 3, std=(0.25,) * 3)
SETTING = Distillation(teacher="teacher.safetensors")


def model_of(classes: tuple[str, ...], preprocess: Preprocess | None = OURS) -> Swin:
    model = create_model("swin_pico", classes=classes)
    torch.nn.init.normal_(model.head.weight)
    model.preprocess = preprocess
    return model


def teacher(model: Swin, classes: tuple[str, ...] = ("ant", "bee"), **changes: object) -> Teacher:
    wanted = {"classes": classes, "task": "classification", "ours": OURS, **changes}
    return teacher_of(model, SETTING, **wanted)  # type: ignore[arg-type]


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_the_soft_loss_is_the_divergence_of_the_papers(temperature: float) -> None:
    ours, theirs = torch.randn(4, 5, dtype=torch.float64), torch.randn(4, 5, dtype=torch.float64)

    found = Classification(tuple("abcde")).distilled(ours, theirs, hard=False, temperature=temperature)

    p, q = ((each / temperature).softmax(dim=1) for each in (theirs, ours))
    expected = (p * (p / q).log()).sum(dim=1).mean() * temperature**2
    assert expected.item() == pytest.approx(found.item(), rel=1e-5)


def test_the_hard_loss_asks_for_the_teachers_answer() -> None:
    ours, theirs = torch.randn(4, 5), torch.randn(4, 5)

    found = Classification(tuple("abcde")).distilled(ours, theirs, hard=True, temperature=9.0)

    assert found.item() == pytest.approx(
        -ours.log_softmax(dim=1)[range(4), theirs.argmax(dim=1)].mean().item()
    )


def test_with_several_labels_every_class_is_learnt_by_itself() -> None:
    ours, theirs, task = torch.randn(4, 3), torch.randn(4, 3), MultiLabel(tuple("abc"))
    p, q = theirs.sigmoid(), ours.sigmoid()

    soft = task.distilled(ours, theirs, hard=False, temperature=1.0)
    hard = task.distilled(ours, theirs, hard=True, temperature=1.0)

    assert soft.item() == pytest.approx(-(p * q.log() + (1 - p) * (1 - q).log()).mean().item(), rel=1e-5)
    said = (theirs > 0).float()
    assert hard.item() == pytest.approx(
        -(said * q.log() + (1 - said) * (1 - q).log()).mean().item(), rel=1e-5
    )


def test_labels_and_teacher_have_their_shares() -> None:
    task, outputs, taught = Classification(("a", "b")), torch.randn(3, 2), torch.randn(3, 2)
    loss = torch.tensor(2.0)
    from_teacher = task.distilled(outputs, taught, hard=False, temperature=2.0)

    found = with_teacher(loss, task, outputs, taught, replace(SETTING, share=0.25))

    assert found.item() == pytest.approx(0.75 * 2.0 + 0.25 * from_teacher.item())


def test_classes_are_found_by_name_in_whatever_order_and_spelling() -> None:
    model = model_of(("wasp", "Bee", "ant", "cow"))
    inputs = torch.randn(2, 3, 16, 16)

    found = teacher(model, ("ant", "bee"))(inputs)

    torch.testing.assert_close(model(inputs)[:, [2, 1]], found)


def test_pictures_reach_the_teacher_as_it_was_trained() -> None:
    """Normalised its own way, at its own size."""
    theirs = Preprocess(image_size=(32, 32), mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    seen: list[Tensor] = []
    model = model_of(("ant", "bee"), theirs)
    model.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    pixels = torch.full((1, 3, 16, 16), 0.8)

    teacher(model)((pixels - 0.5) / 0.25)

    expected = ((0.8 - torch.tensor(theirs.mean)) / torch.tensor(theirs.std))[:, None, None]
    torch.testing.assert_close(expected.expand(3, 32, 32), seen[0][0], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "changes", "message"),
    [
        (model_of(("ant", "cow")), {}, "cannot teach all classes.*'bee'"),
        (model_of(("ant", "bee"), None), {}, "how it takes pictures"),
        (create_model("swin_pico", classes=2), {}, "what its classes are called"),
        (model_of(("ant", "bee")), {"task": "multilabel"}, "trained for classification"),
        (
            model_of(("ant", "bee")),
            {"ours": replace(OURS, mean=(0.5,), std=(0.5,))},
            "takes 3 channels, not 1",
        ),
    ],
    ids=["a class it does not know", "no preprocessing", "no names", "another task", "other channels"],
)
def test_a_model_that_cannot_teach_says_why(model: Swin, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        teacher(model, **changes)


def test_impossible_settings_are_told_together() -> None:
    with pytest.raises(ConfigError, match=r"kind = firm.*share = 0.*temperature = -1"):
        Distillation(teacher="x", kind="firm", share=0, temperature=-1)  # type: ignore[arg-type]


def one_batch() -> Batch:
    batch: Batch = next(iter(train_loader(training_images(SETTINGS), epochs=[0], batch=8)))
    return batch


def test_a_teacher_is_not_changed_and_parts_of_a_step_add_up() -> None:
    model = fresh_model(replace(SETTINGS, seed=5), CLASSES)
    torch.nn.init.normal_(model.head.weight)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    gradients = []
    for at_once in (8, 3):
        student = fresh_model(SETTINGS, CLASSES).train()
        knows = teacher_of(model, SETTING, classes=CLASSES, task="classification", ours=student.preprocess)
        training_step(
            student,
            Classification(CLASSES),
            make_optimiser(student, SETTINGS),
            one_batch(),
            SETTINGS,
            lr=0.0,
            step=0,
            portion=Portion(at_once, print),
            teacher=knows,
        )
        gradients.append([p.grad for p in student.parameters()])

    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-6)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def distance_after(steps: int, share: float, knowing: Swin, kind: str = "soft") -> float:
    """How far a student is from its teacher's answers, all labels of its pictures saying 0."""
    student = fresh_model(SETTINGS, CLASSES).train()
    settings = replace(SETTING, kind=kind, share=share)  # type: ignore[arg-type]
    knows = teacher_of(knowing, settings, classes=CLASSES, task="classification", ours=student.preprocess)
    batch, task, optimiser = one_batch(), Classification(CLASSES), make_optimiser(student, SETTINGS)
    misled = replace(batch, targets=torch.zeros_like(batch.targets))
    config = replace(SETTINGS, drop_path=0.0)
    for step in range(steps):
        training_step(student, task, optimiser, misled, config, lr=3e-3, step=step, teacher=knows)
    inputs = normalised(batch.pixels, student.preprocess.mean, student.preprocess.std)
    with torch.no_grad():
        answers = student.eval()(inputs)
        return task.distilled(answers, knows(inputs), hard=kind == "hard", temperature=1.0).item()


@pytest.mark.parametrize("kind", ["soft", "hard"])
def test_a_student_learns_from_its_teacher_what_the_labels_do_not_say(kind: str) -> None:
    knowing = fresh_model(replace(SETTINGS, seed=3), CLASSES)
    with torch.no_grad():
        knowing.head.weight.normal_(std=3.0)

    untaught, taught, misled = (
        distance_after(steps, share, knowing, kind) for steps, share in ((0, 1.0), (25, 1.0), (25, 1e-9))
    )

    assert taught < untaught / 2
    assert misled > untaught
