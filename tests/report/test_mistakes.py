"""The matrix and the pictures behind it."""

from __future__ import annotations

from swinkit.report.mistakes import LARGEST_MATRIX, PER_CELL, mistakes, top_losses
from swinkit.report.numbers import Number, Sheet
from swinkit.report.thumbnails import Album
from tests.report.many import many_classes
from tests.report.runs import Finished


def test_rows_are_what_is_true_and_columns_what_was_said(run: Finished) -> None:
    sheet = Sheet("evaluation.json", run.found.to_dict())
    made = mistakes(run.found, sheet, Album(run.images.samples))
    confusion = run.found.evaluation.confusion
    for i, row in enumerate(made.rows):
        for j, cell in enumerate(row):
            assert isinstance(cell.pictures, Number)
            assert (confusion[i][j], str(i), str(j)) == (cell.pictures.value, cell.label, cell.predicted)
            assert f"evaluation.json#/confusion/{i}/{j}" == cell.pictures.fact
            assert bool(cell.id) == (confusion[i][j] > 0)
    for gallery in made.galleries:
        assert len(gallery.stamps) <= PER_CELL
        for stamp in gallery.stamps:
            assert (gallery.cell.label, gallery.cell.predicted) == (stamp.label, stamp.predicted)


def test_a_cell_with_more_pictures_says_so(run: Finished) -> None:
    sheet = Sheet("evaluation.json", run.found.to_dict())
    for gallery in mistakes(run.found, sheet, Album(run.images.samples)).galleries:
        assert isinstance(gallery.cell.pictures, Number)
        assert (gallery.cell.pictures.value > PER_CELL) == gallery.cut


def test_when_room_is_short_the_commonest_mistake_gets_its_pictures_first(run: Finished) -> None:
    sheet = Sheet("evaluation.json", run.found.to_dict())
    one = mistakes(run.found, sheet, Album(run.images.samples, budget=10_000)).galleries
    most = max(c for i, row in enumerate(run.found.evaluation.confusion) for j, c in enumerate(row) if i != j)
    assert isinstance(one[0].cell.pictures, Number)
    assert most == one[0].cell.pictures.value
    assert not any(gallery.cell.right for gallery in one)


def test_above_fifty_classes_pairs_are_listed_the_commonest_first() -> None:
    found, images = many_classes(classes=LARGEST_MATRIX + 1, pictures=400)
    made = mistakes(found, Sheet("evaluation.json", found.to_dict()), Album(images.samples))
    assert () == made.rows
    counts = [pair.pictures.value for pair in made.pairs if isinstance(pair.pictures, Number)]
    assert counts == sorted(counts, reverse=True)
    assert len(made.pairs) == made.all_pairs == len(counts)
    wrong = sum(one.label != one.predicted for one in found.pictures)
    assert wrong == sum(counts)


def test_the_top_losses_are_mistakes_in_order(run: Finished) -> None:
    stamps = top_losses(run.found, Album(run.images.samples))
    assert all(stamp.label != stamp.predicted for stamp in stamps)
    of_label = [stamp.of_label.value for stamp in stamps if isinstance(stamp.of_label, Number)]
    assert of_label == sorted(of_label) and len(of_label) == len(stamps)
