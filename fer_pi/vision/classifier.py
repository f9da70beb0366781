"""Reads the emotion in a crop with the int8 TFLite net, on whichever TFLite runtime is installed."""

import importlib
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fer_pi.config import Options
from fer_pi.errors import DeviceError, ModelError
from fer_pi.shipped import shipped
from fer_pi.types import CROP_SIZE, EMOTIONS, Image, Scores
from fer_pi.vision.model_file import ModelFile, open_model

log = logging.getLogger(__name__)

RUNTIMES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")
"""Modules with the same `Interpreter`, the faster first."""


class ClassifierOptions(Options):
    """How emotions are read."""

    model: Path | None = None
    """The emotion model: a folder with a manifest, or the .tflite file in it; none: the one that comes with fer_pi."""
    threads: int = Field(default=1, ge=1, le=4)
    """Threads that it computes with, 1 to 4; one is enough, the net is small."""


class EmotionClassifier:
    """Eight calibrated probabilities for each crop; one interpreter, not for use by two threads at once."""

    def __init__(self, options: ClassifierOptions | None = None) -> None:
        """Raises ModelError for a file that cannot be used, DeviceError where no TFLite runtime is installed."""
        options = options or ClassifierOptions()
        file = open_model(options.model or shipped("models/emotion"), "emotion")
        self._temperature = _temperature(file)
        self._net = _interpreter(file, options.threads)
        self._input = self._net.get_input_details()[0]["index"]
        output = self._net.get_output_details()[0]
        self._output = output["index"]
        self._codes = _input_codes(file, self._net.get_input_details()[0])
        self._scale, self._zero = output["quantization"]
        self._name = f"{file.path}, {np.dtype(output['dtype']).name}, {_runtime().__name__.partition('.')[0]}"

    def __str__(self) -> str:
        return self._name

    def classify(self, crops: Sequence[Image]) -> list[Scores]:
        """One `Scores` for each (48, 48) uint8 crop made by `vision.align`; no crops, no scores."""
        return [Scores.of(row) for row in probabilities(self.logits(crops), self._temperature)]

    def logits(self, crops: Sequence[Image]) -> NDArray[np.float64]:
        """(N, 8) what the net says before temperature and softmax, in the order of `EMOTIONS`."""
        rows = np.empty((len(crops), len(EMOTIONS)))
        for row, crop in zip(rows, crops, strict=True):
            if crop.shape != (CROP_SIZE, CROP_SIZE) or crop.dtype != np.uint8:
                raise ValueError(f"a crop is {crop.dtype} {crop.shape}; it must be uint8 ({CROP_SIZE}, {CROP_SIZE})")
            # One by one: measured as fast as a batch, and the net's shape never changes.
            self._net.set_tensor(self._input, self._codes[crop].reshape(1, CROP_SIZE, CROP_SIZE, 1))
            self._net.invoke()
            row[:] = self._net.get_tensor(self._output)[0]
        return np.asarray((rows - self._zero) * self._scale)


def probabilities(logits: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """(N, 8) softmax of the logits divided by the temperature (Guo et al. 2017)."""
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _temperature(file: ModelFile) -> float:
    value = file.manifest.get("temperature")
    labels = file.manifest.get("labels")
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0.05 <= value <= 20:
        raise ModelError(
            f"{file.path}: its manifest gives the temperature {value!r}; it must be a number from 0.05 to 20"
        )
    if labels != [emotion.value for emotion in EMOTIONS]:
        raise ModelError(f"{file.path}: its labels are {labels}; they must be {[e.value for e in EMOTIONS]}")
    return float(value)


def _interpreter(file: ModelFile, threads: int) -> Any:
    """An interpreter ready to run, its one input (1, 48, 48, 1) and one output (1, 8), both 8 bits."""
    runtime = _runtime()
    try:
        with _without_chatter():
            net = runtime.Interpreter(model_content=file.bytes(), num_threads=threads)
            net.allocate_tensors()
        inputs, outputs = net.get_input_details(), net.get_output_details()
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"{file.path}: {runtime.__name__} cannot load it: {error}") from error
    wanted = {"input": (inputs, (1, CROP_SIZE, CROP_SIZE, 1)), "output": (outputs, (1, len(EMOTIONS)))}
    for name, (found, shape) in wanted.items():
        if len(found) != 1 or tuple(found[0]["shape"]) != shape or found[0]["dtype"] not in (np.int8, np.uint8):
            seen = [(tuple(int(n) for n in one["shape"]), np.dtype(one["dtype"]).name) for one in found]
            raise ModelError(f"{file.path}: {name} is {seen}; it must be one of {shape} int8 or uint8")
    return net


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Sends stderr to nowhere: the runtime's C++ part greets there, and knows no other way to be quiet."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _runtime() -> Any:
    for name in RUNTIMES:
        try:
            return importlib.import_module(name)
        except ImportError as error:
            log.debug("no %s: %s", name, error)
    raise DeviceError("no TFLite runtime is installed: pip install ai-edge-litert (or tflite-runtime on Python 3.11)")


def _input_codes(file: ModelFile, details: dict[str, Any]) -> NDArray[Any]:
    """(256,) the net's 8-bit code for each grey level of a crop."""
    try:
        normalisation = file.manifest["input"]["normalisation"]
        mean, deviation = float(normalisation["mean"]), float(normalisation["deviation"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{file.path}: its manifest does not give input.normalisation.mean and .deviation") from error
    scale, zero = details["quantization"]
    limits = np.iinfo(details["dtype"])
    levels = (np.arange(256) - mean) / deviation
    return np.asarray(np.clip(np.rint(levels / scale) + zero, limits.min, limits.max), details["dtype"])
