"""What all pages share: names stay text, and nothing is fetched."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import jinja2
import pytest
from markupsafe import Markup

from swinkit.report import page
from tests.report.names import EVIL


class Reader(HTMLParser):
    """The text of a page, and the elements it has."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.tags = "", []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def environment() -> jinja2.Environment:
    return page._environment()


@pytest.mark.parametrize("name", EVIL, ids=ascii)
def test_a_name_is_text_and_nothing_else(environment: jinja2.Environment, name: str) -> None:
    html = environment.from_string('{{ called(name) }}<i title="{{ name }}">{{ name }}</i>').render(name=name)
    html.encode("utf-8")
    read = Reader(html)
    assert ["bdi", "i"] == [tag for tag, _ in read.tags]
    assert {"title": page.displayable(name)} == read.tags[1][1]
    assert page.displayable(name) * 2 == read.text


def test_what_cannot_be_shown_is_a_sign_for_that() -> None:
    assert "caf\N{REPLACEMENT CHARACTER}.jpg" == page.displayable("caf\udce9.jpg")
    assert "bell\N{REPLACEMENT CHARACTER}" == page.displayable("bell\x07")
    assert "a\tb\nc 猫 🐈" == page.displayable("a\tb\nc 猫 🐈")
    assert 7 == page.displayable(7)
    assert Markup("<b>") == page.displayable(Markup("<b>"))


def test_a_browser_is_told_to_fetch_nothing_and_to_run_our_script_alone(
    environment: jinja2.Environment,
) -> None:
    html = environment.get_template("base.html.jinja").render()
    script = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    policy = next(a["content"] for tag, a in Reader(html).tags if a.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert f"script-src 'sha256-{digest}'" in policy
    assert 1 == len(script)


def test_the_look_is_the_one_of_every_page(environment: jinja2.Environment) -> None:
    html = environment.get_template("base.html.jinja").render()
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html
    assert "@import" not in html and "url(" not in html
