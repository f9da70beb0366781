"""Gives rare emotions their due: the bias against them is taken back as far as more faces come out right."""

from copy import deepcopy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fer_pi.training.emotion.data import NO_LABEL, Faces
from fer_pi.training.emotion.train import logits

STRENGTHS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


def balanced(net: nn.Module, faces: Faces, aside: Faces) -> tuple[nn.Module, float]:
    """A copy of `net` whose `head` leans towards rare emotions, and how far, 0..0.6.

    Logit adjustment, Menon et al. 2021 (arXiv:2007.07314): from each logit goes strength x log(share of the emotion in
    `faces`). The strength is that at which most faces set aside are right (majority protocol), the least of equals.
    """
    offsets = rarity(faces)
    raw, kept = logits(net, aside.images), aside.majority != NO_LABEL

    def right(strength: float) -> int:
        said = (raw + strength * offsets).argmax(axis=1)
        return int((said == aside.majority)[kept].sum())

    chosen = max(STRENGTHS, key=right)
    net = deepcopy(net)
    with torch.no_grad():
        assert isinstance(net.head, nn.Linear)
        net.head.bias.add_(torch.from_numpy(chosen * offsets))
    return net, chosen


def rarity(faces: Faces) -> NDArray[np.float32]:
    """(8,) log of how many times rarer than the commonest each emotion is in the votes; 0 for one without a vote."""
    share = (faces.targets * faces.weights[:, None]).sum(axis=0)
    return np.where(share > 0, np.log(share.max() / np.maximum(share, 1e-9)), 0.0).astype(np.float32)
