"""The detector's net: plain convolutions, three strides, one light path back from stride 16 to 8."""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

STRIDES = (8, 16, 32)
CHANNELS = 15
"""Of each output map: score logit, box (dx, dy, log w, log h), five landmarks (x, y); all in strides."""


@dataclass(frozen=True, slots=True)
class NetShape:
    """Channels and depth; chosen by timing untrained nets in OpenCV DNN (docs/training.md)."""

    stem: tuple[int, int] = (8, 16)
    """Channels at strides 2 and 4: few, because there a layer sees the most pixels."""
    width: tuple[int, int, int] = (48, 48, 64)
    """Channels at strides 8, 16 and 32."""
    depth: tuple[int, int, int, int] = (1, 3, 2, 2)
    """3x3 convolutions at strides 4, 8, 16 and 32 after the one that halves the size."""
    halving: tuple[int, int, int, int, int] = (3, 2, 2, 2, 3)
    """Kernels of the convolutions that halve the size, to strides 2, 4, 8, 16 and 32. OpenCV runs none of these by
    Winograd's method, so 2x2 costs half of 3x3; the last may meet an odd number of rows, where 2x2 would lose one."""
    heads: tuple[int, int, int] = (3, 1, 1)
    """Kernels of the output convolutions: at stride 8 a small face lies between cells."""

    def as_dict(self) -> dict[str, Any]:
        return {name: list(value) for name, value in asdict(self).items()}


def _step(inputs: int, outputs: int, stride: int, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, border(kernel), bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def border(kernel: int) -> int:
    """Rows and columns of zeros that a convolution adds on each side: none for 2x2, whose fields do not overlap."""
    return (kernel - 1) // 2


def _stage(inputs: int, outputs: int, depth: int, halving: int) -> nn.Sequential:
    return nn.Sequential(_step(inputs, outputs, 2, halving), *(_step(outputs, outputs, 1) for _ in range(depth)))


class FaceNet(nn.Module):
    """(B, 1, H, W) float, (grey - 128) / 128, H and W multiples of 16, to three maps (B, 15, H/s, W/s)."""

    def __init__(self, shape: NetShape) -> None:
        super().__init__()
        self.shape = shape
        thin, wide = shape.stem
        low, middle, high = shape.width
        depth, halving = shape.depth, shape.halving
        self.stem = nn.Sequential(_step(1, thin, 2, halving[0]), *_stage(thin, wide, depth[0], halving[1]))
        self.stage8 = _stage(wide, low, depth[1], halving[2])
        self.stage16 = _stage(low, middle, depth[2], halving[3])
        self.stage32 = _stage(middle, high, depth[3], halving[4])
        self.down = nn.Conv2d(middle, low, 1)
        self.heads = nn.ModuleList(
            nn.Conv2d(channels, CHANNELS, kernel, padding=border(kernel))
            for channels, kernel in zip(shape.width, shape.heads, strict=True)
        )
        for head in self.heads:
            assert isinstance(head, nn.Conv2d) and head.bias is not None
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)
            with torch.no_grad():
                head.bias[0] = -4.6  # a score of 0.01: almost every cell is background (Lin et al. 2017, RetinaNet)
                head.bias[3:5] = 1.1  # boxes of three strides

    def forward(self, image: Tensor) -> list[Tensor]:
        # Few channels: the stem trains in half the time with the channels outermost, the rest with them innermost.
        c8 = self.stage8(self.stem(image).contiguous(memory_format=torch.channels_last))
        c16 = self.stage16(c8)
        c32 = self.stage32(c16)
        p8 = c8 + nn.functional.interpolate(self.down(c16), scale_factor=2.0, mode="nearest")
        return [head(feature) for head, feature in zip(self.heads, (p8, c16, c32), strict=True)]


def cells(height: int, width: int) -> Tensor:
    """(N, 3) centre x, centre y and stride of every cell of a (height, width) input, stride 8 first, row by row."""
    parts = []
    for stride in STRIDES:
        rows, columns = -(-height // stride), -(-width // stride)
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        centers = (torch.stack([x, y], -1).reshape(-1, 2) + 0.5) * stride
        parts.append(torch.cat([centers, torch.full((rows * columns, 1), float(stride))], 1))
    return torch.cat(parts)


def flatten(maps: list[Tensor]) -> Tensor:
    """(B, N, 15) float32 in the order of `cells`."""
    return torch.cat([m.flatten(2).transpose(1, 2) for m in maps], 1).float()


def decode(flat: Tensor, where: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Score logits (B, N), boxes (B, N, 4) as centre x, y, width, height, and landmarks (B, N, 5, 2), in pixels."""
    center, stride = where[:, :2], where[:, 2:]
    boxes = torch.cat([center + flat[..., 1:3] * stride, flat[..., 3:5].clamp(-4, 5).exp() * stride], -1)
    points = center[:, None] + flat[..., 5:].reshape(*flat.shape[:2], 5, 2) * stride[:, None]
    return flat[..., 0], boxes, points
