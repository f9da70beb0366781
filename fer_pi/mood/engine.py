"""Faces and scores of each frame -> who is there and the mood of the room; pure, time is an argument."""

import math
from collections.abc import Sequence

from fer_pi.mood.impression import Impression
from fer_pi.mood.options import MoodOptions
from fer_pi.mood.room import Focus, Person, mixture
from fer_pi.mood.tracking import LONGEST_GAP_S, Tracked, Tracker
from fer_pi.readability import trust
from fer_pi.types import Face, Mood, Quality, Scores, Sighting


class MoodEngine:
    """Remembers who was there and how they looked; one for each camera.

    For each frame call `follow`, then `settle` with what the classifier made of the followed faces; `update` is both.
    Times are seconds on the clock of the frames, at any intervals. If that clock goes back, no time is taken to have
    passed, and everything stays as old as it was; a leap forward is an absence, like any other, if
    it is longer than `tracking.LONGEST_GAP_S`.
    """

    def __init__(self, options: MoodOptions) -> None:
        self._options = options
        self.reset()

    def reset(self, *, pictures: bool = False) -> None:
        """Forget everybody; tracks count from 1 again.

        With `pictures` a frame decides by itself, without memory of those before it, until the next reset.
        """
        used = self._options.for_pictures() if pictures else self._options
        self._used = used
        self._tracker = Tracker(used.remember_s)
        self._people: dict[int, _Memory] = {}
        self._focus = Focus(used.leave_s)
        self._room: Impression | None = None
        self._seen_at = self._looked_at = -math.inf
        self._now = -math.inf
        self._ahead_s = 0.0

    def update(
        self, faces: Sequence[Face], scores: Sequence[Scores], qualities: Sequence[Quality], now: float
    ) -> tuple[tuple[Sighting, ...], Mood]:
        """`follow` and `settle` at once, for scores that do not depend on the smoothed landmarks."""
        return self.settle(self.follow(faces, now), scores, qualities, now)

    def follow(self, faces: Sequence[Face], now: float) -> tuple[Tracked, ...]:
        """The faces of the frame at `now` in the same order, with who each is, and box and landmarks smoothed."""
        return self._tracker.follow(faces, self._advanced(now))

    def settle(
        self, tracked: Sequence[Tracked], scores: Sequence[Scores], qualities: Sequence[Quality], now: float
    ) -> tuple[tuple[Sighting, ...], Mood]:
        """Everyone in sight, largest face first, and the mood of the room.

        `tracked` is what `follow` gave for this frame, or some of it; `scores` and `qualities` belong to it one by one,
        else ValueError. A face that was lost less than `hold_s` ago is still in sight, where and as it was.
        """
        time = self._advanced(now)
        missing_s = self._tracker.missing_s(time)
        self._people = {track: memory for track, memory in self._people.items() if track in missing_s}
        for seen, raw, quality in zip(tracked, scores, qualities, strict=True):
            memory = self._people.get(seen.track)
            if memory is None:
                memory = self._people[seen.track] = _Memory(Impression(self._used, time))
            memory.see(raw, quality, time)
        people, sightings = [], []
        for track, memory in self._people.items():
            face = self._tracker.face(track)
            people.append(Person(track, face.box.area, missing_s[track], memory.raw, memory.trust))
            if missing_s[track] <= self._used.hold_s:
                emotion = memory.impression.emotion
                sightings.append(Sighting(track, face, memory.scores, memory.raw, memory.quality, emotion))
        sightings.sort(key=lambda sighting: (-sighting.face.box.area, sighting.track))
        return tuple(sightings), self._mood(people, time)

    def _mood(self, people: Sequence[Person], time: float) -> Mood:
        if self._room is None:
            self._room = Impression(self._used, time)
        elif self._room.scores is not None and self._left(time):
            # Everybody has left; whoever comes next, even in this very frame, is looked at afresh.
            self._room = Impression(self._used, time if self._room.emotion is not None else self._room.since)
        if any(person.missing_s == 0 for person in people):
            self._seen_at = time
            self._look(self._room, people, time)
        self._looked_at = time
        room = self._room
        track = None if room.scores is None else self._focus.track
        return Mood(room.emotion, room.strength, room.since - self._ahead_s, room.scores, track)

    def _left(self, time: float) -> bool:
        """Whether nobody was there for long enough; that frames are far apart is no proof, unless they are very far."""
        in_last_frame = self._seen_at == self._looked_at
        return time - self._seen_at > max(self._used.leave_s, LONGEST_GAP_S if in_last_frame else 0.0)

    def _look(self, room: Impression, people: Sequence[Person], time: float) -> None:
        if self._used.room == "everyone":
            room.see(*mixture([person for person in people if person.missing_s <= self._used.hold_s]), time)
            return
        focus = self._focus.step(people, time)
        # If the one whose mood it is cannot be seen just now, it stays as it was.
        if focus is not None and focus.missing_s == 0:
            room.see(focus.raw, focus.trust, time)

    def _advanced(self, now: float) -> float:
        """`now` on a clock that never goes back. Raises ValueError for a time that is no number."""
        if not math.isfinite(now):
            raise ValueError(f"a frame's time must be a finite number of seconds, got {now}")
        if now + self._ahead_s < self._now:
            self._ahead_s = self._now - now
        self._now = max(self._now, now + self._ahead_s)
        return self._now


class _Memory:
    """What is remembered of one person beside where they are."""

    __slots__ = ("impression", "quality", "raw", "scores", "trust")

    raw: Scores
    scores: Scores
    quality: Quality
    trust: float

    def __init__(self, impression: Impression) -> None:
        self.impression = impression

    def see(self, raw: Scores, quality: Quality, now: float) -> None:
        """Take in what the classifier made of this person at `now`."""
        self.raw, self.quality, self.trust = raw, quality, trust(quality)
        self.scores = self.impression.see(raw, self.trust, now)
