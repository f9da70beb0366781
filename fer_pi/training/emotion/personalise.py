"""From one's own labelled faces to a model that knows them better: adapt, choose how far to go, export, compare."""

import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_pi.errors import InputError
from fer_pi.shipped import shipped
from fer_pi.training.dataset.look_alikes import twins
from fer_pi.training.emotion.adapt import MOST_ALONE, SHARES, Gently, adapted, between, log_losses
from fer_pi.training.emotion.conditions import CONDITIONS
from fer_pi.training.emotion.data import Faces, load_faces
from fer_pi.training.emotion.evaluate import answers
from fer_pi.training.emotion.folders import has_part, pictures_below
from fer_pi.training.emotion.net import EmotionNet
from fer_pi.training.emotion.product import export_model, put
from fer_pi.training.emotion.reading_back import float_net
from fer_pi.types import EMOTIONS
from fer_pi.vision.align import normalized
from fer_pi.vision.classifier import ClassifierOptions, EmotionClassifier
from fer_pi.vision.model_file import open_model

log = logging.getLogger(__name__)

LEAST_OF_EACH = 12
"""Pictures of each emotion that is there."""
ASIDE_SHARE = 0.3
"""Of each emotion, where there is no validation part: the last ones by name, which `fer-pi collect` gives in time."""
OTHERS_ASIDE = 0.2
"""Of the other people's pictures: they only tell what was forgotten."""
LEAST_OTHERS = 100
"""Fewer pictures of other people neither remind of them nor tell what was forgotten."""
LEAST_JUDGES = 12
"""Faces set aside that look like no learnt one; if there are fewer, those that do judge as well."""


