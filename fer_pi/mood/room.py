"""Whose mood is the mood of the room: the nearest face, without wavering, or everyone by size."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fer_pi.types import EMOTIONS, Scores

LARGER = 1.3
"""A face must be this many times the area of the one in focus to take its place."""
LARGER_FOR_S = 0.5
"""How long it must be so."""


@dataclass(frozen=True, slots=True)
class Person:
    """What the room knows of one remembered person."""

    track: int
    area: float
    """Of the face box, in square pixels."""
    missing_s: float
    """Seconds since the face was last found."""
    raw: Scores
    """Of the last frame in which the face was found."""
    trust: float
    """What these scores are worth, 0..1."""


class Focus:
    """Chooses the nearest person, and stays with them until somebody is clearly nearer or they have gone."""

    def __init__(self, leave_s: float) -> None:
        self._leave_s = leave_s
        self.track: int | None = None
        """Who is in focus; None before the first step, and if there is nobody."""
        self._rival: int | None = None
        self._rival_since = 0.0

    def step(self, people: Sequence[Person], now: float) -> Person | None:
        """The person in focus at `now`; None if there is nobody."""
        there = [person for person in people if person.missing_s <= self._leave_s]
        if not there:
            self.track = self._rival = None
            return None
        nearest = max(there, key=lambda person: (person.missing_s == 0, person.area))
        focus = next((person for person in there if person.track == self.track), None)
        if focus is None:
            focus = nearest
        elif nearest.area > LARGER * focus.area:
            if nearest.track != self._rival:
                self._rival, self._rival_since = nearest.track, now
            if now - self._rival_since >= LARGER_FOR_S:
                focus = nearest
        else:
            self._rival = None
        if focus.track != self.track:
            self.track, self._rival = focus.track, None
        return focus


def mixture(people: Sequence[Person]) -> tuple[Scores, float]:
    """The mean of everyone's scores, weighted by the side of the face and by trust, and the trust to be had of it.

    `people` must not be empty.
    """
    weights = [math.sqrt(person.area) * person.trust for person in people]
    total = math.fsum(weights)
    if total <= 0:
        return people[0].raw, 0.0
    sums = [0.0] * len(EMOTIONS)
    for weight, person in zip(weights, people, strict=True):
        share = weight / total
        sums = [old + share * new for old, new in zip(sums, person.raw.probabilities, strict=True)]
    return Scores(tuple(sums)), max(person.trust for person in people)
