"""Who can stand in a comparison, by name: kernels of swinkit, peers, other architectures (`vs:NAME`)."""

from __future__ import annotations

import torch
from torch import Tensor

from swinkit.benchmark.others import find
from swinkit.benchmark.own import OWN
from swinkit.benchmark.peers import PEERS
from swinkit.benchmark.ready import Build
from swinkit.benchmark.results import Case

OTHER = "vs:"


def builder(name: str) -> Build:
    """What makes a contender ready."""
    if name.startswith(OTHER):
        return find(name.removeprefix(OTHER)).build
    return OWN[name] if name in OWN else PEERS[name].build


def images(case: Case, channels: int) -> Tensor:
    """The same for everyone: noise, standardised as pictures are."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(case.batch, channels, *case.image_size, generator=generator)
