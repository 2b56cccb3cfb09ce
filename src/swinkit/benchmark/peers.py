"""Other implementations of the same network, each at its best setting, with the same weights.

Weights travel in each library's own format. What compiles a graph is given timm's model, from which it made
the fastest one. To add a peer, write a function and a row of `PEERS`.
"""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor, nn

from swinkit.benchmark.ready import Build, Job, Ready, as_logits, eager, missing, refuse_int8
from swinkit.data.vision import load_torchvision
from swinkit.errors import KernelRefused
from swinkit.models import Swin
from swinkit.weights.save import save


@dataclass(frozen=True, slots=True)
class Peer:
    """An implementation by another project. packages: what has to be installed for it."""

    build: Build
    packages: tuple[str, ...]


def _timm(job: Job) -> Ready:
    return eager(_timm_net(job), job.images, job.case, f"timm {version('timm')}, eager")


def _torchvision(job: Job) -> Ready:
    load_torchvision()
    from torchvision.models import swin_transformer as swin

    model = _configured(job)
    config = model.config
    parts = {"block": swin.SwinTransformerBlockV2, "downsample_layer": swin.PatchMergingV2}
    net = swin.SwinTransformer(
        patch_size=list(config.patch_size),
        embed_dim=config.embed_dim,
        depths=list(config.depths),
        num_heads=list(config.num_heads),
        window_size=list(config.window[0]),
        num_classes=config.classes,
        **(parts if config.version == 2 else {}),
    )
    path = save(model, job.folder / "torchvision.pth", "torchvision")
    net.load_state_dict(torch.load(path, weights_only=True))
    return eager(net, job.images, job.case, f"torchvision {version('torchvision')}, eager")


def _transformers(job: Job) -> Ready:
    load_torchvision()
    import transformers

    model = _configured(job)
    folder = save(model, job.folder / "huggingface", "huggingface")
    family = "Swin" if model.config.version == 1 else "Swinv2"
    with _quietly(transformers.utils.logging):
        net = getattr(transformers, f"{family}ForImageClassification").from_pretrained(folder)
    return eager(net, job.images, job.case, f"transformers {version('transformers')}, eager")


def _compile(job: Job) -> Ready:
    """torch.compile with frozen weights, whole graph, for exactly this shape."""
    refuse_int8("torch.compile of a model in floating point", job.case)
    dtype = getattr(torch, job.case.dtype)
    x = job.images.to(dtype)
    torch._dynamo.reset()  # what it keeps of earlier models would end in eager mode
    compiled = torch.compile(_timm_net(job).to(dtype), fullgraph=True, dynamic=False)

    def call() -> Tensor:
        with torch.no_grad():
            return compiled(x)

    def first() -> None:
        with torch._inductor.config.patch(freezing=True), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()

    detail = f"torch.compile {torch.__version__}, frozen, of timm's model"
    return Ready(call=call, logits=as_logits, settle=first, detail=detail)


def _onnxruntime(job: Job) -> Ready:
    import onnxruntime

    if job.case.dtype == "bfloat16":
        raise KernelRefused("onnxruntime does not multiply bfloat16 on a CPU")
    path = job.folder / "timm.onnx"
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(_timm_net(job), (job.images,), path, dynamo=True, verbose=False)
    if job.case.dtype == "int8":
        from onnxruntime.quantization import QuantType, quantize_dynamic

        whole, path = path, job.folder / "int8.onnx"
        quantize_dynamic(whole, path, per_channel=True, weight_type=QuantType.QInt8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = job.case.threads, 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    fed = {session.get_inputs()[0].name: job.images.numpy()}
    return Ready(
        call=lambda: session.run(None, fed),
        logits=lambda answer: torch.from_numpy(answer[0]),
        settle=lambda: None,
        detail=f"onnxruntime {version('onnxruntime')}, all optimisations"
        + (", dynamic int8 weights by channel" if job.case.dtype == "int8" else ""),
        runs_in_torch=False,
    )


def _openvino(job: Job) -> Ready:
    import openvino

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        graph = openvino.convert_model(_timm_net(job), example_input=job.images)
    graph.reshape(list(job.images.shape))
    if job.case.dtype == "int8":
        graph = _int8_by_nncf(graph, job.images)
    settings = {
        "INFERENCE_NUM_THREADS": job.case.threads,
        "INFERENCE_PRECISION_HINT": "bf16" if job.case.dtype == "bfloat16" else "f32",
        "NUM_STREAMS": 1,
    }
    request = openvino.Core().compile_model(graph, "CPU", settings).create_infer_request()
    pixels = job.images.numpy()
    return Ready(
        call=lambda: request.infer([pixels], share_inputs=True),
        logits=lambda answer: torch.from_numpy(answer[0].copy()),
        settle=lambda: None,
        detail=f"openvino {version('openvino')}, one stream"
        + (f", int8 by nncf {version('nncf')}" if job.case.dtype == "int8" else ""),
        runs_in_torch=False,
    )


def _int8_by_nncf(graph: Any, images: Tensor) -> Any:
    """Static int8 after training, calibrated on the images themselves."""
    why = missing(("nncf",))
    if why:
        raise KernelRefused(f"openvino's int8 is made by nncf, {why}")
    import nncf

    nncf.set_log_level(40)
    data = nncf.Dataset([images.numpy()])
    with contextlib.redirect_stdout(io.StringIO()):  # its bars; results go there
        return nncf.quantize(graph, data, model_type=nncf.ModelType.TRANSFORMER, subset_size=1)


PEERS: dict[str, Peer] = {
    "timm": Peer(_timm, ("timm",)),
    "torchvision": Peer(_torchvision, ("torchvision",)),
    "transformers": Peer(_transformers, ("transformers",)),
    "compile": Peer(_compile, ("timm",)),
    "onnxruntime": Peer(_onnxruntime, ("timm", "onnx", "onnxscript", "onnxruntime")),
    "openvino": Peer(_openvino, ("timm", "openvino")),
}


# The model in others' hands ---------------------------------------------------------------------------------


def _timm_net(job: Job) -> nn.Module:
    """timm's model for the image size of the case, in float32."""
    load_torchvision()
    import timm

    folder = save(_configured(job), job.folder / "timm", "timm")
    described = json.loads((folder / "config.json").read_text("utf-8"))
    settings: dict[str, Any] = {**described["model_args"], "num_classes": described["num_classes"]}
    net = timm.create_model(
        described["architecture"], checkpoint_path=folder / "model.safetensors", **settings
    )
    return net.eval()


def _configured(job: Job) -> Swin:
    """The model with the image size of the case, which others build their windows for."""
    return job.model.resize(image_size=job.case.image_size)


@contextlib.contextmanager
def _quietly(logging: Any) -> Iterator[None]:
    """Without transformers' bars and remarks."""
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        logging.enable_progress_bar()
