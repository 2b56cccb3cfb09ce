"""Mixup and CutMix against timm's, and that parts of a batch are blended as the whole is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from swinkit.data.mixing import Blend, Mixing, drawn_blend, partners
from swinkit.errors import ConfigError
from swinkit.tasks.classification import Classification

SIZE = (24, 32)
TASK = Classification(tuple("abcde"))


def blends(mixing: Mixing, steps: int = 600) -> list[Blend]:
    return [drawn_blend(mixing, seed=0, step=step, size=SIZE) for step in range(steps)]


def with_partners(values: torch.Tensor) -> torch.Tensor:
    return values[partners(len(values))]


@pytest.mark.peers
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("mixing", [Mixing(cutmix=0.0), Mixing(mixup=0.0)], ids=["mixup", "cutmix"])
def test_a_pair_is_blended_and_scored_as_by_timm(mixing, smoothing, monkeypatch):
    """A batch of two, in which timm's partner, the mirror image of the place, is ours too."""
    timm_mixup = pytest.importorskip("timm.data.mixup")
    from timm.loss import SoftTargetCrossEntropy

    blend = drawn_blend(mixing, seed=3, step=5, size=SIZE)
    pictures, targets, outputs = torch.randn(2, 3, *SIZE), torch.tensor([1, 4]), torch.randn(2, 5)
    theirs = timm_mixup.Mixup(label_smoothing=smoothing, num_classes=5)
    monkeypatch.setattr(theirs, "_params_per_batch", lambda: (blend.share, blend.box is not None))
    if blend.box is not None:
        monkeypatch.setattr(timm_mixup, "cutmix_bbox_and_lam", lambda *a, **k: (blend.box, blend.share))

    expected_pictures, expected_targets = theirs(pictures.clone(), targets)
    shares = TASK.shares(targets)
    found = TASK.loss(outputs, blend.answers(shares, with_partners(shares)), label_smoothing=smoothing)

    torch.testing.assert_close(expected_pictures, blend.pictures(pictures, with_partners(pictures)))
    torch.testing.assert_close(SoftTargetCrossEntropy()(outputs, expected_targets), found)


@pytest.mark.peers
def test_boxes_lie_and_are_counted_as_timms(monkeypatch):
    timm_mixup = pytest.importorskip("timm.data.mixup")
    for step in range(50):
        random = np.random.default_rng(step)
        share, place = random.random(), random.random(2)
        centre = iter([int(place[0] * SIZE[0]), int(place[1] * SIZE[1])])
        monkeypatch.setattr(timm_mixup.np.random, "randint", lambda *a, c=centre, **k: next(c))

        box, corrected = timm_mixup.cutmix_bbox_and_lam((2, 3, *SIZE), share)

        from swinkit.data.mixing import _cut

        assert Blend(corrected, tuple(int(edge) for edge in box)) == _cut(share, place, SIZE)


def test_smoothing_is_done_once():
    """The blend of smoothed targets is the smoothed blend; done twice it would give less to the classes."""
    outputs, own, other = torch.randn(4, 5), torch.tensor([0, 1, 2, 3]), torch.tensor([4, 4, 4, 0])
    blend = Blend(0.7)

    found = TASK.loss(outputs, blend.answers(TASK.shares(own), TASK.shares(other)), label_smoothing=0.1)

    smoothed = [TASK.shares(t) * 0.9 + 0.02 for t in (own, other)]
    expected = -((0.7 * smoothed[0] + 0.3 * smoothed[1]) * outputs.log_softmax(dim=1)).sum(dim=1).mean()
    torch.testing.assert_close(expected, found)


def test_shares_without_a_blend_give_the_plain_loss():
    outputs, targets = torch.randn(6, 5), torch.randint(0, 5, (6,))

    plain = TASK.loss(outputs, targets, label_smoothing=0.1)

    torch.testing.assert_close(plain, TASK.loss(outputs, TASK.shares(targets), label_smoothing=0.1))


def test_a_superposition_holds_both_pictures_in_their_shares():
    pictures = torch.stack([torch.zeros(3, 4, 4), torch.ones(3, 4, 4)])

    blended = Blend(0.75).pictures(pictures, with_partners(pictures))

    assert [0.25, 0.75] == blended.mean(dim=(1, 2, 3)).tolist()


def test_a_box_comes_from_the_partner_and_its_area_is_the_partners_share():
    pictures = torch.stack([torch.zeros(3, *SIZE), torch.ones(3, *SIZE)])

    for blend in blends(Mixing(mixup=0.0), 50):
        blended = blend.pictures(pictures, with_partners(pictures))

        assert blend.box is not None
        assert {0.0, 1.0} >= set(blended.unique().tolist())
        assert 1 - blend.share == pytest.approx(blended[0].mean().item(), abs=1e-6)


def test_steps_are_blended_as_often_and_in_the_ways_that_were_asked_for():
    drawn = blends(Mixing(probability=0.5, switch=0.25))

    plain = [blend for blend in drawn if blend.share == 1 and blend.box is None]
    cut = [blend for blend in drawn if blend.box is not None]
    assert 0.5 == pytest.approx(len(plain) / 600, abs=0.08)
    assert 0.25 == pytest.approx(len(cut) / (600 - len(plain)), abs=0.08)


@pytest.mark.parametrize("alpha", [0.2, 0.8, 1.0])
def test_shares_are_of_the_beta_distribution_that_was_asked_for(alpha):
    shares = np.array([blend.share for blend in blends(Mixing(mixup=alpha, cutmix=0.0), 2000)])

    assert 0.5 == pytest.approx(shares.mean(), abs=0.04)
    assert 1 / (4 * (2 * alpha + 1)) == pytest.approx(shares.var(), rel=0.1)


def test_a_blend_depends_on_seed_and_step_and_on_nothing_else():
    first = drawn_blend(Mixing(), seed=1, step=2, size=SIZE)
    np.random.seed(7)
    torch.manual_seed(7)

    assert first == drawn_blend(Mixing(), seed=1, step=2, size=SIZE)
    assert first != drawn_blend(Mixing(), seed=2, step=2, size=SIZE)
    assert first != drawn_blend(Mixing(), seed=1, step=3, size=SIZE)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, [0]), (2, [1, 0]), (5, [1, 0, 3, 2, 4])],
    ids=["one", "a pair", "an odd number"],
)
def test_neighbours_are_partners_and_an_odd_one_stays_alone(count, expected):
    assert expected == partners(count).tolist()


def test_a_part_that_begins_between_pairs_is_blended_as_in_the_whole():
    whole = torch.randn(11, 3, 4, 4)
    blend = Blend(0.4)
    expected = blend.pictures(whole, with_partners(whole))

    parts = [whole[first : first + 4] for first in (0, 4, 8)]
    found = [
        blend.pictures(part, part[partners(len(part), first=4 * number)]) for number, part in enumerate(parts)
    ]

    torch.testing.assert_close(expected, torch.cat(found))


def test_what_cannot_be_mixed_with_is_refused_at_once():
    with pytest.raises(ConfigError, match=r"mixup = -1.*switch = 2"):
        Mixing(mixup=-1, switch=2)
    with pytest.raises(ConfigError, match="mixing = None"):
        Mixing(mixup=0, cutmix=0)
