"""Trains the detector: scenes made on the fly, Muon, a moving average of the weights, and a calm end."""

import json
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from fer_pi.errors import InputError
from fer_pi.training import checkpoint as checkpoints
from fer_pi.training.detector.augment import MIRRORED, Scene, SceneMaker
from fer_pi.training.detector.data import LabelledPicture, PackedPictures
from fer_pi.training.detector.empty import false_confidences
from fer_pi.training.detector.grow import grown
from fer_pi.training.detector.loss import Targets, losses
from fer_pi.training.detector.muon import Muon
from fer_pi.training.detector.net import FaceNet, NetShape, cells, flatten
from fer_pi.training.detector.sampling import Weights, drawn, weights

log = logging.getLogger(__name__)

CHECKPOINT = "detector.ckpt"
FOOLED = "fooled.json"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What shapes the run; stands in the manifest."""

    epochs: int = 40
    scenes: int = 8192
    """Scenes an epoch, the second showings counted in."""
    replay: int = 48
    """After so many batches each is shown again, mirrored, which costs less than a new one; 0 shows each once."""
    batch: int = 32
    size: int = 256
    """Side of a scene in pixels."""
    learning_rate: float = 0.03
    """Of Muon, for the convolutions; the rest learns by Adam at 0.07 of it."""
    weight_decay: float = 0.02
    warmup: int = 100
    """Steps of rising learning rate."""
    ema: float = 0.999
    """Decay of the moving average of the weights, a step."""
    extra_share: float = 0.2
    """Part of the scenes, and of their tiles, that start from a picture of the extra folders, if there are any."""
    look_every: int = 8
    """Epochs after which the empty pictures are looked at anew, for those that fool the net."""
    calm: float = 0.3
    """Part of the run at its end: scenes nearer to what a camera sees, at a falling rate. Up to there runs of
    different length are the same."""
    seed: int = 0
    shape: NetShape = field(default_factory=NetShape)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "shape": self.shape.as_dict()}

    def rate(self, step: int, steps: int) -> float:
        """Learning rate at `step` of `steps`: linear warm-up, level, then linear to a hundredth."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        left = (steps - step) / max(1.0, self.calm * steps)
        return self.learning_rate * (0.01 + 0.99 * min(1.0, max(0.0, left)))

    def is_calm(self, epoch: int) -> bool:
        """True for the epochs at the end."""
        return epoch >= round(self.epochs * (1 - self.calm))


class _Scenes(Dataset[Scene]):
    """The scenes of one epoch; each depends on seed, epoch and number only, so that resuming changes nothing."""

    def __init__(self, maker: SceneMaker, numbers: Sequence[int], recipe: Recipe, epoch: int) -> None:
        self._maker, self._numbers, self._seed, self._epoch = maker, numbers, recipe.seed, epoch
        self._calm = recipe.is_calm(epoch)

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, number: int) -> Scene:
        return self._maker.scene(self._numbers[number], (self._seed, self._epoch, number), calm=self._calm)


def batch_of(scenes: Sequence[Scene]) -> tuple[Tensor, Targets]:
    """Pictures (B, 1, S, S) uint8 and the targets of all their faces."""
    images = torch.from_numpy(np.stack([scene.image for scene in scenes]))[:, None]
    boxes = torch.from_numpy(np.concatenate([scene.boxes for scene in scenes]))
    boxes = torch.cat([boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:]], 1)
    picture = torch.tensor([n for n, scene in enumerate(scenes) for _ in scene.boxes], dtype=torch.int64)
    points = torch.from_numpy(np.concatenate([scene.points for scene in scenes]))
    return images, Targets(picture, boxes, points, torch.from_numpy(np.concatenate([s.ignored for s in scenes])))


def mirrored(images: Tensor, targets: Targets) -> tuple[Tensor, Targets]:
    """The batch seen in a mirror; right and left stay the subject's."""
    width = images.shape[3]
    boxes, points = targets.boxes.clone(), targets.points[:, MIRRORED.tolist()]
    boxes[:, 0] = width - boxes[:, 0]
    points[..., 0] = width - points[..., 0]
    return images.flip(3), Targets(targets.picture, boxes, points, targets.ignored)


