"""The commands for whoever looks after an appliance, against a running one."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FER_PI = (sys.executable, "-m", "fer_pi")


def fer_pi(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*FER_PI, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@contextmanager
def appliance(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """`fer-pi run` on the embedded scene, once it has told of itself; killed, not stopped, at the end."""
    config = folder / "config.yaml"
    config.write_text("camera: {kind: demo, loop: true}\noutputs: [{kind: event_log}]\n")
    command = [*FER_PI, "run", "--config", config, "--state-dir", folder, "--runtime-dir", folder]
    with subprocess.Popen(
        [*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        for line in process.stdout:
            if json.loads(line)["status"] != "starting":
                break
        try:
            yield process
        finally:
            process.kill()


def status(folder: Path) -> tuple[int, dict[str, Any]]:
    done = fer_pi("status", "--json", "--runtime-dir", folder)
    told: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, told


def watch(folder: Path, *options: str) -> list[str]:
    """The first lines of `fer-pi status --watch`, which then hears Ctrl-C and ends in good order."""
    command = [*FER_PI, "status", "--watch", "--runtime-dir", str(folder), *options]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # A shell starts what it runs in the background deaf to Ctrl-C, these tests with it.
    with subprocess.Popen(command, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **pipes) as process:
        assert process.stdout
        lines = [process.stdout.readline(), process.stdout.readline()]
        process.send_signal(signal.SIGINT)
        complaints = process.communicate(timeout=20)[1]
    assert (process.returncode, complaints) == (0, "")
    return lines


def test_a_running_appliance_is_asked_shut_killed_and_is_still_shut_afterwards(tmp_path: Path) -> None:
    places = ("--state-dir", tmp_path, "--runtime-dir", tmp_path)
    with appliance(tmp_path):
        code, told = status(tmp_path)
        assert (code, told["running"], told["camera"]["name"]) == (0, True, "demo")
        assert told["config"] == {"path": str(tmp_path / "config.yaml"), "fault": ""}
        assert [output["name"] for output in told["outputs"]] == ["event_log"]
        watched, table = watch(tmp_path, "--json"), watch(tmp_path)
        assert all(json.loads(line)["running"] for line in watched)
        assert table[0].strip() == "fer-pi is running"
        assert fer_pi("privacy", "on", *places).stdout == "privacy is on: the camera is closed\n"
        assert status(tmp_path)[1]["status"] == "paused"
    code, told = status(tmp_path)
    assert (code, told["running"]) == (3, False)
    assert "without a word" in told["answer"]
    with appliance(tmp_path) as process:
        assert status(tmp_path)[1]["status"] == "paused"
        assert "privacy is on" in fer_pi("privacy", "status", "--runtime-dir", tmp_path).stdout
        assert fer_pi("privacy", "off", *places).stdout == "privacy is off: the camera is open\n"
        process.terminate()
        process.wait(20)
    assert "is not running" in fer_pi("status", "--runtime-dir", tmp_path).stdout
    left = {path.name for path in tmp_path.iterdir()}
    may_stay = {"pins", "config.yaml.last-good"}  # for systemd, which puts the light out; for the next start
    assert left - may_stay == {"config.yaml"}


def test_privacy_can_be_turned_on_before_it_runs(tmp_path: Path) -> None:
    done = fer_pi("privacy", "on", "--state-dir", tmp_path, "--runtime-dir", tmp_path)
    assert "it will start with the camera closed" in done.stdout
    assert (tmp_path / "privacy").exists()


def test_without_a_service_privacy_says_what_is_missing(tmp_path: Path) -> None:
    done = fer_pi("privacy", "on", "--state-dir", tmp_path / "none", "--runtime-dir", tmp_path)
    assert done.returncode == 69
    assert "is made when the service fer-pi first starts" in done.stderr
