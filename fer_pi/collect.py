"""`fer-pi collect`: faces of one person who agrees, cut out and sorted by emotion; a whole picture is never saved."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2

from fer_pi.atomic_file import replace_file
from fer_pi.errors import CameraError, InputError
from fer_pi.shutter import Shutter
from fer_pi.types import CROP_SIZE, Camera, Detector, Emotion, Face, Frame
from fer_pi.vision.align import raw_crop
from fer_pi.vision.detector_input import DetectorOptions

EVERY_S = 0.4
"""Between two crops: pictures right after one another would only say the same twice."""
PATIENCE_S = 20.0
"""How long an emotion waits for a face that can be used before the next one is asked for."""

PROMPTS = {
    Emotion.NEUTRAL: "look as you do when nothing happens",
    Emotion.HAPPINESS: "smile, as at good news",
    Emotion.SURPRISE: "be amazed: brows up, mouth open",
    Emotion.SADNESS: "be sad, as at a farewell",
    Emotion.ANGER: "be angry: brows down, lips tight",
    Emotion.DISGUST: "wrinkle your nose, as at a bad smell",
    Emotion.FEAR: "be afraid: eyes wide, lips drawn back",
    Emotion.CONTEMPT: "raise one corner of your mouth, as at a boast",
}

CONSENT = (
    "Small grey crops of the face in front of the camera ({size} x {size} pixels, an emotion each) are saved to"
    " {folder}. A person can be recognised on them, so they are personal data: keep them to yourself, delete them when"
    " you are done. Whole pictures are not saved, and nothing while several faces are seen.\n"
    "Is the person in front of the camera an adult who has been told this, and agrees?"
)

Tell = Callable[[str, bool], None]
"""A line for the person in front of the camera, and whether it is to stay (else the next one takes its place)."""


def check_folder(folder: Path, *, add: bool) -> None:
    """Raises InputError if `folder` is no folder, or holds anything already and nothing may be added to it."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; name a folder for the faces")
    if not add and folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder}: is not empty; name a new folder, or say --add to put more faces beside those")


def seeing_several(options: DetectorOptions) -> DetectorOptions:
    """The detector's options, but that it tells of a second face even where the appliance wants only one."""
    return options.model_copy(update={"max_faces": max(options.max_faces, 2)})


def collect(
    folder: Path,
    camera: Camera,
    detector: Detector,
    emotions: Sequence[Emotion],
    *,
    count: int,
    session: str,
    countdown_s: float,
    tell: Tell,
    clock: Callable[[], float] = time.monotonic,
) -> dict[Emotion, int]:
    """Ask for each emotion in turn, save up to `count` crops of it as `folder`/<emotion>/<session>-001.png; how many.

    Only frames with exactly one face that is at least as large as a crop count. Ends early when a file that stands for
    a camera ends. Raises CameraError if the camera gives no picture or is shut, InputError if a file cannot be written
    or stands there already.
    """
    saved = dict.fromkeys(emotions, 0)
    try:
        for emotion in emotions:
            _count_down(emotion, camera, countdown_s, tell, clock)
            for face, frame in _single_faces(camera, detector, f"{emotion}: {saved[emotion]} of {count}", tell, clock):
                saved[emotion] += 1
                _save(folder / emotion.value / f"{session}-{saved[emotion]:03}.png", frame, face)
                tell(f"{emotion}: {saved[emotion]} of {count}; move your head a little", False)
                if saved[emotion] == count:
                    break
            tell(f"{emotion}: {saved[emotion]} of {count}", True)
    except EOFError:
        tell(f"{camera.name} has ended", True)
    return saved


def _count_down(emotion: Emotion, camera: Camera, seconds: float, tell: Tell, clock: Callable[[], float]) -> None:
    """Tell what is wanted and let the pictures before it go by."""
    until = clock() + seconds
    while (left_s := until - clock()) > 0:
        tell(f"{emotion}: {PROMPTS[emotion]} ... {math.ceil(left_s)}", False)
        camera.read(min(left_s, 0.25))


def _single_faces(
    camera: Camera, detector: Detector, what: str, tell: Tell, clock: Callable[[], float]
) -> Iterator[tuple[Face, Frame]]:
    """Faces that can be used, `EVERY_S` apart; ends after `PATIENCE_S` without one."""
    looked, saved_at, until = False, -math.inf, clock() + PATIENCE_S
    while clock() < until:
        frame = camera.read(0.5)
        if frame is None:
            if isinstance(camera, Shutter) and camera.shut:
                raise CameraError(camera.problem)
            continue
        looked = True
        if frame.taken_at - saved_at < EVERY_S:
            continue
        faces = detector.detect(frame.gray)
        problem = _problem(faces)
        if problem:
            tell(f"{what}; {problem}", False)
            continue
        yield faces[0], frame
        saved_at, until = frame.taken_at, clock() + PATIENCE_S
    if not looked:
        raise CameraError(camera.problem or f"{camera.name} gave no picture within {PATIENCE_S:g} s")


def _problem(faces: list[Face]) -> str:
    """Why these faces are not to be saved; empty if they are one that is."""
    if not faces:
        return "no face is seen: look into the camera"
    if len(faces) > 1:
        return f"{len(faces)} faces are seen: only the person who agreed may be in the picture"
    if min(faces[0].box.width, faces[0].box.height) < CROP_SIZE:
        return "come closer"
    return ""


def _save(file: Path, frame: Frame, face: Face) -> None:
    """Save the crop, readable for its owner alone."""
    good, content = cv2.imencode(".png", raw_crop(frame.gray, face))
    assert good, "a grey crop is a PNG at any time"
    if file.exists():
        raise InputError(f"{file}: stands there already; name another folder")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(file, content.tobytes(), mode=0o600, durable=False)
    except OSError as error:
        raise InputError(f"{file}: cannot be written: {error.strerror}") from error
