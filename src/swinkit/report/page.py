"""What every page of this room shares: the template's surroundings, and how text gets into it.

A page is a template in `templates/` that extends `base.html.jinja`, and a function that hands it what to
show. Names come from users' files, so they are escaped whatever they hold; a page asks for nothing outside
itself, and browsers are told to allow nothing.
"""

from __future__ import annotations

import base64
import hashlib
from importlib import metadata, resources
from typing import Any

import jinja2
from markupsafe import Markup

from swinkit.drawings.look import look


def render(template: str, **shown: Any) -> str:
    """One page as HTML, self-contained. template: a file name in `templates/`."""
    return _environment().get_template(template).render(**shown)


def _environment() -> jinja2.Environment:
    files = resources.files("swinkit.report")
    script = files.joinpath("page.js").read_text("utf-8")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("swinkit.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=displayable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["as_width"] = lambda share: f"{100 * share:.1f}%"
    environment.globals |= {
        "called": called,
        "file": file,
        "style": look() + Markup(files.joinpath("page.css").read_text("utf-8")),
        "script": Markup(script),
        "policy": _policy(script),
        "version": metadata.version("swinkit"),
    }
    return environment


def _policy(script: str) -> str:
    """A content security policy under which nothing is fetched and only our own script runs."""
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def called(name: str) -> Markup:
    """What a user's file or class is called: text of any script and direction, and nothing else."""
    return Markup('<bdi class="called">{}</bdi>').format(displayable(name))


def file(name: str) -> Markup:
    """A picture by the last part of its name; the whole of it comes up under the mouse."""
    short = name.rsplit("/", 1)[-1] or name
    return Markup('<bdi class="called" title="{}">{}</bdi>').format(displayable(name), displayable(short))


def displayable(value: Any) -> Any:
    """Text as a page can hold it: a sign in place of controls and of file names' bytes that are no UTF-8."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return value.translate(_UNPRINTABLE)


_CONTROLS = (*range(9), 11, 12, *range(14, 32), 127)
_SURROGATES = range(0xD800, 0xE000)
_UNPRINTABLE = dict.fromkeys((*_CONTROLS, *_SURROGATES), "\N{REPLACEMENT CHARACTER}")
