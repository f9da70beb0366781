"""A picture is saved only by the one command that is there for it, after it has asked, and never against privacy."""

import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from fer_pi.atomic_file import replace_file
from fer_pi.cli import commands
from fer_pi.config import checked_config
from fer_pi.device.privacy import NAME, write_switch
from fer_pi.errors import CameraError, InputError
from fer_pi.snapshot import SETTLING, save_picture, save_snapshot
from fer_pi.status_file import NAME as STATUS
from fer_pi.status_file import Facts, StatusFile
from fer_pi.testing.cameras import Clock
from fer_pi.testing.outputs import reading_of
from fer_pi.types import Frame

DEMO = checked_config({"camera": {"kind": "demo", "pace": "fast"}, "outputs": []})


class Counting:
    """A camera whose pictures are as bright as their number; `empty` of its reads give none."""

    name, problem = "counting", ""

    def __init__(self, clock: Clock, pictures: int = 1000) -> None:
        self.read_count, self._clock, self._pictures = 0, clock, pictures

    def read(self, timeout_s: float) -> Frame | None:
        self._clock.pass_by(timeout_s)
        self.read_count += 1
        gray = np.full((8, 8), self.read_count, np.uint8)
        return Frame(gray, self.read_count, 0.0) if self.read_count <= self._pictures else None

    def close(self) -> None:
        """Nothing to release."""


def test_the_picture_is_that_of_a_camera_that_has_settled_and_only_its_owner_may_see_it(tmp_path: Path) -> None:
    clock = Clock()
    save_picture(tmp_path / "x.PNG", Counting(clock), clock)
    picture = cv2.imread(str(tmp_path / "x.PNG"), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    assert (picture == SETTLING + 1).all()
    assert (tmp_path / "x.PNG").stat().st_mode & 0o777 == 0o600


def test_a_camera_that_gives_nothing_is_told(tmp_path: Path) -> None:
    clock = Clock()
    with pytest.raises(CameraError, match="counting gave no picture within 15 s"):
        save_picture(tmp_path / "x.png", Counting(clock, 3), clock)


@pytest.mark.parametrize("name", ["x.doc", "x", "none/x.png"])
def test_a_file_that_cannot_be_written_is_told(tmp_path: Path, name: str) -> None:
    clock = Clock()
    with pytest.raises(InputError, match=name):
        save_picture(tmp_path / name, Counting(clock), clock)
    assert not list(tmp_path.iterdir())


def test_privacy_goes_before(tmp_path: Path) -> None:
    write_switch(tmp_path / NAME, True)
    with pytest.raises(CameraError, match="privacy is on"):
        save_snapshot(tmp_path / "x.png", DEMO, tmp_path, tmp_path)
    assert not (tmp_path / "x.png").exists()


def test_the_camera_of_the_running_service_is_left_to_it(tmp_path: Path) -> None:
    StatusFile(tmp_path / STATUS, Facts, time.monotonic).offer(reading_of())
    with pytest.raises(CameraError, match="sudo systemctl stop fer-pi"):
        save_snapshot(tmp_path / "x.png", DEMO, tmp_path / "none", tmp_path)


@pytest.mark.parametrize(("answer", "saved"), [("n\n", False), ("", False), ("y\n", True)])
def test_it_asks_first(tmp_path: Path, answer: str, saved: bool) -> None:
    config = tmp_path / "config.yaml"
    replace_file(config, b"camera: {kind: demo, pace: fast}\noutputs: []\n")
    places = ["--state-dir", str(tmp_path), "--runtime-dir", str(tmp_path), "--config", str(config)]
    done = CliRunner().invoke(commands, ["snapshot", str(tmp_path / "x.jpg"), *places], input=answer)
    assert "everybody in front of the camera" in done.output
    assert (tmp_path / "x.jpg").exists() is saved
