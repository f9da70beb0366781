"""`systemctl reload`: a good configuration is used at once and disturbs nothing else, a bad one changes nothing."""

import json
import re

from deploy.bench.conftest import Measure
from deploy.bench.service.appliance import DEMO, Appliance


def moods(appliance: Appliance) -> list[str]:
    """The states that the event log has told of, in order."""
    lines = re.findall(r'^\{"time".*\}$', appliance.journal(), re.MULTILINE)
    return [json.loads(line)["status"] for line in lines]


def test_a_good_one_is_used_within_a_second_and_the_people_stay_known(appliance: Appliance, measured: Measure) -> None:
    before, slowest = appliance.pid, 0.0
    for round_ in range(5):
        # Just after the scene has begun anew, so that somebody is there all the while.
        appliance.until(lambda told: told["status"] == "nobody")
        appliance.until(lambda told: bool(told["mood"]))
        seen = len(moods(appliance))
        appliance.configure(DEMO.replace("]", ", {kind: console, style: lines}]" if round_ % 2 == 0 else "]"))
        asked_at = appliance.clock()
        appliance.system("reload")
        appliance.until(lambda told, n=2 - round_ % 2: len(told["outputs"]) == n)  # type: ignore[misc]
        slowest = max(slowest, appliance.said_at("configuration reloaded")[-1] - asked_at)
        assert set(moods(appliance)[seen:]) <= {"watching"}, "nobody went away"
    measured("reload of a good configuration: used", slowest, 1)
    assert appliance.pid == before


def test_a_bad_one_changes_nothing_and_says_where_it_is_wrong(appliance: Appliance) -> None:
    before = appliance.status()
    appliance.configure("camera: {kind: demo, loop: true}\noutputs:\n  - kind: event_log\n    keeep: 3\n")
    appliance.system("reload")
    appliance.until(lambda told: told["config"]["fault"], 5)
    told = appliance.status()
    assert (told["pid"], told["camera"], len(told["outputs"])) == (before["pid"], before["camera"], 1)
    assert re.search(r"/etc/fer-pi/config.yaml:4:5: .*keeep.*did you mean", appliance.journal())
    assert "config.yaml:4:5" in appliance.shown("StatusText")
    appliance.until(lambda told: told["mood"])
    appliance.configure(DEMO)
    appliance.system("reload")
    appliance.until(lambda told: not told["config"]["fault"], 5)
    assert appliance.pid == before["pid"]
