"""The command: its answers, its exit statuses, and that a user's mistake is never a traceback."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from fer_pi import __version__
from fer_pi.cli import commands
from fer_pi.config import checked_config
from fer_pi.config_choice import LAST_GOOD
from fer_pi.device.privacy import NAME, PrivacySwitch, write_switch
from fer_pi.errors import ModelError
from fer_pi.registry import CAMERAS
from fer_pi.testing.videos import scene_video


def fer_pi(*arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fer_pi", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_the_version_is_the_package_s() -> None:
    assert fer_pi("--version").stdout == f"fer-pi, version {__version__}\n"


def test_every_command_explains_itself() -> None:
    listed = fer_pi("--help").stdout
    for name, command in commands.commands.items():
        assert name in listed
        assert command.help
        assert len(command.help.splitlines()[0]) > 20
    assert "..." not in listed.partition("Commands:")[2], "what a command does is not cut short in the list"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["fly"], 64, "No such command 'fly'"),
        (["analyze"], 64, "Missing argument"),
        (["run", "--config", "none.yaml"], 78, "none.yaml: no such file"),
        (["analyze", "none.mp4"], 66, "none.mp4"),
        (["bench", "--threads", "99"], 64, "not in the range"),
        (["train", "flowers"], 64, "No such command 'flowers'"),
    ],
)
def test_a_mistake_ends_with_its_status_and_one_clear_message(arguments: list[str], status: int, message: str) -> None:
    done = fer_pi(*arguments)
    assert done.returncode == status
    assert message in done.stderr


def test_of_a_truncated_video_one_line_tells_and_not_ffmpeg(tmp_path: Path) -> None:
    video = scene_video(tmp_path / "scene.mp4", 3.0, 0.5)
    video.write_bytes(video.read_bytes()[:3000])
    done = fer_pi("analyze", str(video))
    assert (done.returncode, done.stdout) == (66, "")
    assert done.stderr.splitlines() == [
        f"fer-pi: {video}: is neither a picture nor a video that FFmpeg can open; it may be truncated"
    ]


def test_a_bad_configuration_names_every_complaint(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("mood:\n  tau: 1\ncamera:\n  kind: webcam\n  widht: 640\n")
    done = fer_pi("check", "--config", str(config))
    assert done.returncode == 78
    assert done.stderr.splitlines() == [
        f"fer-pi: {config}:2:3: mood.tau: unknown option; did you mean 'tau_s'?",
        f"fer-pi: {config}:5:3: camera.widht: unknown option; did you mean 'width'?",
    ]


def test_the_mistakes_can_be_left_beside_the_file_until_they_are_mended(tmp_path: Path) -> None:
    config, beside = tmp_path / "fer-pi.yaml", tmp_path / "fer-pi.yaml.errors.txt"
    config.write_text("mood:\n  tau: 1\n")
    assert fer_pi("check", "--config", str(config), "--write-errors").returncode == 78
    assert f"{config}:2:3: mood.tau: unknown option; did you mean 'tau_s'?" in beside.read_text()
    config.write_text("mood:\n  tau_s: 1\n")
    assert fer_pi("check", "--config", str(config), "--write-errors").returncode == 0
    assert not beside.exists()
    beside.write_text("of a card whose file was taken away since")
    config.unlink()
    assert fer_pi("check", "--config", str(config), "--write-errors").returncode == 78
    assert not beside.exists()


def test_check_says_what_would_run(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("outputs:\n  - kind: rgb_led\n")
    out = fer_pi("check", "--config", str(config)).stdout
    assert f"{config}: good" in out
    assert "detector.onnx at 320x240" in out
    assert "emotion.tflite, int8" in out
    assert "rgb_led: red GPIO17, green GPIO27, blue GPIO22" in out


def test_a_model_that_is_not_there_is_not_called_good_first(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("classifier: {model: /nowhere}\n")
    done = CliRunner().invoke(commands, ["check", "--config", str(config)])
    assert isinstance(done.exception, ModelError)
    assert done.output == ""


def test_check_remembers_only_what_is_good(tmp_path: Path) -> None:
    state, config = tmp_path / "state", tmp_path / "config.yaml"
    state.mkdir()
    config.write_text("outputs: [{kind: rgb_led, redd: 1}]\n")
    assert fer_pi("check", "--config", str(config), "--remember", str(state)).returncode == 78
    assert not list(state.iterdir())
    config.write_text("outputs: [{kind: rgb_led}]\n")
    assert fer_pi("check", "--config", str(config), "--remember", str(state)).returncode == 0
    assert (state / LAST_GOOD).read_bytes() == config.read_bytes()
    (state / LAST_GOOD).unlink()
    (state / LAST_GOOD).mkdir()  # where nothing can be put
    done = fer_pi("check", "--config", str(config), "--remember", str(state))
    assert done.returncode == 66
    assert f"{state}: config.yaml could not be kept there" in done.stderr


def test_an_altered_model_is_refused_by_name(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "manifest.json").write_text('{"kind": "emotion", "file": "x.tflite", "bytes": 1, "sha256": "0"}')
    (model / "x.tflite").write_bytes(b"!")
    config = tmp_path / "config.yaml"
    config.write_text(f"classifier:\n  model: {model}\n")
    done = fer_pi("run", "--config", str(config))
    assert done.returncode == 78
    assert "sha256" in done.stderr


def test_the_settings_in_force_can_be_used_as_a_configuration() -> None:
    assert checked_config(yaml.safe_load(fer_pi("config", "show").stdout)).camera.kind == "auto"


def test_the_default_file_comes_with_its_comments() -> None:
    assert fer_pi("config", "show", "--default").stdout.startswith("# fer_pi: settings.")


def test_the_schema_is_json_for_editors() -> None:
    schema = json.loads(fer_pi("config", "schema").stdout)
    assert set(schema["properties"]["camera"]["discriminator"]["mapping"]) == set(CAMERAS)


def test_cameras_answers_even_where_there_is_none() -> None:
    assert isinstance(json.loads(fer_pi("cameras", "--json").stdout), list)
    assert fer_pi("cameras").stdout.strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_at_any_moment_is_obeyed(tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM and SIGINT end it with status 0 as soon as it runs; SIGHUP re-reads the configuration and it goes on."""
    config = tmp_path / "config.yaml"
    config.write_text("camera: {kind: demo, loop: true}\noutputs: [{kind: event_log}]\n")
    command = [sys.executable, "-m", "fer_pi", "run", "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        process.stdout.readline()
        process.send_signal(number)
        if number is signal.SIGHUP:
            for line in process.stderr:
                if "reloaded" in line:
                    break
            assert process.poll() is None
            process.terminate()
        process.wait(20)
        complaints = process.stderr.read()
    assert process.returncode == 0
    assert "Traceback" not in complaints


def test_a_library_of_the_laboratory_that_is_missing_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands stay listed without it, and say what to install when they are called."""
    gone = ModuleNotFoundError("No module named 'torch'", name="torch")

    def resolve(_: str) -> None:
        raise gone

    monkeypatch.setattr("fer_pi.cli.resolve", resolve)
    runner = CliRunner()
    assert "emotion" in runner.invoke(commands, ["train", "--help"]).output
    done = runner.invoke(commands, ["train", "emotion", "faces", "--out", "model"])
    assert done.exit_code != 0
    assert "needs the Python package 'torch': pip install '.[train]'" in done.output


@pytest.mark.parametrize("named", [True, False], ids=["its own folder", "the service's"])
def test_a_run_by_hand_heeds_the_privacy_switch(named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    monkeypatch.setattr("fer_pi.service.serve", lambda files, state, *rest: seen.append(PrivacySwitch(state).is_on()))
    monkeypatch.setattr("fer_pi.cli.STATE", tmp_path / ("elsewhere" if named else ""))
    write_switch(tmp_path / NAME, True)
    CliRunner().invoke(commands, ["run", *(["--state-dir", str(tmp_path)] if named else [])], catch_exceptions=False)
    assert seen == [True]
