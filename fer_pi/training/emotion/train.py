"""Trains an emotion net on votes: one loop, resumable after a kill, the same on a CPU for the same seed."""

import logging
import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from fer_pi.errors import InputError
from fer_pi.training.checkpoint import Checkpoint, load, random_state, restore_random_state, save
from fer_pi.training.emotion.augment import Strength, augmented, mixed, prepared
from fer_pi.training.emotion.data import Faces, sampling_weights
from fer_pi.training.emotion.net import build
from fer_pi.training.emotion.published import PUBLISHED

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Every setting that shapes a run."""

    net: str = "pi"
    epochs: int = 64
    batch: int = 128
    optimizer: Literal["sgd", "adamw"] = "sgd"
    """SGD has Nesterov momentum 0.9."""
    rate: float = 0.1
    """Highest learning rate, reached after `warm_up` epochs, then a cosine to 0."""
    warm_up: float = 1.0
    decay: float = 5e-4
    ema: float = 0.998
    mixup: bool = False
    """Pays for large nets only: the small one has more to learn than it can hold as it is."""
    rare_power: float = 0.25
    """How much more often rare emotions are drawn; 0 not at all, 1 as often as common ones."""
    teaching: float = 0.6
    """Share of the teachers' opinion in what is taught, where there are teachers; the rest is the votes."""
    recrop_share: float = 0.3
    """Of the faces that a detector has cut anew, how many are shown so rather than as the data set cut them."""
    unlabelled_share: float = 0.35
    """Of the faces shown, how many come from those without a label, where there are any."""
    seed: int = 1
    strength: Strength = field(default_factory=Strength)


LARGE: Mapping[str, dict[str, Any]] = {
    "recogniser": {"epochs": 27, "rate": 6e-4, "ema": 0.997},
    "faceres": {"epochs": 12, "rate": 1.5e-4, "batch": 64},
}
"""What has been found good for the nets that begin with published weights."""
SLOW = 0.3
"""Of the rate, what the `slow` parameters of such a net learn at."""


def usual_recipe(net: str) -> Recipe:
    """The settings that have been found good for the net of that name."""
    if net not in LARGE:
        return Recipe(net=net)
    usual = Recipe(net=net, optimizer="adamw", decay=0.05, mixup=True, strength=Strength(erase_share=0.25))
    return replace(usual, **LARGE[net])


@dataclass(frozen=True, slots=True)
class Progress:
    """Told after each epoch."""

    epoch: int
    epochs: int
    loss: float
    accuracy: float
    """On the faces set aside, of the moving average, majority protocol."""


