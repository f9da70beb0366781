"""Turns a trained net into the int8 .tflite that runs on the Pi."""

import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_pi.errors import DeviceError, laboratory_needs
from fer_pi.training.emotion.augment import prepared
from fer_pi.training.emotion.net import folded
from fer_pi.types import CROP_SIZE
from fer_pi.vision.align import DEVIATION, MEAN

log = logging.getLogger(__name__)


class _ChannelsLast(nn.Module):
    """The net with the input as TFLite has it: (1, 48, 48, 1)."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x.reshape(1, 1, CROP_SIZE, CROP_SIZE))  # type: ignore[no-any-return]


def float_tflite(net: nn.Module) -> bytes:
    """The net, batch norms folded, as float32 .tflite: (1, 48, 48, 1) normalised grey to (1, 8) logits."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter's libraries warn of their own affairs
        try:
            import litert_torch
        except ImportError as error:
            raise DeviceError(f"exporting {laboratory_needs('litert-torch')}") from error
        path = Path(folder) / "float.tflite"
        example = (torch.zeros(1, CROP_SIZE, CROP_SIZE, 1),)
        litert_torch.convert(_ChannelsLast(folded(net)).eval(), example).export(str(path))
        return path.read_bytes()


def int8_tflite(content: bytes, crops: NDArray[np.uint8]) -> bytes:
    """`float_tflite` with 8-bit weights (a scale for each channel) and activations.

    The activations' ranges are those to which the (N, 48, 48) uint8 `crops` drive them.
    """
    # Black and white stand in a corner of each, so that the input's scale gives every grey level a code of its own.
    images = prepared(crops)
    images[:, :, 0, 0], images[:, :, 0, 1] = (0 - MEAN) / DEVIATION, (255 - MEAN) / DEVIATION
    rows = images.numpy().reshape(-1, 1, CROP_SIZE, CROP_SIZE, 1)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from ai_edge_quantizer import calibrator, quantizer, recipe, recipe_manager
            from ai_edge_quantizer.utils.qsv_utils import min_max_update
        except ImportError as error:
            raise DeviceError(f"quantising {laboratory_needs('ai-edge-quantizer')}") from error
        source, target = Path(folder) / "float.tflite", Path(folder) / "int8.tflite"
        source.write_bytes(content)
        settings = recipe_manager.RecipeManager()
        settings.load_quantization_recipe(recipe.static_wi8_ai8())
        # The least and the most that any crop gives. The library's own choice, a moving average, knows only the last
        # twenty or so: it cut the logits off and cost half a point (docs/experiments.md).
        ranges = calibrator.Calibrator(str(source), num_threads=1, qsv_update_func=min_max_update)
        key, name = _signature(content)
        ranges.calibrate({key: [{name: row} for row in rows]}, settings)
        maker = quantizer.Quantizer(str(source))
        maker.load_quantization_recipe(recipe.static_wi8_ai8())
        maker.quantize(ranges.get_model_qsvs()).export_model(str(target))
        return target.read_bytes()


def _signature(content: bytes) -> tuple[str, str]:
    from ai_edge_litert.interpreter import Interpreter

    signatures = Interpreter(model_content=content).get_signature_list()
    key = next(iter(signatures))
    return key, signatures[key]["inputs"][0]
