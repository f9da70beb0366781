"""What every test relies on: OpenCV on one thread, and a first line that says on which stack the tests ran."""

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import cv2
import pytest

cv2.setNumThreads(1)  # results and times that do not depend on the machine's cores

STACK = ("numpy", "opencv-python-headless", "ai-edge-litert", "tflite-runtime", "pillow", "pydantic", "torch")


NOBODY = 65534


@pytest.fixture
def hidden(tmp_path: Path) -> Iterator[Path]:
    """A folder that the test may not look into, as a home is to the service; root becomes another user for the test."""
    folder = tmp_path / "hidden"
    folder.mkdir(mode=0)
    was = os.geteuid()
    if was == 0:
        os.seteuid(NOBODY)
    yield folder
    if was == 0:
        os.seteuid(0)
    folder.chmod(0o700)


def pytest_report_header() -> str:
    packages = filter(None, map(_named, STACK))
    return f"stack: Python {platform.python_version()} {platform.machine()}, {', '.join(packages)}"


def _named(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""
