"""Tables of pictures as people write them, and the lines that make no sense."""

from __future__ import annotations

import unicodedata

import pytest

from swinkit.data import open_images
from swinkit.errors import DataError

from ..pictures_for_tests import save


@pytest.fixture
def folder(tmp_path):
    """Six pictures, and nothing that says what they show."""
    for number in range(6):
        save(tmp_path / "data" / "pics" / f"{number}.png", seed=number)
    return tmp_path / "data"


def _table(folder, *lines: str, name: str = "table.csv", encoding: str = "utf-8"):
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def _rows(*labels: str) -> list[str]:
    return [f"pics/{number}.png,{label}" for number, label in enumerate(labels)]


def test_a_table_beside_pictures_says_what_they_show(folder):
    table = _table(
        folder, "path,label,split", "pics/0.png,cat,train", "pics/1.png,dog,train", "pics/2.png,dog,Val"
    )

    by_file, by_folder = open_images(table), open_images(folder)

    assert by_file.samples == by_folder.samples
    assert (by_file.name, by_folder.name) == ("table", "data")
    assert by_file.classes == ("cat", "dog")
    assert by_file.task == "classification"
    assert [("pics/0.png", "cat", "train"), ("pics/1.png", "dog", "train"), ("pics/2.png", "dog", "val")] == [
        (sample.name, sample.label, sample.split) for sample in by_file.samples
    ]
    assert by_file.layout == "table table.csv of path and label"
    assert by_file.samples[0].pixels().shape == (12, 16, 3)


@pytest.mark.parametrize(
    "heading",
    ["filename,class", "File Name,Category", "image_path,label", "image_id,target", "\ufeffpath,tags"],
)
def test_columns_are_known_by_their_usual_names(folder, heading):
    images = open_images(_table(folder, heading, *_rows("cat", "dog")))

    assert images.counts() == {"cat": 1, "dog": 1}


@pytest.mark.parametrize(("mark", "name"), [("\t", "t.tsv"), ("\t", "t.csv"), (";", "t.csv")])
def test_other_marks_between_cells_are_recognised(folder, mark, name):
    lines = [line.replace(",", mark) for line in ["path,label", *_rows("cat", "dog")]]

    assert open_images(_table(folder, *lines, name=name)).counts() == {"cat": 1, "dog": 1}


def test_cells_may_be_quoted_hold_commas_and_be_written_on_windows(folder):
    (folder / "t.csv").write_bytes(b'path,label\r\n"pics\\0.png","cat, small"\r\n\r\npics/1.png, dog \r\n')

    images = open_images(folder / "t.csv")

    assert images.counts() == {"cat, small": 1, "dog": 1}
    assert ["pics/0.png", "pics/1.png"] == [sample.name for sample in images.samples]


def test_json_lines_hold_lists_of_labels(folder):
    table = _table(
        folder,
        '{"file_name": "pics/0.png", "labels": ["sea", "dog"]}',
        '{"file_name": "pics/1.png", "labels": []}',
        name="metadata.jsonl",
    )

    assert [("sea", "dog"), ()] == [sample.labels for sample in open_images(table).samples]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_accents_may_be_written_in_another_form_than_the_file(folder, form):
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    save(folder / unicodedata.normalize(form, "größe.png"))
    table = _table(folder, "path,label", unicodedata.normalize(other, "größe.png,a"), "pics/1.png,b")

    images = open_images(table)

    assert images.samples[0].name == unicodedata.normalize("NFC", "größe.png")
    assert images.samples[0].pixels().shape == (12, 16, 3)


def test_accents_of_a_name_without_its_folder_may_be_decomposed_too(folder):
    save(folder / "pics" / unicodedata.normalize("NFD", "größe.png"))
    table = _table(folder, "path,label", unicodedata.normalize("NFD", "größe,a"), "pics/1.png,b")

    assert ["pics/1.png", "pics/größe.png"] == [sample.name for sample in open_images(table).samples]


# Several labels


def test_labels_between_semicolons_make_a_multi_label_set(folder):
    images = open_images(_table(folder, "image,labels", *_rows("sea;dog", "dog", " sea ; bus", "")))

    assert images.task == "multilabel"
    assert images.classes == ("bus", "dog", "sea")
    assert images.counts() == {"bus": 1, "dog": 2, "sea": 2}
    assert [("sea", "dog"), ("dog",), ("sea", "bus"), ()] == [sample.labels for sample in images.samples]
    assert {None} == {sample.label for sample in images.samples}


