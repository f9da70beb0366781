"""The wheel has all that it needs and nothing else, and works in a clean venv, away from the checkout."""

import configparser
import os
import re
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest
import yaml

import fer_pi

ROOT = Path(__file__).parent.parent

pytest.importorskip("build", reason="the wheel is built with 'build' and 'hatchling', of the extra 'test'")

EXPECTED = re.compile(
    r"""fer_pi/(\w+/)*\w+\.py
    | fer_pi/training/templates/\w+\.html
    | fer_pi/py\.typed
    | fer_pi/config\.yaml
    | fer_pi/models/\w+/(manifest\.json|card\.md|\w+\.(tflite|onnx))
    | fer_pi/sources/demo_faces/(\w+\.(jpg|png)|CREDITS\.txt)
    | fer_pi-[\d.]+\.dist-info/(METADATA|WHEEL|RECORD|entry_points\.txt|licenses/LICENSE)""",
    re.VERBOSE,
)
"""All that may be in the wheel."""

STACKS = {
    "bookworm": {"python_version": "3.11", "python_full_version": "3.11.2"},
    "trixie": {"python_version": "3.13", "python_full_version": "3.13.5"},
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """The files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Any:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


@pytest.fixture(scope="module")
def fresh(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a venv that has this wheel and, by reference, the libraries that these tests run with."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    install = ["install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    command = [sys.executable, "-m", "pip", "--python", str(python), *install]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    (site,) = folder.glob("lib/python*/site-packages")
    # A path file inside of this folder is not read again, so an editable fer_pi there does not come along.
    (site / "libraries.pth").write_text(f"{Path(yaml.__file__).parent.parent}\n")
    return folder / "bin"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder, made the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    yield tmp_path


def output(*command: str | Path) -> str:
    """What `command` prints."""
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert result.returncode == 0, f"{command}: {result.stdout}\n{result.stderr}"
    return result.stdout


def test_the_wheel_holds_nothing_but_code_models_settings_and_the_demo_faces(names: set[str]) -> None:
    assert {name for name in names if not EXPECTED.fullmatch(name)} == set()


def test_the_wheel_holds_every_file_of_every_model_and_every_module(names: set[str]) -> None:
    models = {f"fer_pi/{path.relative_to(ROOT)}" for path in (ROOT / "models").rglob("*") if path.is_file()}
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "fer_pi").rglob("*.py")}
    for model in ("emotion", "detector"):
        assert f"fer_pi/models/{model}/manifest.json" in names
    assert models | modules | {"fer_pi/config.yaml", "fer_pi/py.typed"} <= names
    assert any(name.startswith("fer_pi/sources/demo_faces/") for name in names)


def test_the_wheel_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < 5_000_000


def test_the_wheel_names_its_version_licence_and_command(wheel: Path, metadata: Any) -> None:
    assert metadata["Name"] == "fer-pi"
    assert metadata["Version"] == fer_pi.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    with zipfile.ZipFile(wheel) as archive:
        scripts = configparser.ConfigParser()
        scripts.read_string(archive.read(f"fer_pi-{fer_pi.__version__}.dist-info/entry_points.txt").decode())
    assert dict(scripts["console_scripts"]) == {"fer-pi": "fer_pi.cli:main"}


@pytest.mark.parametrize("stack", STACKS)
def test_both_stacks_stay_installable(metadata: Any, stack: str) -> None:
    """Whatever the base install asks for on that Python has a tested version, and that version is one it takes."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines = (ROOT / "deploy" / f"constraints-{stack}.txt").read_text().splitlines()
    pins = [Requirement(line.partition("#")[0]) for line in lines if line[:1].isalpha()]
    tested = {canonicalize_name(pin.name): pin for pin in pins}
    environment = {**STACKS[stack], "extra": ""}
    asked = [Requirement(line) for line in metadata.get_all("Requires-Dist")]
    base = [each for each in asked if each.marker is None or each.marker.evaluate(environment)]
    assert {"numpy", "opencv-python-headless", "ai-edge-litert", "pydantic"} <= {each.name for each in base}
    for each in base:
        (version,) = (clause.version for clause in tested[canonicalize_name(each.name)].specifier)
        assert version in each.specifier, f"{each.name} {version} was tested, {each.specifier} is asked for"


def test_neither_a_pi_nor_a_laboratory_is_needed_for_the_base_install(metadata: Any) -> None:
    from packaging.requirements import Requirement

    asked = [Requirement(line) for line in metadata.get_all("Requires-Dist")]
    base = {each.name for each in asked if "extra" not in str(each.marker)}
    assert base.isdisjoint({"picamera2", "lgpio", "rpi-lgpio", "torch", "litert-torch", "tensorflow"})
    assert "picamera2" not in {each.name for each in asked}


def test_the_command_of_a_clean_venv_says_its_version(fresh: Path, elsewhere: Path) -> None:
    assert fer_pi.__version__ in output(fresh / "fer-pi", "--version")


def test_the_modules_settings_and_models_of_a_clean_venv_are_the_wheels(fresh: Path, elsewhere: Path) -> None:
    script = """if True:
        import fer_pi, fer_pi.cli
        from fer_pi.shipped import shipped
        print(fer_pi.__file__, *map(shipped, ("config.yaml", "models/emotion", "models/detector")), sep="\\n")"""
    for line in output(fresh / "python", "-c", script).splitlines():
        assert Path(line).exists(), line
        assert Path(line).is_relative_to(fresh.parent), line


def test_the_shipped_settings_are_in_force_in_a_clean_venv(fresh: Path, elsewhere: Path) -> None:
    settings = yaml.safe_load(output(fresh / "fer-pi", "config", "show", "--config", _shipped(fresh)))
    assert {"version", "camera", "detector", "classifier", "mood", "outputs"} <= set(settings)


def test_the_demo_runs_from_a_clean_venv_in_another_folder(fresh: Path, elsewhere: Path) -> None:
    output(fresh / "fer-pi", "demo", "--seconds", "2")
    assert {path.name for path in elsewhere.iterdir()} == {"demo.mp4", "demo.png"}
    assert all(path.stat().st_size > 10_000 for path in elsewhere.iterdir())


def test_nothing_of_the_package_lies_in_the_checkout_after_it_was_built(wheel: Path) -> None:
    assert not (ROOT / "fer_pi" / "models").exists()
    assert not os.path.lexists(ROOT / "fer_pi" / "config.yaml")


def _shipped(fresh: Path) -> str:
    return output(fresh / "python", "-c", "from fer_pi.shipped import shipped; print(shipped('config.yaml'))").strip()
