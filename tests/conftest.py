"""What tests share: OpenCV on one thread, a face to find, and a first line that says on which stack they ran."""

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_pi import sources
from fer_pi.types import Detector, Image
from fer_pi.vision.detector import open_detector
from fer_pi.vision.detector_input import DetectorOptions

cv2.setNumThreads(1)  # results and times that do not depend on the machine's cores

STACK = ("numpy", "opencv-python-headless", "ai-edge-litert", "tflite-runtime", "pillow", "pydantic", "torch")
NOBODY = 65534
PHOTOGRAPHS = Path(sources.__file__).parent / "demo_faces"


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


@pytest.fixture(scope="module")
def detector() -> Detector:
    return open_detector(DetectorOptions())


@pytest.fixture(scope="module")
def hopper() -> Image:
    """A portrait of Grace Hopper (public domain), grey."""
    image = cv2.imread(str(PHOTOGRAPHS / "hopper.jpg"), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    return np.asarray(image, np.uint8)


def pytest_report_header() -> str:
    packages = filter(None, map(_named, STACK))
    return f"stack: Python {platform.python_version()} {platform.machine()}, {', '.join(packages)}"


def _named(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""
