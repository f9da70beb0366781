"""Moves a trained emotion net a little towards one's own faces, without letting it forget everybody else's."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from fer_pi.training.emotion.augment import Strength, augmented, prepared
from fer_pi.training.emotion.data import Faces, sampling_weights
from fer_pi.training.emotion.net import EmotionNet

SHARES = (1.0, 0.7, 0.4, 0.2)
"""How far to go from the old weights to the new ones: each is tried on the faces set aside, with 0, the old ones."""
MOST_ALONE = 0.4
"""No farther without other people's faces: all the way cost 12 points on FER+, half of it 2, and, in another trial, 0.4
of it 3 (docs/experiments.md, docs/training.md)."""


@dataclass(frozen=True, slots=True)
class Gently:
    """Every setting that shapes an adaptation."""

    steps: int = 240
    batch: int = 32
    rate: float = 0.05
    """Highest learning rate of SGD (momentum 0.9), then a cosine to 0."""
    heeding: float = 0.2
    """Share of the target that is the old net's opinion of one's own faces (Li and Hoiem 2016), not their labels."""
    keeping: float = 3.0
    """Weight of the old net's opinion of other people's faces, where there are any, against one's own."""
    rare_power: float = 0.25
    seed: int = 1
    strength: Strength = field(default_factory=Strength)


def adapted(
    old: EmotionNet,
    faces: Faces,
    settings: Gently,
    *,
    others: NDArray[np.uint8] | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> EmotionNet:
    """A copy of `old` whose head was taught `faces`, and to say of `others`, (N, 48, 48), what it said before.

    What the layers before the head see stays as it is: teaching these too gained less and forgot more. Emotions that do
    not occur among the faces are neither taught nor untaught: where a label is learnt, only those that occur compete.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    net = deepcopy(old).eval()
    optimizer = torch.optim.SGD(net.head.parameters(), lr=settings.rate, momentum=0.9)
    wanted = torch.from_numpy(sampling_weights(faces.targets, faces.weights, settings.rare_power))
    absent = torch.from_numpy((faces.targets * faces.weights[:, None]).sum(axis=0) == 0)
    for step in range(settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = settings.rate * 0.5 * (1 + np.cos(np.pi * step / settings.steps))
        chosen = torch.multinomial(wanted, settings.batch, replacement=True, generator=generator).numpy()
        seen, opinion = _seen(old, augmented(faces.images[chosen], settings.strength, generator))
        logits = net.head(seen)
        loss = (1 - settings.heeding) * _far(torch.from_numpy(faces.targets[chosen]), logits.masked_fill(absent, -1e4))
        loss = loss + settings.heeding * _far(opinion, logits)
        if others is not None:
            drawn = torch.randint(len(others), (settings.batch,), generator=generator).numpy()
            seen, opinion = _seen(old, augmented(others[drawn], settings.strength, generator))
            loss = loss + settings.keeping * _far(opinion, net.head(seen))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.head.parameters(), 1.0)
        optimizer.step()
        on_step()
    return net


def between(old: EmotionNet, new: EmotionNet, share: float) -> EmotionNet:
    """The net whose weights lie `share` of the way from `old` to `new` (Wortsman et al. 2022)."""
    net = deepcopy(old)
    with torch.no_grad():
        for mine, its in zip(net.parameters(), new.parameters(), strict=True):
            mine.lerp_(its, share)
    return net.eval()


@torch.inference_mode()
def log_losses(net: nn.Module, faces: Faces) -> NDArray[np.float64]:
    """(N,) minus the logarithm of the probability that the net gives to each face's first label."""
    parts = [
        functional.log_softmax(net(prepared(faces.images[start : start + 256])).double(), dim=1)
        for start in range(0, len(faces), 256)
    ]
    return np.asarray(-torch.cat(parts).numpy()[np.arange(len(faces)), faces.top], np.float64)


@torch.no_grad()
def _seen(old: EmotionNet, images: Tensor) -> tuple[Tensor, Tensor]:
    """What reaches the head, and the (N, 8) probabilities that the old head makes of it."""
    reached: list[Tensor] = []
    hook = old.head.register_forward_pre_hook(lambda head, given: reached.append(given[0]))
    try:
        logits = old(images)
    finally:
        hook.remove()
    return reached[0], functional.softmax(logits, dim=1)


def _far(target: Tensor, logits: Tensor) -> Tensor:
    """Cross-entropy between (N, 8) target and what the logits say."""
    return -(target * functional.log_softmax(logits, dim=1)).sum(dim=1).mean()
