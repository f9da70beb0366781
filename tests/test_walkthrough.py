"""The walk-through in docs/training.md can be walked: each of its commands, word for word, on a small made-up set."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

for needed in ("torch", "sklearn", "matplotlib", "jinja2", "litert_torch", "ai_edge_quantizer"):
    pytest.importorskip(needed, reason="the walk-through trains (the extra 'train')")
pytest.importorskip("gpiozero", reason="the walk-through lights an LED (the extra 'led')")

TEXT = (Path(__file__).parent.parent / "docs" / "training.md").read_text(encoding="utf-8")
CHAPTER = TEXT.split("## From a Kaggle folder to an LED\n")[1].split("\n## ")[0]
SMALL = ["--net", "tiny", "--epochs", "1", "--threads", "1", "--device", "cpu"]
"""What is added to the training, so that it is done in seconds."""
ENVIRONMENT = {"GPIOZERO_PIN_FACTORY": "mock", "GPIOZERO_MOCK_PIN_CLASS": "mockpwmpin", "OMP_NUM_THREADS": "1"}


def commands() -> list[list[str]]:
    """The words of each command in the chapter."""
    blocks = re.findall(r"^```sh\n(.*?)^```", CHAPTER, re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def made_up(root: Path) -> None:
    """fer2013/train and fer2013/test with two emotions that differ in the mouth."""
    rng = np.random.default_rng(1)
    for split, count in (("train", 120), ("test", 40)):
        for number in range(count):
            image = rng.uniform(60, 150) + 30 * np.kron(rng.normal(0, 1, (8, 8)), np.ones((6, 6)))
            image[32:38, 12:36] += 90 if number % 2 else -90
            file = root / split / ("Happy" if number % 2 else "SAD") / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(file), np.clip(image, 0, 255).astype(np.uint8))


def lit(command: list[str], folder: Path, environment: dict[str, str]) -> dict[str, Any]:
    """What the appliance tells of itself once it has seen a face; then it is stopped, and must end well."""
    told = folder / "run" / "status.json"
    told.parent.mkdir()
    environment = environment | {"RUNTIME_DIRECTORY": str(told.parent)}
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 40
        status: dict[str, Any] = {}
        while time.monotonic() < until and process.poll() is None and status.get("status") != "watching":
            status = json.loads(told.read_text()) if told.exists() else {}
            time.sleep(0.1)  # it is another process: there is nothing to wait on but its file
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
        assert process.returncode == 0, said
    return status


@pytest.mark.timeout(900)
def test_every_command_of_the_walk_through_works(tmp_path: Path) -> None:
    """From the folder of pictures to the LED; only camera and pins are made up, and the training is cut short."""
    made_up(tmp_path / "fer2013")
    (config,) = re.findall(r"^```yaml\n(.*?)^```", CHAPTER, re.MULTILINE | re.DOTALL)
    (tmp_path / "led.yaml").write_text(config.replace("kind: auto", "kind: demo"))
    environment = os.environ | ENVIRONMENT
    done = []
    for words in commands():
        assert words[0] == "fer-pi"
        command = [sys.executable, "-m", "fer_pi", *words[1:], *(SMALL if words[1] == "train" else [])]
        if words[1] == "run":
            status = lit(command, tmp_path, environment)
            assert status["status"] == "watching", status
            (light,) = status["outputs"]
            assert light["ok"] and light["shown"] > 0
        else:
            result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
            assert result.returncode == 0, result.stdout + result.stderr
        done.append(words[1])
    assert done == ["dataset", "train", "evaluate", "check", "run"]
    made = {"my-model/emotion.tflite", "my-model/card.md", "fer2013-report/report.html", "my-report/report.html"}
    assert all((tmp_path / name).stat().st_size > 1000 for name in made)
