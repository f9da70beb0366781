"""Faces are recorded only from one person who agrees, only cut out, and never over what is there."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from fer_pi.atomic_file import replace_file
from fer_pi.cli import commands
from fer_pi.collect import EVERY_S, PATIENCE_S, PROMPTS, check_folder, collect
from fer_pi.device.privacy import NAME, PrivacySwitch, write_switch
from fer_pi.errors import CameraError, InputError
from fer_pi.outputs.privacy_panel import PrivacyOptions, PrivacyPanel
from fer_pi.shutter import Shutter
from fer_pi.sources.demo import scene
from fer_pi.testing.cameras import Clock
from fer_pi.testing.faces import face_at
from fer_pi.training.emotion.folders import NAMES, read_folder
from fer_pi.types import CROP_SIZE, EMOTIONS, Emotion, Face, Frame, Image
from fer_pi.vision.align import raw_crop

STEP_S = 0.1
PICTURE = np.random.default_rng(0).integers(0, 256, (240, 320), np.uint8)
ONE = [face_at(160, 120)]


class Filming:
    """A camera that gives a picture every `STEP_S`, `pictures` in all; then nothing, or the end of the file."""

    name, problem = "filming", ""

    def __init__(self, clock: Clock, pictures: int = 10_000, ends: bool = False) -> None:
        self.read_count, self._clock, self._pictures, self._ends = 0, clock, pictures, ends

    def read(self, timeout_s: float) -> Frame | None:
        self.read_count += 1
        if self.read_count > self._pictures:
            self._clock.pass_by(timeout_s)
            if self._ends:
                raise EOFError("the film has ended")
            return None
        self._clock.pass_by(STEP_S)
        return Frame(PICTURE, self.read_count, self._clock())

    def close(self) -> None:
        """Nothing to release."""


class Seeing:
    """A detector that sees what `faces` gives for the time of day."""

    def __init__(self, faces: Callable[[], list[Face]] = lambda: ONE) -> None:
        self._faces = faces

    def detect(self, gray: Image) -> list[Face]:
        assert gray is PICTURE
        return self._faces()


class Told(list[str]):
    def __call__(self, text: str, lasting: bool) -> None:
        self.append(text)


def record(
    folder: Path,
    clock: Clock,
    *,
    camera: Filming | Shutter | None = None,
    faces: Callable[[], list[Face]] = lambda: ONE,
    emotions: Sequence[Emotion] = (Emotion.ANGER, Emotion.FEAR),
    countdown_s: float = 2.0,
    tell: Told | None = None,
) -> dict[Emotion, int]:
    return collect(
        folder,
        camera or Filming(clock),
        Seeing(faces),
        emotions,
        count=3,
        session="now",
        countdown_s=countdown_s,
        tell=Told() if tell is None else tell,
        clock=clock,
    )


def test_each_emotion_gets_its_crops_as_training_reads_them_and_nobody_else_may(tmp_path: Path) -> None:
    folder = tmp_path / "faces"
    assert record(folder, Clock()) == {Emotion.ANGER: 3, Emotion.FEAR: 3}
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*"))
    assert files == [f"{name}/now-00{number}.png" for name in ("anger", "fear") for number in (1, 2, 3)]
    images, labels, _ = read_folder(folder, "train")
    assert [EMOTIONS[label] for label in labels] == [Emotion.ANGER] * 3 + [Emotion.FEAR] * 3
    assert (images == raw_crop(PICTURE, ONE[0])).all() and images.shape == (6, CROP_SIZE, CROP_SIZE)
    assert (folder / "anger").stat().st_mode & 0o077 == 0
    assert (folder / "anger/now-001.png").stat().st_mode & 0o777 == 0o600


def test_it_tells_what_to_do_counts_down_and_waits_between_crops(tmp_path: Path) -> None:
    clock, told = Clock(), Told()
    camera = Filming(clock)
    record(tmp_path / "x", clock, camera=camera, emotions=[Emotion.ANGER], tell=told)
    prompts = list(dict.fromkeys(text for text in told if "..." in text))
    assert prompts == [f"anger: {PROMPTS[Emotion.ANGER]} ... {number}" for number in (2, 1)]
    assert told[-1] == "anger: 3 of 3"
    assert clock.now - 1000 == pytest.approx(2.0 + STEP_S + 2 * EVERY_S, abs=2.5 * STEP_S)


@pytest.mark.parametrize(
    ("faces", "what"),
    [([], "no face is seen"), ([*ONE, face_at(60, 60)], "2 faces are seen"), ([face_at(160, 120, 30)], "come closer")],
)
def test_nothing_is_saved_but_a_single_near_face_and_why_is_told(tmp_path: Path, faces: list[Face], what: str) -> None:
    clock, told = Clock(), Told()
    assert record(tmp_path / "x", clock, faces=lambda: faces, tell=told) == {Emotion.ANGER: 0, Emotion.FEAR: 0}
    assert any(what in text for text in told)
    assert not (tmp_path / "x").exists()
    assert clock.now - 1000 == pytest.approx(2 * (2.0 + PATIENCE_S), abs=1)


def test_it_goes_on_when_the_second_face_has_left(tmp_path: Path) -> None:
    clock = Clock()
    two = [*ONE, face_at(60, 60)]
    saved = record(tmp_path, clock, faces=lambda: two if clock.now < 1005 else ONE, emotions=[Emotion.FEAR])
    assert saved == {Emotion.FEAR: 3}


def test_a_film_that_ends_leaves_what_was_seen(tmp_path: Path) -> None:
    clock, told = Clock(), Told()
    saved = record(tmp_path, clock, camera=Filming(clock, 4, ends=True), countdown_s=0, tell=told)
    assert saved == {Emotion.ANGER: 1, Emotion.FEAR: 0}
    assert told[-1] == "filming has ended"


def test_a_camera_that_gives_nothing_is_told(tmp_path: Path) -> None:
    clock = Clock()
    with pytest.raises(CameraError, match="filming gave no picture within 20 s"):
        record(tmp_path, clock, camera=Filming(clock, 0))


def test_closing_the_camera_meanwhile_ends_it_at_once(tmp_path: Path) -> None:
    clock = Clock()
    film, switch = Filming(clock), PrivacySwitch(tmp_path, clock)
    shutter = Shutter(lambda: film, switch, PrivacyPanel(PrivacyOptions(), lambda: None))

    def faces() -> list[Face]:
        if film.read_count > 2:
            write_switch(tmp_path / NAME, True)
        return ONE

    with pytest.raises(CameraError, match="the camera is closed"):
        record(tmp_path / "x", clock, camera=shutter, faces=faces, countdown_s=0)
    assert len(list((tmp_path / "x").rglob("*.png"))) < 3
    shutter.close()


def test_what_is_there_is_never_replaced(tmp_path: Path) -> None:
    record(tmp_path, Clock())
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}
    with pytest.raises(InputError, match="stands there already"):
        record(tmp_path, Clock())
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")} == before
    with pytest.raises(InputError, match="--add"):
        check_folder(tmp_path, add=False)
    check_folder(tmp_path, add=True)
    check_folder(tmp_path / "new", add=False)
    with pytest.raises(InputError, match="is a file"):
        check_folder(next(iter(before)), add=True)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "anger").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        record(tmp_path, Clock())


def test_every_emotion_has_a_prompt_and_a_folder_that_training_knows() -> None:
    assert list(PROMPTS) == list(EMOTIONS)
    assert all(NAMES[emotion.value] is emotion for emotion in EMOTIONS)


def command(tmp_path: Path, *words: str, answer: str = "y\n", at_s: float = 3.0, more: str = "") -> Result:
    """`fer-pi collect` on a film of one person, as fast as it goes; or of who is in the scene `at_s` seconds."""
    film, config = tmp_path / "film", tmp_path / "config.yaml"
    film.mkdir(exist_ok=True)
    for number in range(8):
        cv2.imwrite(str(film / f"{number}.png"), scene(at_s))
    replace_file(config, f"camera: {{kind: replay, path: {film}}}\noutputs: []\n{more}".encode())
    places = ["--state-dir", str(tmp_path), "--runtime-dir", str(tmp_path), "--config", str(config)]
    return CliRunner().invoke(
        commands, ["collect", str(tmp_path / "faces"), "--countdown", "0", *words, *places], answer
    )


@pytest.mark.parametrize("answer", ["n\n", "", "\n"])
def test_without_consent_nothing_is_recorded(tmp_path: Path, answer: str) -> None:
    done = command(tmp_path, answer=answer)
    assert "agrees?" in done.output and "personal data" in done.output
    assert done.exit_code == 1
    assert not (tmp_path / "faces").exists()


def test_with_consent_the_configured_camera_is_recorded(tmp_path: Path) -> None:
    done = command(tmp_path, "--emotion", "happiness", "--count", "1")
    assert done.exit_code == 0, done.output
    (file,) = (tmp_path / "faces").rglob("*.png")
    assert file.parent.name == "happiness"
    crop = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    assert crop is not None and crop.shape == (CROP_SIZE, CROP_SIZE)
    assert "happiness: 1 of 1" in done.output and "faces saved: 1" in done.output
    again = command(tmp_path, "--emotion", "happiness", "--count", "1")
    assert isinstance(again.exception, InputError) and "is not empty" in str(again.exception)


@pytest.mark.parametrize("more", ["", "detector: {max_faces: 1}\n"])
def test_while_a_second_person_is_there_nothing_is_recorded_though_one_face_be_wanted(
    tmp_path: Path, more: str
) -> None:
    done = command(tmp_path, "--emotion", "happiness", "--count", "1", at_s=11.0, more=more)
    assert isinstance(done.exception, InputError) and "no face was saved" in str(done.exception)
    assert not (tmp_path / "faces").exists()


def test_privacy_goes_before(tmp_path: Path) -> None:
    write_switch(tmp_path / NAME, True)
    done = command(tmp_path)
    assert isinstance(done.exception, CameraError) and "privacy is on" in str(done.exception)
    assert not (tmp_path / "faces").exists()


def test_an_emotion_that_does_not_exist_is_a_wrong_usage(tmp_path: Path) -> None:
    done = command(tmp_path, "--emotion", "joy")
    assert done.exit_code == 2 and "'joy'" in done.output and "happiness" in done.output
