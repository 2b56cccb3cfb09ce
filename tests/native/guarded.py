"""A run in memory that was filled with rubbish, with guards before and behind it."""

import torch

from swinkit.kernels.library import Images, chosen_target, library
from swinkit.native.network import PackedSwin
from swinkit.native.optimized import _outputs

GUARD = 4096


def guarded_logits(model, x, dtype, threads):
    """The same for zeros and for rubbish, with nothing written outside. (B, classes)"""
    target, batch = chosen_target(dtype), x.shape[0]
    packed = PackedSwin(model, target)
    network = packed.network(tuple(x.shape[2:]))
    size = library().workspace(target, network, batch, threads)
    results = []
    for poison in (0, 255):  # four bytes of 255 are not a number
        memory = torch.full((GUARD + size + GUARD + 64,), poison, dtype=torch.uint8)
        start = -(-(memory.data_ptr() + GUARD) // 64) * 64
        logits = torch.full((batch + 2, model.config.classes), 3.0)
        images = Images(x.data_ptr(), batch, x.stride())
        library().run(target, network, images, _outputs([logits[1:-1]], "logits", []), (start, size), threads)
        before = start - memory.data_ptr()
        assert (memory[:before] == poison).all() and (memory[before + size :] == poison).all()
        assert (logits[[0, -1]] == 3).all()
        results.append(logits[1:-1].clone())
    assert results[0].isfinite().all()
    assert torch.equal(*results)
    return results[0]
