"""The page as text: whole, self-contained, safe, and true to the facts."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from swinkit.drawings.facts import Facts
from swinkit.drawings.measure import compare_attention
from swinkit.drawings.page import CONTENTS, Subject, render
from swinkit.drawings.words import policy_sentence
from swinkit.models import size_config
from swinkit.windows import POLICIES

SUBJECT = Subject(picture="cat.jpg", model="swin_nano", kernel="torch: because")
EVIL = "<script>alert('x')</script>\"&"


@pytest.fixture(scope="module")
def page(facts: Facts) -> str:
    return render(facts, SUBJECT, compare_attention(size_config("swin_nano"), seconds=0.3))


class Elements(HTMLParser):
    """All elements with their attributes, and whether each one is closed."""

    VOID = frozenset(("meta", "link", "img", "input", "br", "image", "rect"))

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"


def test_every_element_is_closed(page: str) -> None:
    assert Elements(page).open == []


def test_nothing_is_fetched(page: str) -> None:
    for tag, attributes in Elements(page).found:
        for name in ("src", "href", "srcset", "action", "data"):
            target = attributes.get(name) or ""
            assert target == "" or target.startswith(("data:", "#")), f"<{tag} {name}={target[:40]}>"
    style = page[page.index("<style>") : page.index("</style>")]
    assert "@import" not in style
    assert set(re.findall(r"url\(([^)]{0,12})", style)) <= {"#hatching"}


def test_identifiers_are_unique_and_links_lead_somewhere(page: str) -> None:
    elements = Elements(page).found
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [
        attributes["href"] for _, attributes in elements if (attributes.get("href") or "").startswith("#")
    ]
    assert {(target or "")[1:] for target in targets} <= set(ids)
    assert {id_ for id_, _ in CONTENTS} <= set(ids)


def test_every_picture_says_what_it_shows(page: str) -> None:
    for tag, attributes in Elements(page).found:
        if tag == "img":
            assert attributes.get("alt")
        if tag == "svg" and "viewbox" in attributes:
            assert attributes.get("role") == "img"
            assert attributes.get("aria-label")


def test_numbers_of_this_model_and_picture_stand_in_the_text(page: str, facts: Facts) -> None:
    text = re.sub(r"<[^>]+>", "", page)
    assert f"{facts.parameters:,}" in text
    assert "16 × 16 = 256 tokens" in text
    assert "65,536 pairs" in text  # 256², global
    assert "4,096 pairs per head, 16 times fewer" in text  # 256 tokens, 16 in a window
    assert "4 → 9" in text
    assert "9 of 16 in stage 1 and 1 of 4 in stage 2 hold a single region" in text


def test_fresh_weights_are_called_untrained_and_their_answers_are_left_out(page: str) -> None:
    assert "This model has learnt nothing yet." in page
    assert "--weights SOURCE" in page
    assert "What it says about this picture" not in page


def test_loaded_weights_are_named_with_their_report_and_answers(facts: Facts) -> None:
    page = render(facts, replace(SUBJECT, weights="runs/pets", load_report="loaded 5/5 tensors"))
    assert "learnt nothing" not in page
    assert "runs/pets" in page
    assert "loaded 5/5 tensors" in page
    assert "What it says about this picture" in page


def test_names_from_outside_are_text_and_never_markup(facts: Facts) -> None:
    named = replace(facts, answers=((EVIL, 0.5),))
    subject = Subject(picture=EVIL, model=EVIL, weights=EVIL, kernel=EVIL, load_report=EVIL)

    page = render(named, subject)

    assert EVIL not in page
    assert page.count("<script") == 2  # the data and the code, both ours
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&#34;&amp;" in page


def test_without_a_measurement_only_the_formulas_are_shown(facts: Facts) -> None:
    page = render(facts, SUBJECT)
    assert "4hwC²" in page
    assert "time, measured" not in page


def test_the_same_facts_make_the_same_page(facts: Facts) -> None:
    assert render(facts, SUBJECT) == render(facts, SUBJECT)


@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_can_be_put_into_words(name: str) -> None:
    sentence = policy_sentence(POLICIES[name])
    assert sentence.endswith(".")
    others = [policy_sentence(policy) for policy in POLICIES.values() if policy.name != name]
    assert sentence not in others or name in ("microsoft", "huggingface")  # these two agree


def test_masked_padding_is_told(facts: Facts) -> None:
    policy = replace(POLICIES["dense"], padding="masked")
    assert policy_sentence(policy).endswith("padding is masked out.")
