"""Writes the detector's ONNX file, its manifest and its card: BatchNorm folded, weights stored as 16-bit floats."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from fer_pi.training.detector.net import CHANNELS, STRIDES, FaceNet, border

FILE = "detector.onnx"
OPSET = 13
"""Read by OpenCV 4.11 and 5.0 alike."""
OUTPUTS = tuple(f"stride{stride}" for stride in STRIDES)
MEAN, SCALE = 128.0, 1 / 128


@dataclass(slots=True)
class _Graph:
    """Nodes and weights, as they come; names are counted up."""

    nodes: list[onnx.NodeProto]
    weights: list[onnx.TensorProto]

    def constant(self, values: NDArray[Any], small: bool = False) -> str:
        """Name of a constant; `small` stores it in 16 bits and casts it back, which OpenCV does once, on loading."""
        name = f"w{len(self.weights)}"
        if not small:
            self.weights.append(numpy_helper.from_array(values.astype(np.float32), name))
            return name
        self.weights.append(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        self.nodes.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
        return name

    def node(self, kind: str, inputs: list[str], name: str | None = None, **attributes: Any) -> str:
        output = name or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def conv(self, image: str, weight: NDArray[Any], bias: NDArray[Any], stride: int, name: str | None = None) -> str:
        kernel = weight.shape[2]
        inputs = [image, self.constant(weight, small=True), self.constant(bias)]
        pads = [border(kernel)] * 4
        return self.node("Conv", inputs, name, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=pads)


def onnx_model(net: FaceNet) -> onnx.ModelProto:
    """The net as ONNX; height and width of the input stay free (multiples of 16)."""
    net = net.cpu().float().eval()
    graph = _Graph([], [])

    def steps(stage: Any, feature: str) -> str:
        for step in stage:
            weight, bias = folded(step)
            feature = graph.node("Relu", [graph.conv(feature, weight, bias, int(step[0].stride[0]))])
        return feature

    c8 = steps(net.stage8, steps(net.stem, "image"))
    c16 = steps(net.stage16, c8)
    c32 = steps(net.stage32, c16)
    down = graph.conv(c16, *_plain(net.down), 1)
    twice = graph.constant(np.array([1, 1, 2, 2]))
    up = graph.node(
        "Resize", [down, "", twice], mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
    )
    p8 = graph.node("Add", [c8, up])
    outputs = []
    for head, feature, name in zip(net.heads, (p8, c16, c32), OUTPUTS, strict=True):
        graph.conv(feature, *_plain(head), 1, name)
        outputs.append(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, CHANNELS, f"{name}_rows", f"{name}_columns"])
        )
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, "height", "width"])
    made = helper.make_graph(graph.nodes, "fer_pi_detector", [image], outputs, graph.weights)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="fer_pi")
    model.ir_version = 7
    onnx.checker.check_model(model, full_check=True)
    return model


def folded(step: nn.Sequential) -> tuple[NDArray[Any], NDArray[Any]]:
    """Weight and bias of a convolution with its BatchNorm folded in."""
    conv, norm = step[0], step[1]
    assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    assert norm.running_var is not None and norm.running_mean is not None
    with torch.no_grad():
        factor = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
        weight = conv.weight.double() * factor[:, None, None, None]
        bias = norm.bias.double() - norm.running_mean.double() * factor
    return weight.numpy(), bias.numpy()


def _plain(conv: nn.Module) -> tuple[NDArray[Any], NDArray[Any]]:
    assert isinstance(conv, nn.Conv2d) and conv.bias is not None
    return conv.weight.detach().numpy(), conv.bias.detach().numpy()


def export(net: FaceNet, folder: Path, threshold: float, training: Mapping[str, Any]) -> Path:
    """Write the ONNX file and its manifest into `folder`; returns the file. A kill leaves the old pair or none."""
    folder.mkdir(parents=True, exist_ok=True)
    content = onnx_model(net).SerializeToString()
    manifest = {
        "name": "fer_pi face detector",
        "version": 1,
        "kind": "detector",
        "file": FILE,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "input": {
            "name": "image",
            "shape": [1, 1, "height", "width"],
            "dtype": "float32",
            "layout": "NCHW",
            "normalisation": {"mean": MEAN, "scale": SCALE},
            "strides": list(STRIDES),
            "multiple": 16,
        },
        "outputs": {
            "names": list(OUTPUTS),
            "channels": ["score logit", "dx", "dy", "log width", "log height", "five landmarks x, y; all in strides"],
        },
        "threshold": threshold,
        "created": datetime.now(UTC).strftime("%Y-%m-%d"),
        "training": dict(training),
    }
    _replace(folder / FILE, content)
    _replace(folder / "manifest.json", (json.dumps(manifest, indent=2) + "\n").encode())
    return folder / FILE


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(content)
    partial.replace(path)
