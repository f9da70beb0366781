"""From a data set to a finished model: train, fold, export, quantise, calibrate, judge, describe."""

import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from fer_pi.errors import DeviceError, InputError
from fer_pi.training.checkpoint import load
from fer_pi.training.emotion.augment import prepared
from fer_pi.training.emotion.balance import balanced
from fer_pi.training.emotion.card import card_text
from fer_pi.training.emotion.data import NO_LABEL, Faces
from fer_pi.training.emotion.evaluate import answers, fitted_temperature, judged, report
from fer_pi.training.emotion.frame import face_detector, recropped
from fer_pi.training.emotion.net import multiply_adds
from fer_pi.training.emotion.published import PUBLISHED
from fer_pi.training.emotion.quantize import float_tflite, int8_tflite
from fer_pi.training.emotion.split import TwinsRule, split_data
from fer_pi.training.emotion.train import Progress, Recipe, logits, restored, train
from fer_pi.training.emotion.unlabelled import as_on_the_pi, unlabelled_faces
from fer_pi.types import CROP_SIZE, EMOTIONS
from fer_pi.vision.align import DEVIATION, MEAN, normalized
from fer_pi.vision.classifier import ClassifierOptions, EmotionClassifier, probabilities
from fer_pi.vision.model_file import MANIFEST

log = logging.getLogger(__name__)

MODEL, CARD = "emotion.tflite", "card.md"
CALIBRATION_FACES, SETTLING_FACES = 300, 512


def make_model(
    data: Path,
    out: Path,
    recipe: Recipe,
    *,
    checkpoint: Path,
    teachers: tuple[Path, ...] = (),
    start: Path | None = None,
    detector: Path | None = None,
    unlabelled: tuple[Path, ...] = (),
    resume: bool = False,
    threads: int | None = None,
    device: str = "auto",
    shared: TwinsRule = "refuse",
    on_plan: Callable[[int, int], None] = lambda steps_an_epoch, epochs_done: None,
    on_step: Callable[[], None] = lambda: None,
    on_epoch: Callable[[Progress], None] = lambda progress: None,
) -> dict[str, Any]:
    """Train on `data`, leave the model with manifest and card in `out`, return its figures (`evaluate.report`).

    With a `detector` model, each training face is also shown as detector and alignment cut it. The `teachers` give
    their opinion on the faces in the photographs below the `unlabelled` folders as well. `out` changes only at
    the very end. `shared` says what becomes of training faces whose photograph stands in the validation part too.
    Raises InputError for data that cannot be trained on, DeviceError without the device.
    """
    import torch

    if unlabelled and not teachers:
        raise InputError("faces without a label teach nothing by themselves; give --teacher with --unlabelled")
    if threads is not None:
        torch.set_num_threads(threads)
    if device == "cuda" and not torch.cuda.is_available():
        raise DeviceError("no CUDA device is to be had here; leave --device out, or give --device cpu")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    faces, aside, valid = split_data(data, shared)
    recrops = None
    more = None
    if unlabelled:
        more = unlabelled_faces(unlabelled, as_on_the_pi(detector), (valid.images, aside.images))
    if detector is not None:
        recrops, found = recropped(faces.images, face_detector(detector))
        log.info("the detector finds %.1f %% of the training faces again", 100 * found.mean())
    net = train(
        faces,
        aside,
        recipe,
        checkpoint,
        resume=resume,
        device=device,
        teachers=tuple(restored(path).to(device) for path in teachers),
        start=None if start is None else _start(start, recipe.net, faces),
        recrops=recrops,
        unlabelled=more,
        inputs={
            "teachers_sha256": [_sha256(path) for path in teachers],
            "start_sha256": start and _sha256(start),
            "detector_sha256": detector and _sha256(detector),
            "unlabelled_sha256": more is not None and hashlib.sha256(more.tobytes()).hexdigest(),
        },
        on_plan=on_plan,
        on_step=on_step,
        on_epoch=on_epoch,
    )
    net, leaning = balanced(net, faces, aside)
    log.info("rare emotions are leant towards with a strength of %g", leaning)
    origin = {
        "leaning": leaning,
        "data": data.name,
        "twins": None if valid is aside else shared,
        "judges": "aside" if valid is aside else "valid",
        "start": start and start.name,
        "published": start is not None and _published(start, recipe.net),
        "teachers": [f"{path.name} ({load(path).config.get('net')})" for path in teachers],
        "detector": detector and detector.name,
        "unlabelled": None if more is None else {"names": [path.name for path in unlabelled], "faces": len(more)},
    }
    return export_model(net, faces, aside, valid, out, asdict(recipe) | origin)


