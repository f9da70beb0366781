"""Reads a finished int8 .tflite back into a float net that can be trained further: no other file is needed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_pi.errors import DeviceError, InputError, laboratory_needs
from fer_pi.training.emotion.net import SHAPES, EmotionNet, build, folded
from fer_pi.types import CROP_SIZE

Layer = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Weight and bias as torch has them: (out, in, height, width) or (out, in), and (out,)."""


def float_net(model: Path) -> EmotionNet:
    """The net of an emotion .tflite made here: weights and biases times their scales, batch norms folded.

    The activations' rounding is gone, the weights' is not: with int8's 254 steps for each channel the answers are
    those of the file but for a few in a thousand. Raises InputError if the file is not of any net in `SHAPES`.
    """
    layers = _layers(model)
    found = [tuple(weight.shape) for weight, _ in layers]
    for name in SHAPES:
        net = folded(build(name))
        assert isinstance(net, EmotionNet)
        places = _in_order(net)
        if [tuple(place.weight.shape) for place in places] == found:
            for place, (weight, bias) in zip(places, layers, strict=True):
                place.weight.data = torch.from_numpy(weight)
                place.bias = nn.Parameter(torch.from_numpy(bias))
            return net.eval()
    raise InputError(
        f"{model}: its {len(found)} layers are those of none of fer_pi's nets ({', '.join(SHAPES)}); only a model that"
        " `fer-pi train emotion` made can be trained further"
    )


def _in_order(net: nn.Module) -> list[Any]:
    """Convolutions and linear layers in the order in which a crop passes them, which is that of the file."""
    order: list[nn.Module] = []

    def note(module: nn.Module, inputs: Sequence[Tensor], output: Tensor) -> None:
        order.append(module)

    hooks = [m.register_forward_hook(note) for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    with torch.no_grad():
        net(torch.zeros(1, 1, CROP_SIZE, CROP_SIZE))
    for hook in hooks:
        hook.remove()
    return order


def _layers(model: Path) -> list[Layer]:
    try:
        from ai_edge_litert import schema_py_generated as schema
    except ImportError as error:
        raise DeviceError(f"reading a .tflite back {laboratory_needs('ai-edge-litert')}") from error
    try:
        file = model.read_bytes()
        content = schema.ModelT.InitFromPackedBuf(file, 0)
        graph = content.subgraphs[0]
    except OSError as error:
        raise InputError(f"{model}: cannot be read ({error.strerror})") from error
    except Exception as error:  # the parser walks a damaged file into struct, index, type and attribute errors alike
        raise InputError(f"{model}: is not a .tflite file ({error})") from error
    layers = []
    for operator in graph.operators:
        code = content.operatorCodes[operator.opcodeIndex]
        kind = max(code.builtinCode, code.deprecatedBuiltinCode)
        kinds = schema.BuiltinOperator
        if kind not in (kinds.CONV_2D, kinds.DEPTHWISE_CONV_2D, kinds.FULLY_CONNECTED):
            continue
        weight, bias = (_real(model, file, content, graph.tensors[index]) for index in operator.inputs[1:3])
        if kind == kinds.CONV_2D:  # (out, height, width, in)
            weight = weight.transpose(0, 3, 1, 2)
        elif kind == kinds.DEPTHWISE_CONV_2D:  # (1, height, width, out): the one channel of grey, spread
            weight = weight.transpose(3, 0, 1, 2)
        layers.append((np.ascontiguousarray(weight), bias))
    return layers


def _real(model: Path, file: bytes, content: Any, tensor: Any) -> NDArray[np.float32]:
    """The numbers that a stored tensor stands for."""
    stored = {0: np.float32, 2: np.int32, 9: np.int8}.get(tensor.type)  # TensorType: FLOAT32, INT32, INT8
    buffer = content.buffers[tensor.buffer]
    # Large ones stand behind the flatbuffer, in the file but not in its tables.
    data = file[buffer.offset : buffer.offset + buffer.size] if buffer.data is None else buffer.data.tobytes()
    if stored is None or len(data) != np.prod(tensor.shape) * np.dtype(stored).itemsize:
        raise InputError(f"{model}: a layer's weights are stored in a way that fer_pi does not use, or the file is cut")
    values: NDArray[Any] = np.frombuffer(data, stored).reshape(tensor.shape).astype(np.float32)
    if tensor.quantization is None or tensor.quantization.scale is None:
        return values
    scale = np.asarray(tensor.quantization.scale, np.float32)
    zero = np.asarray(tensor.quantization.zeroPoint, np.float32)
    across = [1] * values.ndim
    across[tensor.quantization.quantizedDimension] = len(scale)
    if len(scale) == 1:
        across = [1] * values.ndim
    return np.asarray((values - zero.reshape(across)) * scale.reshape(across), np.float32)
