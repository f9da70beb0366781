"""A soft light behind what matters."""

from functools import lru_cache

import numpy as np

from fer_pi.types import Image


@lru_cache(maxsize=2)
def glow(size: tuple[int, int], middle: int) -> Image:
    """(H, W) uint8: bright around (W / 2, `middle`), fading to the corners."""
    width, height = size
    x = (np.arange(width, dtype=np.float32) - width / 2) / height
    y = (np.arange(height, dtype=np.float32) - middle) / height
    levels = 255 * np.exp(-2.2 * (x[None] ** 2 + y[:, None] ** 2))
    # Noise of a level or two hides the steps that such a slow gradient would show; seeded, so that it stands still.
    levels += np.random.default_rng(0).uniform(-2, 2, levels.shape).astype(np.float32)
    kept = np.array(np.clip(levels, 0, 255), np.uint8)
    kept.flags.writeable = False
    return kept
