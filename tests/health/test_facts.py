"""What each file is, found out in one reading."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from swinkit.data import digits, survey
from swinkit.data.channels import Channels
from swinkit.data.read import glance, read
from swinkit.data.samples import Sample
from swinkit.errors import DataError
from swinkit.health.facts import Facts, examine, facts_of, readable
from tests.data.pictures_for_tests import class_folders, noise, save, scene


def facts(path: Path) -> Facts:
    return facts_of(Sample(name=path.name, label=None, source=path))


def test_a_photograph_of_a_phone_is_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    scene(1, 90, 120).save(tmp_path / "a.jpg", exif=exif)

    header = facts(tmp_path / "a.jpg").header

    assert (header.format, header.mode, header.size, header.channels) == ("JPEG", "RGB", (120, 90), 3)
    assert (header.orientation, header.bits, header.transparent, header.frames) == (6, 8, False, False)


@pytest.mark.parametrize(
    ("name", "image", "expected"),
    [
        ("a.png", Image.new("1", (9, 7)), {"mode": "1", "bits": 1, "channels": 1}),
        ("a.png", Image.fromarray(noise(5, 6, 1).astype(np.uint16) * 257), {"mode": "I;16", "bits": 16}),
        ("a.png", Image.new("RGBA", (9, 7)), {"transparent": True, "channels": 3}),
        ("a.png", Image.new("P", (9, 7)), {"mode": "P", "transparent": False, "channels": 3}),
        ("a.jpg", Image.new("CMYK", (9, 7)), {"mode": "CMYK", "channels": 3, "format": "JPEG"}),
        ("a.jpg", Image.new("L", (9, 7)), {"mode": "L", "channels": 1}),
        ("a.webp", Image.new("RGB", (9, 7)), {"format": "WEBP", "size": (7, 9)}),
    ],
    ids=["1 bit", "16 bits", "alpha", "palette", "CMYK", "grey", "WebP"],
)
def test_a_header_says_how_pixels_are_stored(tmp_path, name, image, expected):
    image.save(tmp_path / name)

    header = facts(tmp_path / name).header

    assert expected == {key: getattr(header, key) for key in expected}


def test_animations_are_told_from_stills(tmp_path):
    frames = [scene(n, 20, 20) for n in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "b.gif")

    assert [facts(tmp_path / name).header.frames for name in ("a.gif", "b.gif")] == [True, False]


def test_exif_that_is_broken_is_noticed(tmp_path):
    scene(1).save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\xff\xff\xff\xf0broken")

    assert facts(tmp_path / "a.jpg").header.broken_exif


def test_a_blank_picture_shows_nothing(tmp_path):
    Image.new("RGB", (300, 200), (9, 9, 9)).save(tmp_path / "blank.jpg")
    scene(1).save(tmp_path / "full.jpg")

    assert facts(tmp_path / "blank.jpg").one_grey
    assert not facts(tmp_path / "full.jpg").one_grey


def test_measurements_are_read_as_training_reads_them(tmp_path):
    for n in range(3):
        np.save(tmp_path / f"{n}.npy", np.random.default_rng(n).normal(size=(20, 30, 13)))
    np.save(tmp_path / "3.npy", np.zeros((20, 30, 4)))
    samples = [Sample(name=path.name, label=None, source=path) for path in sorted(tmp_path.iterdir())]

    found = examine(samples, Channels(count=13, own_values=True))

    assert (found[0].header.format, found[0].header.size, found[0].header.channels) == (
        "numpy array",
        (20, 30),
        13,
    )
    assert not found[0].one_grey
    assert found[3].problem == "it has 4 channels, and 13 are expected"


def test_embedded_pictures_have_facts_too():
    one, other, *_ = examine(digits().samples[:5])

    assert one.readable
    assert one.header.size == (32, 32)
    assert one.digest != other.digest


# What cannot be read


@pytest.mark.parametrize("progressive", [False, True])
def test_a_scaled_decode_sees_truncation_wherever_a_full_one_does(progressive):
    file = io.BytesIO()
    scene(3, 600, 800).save(file, "JPEG", quality=85, progressive=progressive)
    whole = file.getvalue()

    assert glance(whole, "a.jpg", side=64)[1].shape == (75, 100)
    for left in (0.1, 0.4, 0.7, 0.95, 1 - 20 / len(whole), 1 - 1 / len(whole)):
        with pytest.raises(DataError, match="cut off or damaged"):
            glance(whole[: int(left * len(whole))], "a.jpg", side=64)


def test_facts_and_reading_agree_on_what_is_unreadable(shared_data):
    for sample in survey(shared_data("messy")).samples:
        if "huge" in sample.name:
            continue
        try:
            read(sample.source)
            reason = None
        except DataError as error:
            reason = error.message.removeprefix(f"cannot read {sample.path}: ")

        assert reason == facts_of(sample).problem, sample.name


def test_a_file_that_vanishes_is_a_fact_and_no_failure(tmp_path):
    samples = survey(class_folders(tmp_path, {"a": 3, "b": 3})).samples
    (tmp_path / "a" / "1.png").unlink()

    found = examine(samples, threads=2)

    assert [None, "there is no such file"] == [one.problem for one in found[:2]]
    assert [sample.name for sample in samples] == [one.name for one in found]


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_a_name_that_is_no_unicode_is_read(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    scene(1).save(path)

    assert facts(path).readable


@pytest.mark.parametrize("threads", [1, 3])
def test_facts_come_in_order_and_progress_counts_up_to_all(tmp_path, threads):
    samples = survey(class_folders(tmp_path, {"a": 12, "b": 9})).samples
    said = []

    found = examine(samples, threads=threads, progress=lambda *now: said.append(now))

    assert [sample.name for sample in samples] == [one.name for one in found]
    assert said == [(number, 21) for number in range(1, 22)]


def _files(folder, good: int, bad: int) -> list[Sample]:
    paths = [save(folder / f"{number}.png", seed=number) for number in range(good + bad)]
    for path in paths[:bad]:
        path.write_bytes(b"<html>not found")
    return [Sample(name=path.name, label="a", source=path) for path in paths]


def test_unreadable_files_are_listed_with_their_reason(tmp_path):
    samples = _files(tmp_path, 20, 2)

    good, bad = readable(samples, examine(samples))

    assert len(good) == 20
    assert [(str(tmp_path / "0.png"), "it is not a picture: it looks like an HTML page")] == [*bad[:1]]


@pytest.mark.parametrize(("good", "bad"), [(1, 5), (24, 6)], ids=["few files", "a fifth"])
def test_up_to_five_files_or_a_fifth_may_be_bad(tmp_path, good, bad):
    samples = _files(tmp_path, good, bad)

    assert good == len(readable(samples, examine(samples))[0])


def test_too_many_bad_files_stop_with_the_list(tmp_path):
    samples = _files(tmp_path, 5, 25)

    with pytest.raises(DataError, match=r"25 of 30 pictures cannot be read") as refusal:
        readable(samples, examine(samples))

    assert refusal.value.message.count("HTML page") == 20
    assert "and 5 more" in refusal.value.message


def test_messy_files_are_sorted_as_their_manifest_says(shared_data):
    folder = shared_data("messy") / "train" / "dandelion"
    samples = [Sample(name=path.name, label="a", source=path) for path in sorted(folder.iterdir())]

    good, bad = readable(samples, examine(samples))

    assert {"text_named.jpg", "truncated_half.jpg", "zero_byte.jpg"} == {
        path.rsplit("/", 1)[1] for path, _ in bad
    }
    assert len(samples) - 3 == len(good)
