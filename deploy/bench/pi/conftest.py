"""The virtual Pi for the scenarios, and the report of what was measured."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from deploy.bench.pi.image import Image, as_built, built, missing
from deploy.bench.pi.rig import Rig, rig

Measure = Callable[[str, float, float], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """A promise of the appliance, and how it was kept."""

    scenario: str
    what: str
    value: float
    """Seconds, but for what `what` says."""
    most: float
    """What it may be at most."""


MEASURED = pytest.StashKey[list[Measured]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bench-cache", type=Path, default=Path("build/bench"), help="where what was built is kept")
    parser.addoption("--bench-report", type=Path, default=Path("build/bench-pi"), help="where the report goes")
    parser.addoption("--as-built", action="store_true", help="take the image that was built last, whatever has changed")
    parser.addoption("--times", type=int, default=20, help="how often the webcam and the power are pulled")
    parser.addoption("--soak-s", type=float, default=3600, help="how long the soak lasts")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "short: belongs to the shortened run")
    config.stash[MEASURED] = []


def pytest_sessionfinish(session: pytest.Session) -> None:
    measured = session.config.stash[MEASURED]
    if not measured:
        return
    folder: Path = session.config.getoption("--bench-report")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "measured.json").write_text(json.dumps([asdict(row) for row in measured], indent=1) + "\n")
    (folder / "measured.md").write_text(table(measured))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash[MEASURED]:
        terminalreporter.section("measured")
        terminalreporter.write(table(config.stash[MEASURED]))


def table(measured: list[Measured]) -> str:
    """As Markdown."""
    rows = [f"| {row.what} | {row.value:.2f} | {row.most:g} |" for row in measured]
    return "\n".join(["| what | measured | at most |", "| --- | --- | --- |", *rows, ""])


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Measure:
    """Takes what was measured, and the most it may be, for the report; more than that fails."""

    def measure(what: str, value: float, most: float) -> None:
        request.config.stash[MEASURED].append(Measured(request.node.name, what, value, most))
        assert value <= most, f"{what}: {value:.2f}, at most {most:g}"

    return measure


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
def soak_s(request: pytest.FixtureRequest) -> float:
    """How long the soak lasts."""
    seconds: float = request.config.getoption("--soak-s")
    return seconds


@pytest.fixture(scope="session")
def image(request: pytest.FixtureRequest) -> Image:
    """The card with fer_pi on it."""
    if lacking := missing():
        pytest.skip(lacking)
    cache: Path = request.config.getoption("--bench-cache").resolve()
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