def _wanted(
    main: Sequence[LabelledPicture], extra: Sequence[LabelledPicture], recipe: Recipe, fooled: Sequence[float]
) -> Weights:
    """(n,) how often each of the main and then the extra pictures is wanted; they sum to 1."""
    wanted = weights(main, fooled)
    wanted /= wanted.sum()
    if not extra:
        return wanted
    rest = weights(extra, [0.0] * len(extra))
    return np.concatenate([wanted * (1 - recipe.extra_share), rest / rest.sum() * recipe.extra_share])


def _fooled(run: "Run", main: Sequence[LabelledPicture], folder: Path) -> list[float]:
    """The confidence of each main picture's surest false box, as it was when the net last looked.

    Kept in a file, so that a resumed run knows what the broken one knew.
    """
    looked_at = run.epoch - run.epoch % run.recipe.look_every
    path = folder / FOOLED
    if run.epoch != looked_at and path.is_file():
        kept = json.loads(path.read_text())
        if kept["epoch"] == looked_at:
            return [float(value) for value in kept["confidences"]]
    empty = [n for n, picture in enumerate(main) if picture.empty]
    confidences = [0.0] * len(main)
    for n, found in zip(empty, false_confidences(run.average, [main[n] for n in empty]), strict=True):
        confidences[n] = max(found, default=0.0)
    log.info("%d of %d empty pictures fool the net", sum(value > 0 for value in confidences), len(empty))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"epoch": looked_at, "confidences": confidences}))
    return confidences


def _one_thread(_: int) -> None:
    cv2.setNumThreads(1)


def _batches(scenes: _Scenes, recipe: Recipe) -> Iterator[tuple[Tensor, Targets]]:
    fresh = DataLoader(
        scenes,
        recipe.batch,
        num_workers=1,
        collate_fn=batch_of,
        prefetch_factor=8,
        worker_init_fn=_one_thread,
        drop_last=True,
    )
    kept: deque[tuple[Tensor, Targets]] = deque()
    for images, targets in fresh:
        yield images, targets
        if recipe.replay:
            kept.append(mirrored(images, targets))
        if len(kept) > recipe.replay:
            yield kept.popleft()
    yield from kept


@dataclass(slots=True)
class Run:
    """A training run: its net, its average, its optimizer, and how far it has come."""

    recipe: Recipe
    net: FaceNet
    average: FaceNet
    optimizer: torch.optim.Optimizer
    data: str = ""
    """Names what it learns from: a digest of the labels."""
    epoch: int = 0
    metrics: list[dict[str, float]] = field(default_factory=list)

    def config(self) -> dict[str, Any]:
        """All that a run that goes on must share with the one that broke off."""
        return {**self.recipe.as_dict(), "data": self.data}


def started(recipe: Recipe, device: str, data: str = "") -> Run:
    """A fresh run, to learn from `data`."""
    torch.manual_seed(recipe.seed)
    net, average = FaceNet(recipe.shape), FaceNet(recipe.shape)
    average.load_state_dict(net.state_dict())
    average.requires_grad_(False)
    models: list[Any] = [net, average]
    for model in models:
        model.to(device, memory_format=torch.channels_last)
        model.stem.to(memory_format=torch.contiguous_format)
    convolutions = [p for name, p in net.named_parameters() if p.ndim == 4 and not name.startswith("heads")]
    others = [p for name, p in net.named_parameters() if p.ndim != 4 or name.startswith("heads")]
    optimizer = Muon(convolutions, others, recipe.learning_rate, weight_decay=recipe.weight_decay)
    return Run(recipe, net, average, optimizer, data)


