"""`fer-pi status` says clearly whether the appliance runs, hangs or has ended, and what is wrong stands out."""

import io
import json
import os
from pathlib import Path

import pytest
from rich.console import Console

from fer_pi.device.board import BoardState
from fer_pi.outputs.runner import RunnerState
from fer_pi.status_file import NAME, Facts, StatusFile
from fer_pi.status_view import read_status, status_table
from fer_pi.testing.cameras import Clock
from fer_pi.testing.outputs import reading_of
from fer_pi.types import Emotion, Status

WORKS = RunnerState(True, "", False, 0.0, 40, 2, 0, 0.0)
WELL = Facts("webcam /dev/video0 (C920)", "", (("rgb_led", WORKS),), BoardState(51.2, 0), "/etc/fer-pi/config.yaml")


def tell(folder: Path, facts: Facts = WELL, status: Status = Status.WATCHING, message: str = "") -> None:
    StatusFile(folder / NAME, lambda: facts, Clock(500.0)).offer(
        reading_of(Emotion.HAPPINESS, strength=0.83, status=status, message=message)
    )


def shown(folder: Path, now: float = 501.0, *, color: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=110, force_terminal=color, highlight=False)
    console.print(status_table(read_status(folder, now, lambda: 2)))
    return out.getvalue()


def test_an_appliance_that_is_well_says_so_in_a_few_lines(tmp_path: Path) -> None:
    tell(tmp_path)
    assert [line.rstrip() for line in shown(tmp_path).splitlines()][:-1] == [
        "fer-pi is running",
        "state          watching: happiness 83%",
        "camera         webcam /dev/video0 (C920)",
        "rate           25.0 readings a second, 2 pictures skipped",
        "latency        p50 40 ms, p95 40 ms over the last minute",
        "output         rgb_led: works",
        "board          51 °C",
        "running for    0 ms, started again 2 times",
        "configuration  /etc/fer-pi/config.yaml",
    ]
    assert "\x1b[31m" not in shown(tmp_path, color=True)


def test_whatever_is_wrong_is_red(tmp_path: Path) -> None:
    outputs = (
        ("screen", RunnerState(False, "no display", False, 0.0, 0, 0, 1, 0.0)),
        ("console", RunnerState(False, "", True, 0.0, 0, 0, 1, 0.0)),
        ("event_log", RunnerState(True, "", False, 0.0, 0, 0, 1, 9.0)),
    )
    facts = Facts("webcam", "it was pulled out", outputs, BoardState(81.0, 0x50001), "/etc/x.yaml", "x.yaml:1:1: bad")
    tell(tmp_path, facts, Status.NO_CAMERA, "it was pulled out; x.yaml:1:1: bad")
    red = [line for line in shown(tmp_path, color=True).splitlines() if "\x1b[31m" in line]
    for words in (
        *("no camera", "it was pulled out;", "it was pulled out", "screen: no display", "console: has ended"),
        *("81 °C, under-voltage, throttled earlier", "/etc/x.yaml - x.yaml:1:1: bad"),
    ):
        assert any(words in line for line in red), words
    assert "event_log: does not answer since 9.0 s" in shown(tmp_path)


def test_one_that_does_not_run_is_told_with_the_remedy(tmp_path: Path) -> None:
    status = read_status(tmp_path, 501.0)
    assert not status["running"]
    assert "sudo systemctl start fer-pi" in status["answer"]
    assert "not running" in shown(tmp_path)


@pytest.mark.parametrize("now", [505.5, 4100.0, 400.0])
def test_one_that_hangs_is_told_by_the_age_of_its_status(tmp_path: Path, now: float) -> None:
    tell(tmp_path)
    status = read_status(tmp_path, now)
    assert not status["running"]
    assert "hangs" in status["answer"]


def test_one_that_was_killed_is_told_at_once(tmp_path: Path) -> None:
    tell(tmp_path)
    content = json.loads((tmp_path / NAME).read_text())
    assert content["pid"] == os.getpid()
    (tmp_path / NAME).write_text(json.dumps(content | {"pid": 2**22 + 1}))
    status = read_status(tmp_path, 501.0)
    assert not status["running"]
    assert "ended 1.0 s ago without a word" in status["answer"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 99}', '{"format": 1}', '{"format": 1, "told_at_s": "x"}'])
def test_a_file_that_is_no_status_is_no_traceback(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    assert not read_status(tmp_path, 501.0)["running"]
    assert shown(tmp_path).strip()
