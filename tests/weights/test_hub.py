"""Fetching from a hub: a stand-in server on this machine answers as the Hugging Face hub does."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from swinkit.errors import CheckpointError
from swinkit.weights.files import read_file
from swinkit.weights.hub import fetch, fetch_model
from tests.weights.stand_in_hub import COMMIT, StandIn, clean_environment, standing_in

REPOSITORY = "someone/swin_tiny"
WEIGHTS = save({"norm.weight": torch.ones(3)}, metadata={"format": "pt"})


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    with standing_in(tmp_path / "home", monkeypatch) as stand_in:
        yield stand_in


@pytest.fixture
def dead_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{probe.getsockname()[1]}"
    clean_environment(monkeypatch, tmp_path / "home", endpoint)
    return endpoint


def test_file_is_named_with_its_size_before_it_is_fetched(hub: StandIn, tmp_path: Path) -> None:
    hub.files["model.safetensors"] = WEIGHTS
    said: list[str] = []

    path = fetch(
        REPOSITORY, "model.safetensors", say=lambda line: said.append(f"{line} | {len(hub.requests)}")
    )

    assert path.read_bytes() == WEIGHTS
    assert path.is_relative_to(tmp_path / "home" / "hub")
    (line,) = said
    assert f"fetching model.safetensors of {REPOSITORY}" in line
    assert f"({len(WEIGHTS) / 1000:.1f} kB) from {hub.endpoint}" in line
    assert line.endswith("| 1"), "only the question for the size may come before the line"


def test_file_in_the_cache_is_not_asked_for_again(hub: StandIn) -> None:
    hub.files["model.safetensors"] = WEIGHTS
    first = fetch(REPOSITORY, "model.safetensors")
    hub.requests.clear()
    said: list[str] = []

    again = fetch(REPOSITORY, "model.safetensors", say=said.append)

    assert again == first
    assert hub.requests == []
    assert said == []


def test_revision_is_asked_for_by_its_name(hub: StandIn) -> None:
    hub.files["model.safetensors"] = WEIGHTS

    path = fetch(REPOSITORY, "model.safetensors", revision=COMMIT)

    assert path.parent.name == COMMIT
    assert all(f"/resolve/{COMMIT}/" in request for request in hub.requests)


def test_expected_digest_is_accepted(hub: StandIn) -> None:
    hub.files["model.safetensors"] = WEIGHTS

    path = fetch(REPOSITORY, "model.safetensors", sha256=hashlib.sha256(WEIGHTS).hexdigest())

    assert path.read_bytes() == WEIGHTS


def test_other_digest_is_an_error(hub: StandIn) -> None:
    hub.files["model.safetensors"] = WEIGHTS

    with pytest.raises(CheckpointError, match="another content than expected"):
        fetch(REPOSITORY, "model.safetensors", sha256="0" * 64)


@pytest.mark.parametrize("switch", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_switch_keeps_from_asking(hub: StandIn, monkeypatch: pytest.MonkeyPatch, switch: str) -> None:
    hub.files["model.safetensors"] = WEIGHTS
    monkeypatch.setenv(switch, "1")

    with pytest.raises(CheckpointError, match="keeps the hub switched off") as caught:
        fetch(REPOSITORY, "model.safetensors", sha256="ab" * 32)

    assert hub.requests == []
    assert f"{hub.endpoint}/{REPOSITORY}/resolve/main/model.safetensors" in caught.value.hint
    assert "ab" * 32 in caught.value.hint


def test_offline_switch_leaves_the_cache_usable(hub: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.files["model.safetensors"] = WEIGHTS
    fetch(REPOSITORY, "model.safetensors")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    assert fetch(REPOSITORY, "model.safetensors").read_bytes() == WEIGHTS


def test_dead_endpoint_is_tried_once_and_briefly(dead_endpoint: str) -> None:
    begin = time.monotonic()

    with pytest.raises(CheckpointError, match="cannot be reached") as caught:
        fetch(REPOSITORY, "model.safetensors")

    assert time.monotonic() - begin < 5
    assert dead_endpoint in str(caught.value)
    assert "give its path" in caught.value.hint


def test_silent_endpoint_is_given_up_after_the_time_allowed(hub: StandIn) -> None:
    hub.files["model.safetensors"] = WEIGHTS
    hub.delay_seconds = 6
    begin = time.monotonic()

    with pytest.raises(CheckpointError, match="cannot be reached"):
        fetch(REPOSITORY, "model.safetensors", answer_seconds=0.3)

    assert time.monotonic() - begin < 5
    assert len(hub.requests) == 1


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (403, "GatedRepo", "accepted its terms"),
        (401, "RepoNotFound", "knows no repository"),
        (401, "", "knows no repository"),
        (404, "RevisionNotFound", "no revision"),
        (404, "EntryNotFound", "has no model.safetensors"),
        (404, "", "HTTP status 404"),  # a proxy or a wrong address, no hub
        (500, "", "HTTP status 500"),
        (429, "", "HTTP status 429"),
    ],
)
def test_each_refusal_has_its_sentence_and_is_not_repeated(
    hub: StandIn, status: int, code: str, sentence: str
) -> None:
    hub.refusal = (status, code)

    with pytest.raises(CheckpointError, match=sentence):
        fetch(REPOSITORY, "model.safetensors")

    assert len(hub.requests) == 1


def test_name_that_is_none_on_the_hub_is_an_error(hub: StandIn) -> None:
    with pytest.raises(CheckpointError, match="no name on the hub"):
        fetch("not a name/at/all", "model.safetensors")

    assert hub.requests == []


def test_model_comes_with_its_config_files(hub: StandIn) -> None:
    hub.files = {
        "model.safetensors": WEIGHTS,
        "pytorch_model.bin": b"never fetched",
        "config.json": b'{"window_size": 7}',
        "preprocessor_config.json": b'{"resample": 3}',
    }

    raw = read_file(fetch_model(REPOSITORY))

    assert raw.tensors["norm.weight"].tolist() == [1, 1, 1]
    assert raw.extra["config.json"] == {"window_size": 7}
    assert raw.extra["preprocessor_config.json"] == {"resample": 3}
    assert not any("pytorch_model" in request for request in hub.requests)


def test_cached_model_is_loaded_without_a_question_even_where_a_config_file_is_absent(hub: StandIn) -> None:
    hub.files = {"model.safetensors": WEIGHTS, "config.json": b"{}"}
    first = fetch_model(REPOSITORY)
    hub.requests.clear()

    assert fetch_model(REPOSITORY) == first
    assert hub.requests == []


def test_pickled_weights_are_taken_where_there_are_no_others(hub: StandIn, tmp_path: Path) -> None:
    torch.save({"norm.weight": torch.ones(3)}, tmp_path / "weights.bin")
    hub.files = {"pytorch_model.bin": (tmp_path / "weights.bin").read_bytes()}

    raw = read_file(fetch_model(REPOSITORY))

    assert raw.path.name == "pytorch_model.bin"
    assert list(raw.tensors) == ["norm.weight"]


def test_model_in_parts_comes_whole(hub: StandIn) -> None:
    names = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    hub.files = {file: save({name: torch.ones(2)}) for name, file in names.items()}
    hub.files["model.safetensors.index.json"] = json.dumps({"weight_map": names}).encode()

    raw = read_file(fetch_model(REPOSITORY))

    assert sorted(raw.tensors) == ["a", "b"]


def test_config_file_that_cannot_be_had_is_left_out_and_said(
    hub: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.files = {"model.safetensors": WEIGHTS, "config.json": b"{}"}
    fetch(REPOSITORY, "model.safetensors")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    said: list[str] = []

    raw = read_file(fetch_model(REPOSITORY, say=said.append))

    assert list(raw.tensors) == ["norm.weight"]
    assert len(said) == 1
    assert said[0].startswith("going on without config.json")


def test_repository_without_usual_weights_says_where_to_look(hub: StandIn) -> None:
    hub.files = {"swin.ckpt": b"x"}

    with pytest.raises(CheckpointError, match="no weights under a usual name") as caught:
        fetch_model(REPOSITORY)

    assert f"{hub.endpoint}/{REPOSITORY}/tree/main" in caught.value.hint
