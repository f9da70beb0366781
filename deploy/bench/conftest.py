"""What both benches share: where things are kept, and the table of what was measured."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

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
    parser.addoption("--bench-report", type=Path, default=Path("build/bench-report"), help="where the report goes")
    parser.addoption("--soak-s", type=float, default=3600, help="how long a soak lasts")


def pytest_configure(config: pytest.Config) -> None:
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
        terminalreporter.section(f"measured, with a load of {os.getloadavg()[1]:.1f} on {os.cpu_count()} processors")
        terminalreporter.write(table(config.stash[MEASURED]))


def table(measured: list[Measured]) -> str:
    """As Markdown."""
    rows = [f"| {row.what} | {row.value:.2f} | {row.most:g} |" for row in measured]
    return "\n".join(["| what | measured | at most |", "| --- | --- | --- |", *rows, ""])


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Iterator[Measure]:
    """Takes what was measured, and the most it may be, for the table; more than that fails, in the end."""
    too_much = []

    def measure(what: str, value: float, most: float) -> None:
        request.config.stash[MEASURED].append(Measured(request.node.name, what, value, most))
        if value > most:
            too_much.append(f"{what}: {value:.2f}, at most {most:g}")

    yield measure
    assert not too_much


@pytest.fixture(scope="session")
def cache(request: pytest.FixtureRequest) -> Path:
    """The folder of what was built and may be used again."""
    folder: Path = request.config.getoption("--bench-cache")
    return folder.resolve()


@pytest.fixture(scope="session")
def soak_s(request: pytest.FixtureRequest) -> float:
    """How long a soak lasts."""
    seconds: float = request.config.getoption("--soak-s")
    return seconds
