"""What every test relies on: OpenCV on one thread, and a first line that says on which stack the tests ran."""

import platform
from importlib.metadata import PackageNotFoundError, version

import cv2

cv2.setNumThreads(1)  # results and times that do not depend on the machine's cores

STACK = ("numpy", "opencv-python-headless", "ai-edge-litert", "tflite-runtime", "pillow", "pydantic", "torch")


def pytest_report_header() -> str:
    packages = filter(None, map(_named, STACK))
    return f"stack: Python {platform.python_version()} {platform.machine()}, {', '.join(packages)}"


def _named(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""
