"""Lower never imports higher, and what only some machines have is imported where it is needed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

ELSEWHERE = (
    *("picamera2", "libcamera", "lgpio", "RPi", "pigpio", "spidev"),
    *("torch", "torchao", "litert_torch", "ai_edge_quantizer", "onnx", "onnxruntime", "sklearn", "jax", "tensorflow"),
    *("ai_edge_litert", "tflite_runtime", "gpiozero", "pygame", "fer"),
)
"""What the Pi alone has, what the laboratory alone has, and what is needed only once a model or a pin is opened."""

WITHOUT = """
import importlib, pkgutil, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in %r:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
import fer_pi
for module in pkgutil.walk_packages(fer_pi.__path__, "fer_pi."):
    if module.name != "fer_pi.__main__" and not module.name.startswith("fer_pi.training."):
        importlib.import_module(module.name)
        print(module.name)
"""


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """The verdict of import-linter on the package `fer_pi` in `folder`, with the contracts of pyproject.toml."""
    pytest.importorskip("importlinter")
    script = "import sys; from importlinter.cli import lint_imports_command as lint; sys.exit(lint())"
    command = [sys.executable, "-c", script, "--no-cache", "--config", str(ROOT / "pyproject.toml")]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def python(script: str) -> list[str]:
    """The lines that `script` prints, in a process of its own."""
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


def test_the_import_order_is_kept() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("types.py", "import fer_pi.config"),
        ("drawing/palette.py", "import fer_pi.outputs.looks"),
        ("mood/options.py", "import fer_pi.vision.align"),
        ("training/checkpoint.py", "import fer_pi.sources.demo"),
        ("vision/align.py", "import fer_pi.training.checkpoint"),
        ("vision/align.py", "import torch"),
        ("unplaced.py", ""),
    ],
)
def test_an_import_against_the_order_is_found(tmp_path: Path, module: str, line: str) -> None:
    shutil.copytree(ROOT / "fer_pi", tmp_path / "fer_pi", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "fer_pi" / module).open("a") as file:
        file.write(f"\n{line}\n")
    result = lint(tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    assert module.removesuffix(".py").replace("/", ".") in result.stdout


def test_all_but_the_laboratory_is_imported_without_the_libraries_of_other_machines() -> None:
    imported = set(python(WITHOUT % (ELSEWHERE,)))
    assert {"fer_pi.app", "fer_pi.outputs.rgb_led", "fer_pi.sources.pi_camera", "fer_pi.vision.classifier"} <= imported


def test_the_command_line_answers_before_anything_heavy_is_imported() -> None:
    loaded = python("import sys, fer_pi.cli; print(*{name.partition('.')[0] for name in sys.modules})")
    assert set(loaded).isdisjoint({"cv2", "numpy", "PIL", "pydantic", *ELSEWHERE})
