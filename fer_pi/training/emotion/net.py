"""The emotion nets: residual 3x3 convolutions, which train fast on a CPU and fold to few int8 operations."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fer_pi.training.emotion.published import PUBLISHED
from fer_pi.types import CROP_SIZE, EMOTIONS


@dataclass(frozen=True, slots=True)
class Shape:
    """How wide and deep a net is."""

    widths: tuple[int, ...]
    """Channels at 24 x 24, 12 x 12, 6 x 6 and, where there are four, 3 x 3."""
    blocks: tuple[int, ...]
    """Residual blocks of two convolutions at each of these."""
    dropout: float = 0.2
    attention: bool = False
    """Whether each block weighs its channels by their means over the picture."""


SHAPES = {
    "pi": Shape(widths=(32, 56, 96, 192), blocks=(0, 2, 1, 1), dropout=0.1, attention=True),
    "light": Shape(widths=(32, 64, 96), blocks=(0, 2, 1), dropout=0.1),
    "teacher": Shape(widths=(48, 96, 192), blocks=(0, 2, 2), dropout=0.2),
    "tiny": Shape(widths=(6, 8, 8), blocks=(0, 1, 1), dropout=0.0),
}
"""`pi` is what ships; `light` has a third of its bytes; `teacher` is what they may learn from; `tiny` is for tests."""


def _convolution(wide_in: int, wide_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(wide_in, wide_out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(wide_out)
    )


class Attention(nn.Module):
    """Weighs each channel by 0..2, after the means of all (squeeze and excitation, Hu et al. 2018)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(width, width // 4)
        self.excite = nn.Linear(width // 4, width)

    def forward(self, x: Tensor) -> Tensor:
        inner = torch.relu(self.squeeze(x.mean(dim=(2, 3))))
        return x * (2 * torch.sigmoid(self.excite(inner)))[:, :, None, None]


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al. 2016); halves the picture where `stride` is 2."""

    def __init__(self, wide_in: int, wide_out: int, stride: int, attention: bool) -> None:
        super().__init__()
        self.first = _convolution(wide_in, wide_out, 3, stride)
        self.second = _convolution(wide_out, wide_out, 3)
        self.attention: nn.Module = Attention(wide_out) if attention else nn.Identity()
        plain = stride == 1 and wide_in == wide_out
        self.shortcut: nn.Module = nn.Identity() if plain else _convolution(wide_in, wide_out, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.attention(self.second(torch.relu(self.first(x))))
        return torch.relu(inner + self.shortcut(x))


class EmotionNet(nn.Module):
    """(N, 1, 48, 48) normalised grey to (N, 8) logits in the order of `EMOTIONS`."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        layers: list[nn.Module] = [_convolution(1, shape.widths[0], 5, 2), nn.ReLU()]
        wide = shape.widths[0]
        for stage, (width, count) in enumerate(zip(shape.widths, shape.blocks, strict=True)):
            for index in range(count):
                layers.append(Block(wide, width, 2 if stage > 0 and index == 0 else 1, shape.attention))
                wide = width
        self.features = nn.Sequential(*layers)
        self.pool: nn.Module = nn.AvgPool2d(2) if len(shape.widths) == 3 else nn.Identity()
        self.dropout = nn.Dropout(shape.dropout)
        # 3 x 3 places, not one: faces stand upright in their crops, so where a feature lies says something.
        self.head = nn.Linear(wide * 9, len(EMOTIONS))

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.pool(self.features(x))
        return self.head(self.dropout(pooled.flatten(1)))  # type: ignore[no-any-return]


def build(name: str) -> nn.Module:
    """A fresh net of that name, in `SHAPES` or `PUBLISHED`, with weights from torch's random state."""
    return PUBLISHED[name].build() if name in PUBLISHED else EmotionNet(SHAPES[name])


def folded(net: nn.Module) -> nn.Module:
    """A copy of `net` in evaluation mode, every batch norm folded into the convolution before it."""
    net = deepcopy(net).eval()
    for parent in list(net.modules()):
        if isinstance(parent, nn.Sequential) and len(parent) == 2 and isinstance(parent[1], nn.BatchNorm2d):
            convolution = parent[0]
            assert isinstance(convolution, nn.Conv2d)
            parent[0] = fuse_conv_bn_eval(convolution, parent[1])
            parent[1] = nn.Identity()
    return net


def multiply_adds(net: nn.Module) -> int:
    """Multiply-adds of the convolutions and linear layers for one crop."""
    counts: list[int] = []

    def count(module: nn.Module, inputs: Sequence[Tensor], output: Tensor) -> None:
        assert isinstance(module, (nn.Conv2d, nn.Linear))
        positions = output[0].numel() // module.weight.shape[0]
        counts.append(module.weight.numel() * positions)

    hooks = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    was_training = net.training
    try:
        with torch.no_grad():
            net.eval()(torch.zeros(1, 1, CROP_SIZE, CROP_SIZE))
    finally:
        net.train(was_training)
        for hook in hooks:
            hook.remove()
    return sum(counts)
