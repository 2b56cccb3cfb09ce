"""Facts as sentences and words, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from swinkit.drawings.attention import Packed
from swinkit.drawings.facts import Facts, StageFacts, score_entries
from swinkit.drawings.measure import Comparison, Cost
from swinkit.drawings.svg import quantity
from swinkit.models import SwinConfig
from swinkit.windows import Pair, Policy, WindowPlan


def entries_sentence(map_size: Pair, plan: WindowPlan) -> str:
    """How many pairs windows leave, beside all of them."""
    everything, within = score_entries(*map_size), score_entries(*plan.padded, window=plan.window)
    if everything <= within:
        return "It is the only one, so that nothing is saved at this size."
    return f"Together they leave {within:,} pairs per head, {everything / within:.3g} times fewer."


def window_pixels(stage: StageFacts, patch: Pair) -> Pair:
    """What a window of the first stage covers."""
    return stage.plain.window[0] * patch[0], stage.plain.window[1] * patch[1]


def padded_stages(stages: Sequence[StageFacts]) -> str:
    """Their numbers; nothing where no stage is padded."""
    return listed([str(stage.index + 1) for stage in stages if stage.padding])


def explained(stages: Sequence[StageFacts]) -> str:
    return listed([percent(stage.explained) for stage in stages])


def teaching_sentence(facts: Facts) -> str:
    shift = facts.teaching
    if shift.stage is None:
        return (
            "No stage of this model shifts at this size, for each map fits into one window; "
            "a map of 4 × 4 tokens with windows of 2 × 2 stands in."
        )
    return (
        f"Stage {shift.stage + 1}: {by(shift.plan.map)} tokens in windows of {by(shift.plan.window)}, "
        f"shifted by {by(shift.plan.shift)}."
    )


def whole_sentence(stages: Sequence[StageFacts]) -> str:
    shifting = [stage for stage in stages if stage.shifts]
    if not shifting:
        return ""
    parts = [
        f"{stage.whole_windows} of {stage.plain.grid[0] * stage.plain.grid[1]} in stage {stage.index + 1}"
        for stage in shifting
    ]
    return f"In the shifted blocks, {listed(parts)} hold a single region and need no mask."


def attention_sentence(packed: Sequence[Packed]) -> str:
    limits = []
    for one in packed:
        words = []
        if one.step > 1:
            words.append(f"one token in {one.step * one.step}")
        if one.heads < one.all_heads:
            words.append(f"the mean and {one.heads} of {one.all_heads} heads")
        if words:
            limits.append(f"stage {one.stage + 1}: {', '.join(words)}")
    sentence = "Weights are kept in 16 steps, relative to the largest of each token."
    if limits:
        left = "; ".join(dict.fromkeys(limits))
        sentence += f" To keep this page small, it does not hold every token and head ({left})."
    return sentence


def side_by_side(cost: Comparison) -> list[tuple[Cost, Cost]]:
    """Windows and global attention at each size."""
    return list(zip(cost.windows, cost.everything, strict=True))


def cost_sentence(cost: Comparison) -> str:
    both = [(w, g) for w, g in side_by_side(cost) if w.seconds is not None and g.seconds is not None]
    if not both:
        return "Nothing could be measured within the time allowed."
    w, g = both[-1]
    sentences = [
        f"At {w.pixels} pixels, {w.side * w.side:,} tokens, windows took {quantity(w.seconds or 0, 's')} and "
        f"{quantity(w.bytes or 0, 'B')}, global attention {quantity(g.seconds or 0, 's')} and "
        f"{quantity(g.bytes or 0, 'B')}."
    ]
    skipped = [one for one in cost.everything if one.skipped]
    if skipped:
        sentences.append(
            f"Global attention was not run from {skipped[0].pixels} pixels on: it {skipped[0].skipped}. "
            "Dashed: how it would go on."
        )
    return " ".join(sentences)


def policy_sentence(policy: Policy) -> str:
    """The choices of a policy in words."""
    edge = {
        "pad": "an image that is no whole number of patches is padded",
        "crop": "an image that is no whole number of patches is cropped",
    }[policy.edge]
    order = {
        "pad, roll": "a map that is no whole number of windows is padded, then rolled",
        "roll, pad": "a map that is no whole number of windows is rolled, then padded",
    }[policy.order]
    decided = {
        "per call": "window and shift follow the map at hand",
        "at image_size": "window and shift were settled for the image size of the configuration",
    }[policy.decided]
    small = {
        "pad": "a map smaller than a window is padded up to it",
        "shorter side": "on a map no larger than a window, the window shrinks to the shorter side",
        "per axis": "a window larger than the map shrinks on each axis",
        "first axis": "a window larger than the map shrinks to its height",
    }[policy.small]
    shift_off = {
        "never": "every second block shifts, whatever the size",
        "per axis": "there is no shift along an axis that is one window",
        "either axis": "there is no shift once either axis is one window",
        "first axis": "there is no shift once the height is one window",
    }[policy.shift_off]
    padding = "" if policy.padding == "attended" else "; padding is masked out"
    return f"{edge}; {order}; {decided}; {small}; {shift_off}{padding}."


def padding_words(stage: StageFacts) -> str:
    below, right = (p - m for p, m in zip(stage.plain.padded, stage.map, strict=True))
    words = [f"{below} below" if below else "", f"{right} right" if right else ""]
    return ", ".join(word for word in words if word) or "none"


def shift_words(stage: StageFacts) -> str:
    if stage.depth == 1:
        return "none: a single block"
    if not any(stage.shifted.shift):
        return "none: one window" if stage.plain.grid == (1, 1) else "none"
    return by(stage.shifted.shift)


def by(pair: Pair) -> str:
    return f"{pair[0]} × {pair[1]}"


def percent(share: float, decimals: int = 0) -> str:
    return f"{100 * share:.{decimals}f} %"


def listed(parts: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def settings(c: SwinConfig, kernel: str) -> list[tuple[str, str]]:
    """The configuration as a person reads it."""

    def per_stage(values: Sequence[Any]) -> str:
        words = (by(v) if isinstance(v, tuple) else "–" if v is None else str(v) for v in values)
        return ", ".join(words)

    rows = [
        ("version", str(c.version)),
        ("channels of stage 1 (C)", str(c.embed_dim)),
        ("blocks per stage", per_stage(c.depths)),
        ("heads per stage", per_stage(c.num_heads)),
        ("window per stage", per_stage(c.window)),
        ("pretrained window", per_stage(c.pretrained_window) if c.pretrained_window else ""),
        ("patch", by(c.patch_size)),
        ("channels of the input", str(c.in_channels)),
        ("MLP ratio", f"{c.mlp_ratio:g}"),
        ("absolute position", by(c.position) if c.position else ""),
        ("classes", f"{c.classes:,}" if c.classes else "no head"),
        ("stages given out", per_stage([stage + 1 for stage in c.dense]) if c.dense else ""),
        ("configured for", f"{by(c.image_size)} pixels" if c.image_size else "any size"),
        ("policy", c.policy.name),
        ("kernel", kernel),
    ]
    return [(name, value) for name, value in rows if value]
