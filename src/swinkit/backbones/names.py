"""How networks of other libraries are called: `timm:resnet18`, `timm:resnet18.a1_in1k`."""

from __future__ import annotations

from typing import TypeGuard

TIMM = "timm:"


def is_timm(text: str | None) -> TypeGuard[str]:
    """Whether it names a network of timm."""
    return text is not None and text.startswith(TIMM)
