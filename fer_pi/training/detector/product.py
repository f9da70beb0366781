"""From a data set to a finished detector: train, fold, export, judge, describe."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import torch

from fer_pi.errors import InputError
from fer_pi.training.detector.card import card_text
from fer_pi.training.detector.data import LabelledPicture
from fer_pi.training.detector.empty import LEAST_EMPTY, false_confidences, lowest_threshold
from fer_pi.training.detector.evaluate import measure
from fer_pi.training.detector.export import export
from fer_pi.training.detector.labels.formats import read_labels
from fer_pi.training.detector.labels.nobody import pictures_of_nobody
from fer_pi.training.detector.net import FaceNet
from fer_pi.training.detector.sampling import teaching
from fer_pi.training.detector.train import CHECKPOINT, Recipe, Run, adopt, resumed, started, train
from fer_pi.vision.detector_input import DetectorOptions

log = logging.getLogger(__name__)

CARD = "card.md"
THRESHOLD = 0.5
"""Where too few empty pictures are set aside to choose it by."""
SIZES = ("320x240", "160x120")


def make_model(
    data: Path,
    extra: Sequence[Path],
    out: Path,
    recipe: Recipe,
    *,
    background: Sequence[Path] = (),
    folder: Path,
    resume: bool = False,
    start: Path | None = None,
    threshold: float | None = None,
    threads: int | None = None,
    device: str = "auto",
    say: Callable[[str], None] = log.info,
) -> dict[str, Any]:
    """Train on `data` and the `extra` folders, leave model, manifest and card in `out`, return the figures on val.

    Pictures below the `background` folders show no face (`labels.nobody`); they too teach, but for
    some that are set aside.
    Without a `threshold` it is chosen on empty pictures of split train that are set aside, if they are enough. The run
    is kept in `folder`. Raises InputError for data that cannot be used.
    """
    if threads is not None:
        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    labelled = read_labels(data)
    nobody = _backgrounds(background, labelled)
    main, aside = teaching([picture for picture in labelled if picture.split == "train"])
    if nobody:
        ground, ground_aside = teaching(nobody)
        say(f"{len(ground)} background pictures teach, {len(ground_aside)} are set aside to choose the threshold by.")
        main, aside = main + ground, aside + ground_aside
    judges = [picture for picture in labelled if picture.split == "val"]
    sources = [labelled, *(read_labels(path) for path in extra)]
    more = [picture for source in sources[1:] for picture in source if picture.split == "train"]
    if not main:
        raise InputError(f"{data}: no picture of split train; nothing to learn from")
    data_key = "+".join(labels_sha256(pictures)[:12] for pictures in (main, more))
    data_key += f"+{_files_sha256(nobody)[:12]}" if nobody else ""
    run = resumed(recipe, device, data_key, folder / CHECKPOINT) if resume else started(recipe, device, data_key)
    if start is not None and not resume:
        adopt(run, start)
    train(run, main, more, folder, device, say)
    notes = []
    if start is not None:
        digest = hashlib.sha256(start.read_bytes()).hexdigest()
        notes.append(f"It began with the weights of an earlier, narrower or equal net (checkpoint `{digest[:12]}...`).")
    if threshold is None:
        threshold, why = _threshold(run.average, aside)
        say(why)
        notes.append(why)
    digests = [labels_sha256(source) for source in (*sources, *([nobody] if nobody else []))]
    return finish(run, digests, judges, main + more, out, threshold, " ".join(notes))


def finish(
    run: Run,
    sources: Sequence[str],
    judges: Sequence[LabelledPicture],
    taught: Sequence[LabelledPicture],
    out: Path,
    threshold: float,
    note: str = "",
) -> dict[str, Any]:
    """Export the run's averaged net into `out`, measure it there on `judges`, and write that down beside it.

    `sources` are the `labels_sha256` of the data. `note` tells on the card what the recipe cannot: a run that was
    interrupted by hand, say.
    """
    training: dict[str, Any] = {
        "seed": run.recipe.seed,
        "config": run.recipe.as_dict(),
        "epochs_done": run.epoch,
        "losses": run.metrics[-1] if run.metrics else {},
        "data": [{"labels_sha256": digest} for digest in sources],
        "sets": _counts(taught),
        "note": note,
    }
    export(run.average, out, threshold, training)
    metrics = {}
    if judges:
        metrics = {size: measure(judges, DetectorOptions(model=out, size=size)) for size in SIZES}
        for figures in metrics.values():
            del figures["detector"]  # a path of the machine that trained
    file = export(run.average, out, threshold, {**training, "metrics": metrics})
    (out / CARD).write_text(card_text(file, threshold, training, metrics), encoding="utf-8")
    return {"detector": str(file), **metrics[SIZES[0]]} if metrics else {}


def _backgrounds(folders: Sequence[Path], labelled: Sequence[LabelledPicture]) -> list[LabelledPicture]:
    """The pictures in the folders; raises InputError where one is called as a set of the data, or as another."""
    found: list[LabelledPicture] = []
    for folder in folders:
        pictures = pictures_of_nobody(folder)
        if any(picture.group == pictures[0].group for picture in (*labelled, *found)):
            raise InputError(f"{folder}: another set is called {pictures[0].group}; rename the folder")
        found += pictures
    return found


def _files_sha256(pictures: Sequence[LabelledPicture]) -> str:
    """Digest of the pictures' files themselves: where all show nobody, labels do not tell one from another."""
    digest = hashlib.sha256()
    for picture in pictures:
        digest.update(picture.path.read_bytes())
    return digest.hexdigest()


def _threshold(net: FaceNet, aside: Sequence[LabelledPicture]) -> tuple[float, str]:
    """The threshold for the net, and in words how it was chosen on the empty pictures `aside`, or why not."""
    if len(aside) < LEAST_EMPTY:
        few = f"{len(aside)} empty pictures were set aside, {LEAST_EMPTY} are needed to choose it by"
        return THRESHOLD, f"The threshold of {THRESHOLD:g} was not chosen on this data: {few}."
    threshold = lowest_threshold(false_confidences(net, aside))
    return threshold, f"The threshold of {threshold:g} was chosen on {len(aside)} empty pictures set aside."


def _counts(pictures: Sequence[LabelledPicture]) -> dict[str, int]:
    names = sorted({picture.group for picture in pictures})
    return {name: sum(picture.group == name for picture in pictures) for name in names}


def labels_sha256(pictures: Sequence[LabelledPicture]) -> str:
    """Digest of all labels, in the order of the data, whatever their format."""
    digest = hashlib.sha256()
    for picture in pictures:
        digest.update(f"{picture.name}|{picture.split}|{len(picture.boxes)}|".encode())
        for values in (picture.boxes, picture.points, picture.ignored):
            digest.update(values.tobytes())
    return digest.hexdigest()
