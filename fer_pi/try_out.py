"""`fer-pi leds test` and `fer-pi screen test`: every mood and state on the configured outputs, one after the other."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack

from fer_pi.app import open_output
from fer_pi.config import Config
from fer_pi.errors import ConfigError, OutputError
from fer_pi.sources.demo import DemoCamera, DemoOptions
from fer_pi.types import EMOTIONS, Emotion, Face, Frame, Mood, Reading, Scores, Sighting, Status, Timings
from fer_pi.vision.align import raw_crop
from fer_pi.vision.detector import open_detector
from fer_pi.vision.quality import quality

RATE_HZ = 20.0
"""Readings a second, about as many as a camera makes."""
STRENGTH = 0.9
"""Of each mood, 0..1."""
SOMEBODY_S = 6
"""So many seconds into the embedded scene somebody is there."""
PATIENCE_S = 3.0
"""How long an output may take to open before it is said to be at fault."""


def scenes(frame: Frame, faces: Sequence[Face] = ()) -> Iterator[tuple[str, Callable[[float], Reading]]]:
    """What is shown, and how it is called: each emotion, not sure, each state, a fault while the mood goes on.

    The readings are for a moment in monotonic seconds; the moods come with `frame` and are those of its `faces`.
    """
    for emotion in (*Emotion, None):
        yield str(emotion or "not sure"), _watching(frame, faces, emotion)
    for status in Status:
        if status is not Status.WATCHING:
            yield str(status), _state(status)
    message = "a fault, made up for this test"
    yield "happiness, with a fault", _watching(frame, faces, Emotion.HAPPINESS, message)


def try_out(
    config: Config,
    kinds: Collection[str],
    seconds: float,
    say: Callable[[str], object],
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], object] = time.sleep,
) -> None:
    """Show each scene for so many seconds on the outputs of `config` that are of these kinds, then close them.

    `say` is told what is shown. Raises ConfigError if there is no such output, OutputError if one does not work.
    """
    chosen = [options for options in config.outputs if options.kind in kinds]
    if not chosen:
        raise ConfigError(f"the configuration has no output of kind {' or '.join(kinds)}; add one under 'outputs:'")
    frame = _frame()
    faces = open_detector(config.detector).detect(frame.gray)
    with ExitStack() as closing:
        runners = [open_output(options) for options in chosen]
        for runner in runners:
            closing.callback(runner.close)
        began_at = clock()
        for name, reading in scenes(frame, faces):
            say(name)
            until = clock() + seconds
            while (now := clock()) < until:
                for runner in runners:
                    runner.offer(reading(now))
                    state = runner.state
                    if state.problem or (not state.ok and now - began_at > PATIENCE_S):
                        raise OutputError(f"{runner.name}: {state.problem or 'does not answer'}")
                wait(1 / RATE_HZ)


def _watching(
    frame: Frame, faces: Sequence[Face], emotion: Emotion | None, message: str = ""
) -> Callable[[float], Reading]:
    share = STRENGTH if emotion else 1 / len(EMOTIONS)
    rest = (1 - share) / (len(EMOTIONS) - 1)
    scores = Scores(tuple(share if one is (emotion or one) else rest for one in EMOTIONS))
    seen = tuple(
        Sighting(track, face, scores, scores, quality(frame.gray, face, raw_crop(frame.gray, face)), emotion)
        for track, face in enumerate(faces, 1)
    )
    mood = Mood(emotion, share if emotion else 0.0, 0.0, scores)

    def reading(now: float) -> Reading:
        taken = Frame(frame.gray, frame.index, now, None, frame.source, frame.make_color)
        return Reading(Status.WATCHING, mood, now, taken, seen, Timings(rate_hz=RATE_HZ), message)

    return reading


def _state(status: Status) -> Callable[[float], Reading]:
    return lambda now: Reading(status, Mood(None, 0.0, 0.0), now)


def _frame() -> Frame:
    """A picture of the embedded scene with somebody in it."""
    camera = DemoCamera(DemoOptions(pace="fast", rate_hz=1))
    for _ in range(SOMEBODY_S):
        frame = camera.read(1.0)
    camera.close()
    assert frame is not None  # at this pace it waits for nothing
    return frame
