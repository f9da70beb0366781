"""Both stacks of a Pi, in chroots for its processor: installed offline, and the networks see what they see here."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.bench.chroot import Chroot, runs_arm64
from deploy.bench.conftest import Measure
from deploy.bench.container import debian_root
from deploy.bench.package import REPOSITORY, offline_package

STACKS = {"bookworm": ("3.11", "1.24"), "trixie": ("3.13", "2.")}
"""With the versions of Python and NumPy that belong to each."""

FACES = REPOSITORY / "fer_pi/sources/demo_faces"
TESTS = ["align", "classifier", "config", "detector", "model_file", "quality", "smoothing", "tracking"]
"""What depends on the processor or on the versions of libraries, and takes seconds, not minutes."""


@dataclass
class Stack:
    """A system with fer_pi."""

    name: str
    chroot: Chroot
    repository: str
    """In there."""
    installed_s: float


@pytest.fixture(scope="module", params=STACKS)
def stack(request: pytest.FixtureRequest, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if not runs_arm64():
        pytest.skip("this machine does not run arm64 programs (apt install qemu-user-static)")
    name: str = request.param
    root = debian_root(cache, name, "arm64")
    package = offline_package(cache, name, "aarch64")
    chroot = Chroot([root], tmp_path_factory.mktemp(name) / "work")
    try:
        repository = chroot.files_of(package)
        began = time.monotonic()
        said = chroot.run(f"{repository}/deploy/install.sh", 1200)
        assert "==> Done" in said
        yield Stack(name, chroot, repository, time.monotonic() - began)
    finally:
        chroot.close()


def test_it_is_installed_without_network_with_the_packages_of_its_stack(stack: Stack, measured: Measure) -> None:
    measured(f"arm64 {stack.name}: install.sh, offline", stack.installed_s, 600)
    python, numpy = STACKS[stack.name]
    what = "import numpy, platform, sys; print(platform.machine(), sys.version.split()[0], numpy.__version__)"
    machine, has_python, has_numpy = stack.chroot.run(f'/opt/fer-pi/bin/python -c "{what}"').split()
    assert machine == "aarch64"
    assert has_python.startswith(f"{python}.")
    assert has_numpy.startswith(numpy)


def test_the_faces_of_the_demo_are_read_as_here(stack: Stack, measured: Measure) -> None:
    pictures = f"{stack.repository}/fer_pi/sources/demo_faces"
    began = time.monotonic()
    there = stack.chroot.run(f"fer-pi --quiet analyze --json {pictures}")
    measured(f"arm64 {stack.name}: analyze, from start to end", time.monotonic() - began, 300)
    command = [sys.executable, "-m", "fer_pi", "--quiet", "analyze", "--json", str(FACES)]
    here = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert len(readings(there)) == 2
    assert readings(there) == [pytest.approx(reading, abs=0.05) for reading in readings(here)]


def readings(said: str) -> list[list[float]]:
    """Of each face where it is, in hundreds of pixels, and the probability of each emotion."""
    told = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    faces = [face for frame in told for face in frame["faces"]]
    return [[pixels / 100 for pixels in face["box"]] + [*face["emotions"].values()] for face in faces]


def test_the_demo_runs_to_its_end(stack: Stack, measured: Measure) -> None:
    began = time.monotonic()
    stack.chroot.run("fer-pi demo --seconds 2 --out /root")
    measured(f"arm64 {stack.name}: fer-pi demo, two seconds of it", time.monotonic() - began, 600)
    assert int(stack.chroot.run("stat --format=%s /root/demo.mp4")) > 10_000


def test_the_tests_that_a_processor_could_fail_pass(stack: Stack, cache: Path, measured: Measure) -> None:
    wheels = cache / "pytest"
    if not wheels.exists():
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(wheels), "--only-binary=:all:"]
        subprocess.run([*download, "pytest", "pytest-timeout", "--python-version=3.11", "--platform=any"], check=True)
    pip = f"/opt/fer-pi/bin/pip install --quiet --no-index --find-links={stack.chroot.files_of(wheels)}"
    stack.chroot.run(f"{pip} pytest pytest-timeout")
    files = " ".join(f"tests/test_{name}.py" for name in TESTS)
    pytest_there = f"/opt/fer-pi/bin/python -m pytest -q -p no:cacheprovider {files}"
    began = time.monotonic()
    said = stack.chroot.run(f"cd {stack.repository} && {pytest_there}", 1200)
    measured(f"arm64 {stack.name}: {said.splitlines()[-1]}", time.monotonic() - began, 900)
