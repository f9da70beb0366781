"""The detector's loss: cells chosen for each face as in SimOTA, an IoU-aware score, GIoU boxes, L1 landmarks."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from fer_pi.training.detector.net import STRIDES, decode

SIZES = ((0.0, 64.0), (40.0, 144.0), (100.0, float("inf")))
"""Pixels of face (root of the area) that each stride may learn; they overlap, the cost decides."""
REACH = 2
"""Cells on each side of a face's centre that are candidates."""

USUAL_CELLS = 4
"""The score of each cell of a face that has n of them weighs sqrt(USUAL_CELLS / n): small faces have few, and were seen
but not believed."""


@dataclass(frozen=True, slots=True)
class Targets:
    """The faces of a batch, one row each."""

    picture: Tensor
    """(T,) int64, index in the batch."""
    boxes: Tensor
    """(T, 4) centre x, y, width, height."""
    points: Tensor
    """(T, 5, 2), NaN where unknown."""
    ignored: Tensor
    """(T,) bool: cells inside are neither background nor face."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Scalars, each already weighted."""

    score: Tensor
    box: Tensor
    points: Tensor

    @property
    def total(self) -> Tensor:
        return self.score + self.box + self.points


def giou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU (Rezatofighi et al. 2019) of boxes (..., 4) as centre x, y, width, height."""
    low_a, high_a, low_b, high_b = (
        a[..., :2] - a[..., 2:] / 2,
        a[..., :2] + a[..., 2:] / 2,
        b[..., :2] - b[..., 2:] / 2,
        b[..., :2] + b[..., 2:] / 2,
    )
    shared = (torch.minimum(high_a, high_b) - torch.maximum(low_a, low_b)).clamp(min=0).prod(-1)
    union = a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - shared
    hull = (torch.maximum(high_a, high_b) - torch.minimum(low_a, low_b)).prod(-1)
    iou = shared / union.clamp(min=1e-6)
    return iou, iou - (hull - union) / hull.clamp(min=1e-6)


def candidates(boxes: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """For each face (T, 4): the numbers of the cells near its centre and whether each may be chosen, both (T, C)."""
    steps = torch.arange(-REACH, REACH + 1, device=boxes.device)
    dy, dx = (grid.flatten() for grid in torch.meshgrid(steps, steps, indexing="ij"))
    size = boxes[:, 2:].prod(-1).sqrt()
    numbers, valid = [], []
    first = 0
    for stride, (smallest, largest) in zip(STRIDES, SIZES, strict=True):
        rows, columns = -(-height // stride), -(-width // stride)
        x = (boxes[:, 0] / stride).floor().long()[:, None] + dx
        y = (boxes[:, 1] / stride).floor().long()[:, None] + dy
        away = torch.maximum(((x + 0.5) * stride - boxes[:, :1]).abs(), ((y + 0.5) * stride - boxes[:, 1:2]).abs())
        reach = (0.35 * size).clamp(min=0.75 * stride, max=1.5 * stride)[:, None]
        inside = (x >= 0) & (y >= 0) & (x < columns) & (y < rows)
        fits = ((size >= smallest) & (size < largest))[:, None]
        valid.append(inside & fits & (away <= reach))
        numbers.append(first + y.clamp(0, rows - 1) * columns + x.clamp(0, columns - 1))
        first += rows * columns
    return torch.cat(numbers, 1), torch.cat(valid, 1)


def assign(logits: Tensor, boxes: Tensor, targets: Targets, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """The chosen cells: face (P,), picture (P,) and cell (P,); each cell belongs to one face at most.

    SimOTA (Ge et al. 2021, YOLOX) over the candidate cells only: cost = score loss + 3 * -log IoU, and a face gets
    as many cells as the sum of its ten best IoUs.
    """
    rows = torch.nonzero(~targets.ignored).flatten()
    picture, wanted = targets.picture[rows], targets.boxes[rows]
    number, valid = candidates(wanted, height, width)
    iou, _ = giou(boxes[picture[:, None], number], wanted[:, None])
    score = logits[picture[:, None], number]
    cost = functional.softplus(-score) - 3 * iou.clamp(min=1e-4).log() + 1e6 * ~valid
    iou = iou * valid
    amount = iou.topk(10, 1).values.sum(1).int().clamp(min=1)
    rank = cost.argsort(1).argsort(1)
    face, slot = torch.nonzero((rank < amount[:, None]) & valid, as_tuple=True)
    cost, picked, cell = cost[face, slot], picture[face], number[face, slot]
    order = cost.argsort()
    key = (picked * logits.shape[1] + cell)[order]
    sorted_key, by_key = torch.sort(key, stable=True)
    firsts = torch.ones_like(sorted_key, dtype=torch.bool)
    firsts[1:] = sorted_key[1:] != sorted_key[:-1]
    keep = order[by_key[firsts]]  # of two faces that want one cell, the cheaper gets it
    return rows[face[keep]], picked[keep], cell[keep]


def losses(flat: Tensor, where: Tensor, targets: Targets, height: int, width: int) -> Losses:
    """The loss of a batch from the flattened output (B, N, 15) and the cells (N, 3)."""
    logits, boxes, points = decode(flat, where)
    with torch.no_grad():
        face, picture, cell = assign(logits, boxes, targets, height, width)
    wanted = targets.boxes[face]
    iou, generalised = giou(boxes[picture, cell], wanted)
    aim = torch.zeros_like(logits)
    aim[picture, cell] = 0.5 + 0.5 * iou.detach().clamp(0, 1)
    weight = torch.ones_like(logits)
    hidden = torch.nonzero(targets.ignored).flatten()
    if len(hidden):
        area = targets.boxes[hidden]
        covered = ((where[:, :2] - area[:, None, :2]).abs() <= area[:, None, 2:] / 2 + where[:, 2:] / 4).all(-1)
        for row, mask in zip(targets.picture[hidden].tolist(), covered, strict=True):
            weight[row, mask] = 0.0
    cells_each = torch.bincount(face, minlength=len(targets.boxes))[face]
    weight[picture, cell] = USUAL_CELLS**0.5 * cells_each.to(weight.dtype).rsqrt()
    count = max(len(face), 1)
    # Quality focal loss (Li et al. 2020): cells far from their aim weigh most.
    focus = (aim - logits.sigmoid()).abs().square()
    score = (
        functional.binary_cross_entropy_with_logits(logits, aim, reduction="none") * focus.detach() * weight
    ).sum() / count
    box = 1.5 * (1 - generalised).sum() / count
    scale = wanted[:, 2:].prod(-1).sqrt()[:, None, None]
    away = (points[picture, cell] - targets.points[face]) / scale
    known = ~torch.isnan(away)
    away = torch.where(known, away, torch.zeros_like(away)).abs()
    smooth = torch.where(away < 0.01, away.square() * 50, away - 0.005)
    return Losses(score, box, 1.2 * smooth.sum() / count)
