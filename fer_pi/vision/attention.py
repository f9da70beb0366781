"""Where to look, and how soon again: the whole picture now and then, in between only near the faces that are known."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fer_pi.types import Box, Detector, Face, Image
from fer_pi.vision.detector import open_detector
from fer_pi.vision.detector_input import DetectorOptions, parse_size

NEAR_PX = 128
"""Side of the detector's input near a face."""
WINDOW = 1.6
"""Side of what is looked at near a face, in the longer sides of its box: room to move.

With these two the landmarks are 7 % nearer to the labels of split val than those of full looks at 320 x 240, and 3 %
nearer to YuNet's on clips of turning heads; with 96 pixels, which take two thirds of the time, 6 % nearer and 13 %
farther; with 96 and a window of 2.2, 41 % farther.
"""
SMALLEST_WINDOW_PX = NEAR_PX // 2
"""A smaller window would be enlarged more than twice, which shows nothing more."""
DRIFT, GROWTH = 0.1, 1.2
"""A window stays as it is until the face is so many of its sides off its centre, or so many times larger or smaller:
what moves with every frame makes the landmarks of a still face shiver."""
TWICE = 0.4
"""Two windows whose faces have a larger IoU show one and the same."""
GAP_S = 0.5
"""After as long without a look, faces may be anywhere."""


class Attention:
    """A detector that remembers where the faces were; one for each camera, and for one thread at a time.

    `full` looks at the whole picture, `near` at a square part of it; both give faces in pixels of what they are shown.
    """

    def __init__(self, full: Detector, near: Detector, options: DetectorOptions) -> None:
        self._full = full
        self._near = near
        self._options = options
        width, height = parse_size(options.size)
        # Looking near must cost less than half of a full look, or it is not worth what it might miss.
        self._most_near = width * height // (2 * NEAR_PX**2)
        self.reset()

    def reset(self, *, pictures: bool = False) -> None:
        """Forget everybody. With `pictures` each is looked at in full, and at once, until the next reset."""
        self._every = 1 if pictures else self._options.every
        self._idle_after_s = 0.0 if pictures else self._options.idle_after_s
        self._known: list[_Known] = []
        self._shape: tuple[int, ...] = ()
        self._looked_at = -math.inf
        self._somebody_at = math.inf
        self._near_looks = 0

    def __str__(self) -> str:
        every = self._options.every
        return f"{self._full}, in full " + ("at every frame" if every == 1 else f"at one of {every} frames")

    def look(self, gray: Image, now: float) -> list[Face]:
        """The faces in the picture (H, W) taken at `now`, in seconds on the clock of the frames; largest first."""
        found = self._found_again(gray, now)
        self._near_looks += 1
        if not found or None in found or self._near_looks >= self._every:
            found = [_measured(face, found) for face in self._full.detect(gray)]
            self._near_looks = 0
        faces = sorted((face for face in found if face), key=lambda face: -face.box.area)
        self._remember(faces, gray, now)
        return faces

    @property
    def rest_s(self) -> float:
        """Seconds that may pass before the next look: none, unless nobody has been there for a while."""
        idle = self._idle_after_s and self._looked_at - self._somebody_at >= self._idle_after_s
        return 1 / self._options.idle_rate_hz if idle else 0.0

    def _found_again(self, gray: Image, now: float) -> list[Face | None]:
        """The known faces where they are now, None for each that is lost; nothing if a full look is due anyway."""
        near_is_enough = (
            self._every > 1
            and len(self._known) <= self._most_near
            and gray.shape == self._shape
            and 0 <= now - self._looked_at <= GAP_S
        )
        if not near_is_enough:
            return []
        found: list[Face | None] = []
        for known in self._known:
            face = known.found_again(self._near, gray)
            twice = face and any(other and face.box.iou(other.box) > TWICE for other in found)
            found.append(None if twice else face)
        return found

    def _remember(self, faces: Sequence[Face], gray: Image, now: float) -> None:
        if faces or self._somebody_at > now:  # the count begins with the first look, too, and if the clock goes back
            self._somebody_at = now
        self._shape, self._looked_at = gray.shape, now
        if self._every > 1:
            windows = [known.window for known in self._known]
            self._known = [_Known(face, _window(face.box, gray, windows)) for face in faces]


Window = tuple[int, int, int]
"""Left, top and side of a square, in pixels of the picture."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A face where it was last found, and the part of the picture in which to look for it."""

    face: Face
    window: Window

    def found_again(self, near: Detector, gray: Image) -> Face | None:
        """The face in the picture that has come after; None if it is not near where it was."""
        left, top, side = self.window
        box = self.face.box
        seen = [_moved(face, left, top) for face in near.detect(gray[top : top + side, left : left + side])]
        best = max(seen, key=lambda face: face.box.iou(box), default=None)
        return None if best is None or _cuts(self.window, best.box, gray) else best


def open_attention(options: DetectorOptions) -> Attention:
    """The detector that the options name, and how it is used. Raises ModelError if its model cannot be used."""
    full = open_detector(options)
    # A net of its own: one for both sizes takes 5 % longer. It finds all, so that the one looked for is among them.
    near = options.model_copy(update={"size": f"{NEAR_PX}x{NEAR_PX}", "max_faces": 30})
    return Attention(full, open_detector(near) if options.every > 1 else full, options)


def _window(box: Box, gray: Image, kept: Sequence[Window]) -> Window:
    """Where to look for this face in the next picture: one of `kept` if it still fits, else around it."""
    height, width = gray.shape
    side = min(round(max(WINDOW * max(box.width, box.height), SMALLEST_WINDOW_PX)), height, width)
    x, y = box.center
    left, top = _start(x, side, width), _start(y, side, height)
    for window in kept:
        off = max(abs(left + side / 2 - window[0] - window[2] / 2), abs(top + side / 2 - window[1] - window[2] / 2))
        if off <= DRIFT * window[2] and 1 / GROWTH <= side / window[2] <= GROWTH and not _cuts(window, box, gray):
            return window
    return left, top, side


def _start(center: float, side: int, length: int) -> int:
    """Where along a row or column a window begins: around `center`, yet moved rather than cut at a border."""
    return min(max(round(center - side / 2), 0), length - side)


def _cuts(window: Window, box: Box, gray: Image) -> bool:
    """Whether the window, and not the picture, ends within this box."""
    left, top, side = window
    height, width = gray.shape
    return (
        (box.left <= left > 0)
        or (box.top <= top > 0)
        or (box.right >= left + side < width)
        or (box.bottom >= top + side < height)
    )


def _measured(face: Face, near: Sequence[Face | None]) -> Face:
    """This face as it was found near, if it was: measured at one scale in every frame it does not shiver."""
    best = max((other for other in near if other), key=lambda other: other.box.iou(face.box), default=face)
    return best if best.box.iou(face.box) > TWICE else face


def _moved(face: Face, right: float, down: float) -> Face:
    box = Box(face.box.left + right, face.box.top + down, face.box.width, face.box.height)
    return Face(box, tuple((x + right, y + down) for x, y in face.landmarks), face.confidence)
