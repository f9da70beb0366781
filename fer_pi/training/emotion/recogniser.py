"""A large teacher that begins with what telling people apart has taught: dlib's face recognition net.

King 2017, http://blog.dlib.net/2017/02/high-quality-face-recognition-with-deep.html: 29 convolutions, public domain
weights, trained on 3 million faces of FaceScrub, VGG and the web. The weights are read from the files that the npm
package @vladmandic/face-api (MIT) ships as `model/face_recognition_model*`.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from fer_pi.errors import InputError
from fer_pi.training.emotion.tensorflow_js import published_weights
from fer_pi.types import EMOTIONS
from fer_pi.vision.align import DEVIATION, MEAN

WEIGHTS, PACKAGE = "face_recognition_model", "@vladmandic/face-api"
SIDE = 112
"""Crops are enlarged to this: so their eyes stand as far apart as in the 150 x 150 faces that the net knows."""
MEAN_RED_GREEN_BLUE = (122.782, 117.001, 104.298)
LAYERS = (
    *("conv32_1", "conv32_2", "conv32_3"),
    *("conv64_down", "conv64_1", "conv64_2", "conv64_3"),
    *("conv128_down", "conv128_1", "conv128_2"),
    *("conv256_down", "conv256_1", "conv256_2"),
)
"""The residual blocks whose output is used; the last of the original has lost all sense of place."""


class RecogniserNet(nn.Module):
    """(N, 1, 48, 48) normalised grey to (N, 8) logits in the order of `EMOTIONS`; 150 M multiply-adds."""

    def __init__(self, dropout: float = 0.4) -> None:
        super().__init__()
        self.first = _Unit(1, 32, 7, 2)
        blocks, wide = [], 32
        for name in LAYERS:
            width = int(name.removeprefix("conv").partition("_")[0])
            blocks.append(_Block(wide, width, halves=name.endswith("down")))
            wide = width
        self.blocks = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(wide * 9, len(EMOTIONS))
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        grey = x * (DEVIATION / 255) + MEAN / 255
        large = functional.interpolate(grey, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        stem = functional.max_pool2d(torch.relu(self.first(large.contiguous(memory_format=torch.channels_last))), 3, 2)
        return self.head(self.dropout(self.blocks(stem).flatten(1)))  # type: ignore[no-any-return]


class _Unit(nn.Module):
    """A convolution and its batch norm; where it strides, without a border, as the original."""

    def __init__(self, wide_in: int, wide_out: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(wide_in, wide_out, kernel, stride, kernel // 2 if stride == 1 else 0, bias=False)
        self.norm = nn.BatchNorm2d(wide_out, momentum=0.05)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.convolution(x))  # type: ignore[no-any-return]


class _Block(nn.Module):
    """Two convolutions beside a shortcut; one that halves averages the shortcut and pads what is missing with 0."""

    def __init__(self, wide_in: int, wide_out: int, *, halves: bool) -> None:
        super().__init__()
        self.first = _Unit(wide_in, wide_out, 3, 2 if halves else 1)
        self.second = _Unit(wide_out, wide_out, 3, 1)
        self.halves, self.more = halves, wide_out - wide_in

    def forward(self, x: Tensor) -> Tensor:
        inner = self.second(torch.relu(self.first(x)))
        if self.halves:
            x = functional.pad(functional.avg_pool2d(x, 2), (0, 0, 0, 0, 0, self.more))
            inner = functional.pad(inner, (0, x.shape[3] - inner.shape[3], 0, x.shape[2] - inner.shape[2]))
        return torch.relu(inner + x)


def pretrained(folder: Path, examples: Tensor) -> RecogniserNet:
    """The net with the published weights, and a head that knows nothing yet.

    The published scale of each channel has its batch norm folded in; the (N, 1, 48, 48) `examples`, normalised faces,
    say what to divide by again. Raises InputError for files that are missing or not those weights.
    """
    weights = published_weights(folder / f"{WEIGHTS}-weights_manifest.json", folder / f"{WEIGHTS}.bin", PACKAGE)
    net = RecogniserNet().eval()
    try:
        _load(net.first, weights, "conv32_down")
        for block, name in zip(net.blocks, LAYERS, strict=True):
            assert isinstance(block, _Block)
            _load(block.first, weights, f"{name}/conv1")
            _load(block.second, weights, f"{name}/conv2")
    except (KeyError, RuntimeError) as error:
        raise InputError(f"{folder}: {WEIGHTS} is not the net expected ({error})") from error
    hooks = [unit.register_forward_hook(_settle) for unit in net.modules() if isinstance(unit, _Unit)]
    with torch.no_grad():
        net(examples)
    for hook in hooks:
        hook.remove()
    return net


def _load(unit: _Unit, weights: dict[str, Tensor], name: str) -> None:
    """Put a published convolution, (height, width, in, out), and its scale into the unit; colours become one grey."""
    kernel = weights[f"{name}/conv/filters"].permute(3, 2, 0, 1)
    scale = weights[f"{name}/scale/weights"]
    offset = weights[f"{name}/scale/biases"] + scale * weights[f"{name}/conv/bias"]
    if kernel.shape[1] == len(MEAN_RED_GREEN_BLUE):
        mean = torch.tensor(MEAN_RED_GREEN_BLUE).view(1, -1, 1, 1) / 255
        offset = offset - scale * (kernel * mean).sum(dim=(1, 2, 3))
        kernel = kernel.sum(dim=1, keepdim=True)
    unit.convolution.load_state_dict({"weight": kernel.contiguous()})
    unit.norm.load_state_dict(
        unit.norm.state_dict()
        | {"weight": scale, "bias": offset, "running_var": torch.full_like(scale, 1 - unit.norm.eps)}
    )


def _settle(unit: _Unit, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    """Give the batch norm the statistics of its input, and a scale and offset that leave its output as it is."""
    norm = unit.norm
    inner = unit.convolution(inputs[0])
    mean, variance = inner.mean(dim=(0, 2, 3)), inner.var(dim=(0, 2, 3))
    settled = {
        "weight": norm.weight * torch.sqrt(variance + norm.eps),
        "bias": norm.bias + norm.weight * mean,
        "running_mean": mean,
        "running_var": variance,
    }
    norm.load_state_dict(norm.state_dict() | settled)
