"""The table of published weights against those who publish them, and fetching from a local server."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants

from swinkit.data.vision import load_torchvision
from swinkit.errors import CheckpointError, ConfigError
from swinkit.models import SIZES, Swin
from swinkit.weights import hub
from swinkit.weights.catalogue import CATALOGUE, Entry, fetch, find, lookup
from swinkit.weights.download import cache_folder, download

CONTENT = b"weights" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE)
def test_each_entry_names_a_size_a_place_and_its_classes(entry: Entry) -> None:
    assert entry.size in SIZES
    assert bool(entry.url) != bool(entry.repository)
    assert entry.licence
    assert entry.config.classes == entry.classes == len(entry.class_names or ())
    assert (entry.top1 is None) == (entry.top5 is None) == (not entry.scored_by)


def test_a_repository_finds_its_entry() -> None:
    on_the_hub = [entry for entry in CATALOGUE.values() if entry.repository]

    assert on_the_hub == [lookup(entry.source) for entry in on_the_hub]


@pytest.mark.parametrize("module", ["swin_transformer", "swin_transformer_v2"])
def test_every_swin_that_timm_publishes_is_listed_with_its_protocol(module: str) -> None:
    models = pytest.importorskip("timm.models")
    published = getattr(models, module).default_cfgs

    for size, configs in published.items():
        for tag, config in configs.cfgs.items():
            entry = CATALOGUE[f"{size}.{tag}"]
            assert entry.classes == config.num_classes
            assert (3, *entry.preprocess.image_size) == config.input_size
            assert entry.preprocess.resize_to == (int(config.input_size[1] / config.crop_pct),) * 2
            assert entry.preprocess.interpolation == config.interpolation
            assert (entry.preprocess.mean, entry.preprocess.std) == (config.mean, config.std)
            assert entry.licence.lower() == config.license


def test_a_size_means_what_timm_loads_for_it() -> None:
    models = pytest.importorskip("timm.models")

    for module in (models.swin_transformer, models.swin_transformer_v2):
        for size, configs in module.default_cfgs.items():
            assert find(size).name == f"{size}.{configs.tags[0]}"


@pytest.mark.parametrize("name", ["swin_t", "swin_s", "swin_b", "swin_v2_t", "swin_v2_s", "swin_v2_b"])
def test_torchvisions_entries_are_what_torchvision_says(name: str) -> None:
    torchvision, _ = load_torchvision()
    weights = torchvision.models.get_model_weights(name).IMAGENET1K_V1

    entry = find(name)

    preset = weights.transforms()
    assert entry.name == f"{name}.imagenet1k_v1"
    assert entry.url == weights.url
    assert entry.url.endswith(f"-{entry.sha256}.pth")
    assert (entry.preprocess.image_size, entry.preprocess.resize_to) == (
        (preset.crop_size[0],) * 2,
        (preset.resize_size[0],) * 2,
    )
    assert entry.preprocess.interpolation == preset.interpolation.value
    assert {"acc@1": entry.top1, "acc@5": entry.top5} == weights.meta["_metrics"]["ImageNet-1K"]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("swin_tiny_patch4_window7_224.ms_in22k", 44_315_083),
        ("swinv2_large_window12_192.ms_in22k", 228_772_549),
        ("microsoft/swin-base-simmim-window6-192", 89_874_104),
        ("swin_s3_base_224.ms_in1k", 71_125_762),
    ],
)
def test_an_entrys_config_has_the_published_number_of_parameters(name: str, parameters: int) -> None:
    with torch.device("meta"):
        model = Swin(find(name).config)

    assert parameters == sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("swin_tiny", "swin_tiny_patch4_window7_224.ms_in1k"),
        ("swin_base", "swin_base_patch4_window7_224.ms_in22k_ft_in1k"),
        ("swin_base_patch4_window7_224_in22k", "swin_base_patch4_window7_224.ms_in22k"),
        ("swinv2_tiny_patch4_window8_256", "swinv2_tiny_window8_256.ms_in1k"),
        (
            "swinv2_base_patch4_window12to16_192to256_22kto1k_ft",
            "swinv2_base_window12to16_192to256.ms_in22k_ft_in1k",
        ),
        ("hf:timm/swin_s3_tiny_224.ms_in1k", "swin_s3_tiny_224.ms_in1k"),
        ("hf:microsoft/swin-tiny-patch4-window7-224", "microsoft/swin-tiny-patch4-window7-224"),
    ],
)
def test_older_names_sizes_and_repositories_find_their_weights(name: str, expected: str) -> None:
    assert expected == find(name).name


def test_a_mistyped_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="'swin_tinny'") as error:
        find("swin_tinny")

    assert "swin_tiny" in error.value.hint


def test_a_size_without_published_weights_says_so() -> None:
    with pytest.raises(ConfigError, match="no weights were published for the size swin_nano"):
        find("swin_nano")
    assert lookup("swin_nano") is None


def test_what_is_not_known_to_be_scored_has_no_score() -> None:
    unsure = [entry.name for entry in CATALOGUE.values() if "does not say" in entry.provenance]

    assert unsure == [
        "microsoft/swin-base-patch4-window7-224",
        "microsoft/swin-base-patch4-window12-384",
    ]
    assert all(CATALOGUE[name].top1 is None for name in unsure)


# ------------------------------------------------------------------------------------ fetching


class Files(BaseHTTPRequestHandler):
    """Serves CONTENT as /weights.pth, half of it as /cut.pth, and nothing else."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        if self.path not in ("/weights.pth", "/cut.pth"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT if self.path == "/weights.pth" else CONTENT[: len(CONTENT) // 2])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)  # read when huggingface_hub was imported
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    serving = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    serving.asked = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    yield serving
    serving.shutdown()
    serving.server_close()
    thread.join()


