"""Faces and scores of each frame -> who is there and the mood of the room; pure, time is an argument."""

import math
from collections.abc import Sequence

from fer_pi.mood.deciding import Decision
from fer_pi.mood.options import MoodOptions
from fer_pi.mood.room import Focus, Person, mixture
from fer_pi.mood.smoothing import ScoreMean, weighted
from fer_pi.mood.tracking import Tracked, Tracker
from fer_pi.readability import trust
from fer_pi.types import Face, Mood, Quality, Scores, Sighting


class MoodEngine:
    """Remembers who was there and how they looked; one for each camera.

    For each frame call `follow`, then `settle` with what the classifier made of the followed faces; `update` is both.
    Times are seconds on the clock of the frames, at any intervals. If that clock goes back, no time is taken to have
    passed, and everything stays as old as it was; a leap forward is an absence, like any other.
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
        self._decision: Decision | None = None
        self._strength = 0.0
        self._seen_at = -math.inf
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
                memory = self._people[seen.track] = _Memory(self._used, time)
            memory.see(raw, quality, time, self._used)
        people, sightings = [], []
        for track, memory in self._people.items():
            face = self._tracker.face(track)
            person = Person(track, face.box.area, missing_s[track], memory.scores, memory.mean.evidence(time))
            people.append(person)
            if person.missing_s <= self._used.hold_s:
                emotion = memory.decision.emotion
                sightings.append(Sighting(track, face, memory.scores, memory.raw, memory.quality, emotion))
        sightings.sort(key=lambda sighting: (-sighting.face.box.area, sighting.track))
        return tuple(sightings), self._mood(people, time)

    def _mood(self, people: Sequence[Person], time: float) -> Mood:
        used, decision = self._used, self._decision
        if decision is None:
            decision = self._decision = Decision(used, time)
        in_sight = any(person.missing_s == 0 for person in people)
        focus = self._focus.step(people, time)
        if in_sight:
            self._seen_at = time
        if time - self._seen_at > used.leave_s:
            decision.end(time)
        elif in_sight:
            self._decide(decision, people, focus, time)
        return Mood(decision.emotion, self._strength if decision.emotion else 0.0, decision.since - self._ahead_s)

    def _decide(self, decision: Decision, people: Sequence[Person], focus: Person | None, time: float) -> None:
        if self._used.room == "everyone":
            scores = mixture(people)
            evidence = max(person.evidence for person in people)
        elif focus is not None and focus.missing_s == 0:
            scores, evidence = focus.scores, focus.evidence
        else:
            return  # The one whose mood it is cannot be seen just now: it stays as it was.
        if scores is None:
            return
        decision.step(scores, evidence, time)
        if decision.emotion is not None:
            self._strength = scores[decision.emotion]

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

    __slots__ = ("decision", "mean", "quality", "raw", "scores")

    raw: Scores
    scores: Scores
    quality: Quality

    def __init__(self, options: MoodOptions, now: float) -> None:
        self.mean = ScoreMean(options.tau_s)
        self.decision = Decision(options, now)

    def see(self, raw: Scores, quality: Quality, now: float, options: MoodOptions) -> None:
        """Take in what the classifier made of this person at `now`."""
        self.raw, self.quality = raw, quality
        self.mean.add(weighted(raw, options.neutral_weight), trust(quality), now)
        self.scores = self.mean.scores(otherwise=raw)
        self.decision.step(self.scores, self.mean.evidence(now), now)
