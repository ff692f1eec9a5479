"""Networks with attention, exported as their makers export them, against onnxruntime: batches and gradients too."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
import torch
from attention_networks import NETWORKS, SIDE

from faceveil.core.onnx.graph import OnnxGraph

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")


def exported(network: torch.nn.Module, opset: int, open_batch: bool):
    """The older exporter: it needs no further package, and most files in circulation come from it."""
    file = io.BytesIO()
    options = {"dynamic_axes": {"x": {0: "batch"}}} if open_batch else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.rand(1, 3, SIDE, SIDE),),
            file,
            dynamo=False,
            opset_version=opset,
            input_names=["x"],
            **options,
        )
    return onnx.load_from_string(file.getvalue())


def runtime(model, pictures: torch.Tensor) -> np.ndarray:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"x": picture[None].numpy()})[0] for picture in pictures])


@pytest.mark.parametrize("open_batch", [False, True], ids=["for one picture", "for any number"])
@pytest.mark.parametrize("opset", [14, 17, 20])
@pytest.mark.parametrize("name", NETWORKS)
def test_attention_agrees_with_onnxruntime(name, opset, open_batch):
    torch.manual_seed(0)
    model = exported(NETWORKS[name]().eval(), opset, open_batch)
    pictures = torch.rand(3, 3, SIDE, SIDE)
    with torch.no_grad():
        ours = OnnxGraph(model)(pictures).numpy()
    assert np.abs(ours - runtime(model, pictures)).max() < 1e-4


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_through_attention_are_those_of_the_network(name):
    torch.manual_seed(0)
    network = NETWORKS[name]().eval()
    graph = OnnxGraph(exported(network, 17, False))
    gradients = []
    for run in (network, graph):
        picture = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1)).requires_grad_()
        gradients.append(torch.autograd.grad(run(picture).square().sum(), picture)[0])
    assert torch.allclose(*gradients, rtol=1e-3, atol=1e-5)
