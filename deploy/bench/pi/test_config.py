"""A configuration that is broken, or changed while it runs."""

from pathlib import Path

import pytest

from deploy.bench.conftest import Measure
from deploy.bench.pi.leds import Level
from deploy.bench.pi.rig import Rig
from deploy.bench.service.appliance import CONFIG

pytestmark = pytest.mark.short


@pytest.fixture(scope="module")
def config(pi: Rig) -> str:
    """The shipped one, which has run well."""
    pi.webcam.plug()
    pi.appliance.until(lambda told: bool(told.get("mood")) and told["uptime_s"] > 15, 180)
    return pi.guest.get(CONFIG).decode()


def flashes_red(levels: list[Level]) -> bool:
    """Whether the light says that something is wrong: gold has as much green as red, these flashes have none."""
    return any(level.red > 0.3 and level.green < 0.05 for level in levels)


def test_a_bad_one_at_reload_changes_nothing(pi: Rig, config: str, artefacts: Path, measured: Measure) -> None:
    before = pi.appliance.pid
    pi.appliance.configure(config.replace("brightness: 1.0 ", "brightnes: 1.0 ", 1))
    pi.appliance.system("reload")
    told, shown_s = pi.appliance.until(lambda told: told["config"]["fault"] and told)
    measured("bad configuration at reload: said", shown_s, 2)
    assert "brightnes" in told["config"]["fault"]
    assert told["pid"] == before
    assert told["mood"] == "happiness"
    pi.on_led(flashes_red, 3, 15)
    pi.guest.screenshot(artefacts / "bad_config.png")
    line = 1 + config[: config.index("brightness: 1.0 ")].count("\n")
    assert f"{CONFIG}:{line}" in pi.appliance.journal()


@pytest.mark.parametrize("bad", ["version: 99\n", "camera: [\n", ""], ids=["unknown version", "no YAML", "empty file"])
def test_with_a_bad_one_at_boot_the_last_good_one_is_used(pi: Rig, config: str, measured: Measure, bad: str) -> None:
    pi.appliance.configure(bad)
    before = pi.appliance.pid
    pi.appliance.system("restart", 90)
    measured(
        f"restart with a bad configuration ({bad.strip()!r}): mood shown", pi.appliance.until_mood(after=before), 15
    )
    told = pi.appliance.status()
    if bad:
        assert told["config"]["fault"]
        assert told["config"]["path"].endswith("last-good")
        assert CONFIG in pi.appliance.journal()


def test_a_good_one_at_reload_is_used_at_once(pi: Rig, config: str, measured: Measure) -> None:
    """Only the light is changed: the same process goes on, and nobody is lost."""
    pi.appliance.configure(config)
    pi.appliance.system("reload")
    pi.appliance.until(lambda told: not told["config"]["fault"] and told.get("mood"))
    before = pi.appliance.pid
    pi.appliance.configure(config.replace("brightness: 1.0 ", "brightness: 0.5 ", 1))
    asked_at = pi.appliance.clock()
    pi.appliance.system("reload")
    said_at = pi.appliance.until(
        lambda told: [at for at in pi.appliance.said_at("configuration reloaded") if at >= asked_at]
    )[0][0]
    measured("good configuration at reload: used (at a PC's pace, in the container: 1)", said_at - asked_at, 2.5)
    assert pi.appliance.status()["mood"] == "happiness"
    assert pi.appliance.pid == before
    assert not [at for at in pi.appliance.said_at("nobody|not sure") if at >= asked_at], "nobody was lost"