def resumed(recipe: Recipe, device: str, data: str, path: Path) -> Run:
    """The run whose checkpoint is at `path`. Raises InputError if that belongs to another recipe or other data."""
    run = started(recipe, device, data)
    kept = checkpoints.load(path, config=run.config())
    run.net.load_state_dict(kept.model)
    run.average.load_state_dict(kept.ema)
    run.optimizer.load_state_dict(kept.optimizer)
    run.epoch, run.metrics = kept.epoch, kept.metrics
    return run


def adopt(run: Run, path: Path) -> None:
    """Start from the averaged weights of another run's checkpoint, of a net no wider than this one's.

    Raises InputError if they do not fit.
    """
    taken = grown(checkpoints.load(path).ema, run.net.state_dict(), path)
    run.net.load_state_dict(taken)
    run.average.load_state_dict(taken)


def train(
    run: Run,
    main: Sequence[LabelledPicture],
    extra: Sequence[LabelledPicture],
    folder: Path,
    device: str,
    report: Callable[[str], None],
) -> None:
    """Train until the recipe's last epoch; a checkpoint and the packed pictures are kept in `folder`."""
    pictures = [*main, *extra]
    if not any((~picture.ignored).any() for picture in pictures):
        raise InputError("the training data holds no face; rows of kind face and split train are needed")
    packed = PackedPictures(pictures, folder)
    began, first = time.monotonic(), run.epoch
    for epoch in range(run.epoch, run.recipe.epochs):
        wanted = _wanted(main, extra, run.recipe, _fooled(run, main, folder))
        maker = SceneMaker(pictures, packed, run.recipe.size, wanted)
        count = run.recipe.scenes // 2 if run.recipe.replay else run.recipe.scenes
        numbers = drawn(wanted, count, np.random.default_rng((run.recipe.seed, epoch)))
        metrics = _epoch(run, _Scenes(maker, numbers, run.recipe, epoch), device)
        run.epoch = epoch + 1
        run.metrics.append(metrics)
        save(run, folder / CHECKPOINT)
        left = (time.monotonic() - began) / (run.epoch - first) * (run.recipe.epochs - run.epoch)
        figures = "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        report(f"epoch {run.epoch}/{run.recipe.epochs}  {figures}  {left / 60:.0f} min left")


def save(run: Run, path: Path) -> None:
    """Write the checkpoint of `run`."""
    checkpoints.save(
        path,
        checkpoints.Checkpoint(
            config=run.config(),
            seed=run.recipe.seed,
            epoch=run.epoch,
            model=run.net.state_dict(),
            ema=run.average.state_dict(),
            optimizer=run.optimizer.state_dict(),
            metrics=run.metrics,
        ),
    )


def _epoch(run: Run, scenes: _Scenes, device: str) -> dict[str, float]:
    recipe, net = run.recipe, run.net
    where = cells(recipe.size, recipe.size).to(device)
    per_epoch = len(scenes) // recipe.batch * (2 if recipe.replay else 1)
    sums = torch.zeros(3)
    net.train()
    for number, (images, targets) in enumerate(_batches(scenes, recipe)):
        step = run.epoch * per_epoch + number
        for group in run.optimizer.param_groups:
            group["lr"] = recipe.rate(step, recipe.epochs * per_epoch)
        batch = (images.to(device).float() - 128) / 128
        with torch.autocast(device, dtype=torch.bfloat16):
            maps = net(batch)
        moved = Targets(*(getattr(targets, name).to(device) for name in Targets.__slots__))
        parts = losses(flatten(maps), where, moved, recipe.size, recipe.size)
        run.optimizer.zero_grad(set_to_none=True)
        total: Any = parts.total
        total.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        run.optimizer.step()
        _follow(run.average, net, min(recipe.ema, (1 + step) / (10 + step)))
        sums += torch.stack([parts.score, parts.box, parts.points]).detach().cpu()
    score, box, points = (sums / max(per_epoch, 1)).tolist()
    return {"score": score, "box": box, "points": points}


@torch.no_grad()
def _follow(average: FaceNet, net: FaceNet, decay: float) -> None:
    for old, new in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
        if old.dtype.is_floating_point:
            old.lerp_(new, 1 - decay)
        else:
            old.copy_(new)
