"""Keeps a training run on disk so that it resumes after a kill exactly where it stood."""

import logging
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fer_pi.errors import InputError

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

FORMAT = 1
"""Raised when the layout of the file changes."""


@dataclass(slots=True)
class Checkpoint:
    """All that a run needs to go on: give it to `save`, get it from `load`."""

    config: dict[str, Any]
    """Every setting that shapes the run, as plain JSON values; resuming with another one is an error."""
    seed: int
    epoch: int
    """Epochs completed."""
    model: dict[str, Any]
    """`state_dict` of the net."""
    ema: dict[str, Any]
    """`state_dict` of its moving average; empty if the run keeps none."""
    optimizer: dict[str, Any]
    metrics: list[dict[str, float]] = field(default_factory=list)
    """One entry for each completed epoch."""
    random_state: dict[str, Any] = field(default_factory=dict)
    """From `random_state()`; put back with `restore_random_state`."""


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write the checkpoint so that a kill at any moment leaves either the old file or the new one."""
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    values = {name: getattr(checkpoint, name) for name in Checkpoint.__slots__}
    partial = path.with_name(path.name + ".part")
    with partial.open("wb") as file:
        torch.save({"format": FORMAT, **values}, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load(path: Path, *, config: Mapping[str, Any] | None = None) -> Checkpoint:
    """The checkpoint at `path`, on the CPU. Only ever load your own: the file can run code, as pickles do.

    Raises InputError if the file is missing, cut off, or of a run whose settings differ from `config`.
    """
    import torch

    try:
        values = torch.load(path, map_location="cpu", weights_only=False)
        found = values.pop("format")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no checkpoint here; start without --resume") from error
    except Exception as error:  # torch raises pickle, zip, runtime and key errors alike for a damaged file
        raise InputError(
            f"{path}: not a readable checkpoint ({error}); delete it and start without --resume"
        ) from error
    if found != FORMAT:
        raise InputError(f"{path}: checkpoint of format {found}, this version reads {FORMAT}; start without --resume")
    checkpoint = Checkpoint(**values)
    if config is not None and dict(config) != checkpoint.config:
        names = sorted(set(config) | set(checkpoint.config))
        differing = [
            f"{name}: {checkpoint.config.get(name)!r} then, {config.get(name)!r} now"
            for name in names
            if checkpoint.config.get(name) != config.get(name)
        ]
        raise InputError(
            f"{path}: belongs to a run with other settings ({'; '.join(differing)}); start without --resume"
        )
    log.info("resumed from %s after epoch %d", path, checkpoint.epoch)
    return checkpoint


def random_state(*generators: "torch.Generator | np.random.Generator") -> dict[str, Any]:
    """The state of Python's, NumPy's and torch's random numbers, and of `generators` in their order."""
    import torch

    return {
        "python": random.getstate(),
        "numpy": np.random.get_state(),
        "torch": torch.get_rng_state(),
        "generators": [
            generator.bit_generator.state if isinstance(generator, np.random.Generator) else generator.get_state()
            for generator in generators
        ],
    }


def restore_random_state(state: Mapping[str, Any], *generators: "torch.Generator | np.random.Generator") -> None:
    """Put back what `random_state` returned, into the same generators in the same order."""
    import torch

    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    for generator, value in zip(generators, state["generators"], strict=True):
        if isinstance(generator, np.random.Generator):
            generator.bit_generator.state = value
        else:
            generator.set_state(value)
