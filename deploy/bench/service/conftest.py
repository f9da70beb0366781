"""Machines for the scenarios."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.bench.container import Container, debian_root
from deploy.bench.package import offline_package
from deploy.bench.service.appliance import DEMO, Appliance

TIMEOUT_S = 3600


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--suite", choices=("bookworm", "trixie"), default="bookworm", help="the Debian of the containers")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:  # a fixture may have a system to install
        item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="session")
def suite(request: pytest.FixtureRequest) -> str:
    """The Debian of the containers."""
    name: str = request.config.getoption("--suite")
    return name


@pytest.fixture(scope="session")
def root(cache: Path, suite: str) -> Path:
    """A Debian that has never heard of fer_pi."""
    if shutil.which("mmdebstrap") is None:
        pytest.skip("mmdebstrap is not on this machine (apt install mmdebstrap)")
    return debian_root(cache, suite)


@pytest.fixture(scope="session")
def package(cache: Path, suite: str) -> Path:
    """What a user copies to a machine without network."""
    return offline_package(cache, suite, "x86_64")


@pytest.fixture(scope="session")
def installed(root: Path, package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What install.sh puts on top of `root`, the service running with the demo when it was switched off."""
    machine = Container("installed", [root], tmp_path_factory.mktemp("machine") / "work")
    try:
        machine.boot()
        machine.run("mkdir -p /etc/fer-pi")
        machine.put(DEMO.encode(), "/etc/fer-pi/config.yaml")
        machine.run(f"{machine.files_of(package)}/deploy/install.sh", 300)
        Appliance(machine).until_mood()
        machine.shut_down()
        yield machine.disk
    finally:
        machine.close()


@pytest.fixture
def bare(root: Path, tmp_path: Path) -> Iterator[Container]:
    """A machine without fer_pi, running."""
    yield from _running(Container("bare", [root], tmp_path / "work"))


@pytest.fixture
def machine(root: Path, installed: Path, tmp_path: Path) -> Iterator[Container]:
    """A machine with fer_pi, running."""
    yield from _running(Container("appliance", [installed, root], tmp_path / "work"))


@pytest.fixture
def appliance(machine: Container) -> Appliance:
    """The service on `machine`, showing the mood of the demo."""
    appliance = Appliance(machine)
    appliance.until_mood()
    return appliance


def _running(machine: Container) -> Iterator[Container]:
    try:
        machine.boot()
        yield machine
    finally:
        machine.close()
