"""What the webcams of the bench see: the scenes of the demo, each for ever, as JPEG."""

from functools import cache

import cv2

from fer_pi.sources.demo import scene

QUALITY = 85


def smile(number: int) -> bytes:
    """Somebody smiles."""
    return _of(4.2, number)


def surprise(number: int) -> bytes:
    """Somebody is surprised."""
    return _of(5.4, number)


def empty_room(number: int) -> bytes:
    """Nobody is there."""
    return _of(0.0, number)


_LENGTH_S = 0.6
_COUNT = 109
"""Pictures in it: so many that a slow computer, which takes one in ten, does not come upon the same one every time."""


def _of(begin_s: float, number: int) -> bytes:
    """There and back again, so that nothing jumps."""
    step = number % (2 * _COUNT)
    return _jpeg(begin_s + min(step, 2 * _COUNT - step) * _LENGTH_S / _COUNT)


@cache
def _jpeg(t_s: float) -> bytes:
    done, encoded = cv2.imencode(".jpg", scene(t_s), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done
    return encoded.tobytes()
