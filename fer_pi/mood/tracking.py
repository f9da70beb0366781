"""Follows faces from frame to frame: who is the same person, and where they are without the detector's shiver."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fer_pi.mood.one_euro import OneEuro
from fer_pi.types import Box, Face, Point

REACH, REACH_PER_S, FARTHEST = 0.6, 4.0, 1.5
"""How far from where it is expected a face may be found, in face sizes: at once, more for each second, at most.

Four sizes a second is somebody walking by within arm's length (0.7 m/s); beyond 1.5 sizes it is somebody else.
"""
GROWTH, GROWTH_PER_S, LARGEST_GROWTH = 0.35, 1.5, 0.7
"""How much a face may grow or shrink, as the logarithm of the ratio: at once, more for each second, at most (twice)."""
AGE_COST_PER_S = 0.3
"""Face sizes of handicap for each second that a track was not seen, so that whoever is in view keeps the track."""
VELOCITY_TAU_S = 0.15
"""Time constant of the velocity."""
GLIDE_S = 0.4
"""A face that is out of sight is expected to go on as it went, for about this long."""
LONGEST_GAP_S = 3.0
"""Frames farther apart tell nothing of each other. Up to here, as on a board that is too busy, whoever was in the last
one has not been seen to leave."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """A face of this frame, and who it is."""

    track: int
    """Counts up from 1; never used twice."""
    face: Face
    """Box and landmarks smoothed."""


class Tracker:
    """Remembers the faces of earlier frames."""

    def __init__(self, remember_s: float) -> None:
        self._remember_s = remember_s
        self._tracks: dict[int, _Track] = {}
        self._last_track = 0
        self._at = -math.inf

    def follow(self, faces: Sequence[Face], now: float) -> tuple[Tracked, ...]:
        """One `Tracked` for each of `faces`, in their order; `now` in seconds must not be less than before."""
        last, self._at = self._at, now
        near = now - last <= LONGEST_GAP_S
        self._tracks = {
            number: track
            for number, track in self._tracks.items()
            if now - track.seen_at <= self._remember_s or (near and track.seen_at == last)
        }
        numbers = _matches(self._tracks, faces, now)
        seen = []
        for index, face in enumerate(faces):
            number = numbers.get(index)
            if number is None:
                self._last_track = number = self._last_track + 1
                self._tracks[number] = _Track(face, now)
            else:
                self._tracks[number].see(face, now)
            seen.append(Tracked(number, self._tracks[number].face))
        return tuple(seen)

    def missing_s(self, now: float) -> dict[int, float]:
        """Seconds since each remembered face was last found, by track; 0 for those of the last frame."""
        return {number: now - track.seen_at for number, track in self._tracks.items()}

    def face(self, track: int) -> Face:
        """The face of a remembered track, where it was last found."""
        return self._tracks[track].face


class _Track:
    """One person: where they were last found, how they moved, and the filter of their face."""

    __slots__ = ("_filter", "face", "seen_at", "size", "velocity", "x", "y")

    def __init__(self, face: Face, now: float) -> None:
        self.x, self.y = face.box.center
        self.size = _size(face.box)
        self.velocity = (0.0, 0.0)
        self.seen_at = now
        self.face = face
        self._filter = OneEuro(_coordinates(face))

    def expected(self, now: float) -> Point:
        """Where the centre of the face should be at `now`."""
        glide_s = GLIDE_S * (1 - math.exp((self.seen_at - now) / GLIDE_S))
        return self.x + glide_s * self.velocity[0], self.y + glide_s * self.velocity[1]

    def see(self, face: Face, now: float) -> None:
        """Note that the face was found at `now`."""
        interval_s = now - self.seen_at
        x, y = face.box.center
        size = _size(face.box)
        if interval_s > 0:
            share = 1 - math.exp(-interval_s / VELOCITY_TAU_S)
            across, down = self.velocity
            across += share * ((x - self.x) / interval_s - across)
            down += share * ((y - self.y) / interval_s - down)
            self.velocity = across, down
        self.x, self.y, self.size, self.seen_at = x, y, size, now
        values = _coordinates(face)
        if len(values) == len(self._filter.values):
            values = self._filter.step(values, interval_s, size)
        else:
            self._filter = OneEuro(values)
        self.face = _face(values, face.confidence)


def _matches(tracks: dict[int, _Track], faces: Sequence[Face], now: float) -> dict[int, int]:
    """The track of each face, by its index, for those that have one: nearest pairs first."""
    found = [(index, *face.box.center, _size(face.box)) for index, face in enumerate(faces)]
    pairs = []
    for number, track in tracks.items():
        missing_s = now - track.seen_at
        reach = min(FARTHEST, REACH + REACH_PER_S * missing_s)
        growth = min(LARGEST_GROWTH, GROWTH + GROWTH_PER_S * missing_s)
        track_x, track_y = track.expected(now)
        smallest, largest = track.size * math.exp(-growth), track.size * math.exp(growth)
        for index, x, y, size in found:
            if smallest <= size <= largest:
                distance = math.hypot(x - track_x, y - track_y) / math.sqrt(size * track.size)
                if distance <= reach:
                    cost = distance + abs(math.log(size / track.size)) + AGE_COST_PER_S * missing_s
                    pairs.append((cost, number, index))
    pairs.sort()
    taken: set[int] = set()
    matches: dict[int, int] = {}
    for _, number, index in pairs:
        if number not in taken and index not in matches:
            taken.add(number)
            matches[index] = number
    return matches


def _size(box: Box) -> float:
    """The side in pixels of a square as large as `box`; a box without area counts as one pixel."""
    return math.sqrt(max(box.area, 1.0))


def _coordinates(face: Face) -> list[float]:
    box = face.box
    return [box.left, box.top, box.width, box.height, *(value for point in face.landmarks for value in point)]


def _face(values: list[float], confidence: float) -> Face:
    left, top, width, height, *rest = values
    return Face(Box(left, top, width, height), tuple(zip(rest[::2], rest[1::2], strict=True)), confidence)
