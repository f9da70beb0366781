"""Reads the weights of nets that were published for TensorFlow.js: a manifest in JSON, and one file of numbers."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fer_pi.errors import InputError

CODES = {None: np.float32, "uint8": np.uint8, "float16": np.float16}
"""How the numbers are stored: as they are, or quantised so."""


def published_weights(manifest: Path, content: Path, package: str) -> dict[str, Tensor]:
    """The float32 tensors by name, of all the groups that the manifest lists.

    Raises InputError for files that are missing (they belong to the npm `package`), cut off or something else.
    """
    try:
        groups: Any = json.loads(manifest.read_text(encoding="utf-8"))
        groups = groups["weightsManifest"] if isinstance(groups, dict) else groups
        entries = [_entry(entry) for group in groups for entry in group["weights"]]
        data = content.read_bytes()
    except OSError as error:
        raise InputError(
            f"{error.filename}: {error.strerror}; give the folder of models in the npm package {package}"
        ) from error
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(f"{manifest}: not a manifest of TensorFlow.js weights ({error})") from error
    tensors, place = {}, 0
    for name, shape, kind, scale, offset in entries:
        count = math.prod(shape)
        if place + count * kind.itemsize > len(data):
            raise InputError(f"{content}: ends within '{name}'; fetch the file again")
        values = np.frombuffer(data, kind, count, place).astype(np.float32) * scale + offset
        place += count * kind.itemsize
        tensors[name] = torch.from_numpy(values.astype(np.float32).reshape(shape))
    return tensors


def _entry(entry: dict[str, Any]) -> tuple[str, list[int], np.dtype[Any], float, float]:
    """Name, shape, how its numbers are stored, and what to multiply them by and add to them; LookupError for others."""
    coded = entry.get("quantization", {})
    kind = np.dtype(np.int32 if entry["dtype"] == "int32" else CODES[coded.get("dtype")])
    return entry["name"], entry["shape"], kind, coded.get("scale", 1.0), coded.get("min", 0.0)
