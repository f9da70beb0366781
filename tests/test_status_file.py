"""The status file tells how the appliance is doing, whole at any moment, and nothing of any person."""

import json
from pathlib import Path
from typing import Any

import pytest

from fer_pi.device.board import BoardState
from fer_pi.outputs.runner import RunnerState
from fer_pi.status_file import Facts, StatusFile
from fer_pi.testing.cameras import Clock
from fer_pi.testing.outputs import reading_of
from fer_pi.types import Emotion, Status

FACTS = Facts(
    camera="webcam /dev/video0 (C920)",
    outputs=(("rgb_led", RunnerState(True, "", False, 3.0, 40, 2, 1, 0.0)),),
    board=BoardState(51.2, 0x50001),
    config="/etc/fer-pi/config.yaml",
    config_fault="",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "status.json"


def told(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_it_tells_all_that_there_is_to_know(path: Path) -> None:
    clock = Clock(200.0)
    status = StatusFile(path, lambda: FACTS, clock)
    clock.pass_by(7.25)
    status.offer(reading_of(Emotion.HAPPINESS, strength=0.83, at=207.0, age_s=0.041))
    content = told(path)
    content.pop("pid")
    content.pop("fer_pi")
    assert content == {
        "format": 1,
        "told_at_s": 207.25,
        "uptime_s": 7.2,
        "status": "watching",
        "mood": "happiness",
        "strength": 0.83,
        "message": "",
        "rate_hz": 25.0,
        "dropped": 2,
        "latency_ms": {"p50": 41.0, "p95": 41.0},
        "camera": {"name": "webcam /dev/video0 (C920)", "problem": ""},
        "outputs": [
            {"name": "rgb_led", "ok": True, "problem": "", "ended": False, "shown": 40, "dropped": 2}
            | {"failures": 1, "stuck_s": 0.0}
        ],
        "board": {"temperature_c": 51.2, "now": ["under-voltage"], "since_start": ["under-voltage", "throttled"]},
        "config": {"path": "/etc/fer-pi/config.yaml", "fault": ""},
    }
    assert path.stat().st_mode & 0o777 == 0o644


def test_it_tells_nothing_of_a_person(path: Path) -> None:
    StatusFile(path, lambda: FACTS, Clock()).offer(reading_of(Emotion.FEAR, people=3))
    words = path.read_text()
    for word in ("people", "track", "sighting", "face", "box", "image", "frame"):
        assert word not in words


def test_it_is_written_once_a_second_and_on_each_change(path: Path) -> None:
    clock = Clock()
    written = []
    status = StatusFile(path, lambda: written.append(clock.now) or FACTS, clock)  # type: ignore[func-returns-value]
    for _ in range(25):  # 2.5 s of ten readings a second
        status.offer(reading_of(Emotion.FEAR))
        clock.pass_by(0.1)
    assert [round(at - 1000, 3) for at in written] == [0.0, 1.0, 2.0]
    for change in (reading_of(Emotion.ANGER), reading_of(Emotion.ANGER, message="hot"), reading_of(None)):
        status.offer(change)
        status.offer(change)
    assert len(written) == 6


def test_the_latency_is_that_of_the_last_minute(path: Path) -> None:
    clock = Clock()
    status = StatusFile(path, lambda: FACTS, clock)
    for age_s in (0.9, 0.02, 0.03):
        status.offer(reading_of(Emotion.FEAR, age_s=age_s))
        clock.pass_by(31.0)
    assert told(path)["latency_ms"] == {"p50": 20.0, "p95": 30.0}
    status.offer(reading_of(status=Status.NO_CAMERA))
    clock.pass_by(61.0)
    status.offer(reading_of(status=Status.NO_CAMERA))
    assert told(path)["latency_ms"] is None


def test_a_folder_that_cannot_be_written_is_said_once_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    status = StatusFile(tmp_path / "gone" / "status.json", lambda: FACTS, clock)
    for _ in range(3):
        status.offer(reading_of(Emotion.FEAR))
        clock.pass_by(2)
    assert caplog.text.count("cannot be written") == 1
    (tmp_path / "gone").mkdir()
    status.offer(reading_of(Emotion.FEAR))
    assert told(tmp_path / "gone" / "status.json")["mood"] == "fear"


def test_what_has_ended_has_no_status(path: Path) -> None:
    status = StatusFile(path, lambda: FACTS, Clock())
    status.offer(reading_of(Emotion.FEAR))
    status.close()
    status.close()
    assert not path.exists()
