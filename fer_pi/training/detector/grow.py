"""Puts the weights of a trained net into a wider one that answers as the first did, and can learn more."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from fer_pi.errors import InputError
from fer_pi.training.detector.net import border


@torch.no_grad()
def grown(old: Mapping[str, Tensor], new: Mapping[str, Tensor], source: Path) -> dict[str, Tensor]:
    """The weights `old` in the shapes of `new`: channels added at the end, kernels larger around their middle.

    Added channels start as `new` has them, but nothing that was there listens to them yet, so the outputs stay the
    same (after Chen et al. 2016, Net2Net). Raises InputError, naming `source`, if `old` has other layers or is wider.
    """
    differing = sorted(set(old) ^ set(new))
    if differing:
        raise InputError(f"{source}: weights of another net (layer {differing[0]}); start without it")
    return {name: _placed(name, old[name], start, source) for name, start in new.items()}


def _placed(name: str, old: Tensor, new: Tensor, source: Path) -> Tensor:
    if old.shape == new.shape:
        return old.clone()
    if old.ndim != new.ndim or any(a > b for a, b in zip(old.shape, new.shape, strict=True)):
        raise InputError(
            f"{source}: {name} is {tuple(old.shape)}, too large for {tuple(new.shape)}; start without it, or from a"
            " net no wider than this one"
        )
    placed = new.clone()
    rows = len(old)
    placed[:rows] = 0
    if old.ndim == 4:
        top, left = (border(new.shape[side]) - border(old.shape[side]) for side in (2, 3))
        placed[:rows, : old.shape[1], top : top + old.shape[2], left : left + old.shape[3]] = old
    else:
        placed[:rows] = old
    return placed