def personalise(
    data: Path,
    out: Path,
    settings: Gently,
    *,
    model: Path | None = None,
    others: Path | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Adapt a finished `model` (the shipped one) to the faces in `data`, leave it in `out`, return what that changed.

    `others` holds pictures of other people's faces, without labels, on which it is to go on saying what it says.
    Raises InputError, and leaves `out` as it was, for too few faces, and if the new model is not surely better than the
    old one on the faces set aside: its log loss lower by more than the standard error of the difference, and no fewer
    of them right.
    """
    source = model or shipped("models/emotion")
    file = open_model(source, "emotion")
    old = float_net(file.path)
    learnt, aside = own_faces(data)
    aside, alike = judges(learnt, aside)
    taught, watched = (None, None) if others is None else other_faces(others)
    new = adapted(old, learnt, settings, others=taught, on_step=on_step)
    share = how_far(old, new, aside, [way for way in SHARES if taught is not None or way <= MOST_ALONE])
    if share == 0:
        raise InputError(f"{data}: the model does not get better on the faces set aside; nothing was written")
    net = between(old, new, share)
    config = asdict(settings) | {
        "net": file.manifest.get("training", {}).get("config", {}).get("net"),
        "data": data.resolve().name,
        "finetune": {
            "model_sha256": file.manifest["sha256"],
            "share": share,
            "aside": len(aside),
            "alike": alike,
            "others": others and others.name,
        },
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".personal-", dir=out.parent) as name:
        made = Path(name) / "model"
        crops = learnt.images if taught is None else np.concatenate([learnt.images, taught[: len(learnt)]])
        ranges = np.concatenate([crops, *(condition.change(crops, 1) for condition in CONDITIONS)])
        export_model(
            net, learnt, aside, aside, made, config, calibration=ranges, temperature=float(file.manifest["temperature"])
        )
        figures = compared(source, made, aside, watched)
        figures |= {"learnt": len(learnt), "alike": alike, "share": share, "out": str(out)}
        if not figures["better"]:
            raise InputError(
                f"{data}: not surely better on the {len(aside)} faces set aside: right before {figures['before']:.1%},"
                f" after {figures['after']:.1%}; log loss down by {figures['gain']:.3f} +- {figures['gain_error']:.3f};"
                " nothing was written; record more faces"
            )
        put(made, out)
    return figures


def own_faces(data: Path) -> tuple[Faces, Faces]:
    """The faces to learn from and those that decide: the validation part, else the last of each emotion by name."""
    faces = load_faces(data, "train")
    faces = faces.part(faces.top >= 0)
    if has_part(data, "valid") or (data / "valid.npz").is_file():
        judges = load_faces(data, "valid")
        parts = faces, judges.part(judges.top >= 0)
    else:
        parts = parted(faces)
    counts = np.bincount(faces.top, minlength=len(EMOTIONS))
    few = [f"{EMOTIONS[index]} {count}" for index, count in enumerate(counts) if 0 < count < LEAST_OF_EACH]
    if few or (counts > 0).sum() < 2 or len(parts[1]) == 0:
        raise InputError(
            f"{data}: {len(faces)} faces of {(counts > 0).sum()} emotions"
            f"{' (' + ', '.join(few) + ')' if few else ''}; adapting a model needs {LEAST_OF_EACH} of each emotion that"
            " is there, and two emotions: `fer-pi collect --add` records more, or take the smaller folders out"
        )
    return parts


def parted(faces: Faces) -> tuple[Faces, Faces]:
    """The faces, and of each emotion the last `ASIDE_SHARE` by name: those recorded last, of another session if any."""
    aside = np.zeros(len(faces), np.bool_)
    for emotion in range(len(EMOTIONS)):
        places = np.flatnonzero(faces.top == emotion)
        places = places[np.argsort(faces.names[places], kind="stable")]
        aside[places[len(places) - int(np.ceil(ASIDE_SHARE * len(places))) :]] = True
    return faces.part(~aside), faces.part(aside)


def judges(learnt: Faces, aside: Faces) -> tuple[Faces, int]:
    """Of the faces set aside those that look like no learnt one, and 0; all, and how many do, if too few were left.

    Too few are less than `LEAST_JUDGES`, or none of an emotion. Pictures of one session are mostly look-alikes.
    """
    alike = twins(aside.images, learnt.images).index >= 0
    others = aside.part(~alike)
    if len(others) >= LEAST_JUDGES and set(others.top.tolist()) == set(aside.top.tolist()):
        log.info("%d of %d faces set aside look like learnt ones and do not judge", alike.sum(), len(aside))
        return others, 0
    return aside, int(alike.sum())


def other_faces(source: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(N, 48, 48) crops of other people to be kept in mind, and (M, 48, 48) that only tell what was forgotten.

    `source` is an .npz with 'images' and 'votes', as FER+ has it, or any folder with pictures below it. Raises
    InputError if there are less than `LEAST_OTHERS`.
    """
    images = load_faces(source, source.stem).images if source.suffix == ".npz" else pictures_below(source)
    if len(images) < LEAST_OTHERS:
        raise InputError(
            f"{source}: {len(images)} pictures of other people; to remember them takes {LEAST_OTHERS}, better"
            " thousands: give more, or leave --others out"
        )
    images = images[np.random.default_rng(1).permutation(len(images))]
    watched = int(np.ceil(OTHERS_ASIDE * len(images)))
    return images[watched:], images[:watched]


def how_far(old: EmotionNet, new: EmotionNet, aside: Faces, shares: Sequence[float]) -> float:
    """Of `shares` and 0 the way from the old net to the new one on which the labels set aside are likeliest."""
    losses = {share: float(log_losses(between(old, new, share), aside).mean()) for share in (0.0, *shares)}
    log.info("log loss on the faces set aside, by the way gone: %s", {s: round(v, 3) for s, v in losses.items()})
    return min(losses, key=lambda share: losses[share])


def compared(before: Path, after: Path, aside: Faces, others: NDArray[np.uint8] | None) -> dict[str, Any]:
    """The two int8 models on the faces set aside, and how often they agree on other people's."""
    one, other = (EmotionClassifier(ClassifierOptions(model=model)) for model in (before, after))
    rows = np.arange(len(aside))
    said = [answers(classifier, aside) for classifier in (one, other)]
    right = [float((each.argmax(axis=1) == aside.top).mean()) for each in said]
    gains = np.log(np.maximum(said[1][rows, aside.top], 1e-9)) - np.log(np.maximum(said[0][rows, aside.top], 1e-9))
    error = float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else float("inf")
    agree = None
    if others is not None and len(others):
        named = [[scores.top for scores in each.classify(list(normalized(others)))] for each in (one, other)]
        agree = float(np.mean([first is second for first, second in zip(*named, strict=True)]))
    return {
        "aside": len(aside),
        "before": right[0],
        "after": right[1],
        "gain": float(gains.mean()),
        "gain_error": error,
        "better": bool(gains.mean() > error and right[1] >= right[0]),
        "agreement_on_others": agree,
    }