def test_columns_of_ones_and_zeros_are_labels_and_gaps_are_unknown(folder):
    table = _table(
        folder, "path,sea,dog,weight", "pics/0.png,1,1,3.5", "pics/1.png,0,-1,2.1", "pics/2.png,1.0,,0.7"
    )

    images = open_images(table)

    assert images.layout == "table table.csv of path and 2 columns of 0 and 1"
    assert [(("sea", "dog"), ()), ((), ("dog",)), (("sea",), ("dog",))] == [
        (sample.labels, sample.unknown) for sample in images.samples
    ]


def test_one_one_in_each_line_is_plain_classification(folder):
    images = open_images(_table(folder, "path,cat,dog", "pics/0.png,1,0", "pics/1.png,0,1"))

    assert images.task == "classification"
    assert ["cat", "dog"] == [sample.label for sample in images.samples]


def test_a_label_that_is_a_number_is_a_name(folder):
    assert open_images(_table(folder, "path,label", *_rows("10", "2", "10"))).classes == ("2", "10")


# Splits and groups


def test_tables_called_train_and_val_are_splits(folder):
    _table(folder, "path,label", *_rows("cat", "dog"), name="train.csv")
    _table(folder, "path,label", "pics/2.png,cat", name="my_valid.csv")

    images = open_images(folder)

    assert ["train", "train", "val"] == [sample.split for sample in images.samples]
    assert images.layout == "table my_valid.csv of path and label, table train.csv of path and label"


def test_tables_in_folders_called_train_and_test_are_splits(folder):
    for split in ("train", "test"):
        for number in range(2):
            save(folder / split / f"{number}.png", seed=number)
        _table(folder / split, "file_name,label", "0.png,cat", "1.png,dog", name="metadata.csv")

    images = open_images(folder)

    assert images.splits() == ("train", "test")
    assert "test/0.png" in {sample.name for sample in images.samples}


def test_a_table_that_is_not_about_pictures_leaves_the_folders_to_speak(folder):
    save(folder / "more" / "0.png")
    _table(folder, "name,price", "apples,3")

    assert open_images(folder).classes == ("more", "pics")


def test_a_column_of_patients_keeps_them_together_and_says_so(folder):
    images = open_images(_table(folder, "path,label,Patient ID", "pics/0.png,a,p1", "pics/1.png,b,p2"))

    assert ["p1", "p2"] == [sample.group for sample in images.samples]
    assert images.notes == ("pictures of one Patient ID are kept in one split",)


def test_any_column_can_be_grouped_by(folder):
    table = _table(folder, "path,label,film", "pics/0.png,a,f1", "pics/1.png,b,")

    assert [None, None] == [sample.group for sample in open_images(table).samples]
    assert ["f1", None] == [sample.group for sample in open_images(table, group_by="Film").samples]
    with pytest.raises(DataError, match="has no column 'fim' to group by") as refusal:
        open_images(table, group_by="fim")
    assert "it has path, label, film" in refusal.value.hint


def test_the_mark_between_cells_may_stand_inside_quotes_too(folder):
    table = _table(folder, 'path;label;"what, where"', "pics/0.png;cat;x", 'pics/1.png;"dog, big";y')

    assert open_images(table).counts() == {"cat": 1, "dog, big": 1}


def test_unicode_text_of_a_spreadsheet_is_read(folder):
    table = _table(folder, "path\tlabel", "pics/0.png\tgrün", "pics/1.png\trot", encoding="utf-16")

    assert open_images(table).counts() == {"grün": 1, "rot": 1}


@pytest.mark.parametrize("named", ["{}.png", "{}", "pics/{}"])
def test_names_without_folder_or_ending_are_looked_for_below_the_table(folder, named):
    rows = (f"{named.format(number)},{label}" for number, label in enumerate(("cat", "dog")))

    images = open_images(_table(folder, "image_id,label", *rows))

    assert ["pics/0.png", "pics/1.png"] == [sample.name for sample in images.samples]
    assert "without their folder" in images.notes[0]


def test_a_line_said_twice_counts_once_and_is_named(folder):
    images = open_images(_table(folder, "path,label", *_rows("cat", "dog"), "pics/0.png,cat"))

    assert images.counts() == {"cat": 1, "dog": 1}
    assert images.skipped == (("table.csv:4", "it says of 0.png what table.csv:2 says"),)


def test_bad_lines_are_left_out_where_that_is_asked_for_and_no_others(folder):
    table = _table(folder, "path,label", *_rows("cat", "dog", "cat"), "gone.png,cat", "pics/2.png,dog")

    images = open_images(table, exclude={"table.csv:4", "table.csv:5", "table.csv:6"})

    assert images.counts() == {"cat": 1, "dog": 1}
    with pytest.raises(DataError, match=r"has 1 bad line:\n  table\.csv:5: there is no file gone\.png"):
        open_images(table, exclude={"table.csv:4", "table.csv:6"})


