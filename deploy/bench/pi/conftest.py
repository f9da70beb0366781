"""The virtual Pi for the scenarios."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.bench.pi.image import Image, as_built, built, missing
from deploy.bench.pi.rig import Rig, rig


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--as-built", action="store_true", help="take the image that was built last, whatever has changed")
    parser.addoption(
        "--card", type=Path, default=Path("dist/fer-pi-arm64.img"), help="the card to be tried, by build.sh"
    )
    parser.addoption("--times", type=int, default=20, help="how often the webcam and the power are pulled")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "short: belongs to the shortened run")


@pytest.fixture(scope="session")
def artefacts(request: pytest.FixtureRequest) -> Path:
    """The folder for screenshots and logs."""
    folder: Path = request.config.getoption("--bench-report")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def times(request: pytest.FixtureRequest) -> int:
    """How often what wears off with repetition is repeated."""
    often: int = request.config.getoption("--times")
    return often


@pytest.fixture(scope="session")
def image(request: pytest.FixtureRequest, cache: Path) -> Image:
    """The card with fer_pi on it."""
    if lacking := missing():
        pytest.skip(lacking)
    return as_built(cache) if request.config.getoption("--as-built") else built(cache)


@pytest.fixture(scope="module")
def pi(
    request: pytest.FixtureRequest, image: Image, artefacts: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rig]:
    """A Pi that was switched on with nothing at its USB port, for all scenarios of a file."""
    name = request.module.__name__.rpartition(".")[2]
    made = rig(image, tmp_path_factory.mktemp("pi", numbered=True) / "w", **getattr(request.module, "RIG", {}))
    try:
        made.guest.boot()
        yield made
        (artefacts / f"{name}.led.log").write_bytes(made.guest.get("/run/led.log"))
        (artefacts / f"{name}.journal.log").write_text(
            made.guest.run("journalctl --boot --no-pager -o short-monotonic")
        )
    finally:
        made.close()