def _start(path: Path, net: str, faces: Faces) -> nn.Module:
    """The net to go on from: a checkpoint of an earlier run, or the weights that somebody published."""
    if _published(path, net):
        some = np.random.default_rng(1).choice(len(faces), min(len(faces), SETTLING_FACES), replace=False)
        return PUBLISHED[net].pretrained(path, prepared(faces.images[some]))
    return restored(path)


def _published(start: Path, net: str) -> bool:
    """Whether `start` holds published weights of the net, not a run's."""
    return net in PUBLISHED and start.is_dir()


def _sha256(path: Path) -> str:
    """Of a file, or of the files in a folder one after the other."""
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.is_file())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def export_model(
    net: nn.Module,
    faces: Faces,
    aside: Faces,
    valid: Faces,
    out: Path,
    config: dict[str, Any],
    *,
    calibration: NDArray[np.uint8] | None = None,
    temperature: float | None = None,
) -> dict[str, Any]:
    """Write emotion.tflite, manifest.json and card.md of a trained net into `out`; its int8 figures on `valid`.

    The activations' ranges are those of the `calibration` crops, else of some of `faces`; the temperature, where none
    is given, is fitted on `aside`.
    """
    crops = faces.images if calibration is None else calibration
    rng = np.random.default_rng(1)
    some = rng.choice(len(crops), min(len(crops), CALIBRATION_FACES), replace=False)
    content = int8_tflite(float_tflite(net), crops[some])
    manifest = _manifest(content, net, config)
    manifest["training"]["data"] = {"train": faces.source_sha256, "valid": valid.source_sha256, "faces": len(faces)}
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".emotion-", dir=out.parent) as name:
        folder = Path(name)
        (folder / MODEL).write_bytes(content)
        _write(folder, manifest)
        if temperature is None:
            labelled = aside.majority != NO_LABEL
            raw = EmotionClassifier(ClassifierOptions(model=folder)).logits(list(normalized(aside.images[labelled])))
            temperature = round(fitted_temperature(raw, aside.majority[labelled]), 4)
        manifest["temperature"] = temperature
        _write(folder, manifest)
        said = answers(EmotionClassifier(ClassifierOptions(model=folder)), valid)
        parent = probabilities(logits(net, valid.images).astype(np.float64), manifest["temperature"])
        metrics = {
            name: {protocol: report(judged(values, valid, protocol)) for protocol in ("majority", "top")}
            for name, values in (("int8", said), ("float", parent))
        }
        manifest["training"]["metrics"] = metrics
        _write(folder, manifest)
        (folder / CARD).write_text(card_text(manifest, voted=valid.voted), encoding="utf-8")
        put(folder, out)
    return metrics["int8"]["majority"]


def put(made: Path, out: Path) -> None:
    """Copy the model in `made` to the folder `out`: what lies there stays whole until all of it has arrived."""
    out.mkdir(exist_ok=True)
    files = (MODEL, CARD, MANIFEST)
    for file in files:
        shutil.copyfile(made / file, out / f".{file}.part")
    for file in files:
        (out / f".{file}.part").replace(out / file)


def _manifest(content: bytes, net: nn.Module, config: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "fer_pi emotion",
        "version": 1,
        "kind": "emotion",
        "file": MODEL,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "multiply_adds": multiply_adds(net),
        "input": {
            "shape": [1, CROP_SIZE, CROP_SIZE, 1],
            "dtype": "int8",
            "layout": "NHWC",
            "normalisation": {"mean": MEAN, "deviation": DEVIATION},
        },
        "outputs": {"logits": {"shape": [1, len(EMOTIONS)], "dtype": "int8"}},
        "labels": [emotion.value for emotion in EMOTIONS],
        "temperature": 1.0,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "training": {"seed": config.get("seed"), "config": config},
    }


def _write(folder: Path, manifest: dict[str, Any]) -> None:
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