def address(server: ThreadingHTTPServer, name: str = "weights.pth") -> str:
    return f"http://127.0.0.1:{server.server_port}/{name}"


def test_a_file_is_named_fetched_once_and_then_taken_from_the_cache(server) -> None:
    entry = replace(find("swin_t"), url=address(server), sha256=DIGEST[:8])
    said: list[str] = []

    first = fetch(entry, said.append)
    second = fetch(entry, said.append)

    assert first == second == cache_folder() / "weights.pth"
    assert first.read_bytes() == CONTENT
    assert server.asked == ["/weights.pth"]
    assert len(said) == 1
    assert address(server) in said[0]
    assert "7.0 kB" in said[0]


@pytest.mark.parametrize(
    ("name", "sha256", "message"),
    [
        ("weights.pth", "0badc0de", "another content than expected"),
        ("cut.pth", "", "broke off after 3,500 of 7,000 bytes"),
        ("absent.pth", "", "HTTP status 404"),
    ],
)
def test_what_is_not_the_wanted_file_is_refused_and_not_kept(server, name, sha256, message) -> None:
    with pytest.raises(CheckpointError, match=message):
        download(address(server, name), sha256=sha256)

    assert not [path for path in cache_folder().parent.rglob("*") if path.is_file()]


def test_offline_means_that_nobody_is_asked(server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    with pytest.raises(CheckpointError, match="HF_HUB_OFFLINE") as error:
        download(address(server), sha256=DIGEST)

    assert server.asked == []
    assert address(server) in error.value.hint
    assert DIGEST in error.value.hint


def test_a_server_that_says_nothing_is_given_up_on(server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(CheckpointError, match="cannot be"):
        download(f"http://127.0.0.1:{silent.getsockname()[1]}/weights.pth", answer_seconds=0.3)


def test_weights_on_the_hub_are_fetched_from_their_repository(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(hub, "fetch_model", lambda repository, say=None: asked.append(repository) or tmp_path)

    assert tmp_path == fetch(find("swin_tiny"))
    assert asked == ["timm/swin_tiny_patch4_window7_224.ms_in1k"]
