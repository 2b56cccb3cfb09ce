"""The look that all pages share: one style sheet, light and dark, phone and desktop, screen and paper."""

from __future__ import annotations

from importlib import resources

from markupsafe import Markup


def look() -> Markup:
    """What stands in `look.css`, for the `<style>` of a page."""
    return Markup(resources.files("swinkit.drawings").joinpath("look.css").read_text("utf-8"))