def train(
    faces: Faces,
    aside: Faces,
    recipe: Recipe,
    checkpoint: Path,
    *,
    resume: bool = False,
    device: str = "cpu",
    teachers: tuple[nn.Module, ...] = (),
    start: nn.Module | None = None,
    recrops: NDArray[np.uint8] | None = None,
    unlabelled: NDArray[np.uint8] | None = None,
    inputs: Mapping[str, Any] | None = None,
    on_plan: Callable[[int, int], None] = lambda steps_an_epoch, epochs_done: None,
    on_step: Callable[[], None] = lambda: None,
    on_epoch: Callable[[Progress], None] = lambda progress: None,
) -> nn.Module:
    """The trained net (its moving average), on the CPU, in evaluation mode; `checkpoint` is written each epoch.

    `start` gives the weights to begin with, `teachers` an opinion of each face to learn beside the votes, `recrops` the
    (N, 48, 48) same faces as a detector and `vision.align` cut them, `unlabelled` (M, 48, 48) more faces cut so, on
    which only teachers have an opinion. `inputs` tells these four apart from others, in plain values that the
    checkpoint keeps. Raises InputError if `resume` finds no fitting checkpoint.
    """
    torch.manual_seed(recipe.seed)
    generator = torch.Generator().manual_seed(recipe.seed)
    net = build(recipe.net)
    if start is not None:
        try:
            net.load_state_dict(start.state_dict())
        except RuntimeError as error:
            raise InputError(f"the weights to start from are not those of a net '{recipe.net}'") from error
    net = net.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = deepcopy(net).eval()
    steps = max(1, len(faces) // recipe.batch)
    optimizer = _optimizer(net, recipe)
    config = asdict(recipe) | {"faces": faces.source_sha256, "count": len(faces), "teachers": len(teachers)}
    config |= inputs or {}
    history: list[dict[str, float]] = []
    if resume:
        found = load(checkpoint, config=config)
        net.load_state_dict(found.model)
        average.load_state_dict(found.ema)
        optimizer.load_state_dict(found.optimizer)
        restore_random_state(found.random_state, generator)
        history = found.metrics
    on_plan(steps, len(history))
    images, recut = faces.images, recrops
    taught = _taught(faces, teachers, recipe.teaching, device)
    wanted = sampling_weights(faces.targets, faces.weights, recipe.rare_power)
    if unlabelled is not None:
        opinions = _opinions(unlabelled, teachers, device)
        of_these = sampling_weights(opinions, np.ones(len(opinions), np.float32), recipe.rare_power)
        images, taught = np.concatenate([images, unlabelled]), np.concatenate([taught, opinions])
        recut = None if recrops is None else np.concatenate([recrops, unlabelled])
        share = recipe.unlabelled_share
        wanted = np.concatenate([(1 - share) * wanted, share * of_these])
    for epoch in range(len(history), recipe.epochs):
        net.train()
        total = 0.0
        order = torch.multinomial(torch.from_numpy(wanted), steps * recipe.batch, replacement=True, generator=generator)
        for step, chosen in enumerate(order.view(steps, -1)):
            _set_rate(optimizer, recipe, epoch + step / steps)
            views = _views(images, recut, chosen.numpy(), recipe, generator)
            targets = torch.from_numpy(taught[chosen.numpy()])
            if recipe.mixup:
                views, targets = mixed(views, targets, generator)
            with _autocast(device):
                said = net(views.to(device))
            loss = -(targets.to(device) * functional.log_softmax(said.float(), dim=1)).sum(dim=1).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimizer.step()
            _follow(average, net, min(recipe.ema, (1 + epoch * steps + step) / (10 + epoch * steps + step)))
            total += loss.item()
            on_step()
        judged = logits(average, aside.images, device)
        kept = aside.majority >= 0
        accuracy = float((judged.argmax(axis=1) == aside.majority)[kept].mean()) if kept.any() else math.nan
        history.append({"loss": total / steps, "accuracy": accuracy})
        state = Checkpoint(
            config,
            recipe.seed,
            epoch + 1,
            net.state_dict(),
            average.state_dict(),
            optimizer.state_dict(),
            history,
            random_state(generator),
        )
        save(checkpoint, state)
        on_epoch(Progress(epoch + 1, recipe.epochs, total / steps, accuracy))
    result: nn.Module = average.to("cpu", memory_format=torch.contiguous_format)
    return result.eval()


def restored(checkpoint: Path) -> nn.Module:
    """The moving average that a run left in its checkpoint, in evaluation mode."""
    found = load(checkpoint)
    try:
        net = build(found.config["net"])
        net.load_state_dict(found.ema)
    except (KeyError, RuntimeError) as error:
        raise InputError(f"{checkpoint}: not a checkpoint of an emotion net ({error})") from error
    return net.eval()


def logits(net: nn.Module, images: NDArray[np.uint8], device: str = "cpu") -> NDArray[np.float32]:
    """(N, 8) float32 logits of the net for (N, 48, 48) grey crops, computed in 32 bits: answers lie close together."""
    with torch.inference_mode():
        parts = [net(prepared(images[start : start + 512]).to(device)).cpu() for start in range(0, len(images), 512)]
    return torch.cat(parts).numpy()


def _optimizer(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Weights decay; biases and batch norms do not."""
    slow = {id(p) for p in PUBLISHED[recipe.net].slow(net)} if recipe.net in PUBLISHED else set()
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for p in net.parameters():
        if p.requires_grad:
            decay, factor = recipe.decay if p.ndim > 1 else 0.0, SLOW if id(p) in slow else 1.0
            groups.setdefault((decay, factor), []).append(p)
    given = [{"params": found, "weight_decay": decay, "factor": f} for (decay, f), found in groups.items()]
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(given, lr=recipe.rate, betas=(0.9, 0.99))
    return torch.optim.SGD(given, lr=recipe.rate, momentum=0.9, nesterov=True)


def _set_rate(optimizer: torch.optim.Optimizer, recipe: Recipe, epoch: float) -> None:
    done = (epoch - recipe.warm_up) / max(recipe.epochs - recipe.warm_up, 1e-9)
    share = (
        (epoch + 0.01) / recipe.warm_up if epoch < recipe.warm_up else 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
    )
    for group in optimizer.param_groups:
        group["lr"] = recipe.rate * group["factor"] * min(share, 1.0)


def _views(
    images: NDArray[np.uint8],
    recrops: NDArray[np.uint8] | None,
    chosen: NDArray[np.int64],
    recipe: Recipe,
    generator: torch.Generator,
) -> Tensor:
    """The chosen faces, some of them cut anew, each changed at random."""
    pixels = images[chosen]
    if recrops is not None:
        anew = (torch.rand(len(chosen), generator=generator) < recipe.recrop_share).numpy()
        pixels[anew] = recrops[chosen[anew]]
    return augmented(pixels, recipe.strength, generator)


def _taught(faces: Faces, teachers: tuple[nn.Module, ...], teaching: float, device: str) -> NDArray[np.float32]:
    """(N, 8) what each face teaches: the votes, weighed by how many fell on the eight, mixed with the teachers' mean
    opinion."""
    votes: NDArray[np.float32] = faces.targets * faces.weights[:, None]
    if not teachers:
        return votes
    mean = _opinions(faces.images, teachers, device)
    return np.asarray((1 - teaching) * votes + teaching * mean, np.float32)


def _opinions(images: NDArray[np.uint8], teachers: tuple[nn.Module, ...], device: str) -> NDArray[np.float32]:
    """(N, 8) the teachers' mean probabilities for the faces as they stand and mirrored."""
    mirrored = np.ascontiguousarray(images[:, :, ::-1])
    opinions = [
        functional.softmax(torch.from_numpy(logits(teacher, seen, device)), dim=1).numpy()
        for teacher in teachers
        for seen in (images, mirrored)
    ]
    return np.asarray(np.mean(opinions, axis=0), np.float32)


@torch.no_grad()
def _follow(average: nn.Module, net: nn.Module, decay: float) -> None:
    """Move the average a little towards the net; its batch norms' statistics too."""
    for mine, theirs in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
        if mine.dtype.is_floating_point:
            mine.lerp_(theirs, 1 - decay)
        else:
            mine.copy_(theirs)


def _autocast(device: str) -> AbstractContextManager[Any]:
    """bfloat16 where the processor computes in it: several times faster, and the loss is the same to three digits."""
    if device != "cpu":
        return torch.autocast(device, dtype=torch.bfloat16)
    fast = torch.backends.cpu.get_cpu_capability() == "AVX512" and torch.cpu._is_avx512_bf16_supported()
    return torch.autocast("cpu", dtype=torch.bfloat16) if fast else nullcontext()
