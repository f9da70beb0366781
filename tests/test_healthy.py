"""Health is what the service tells of itself, for as long as it must last."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEALTHY = Path(__file__).parent.parent / "deploy" / "healthy.py"

WELL = {
    "running": True,
    "answer": "fer-pi is running",
    "fer_pi": "0.1.0",
    "pid": 7,
    "status": "watching",
    "message": "",
    "camera": {"name": "demo", "problem": ""},
    "config": {"path": "/etc/fer-pi/config.yaml", "fault": ""},
}


def asked(folder: Path, *answers: object) -> tuple[int, str]:
    """The exit status and the words of healthy.py where `fer-pi status` gives these answers, the last one for ever."""
    for number, answer in enumerate(answers):
        (folder / str(number)).write_text(json.dumps(answer))
    program = folder / "fer-pi"
    program.write_text(
        f'#!/bin/sh\ncd {folder}\nn=$(cat n 2>/dev/null || echo 0)\n[ "$1 $2" = "status --json" ] && cat $n\n'
        f"[ $n = {len(answers) - 1} ] || echo $((n + 1)) >n\n"
    )
    program.chmod(0o755)
    command = [sys.executable, str(HEALTHY), "--command", str(program), "--within", "0.7", "--steady", "0.5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout + done.stderr


def test_what_is_well_and_stays_so_is_healthy(tmp_path: Path) -> None:
    assert asked(tmp_path, WELL)[0] == 0


def test_what_becomes_well_in_time_is_healthy(tmp_path: Path) -> None:
    assert asked(tmp_path, {"running": False, "answer": "not yet"}, WELL)[0] == 0


def test_what_becomes_well_as_the_same_process_is_healthy(tmp_path: Path) -> None:
    assert asked(tmp_path, {**WELL, "status": "no camera"}, WELL)[0] == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"running": False, "answer": "fer-pi hangs"}, "not well: fer-pi hangs"),
        ({"status": "no camera", "camera": {"name": "", "problem": "unplugged"}}, "not well: no camera: unplugged"),
        ({"config": {"path": "x", "fault": "line 3"}}, "not well: its configuration: line 3"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, object], words: str) -> None:
    assert asked(tmp_path, {**WELL, **change}) == (1, f"{words}\n")


def test_what_is_a_new_process_each_time_is_not_well(tmp_path: Path) -> None:
    status, words = asked(tmp_path, *({**WELL, "pid": pid} for pid in range(20)))
    assert (status, words) == (1, "not well: it does not stay so as the same process\n")


def test_a_program_that_is_not_there_is_not_well(tmp_path: Path) -> None:
    command = [sys.executable, str(HEALTHY), "--command", str(tmp_path / "nothing"), "--within", "0", "--steady", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "No such file" in done.stderr