# Refusals


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (
            ["image_id,breed", "0,poodle"],
            "no column holds what each picture shows; the first line has image_id",
        ),
        (["pics/0.png,cat", "pics/1.png,dog"], "no column holds a path"),
    ],
    ids=["unknown heading", "no heading"],
)
def test_a_folder_beside_a_table_that_cannot_be_used_is_no_class(folder, lines, reason):
    _table(folder, *lines)

    with pytest.raises(DataError, match=reason):
        open_images(folder)


def test_class_folders_beside_a_table_are_read_and_it_is_said_why_it_is_not(folder):
    save(folder / "more" / "0.png")
    _table(folder, "image_id,breed", "0,poodle")

    images = open_images(folder)

    assert images.classes == ("more", "pics")
    assert "no column holds what each picture shows" in images.notes[0]


def test_a_name_that_several_files_have_is_refused(folder):
    save(folder / "more" / "0.png")

    with pytest.raises(DataError, match=r"2 files are called 0 \(more/0\.png, pics/0\.png\)"):
        open_images(_table(folder, "image_id,label", "0,cat", "1,dog"))


def test_every_bad_line_is_named_with_its_number_at_once(folder):
    table = _table(
        folder,
        "path,label,split",
        "pics/0.png,cat,train",
        "gone.png,dog,train",
        ",dog,train",
        "pics/1.png,,train",
        "pics/2.png,dog,trian",
        "pics/0.png,dog,val",
        "pics/3.png,dog;dog,",
    )

    with pytest.raises(DataError) as refusal:
        open_images(table)

    assert refusal.value.message.splitlines()[1:] == [
        "  table.csv:2: 0.png is cat, in train here and dog, in val in table.csv:7",
        "  table.csv:3: there is no file gone.png",
        "  table.csv:4: it names no picture",
        "  table.csv:5: it has no label",
        "  table.csv:6: 'trian' is no split; expected train, val or test",
        "  table.csv:7: 0.png is dog, in val here and cat, in train in table.csv:2",
        "  table.csv:8: it names dog twice",
    ]
    assert "relative to the folder of the table" in refusal.value.hint


def test_lines_of_another_length_are_named(folder):
    table = _table(folder, "path,label", "pics/0.png,cat", "pics/1.png", "pics/2.png,a,b")

    with pytest.raises(DataError, match=r"csv:3: 1 cell, and the heading has 2\n.*csv:4: 3 cells"):
        open_images(table)


def test_of_very_many_bad_lines_the_first_are_named(folder):
    table = _table(folder, "path,label", *(f"gone{number}.png,a" for number in range(30)))

    with pytest.raises(DataError, match=r"has 30 bad lines:(.|\n)*… and 10 more"):
        open_images(table)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["cat,dog", "a.png,1"], "no column holds a path to each picture; the first line has cat, dog"),
        (["path,price", "pics/0.png,3.5"], "no column holds what each picture shows"),
        ([""], "the first line has nothing"),
        (["path,label"], "has a heading and no lines"),
    ],
    ids=["no path", "no label", "empty", "heading only"],
)
def test_a_table_that_says_too_little_is_refused(folder, lines, reason):
    with pytest.raises(DataError, match=reason):
        open_images(_table(folder, *lines))


def test_a_table_in_another_encoding_is_refused(folder):
    with pytest.raises(DataError, match="is no text in UTF-8"):
        open_images(_table(folder, "path,label", *_rows("größe", "b"), encoding="latin-1"))


def test_broken_json_is_named_with_its_line(folder):
    table = _table(folder, '{"path": "pics/0.png", "label": "a"}', "{oops", name="t.jsonl")

    with pytest.raises(DataError, match=r"t\.jsonl:2: it is no JSON object"):
        open_images(table)


def test_one_class_is_nothing_to_learn_here_either(folder):
    with pytest.raises(DataError, match=r"one class only \('cat', 2 pictures\)"):
        open_images(_table(folder, "path,label", *_rows("cat", "cat")))


# A real one


def test_coco128_has_several_labels_a_picture(shared_data):
    images = open_images(shared_data("coco128_yolo") / "multilabel.csv")

    assert images.task == "multilabel"
    assert {"train": 70, "val": 68} == {split: len(images.split(split)) for split in images.splits()}
    assert "person" in images.classes
    assert images.counts()["person"] > 50
    assert images.samples[0].pixels().ndim == 3
