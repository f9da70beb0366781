"""The appliance as a whole: real models, a replayed scene, mock pins, real signals."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from itertools import groupby, pairwise
from pathlib import Path

import pytest

from fer_pi.app import Appliance, obeying_signals
from fer_pi.config import Config, checked_config
from fer_pi.device.governor import Governor, Pace
from fer_pi.errors import ConfigError
from fer_pi.testing.pins import MockPins, mock_pins
from fer_pi.testing.videos import scene_video
from fer_pi.types import Emotion, Reading, Status

LED: dict[str, object] = {"kind": "rgb_led", "red": 17, "green": 27, "blue": 22}


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of one smiling face."""
    return scene_video(tmp_path_factory.mktemp("video") / "smile.mp4", 3.0, 2.0)


@pytest.fixture
def pins() -> Iterator[MockPins]:
    with mock_pins() as pins:
        yield pins


class Witness:
    """Remembers what it is offered, and may act on it."""

    def __init__(self, act: Callable[[Reading], object] = lambda _: None) -> None:
        self.readings: list[Reading] = []
        self._act = act

    def offer(self, reading: Reading) -> None:
        self.readings.append(reading)
        self._act(reading)

    def close(self) -> None:
        """Nothing to release."""

    @property
    def statuses(self) -> list[Status]:
        """Each state once for each time it was entered."""
        seen = [reading.status for reading in self.readings]
        return [now for before, now in zip([None, *seen], seen, strict=False) if now is not before]


def settings(video: Path, *outputs: dict[str, object], **replay: object) -> Config:
    camera = {"kind": "replay", "path": str(video), "pace": "fast", **replay}
    return checked_config({"camera": camera, "outputs": list(outputs)})


def dark(pins: MockPins) -> bool:
    return pins.all_released() and all(pins.level(pin) == 0 for pin in (17, 27, 22))


def has_settled(reading: Reading) -> bool:
    """Whether the mood has been there for as long as the light takes to fade to it."""
    return reading.mood.emotion is not None and reading.made_at - reading.mood.since > 0.6


def was_lit(pins: MockPins) -> bool:
    return any(level > 0.1 for levels in pins.levels.values() for _, level in levels)


def test_a_video_of_a_smile_becomes_happiness_on_light_and_log(video: Path, pins: MockPins, tmp_path: Path) -> None:
    log = tmp_path / "moods.jsonl"
    witness = Witness()
    Appliance(settings(video, LED, {"kind": "event_log", "path": str(log)}, pace="real"), [witness]).run()
    assert witness.statuses[0] is Status.STARTING
    assert witness.statuses[-1] is Status.WATCHING
    assert witness.readings[-1].mood.emotion is Emotion.HAPPINESS
    assert "happiness" in [json.loads(line)["mood"] for line in log.read_text().splitlines()]
    assert was_lit(pins)
    assert dark(pins)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order_and_dark(video: Path, pins: MockPins, number: int) -> None:
    def kill(reading: Reading) -> None:
        if has_settled(reading):
            os.kill(os.getpid(), number)

    appliance = Appliance(settings(video, LED, pace="real", loop=True), [Witness(kill)])
    with obeying_signals(appliance):
        appliance.run()
    assert was_lit(pins)
    assert dark(pins)


def test_a_crash_of_the_loop_leaves_everything_dark(video: Path, pins: MockPins) -> None:
    def crash(reading: Reading) -> None:
        if has_settled(reading):
            raise RuntimeError("a fault on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        Appliance(settings(video, LED, pace="real", loop=True), [Witness(crash)]).run()
    assert was_lit(pins)
    assert dark(pins)


def test_an_output_that_cannot_be_opened_stops_nothing(video: Path, tmp_path: Path) -> None:
    witness = Witness()
    missing: dict[str, object] = {"kind": "event_log", "path": str(tmp_path / "no such folder" / "moods.jsonl")}
    Appliance(settings(video, missing), [witness]).run()
    assert witness.readings[-1].mood.emotion is Emotion.HAPPINESS


def test_a_camera_that_is_missing_is_a_state_and_not_the_end() -> None:
    def stop(reading: Reading) -> None:
        if reading.status is Status.NO_CAMERA:
            appliance.request_stop()

    witness = Witness(stop)
    config = checked_config({"camera": {"kind": "webcam", "device": "/dev/video254"}, "outputs": []})
    appliance = Appliance(config, [witness])
    appliance.run()
    assert witness.statuses == [Status.STARTING, Status.NO_CAMERA]
    assert "/dev/video254" in witness.readings[-1].message


def test_an_empty_room_is_seldom_read_and_no_frame_counts_as_dropped(tmp_path: Path) -> None:
    empty = scene_video(tmp_path / "empty.mp4", 0.0, 1.5)
    witness = Witness()
    config = settings(empty, pace="real").model_dump(mode="json")
    config["detector"] |= {"idle_after_s": 0.4, "idle_rate_hz": 4.0}
    Appliance(checked_config(config), [witness]).run()
    taken = [reading.frame.taken_at for reading in witness.readings if reading.frame is not None]
    awake = [one for one in taken if one - taken[0] < 0.4]
    assert len(taken) - len(awake) <= 1 + 4 * (1.5 - 0.4), "at most so many looks after it began to rest"
    assert len(taken) - len(awake) >= 3
    # Seven pictures pass between two looks. Were they counted, each look would tell of more; that a busy computer
    # drops some before it rests is another matter.
    assert len({reading.timings.dropped for reading in witness.readings[-3:]}) == 1


def reloading(first: Config, reload: Callable[[], Config], after: int, stop: int) -> Witness:
    """What is offered when SIGHUP comes at one reading and the end at a later one."""

    def act(_: Reading) -> None:
        if len(witness.readings) == after:
            os.kill(os.getpid(), signal.SIGHUP)
        if len(witness.readings) == stop:
            appliance.request_stop()

    witness = Witness(act)
    appliance = Appliance(first, [witness], reload)
    with obeying_signals(appliance):
        appliance.run()
    return witness


def test_a_reload_of_other_outputs_keeps_the_people_in_sight(video: Path, pins: MockPins) -> None:
    first = settings(video, loop=True)
    witness = reloading(first, lambda: settings(video, LED, loop=True), 15, 30)
    tracks = {seen.track for reading in witness.readings[10:] for seen in reading.sightings}
    assert len(tracks) == 1
    assert Status.STARTING not in witness.statuses[1:]
    assert dark(pins)


def test_a_reload_with_a_camera_light_lights_it(video: Path, pins: MockPins) -> None:
    camera = {"kind": "replay", "path": str(video), "pace": "fast", "loop": True}
    with_light = checked_config({"camera": camera, "outputs": [], "privacy": {"led": 23}})
    witness = reloading(settings(video, loop=True), lambda: with_light, 15, 30)
    assert witness.statuses[-1] is Status.WATCHING
    assert [level for level, _ in groupby(level for _, level in pins.levels[23])] == [0, 1, 0]


def test_a_reload_with_another_camera_opens_it(video: Path, tmp_path: Path) -> None:
    other = scene_video(tmp_path / "empty.mp4", 0.0, 1.0)
    witness = reloading(settings(video, loop=True), lambda: settings(other, loop=True), 15, 60)
    assert witness.readings[-1].frame is not None
    assert witness.readings[-1].frame.source == str(other)


def test_a_reload_may_give_the_pin_of_an_output_to_the_camera_light(video: Path, pins: MockPins) -> None:
    first = settings(video, LED, loop=True)
    second = {"camera": first.camera.model_dump(mode="json"), "outputs": [], "privacy": {"led": 17}}
    witness = reloading(first, lambda: checked_config(second), 15, 30)
    assert witness.readings[-1].message == ""
    assert witness.readings[-1].status is Status.WATCHING


def test_a_reload_with_a_file_that_is_not_there_changes_nothing_and_is_shown(video: Path, pins: MockPins) -> None:
    camera = {"kind": "replay", "path": str(video), "pace": "fast", "loop": True}
    first = {"camera": camera, "outputs": [], "privacy": {"led": 23}}
    second = {**first, "camera": {**camera, "path": "/nowhere.mp4"}, "mood": {"room": "everyone"}}
    witness = reloading(checked_config(first), lambda: checked_config(second), 15, 60)
    last = witness.readings[-1]
    assert last.message.startswith("nowhere.mp4: cannot be read")
    assert last.frame is not None and last.frame.source == str(video)
    assert last.mood.track is not None, "the mood is that of the nearest, as before"
    assert [level for level, _ in groupby(level for _, level in pins.levels[23])] == [0, 1, 0, 1, 0, 1, 0]


def test_a_camera_that_keeps_the_loop_waiting_is_no_hang(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Waiting:
        name, problem, note, shut = "camera", "", "", False

        def read(self, timeout_s: float) -> None:
            time.sleep(0.01)

        def close(self) -> None:
            """Nothing to release."""

    def act(_: Reading) -> None:
        if len(witness.readings) == 5:
            appliance.request_stop()

    monkeypatch.setattr("fer_pi.app.WAITING_S", 0.05)
    monkeypatch.setattr("fer_pi.app.open_camera", lambda config, switch: Waiting())
    witness = Witness(act)
    appliance = Appliance(settings(video), [witness])
    appliance.run()
    times = [reading.made_at for reading in witness.readings]
    assert all(later - earlier >= 0.05 for earlier, later in pairwise(times))


def test_a_bad_configuration_on_reload_changes_nothing_and_is_shown(video: Path) -> None:
    def broken() -> Config:
        raise ConfigError("config.yaml:3:5: outputs[0].gren: unknown option", "config.yaml:4:5: and another")

    witness = reloading(settings(video, loop=True), broken, 15, 30)
    assert witness.readings[14].message == ""
    assert witness.readings[-1].message == "config.yaml:3:5: outputs[0].gren: unknown option"
    assert witness.readings[-1].status is Status.WATCHING


def test_the_button_closes_the_camera_and_light_and_status_say_so(video: Path, pins: MockPins) -> None:
    def press(reading: Reading) -> None:
        closed = reading.status is Status.PAUSED and was_lit(pins)
        if (has_settled(reading) and Status.PAUSED not in witness.statuses) or (closed and len(paused(witness)) == 3):
            pins.factory.pin(24).drive_low()
            pins.factory.pin(24).drive_high()
        elif has_settled(reading):
            appliance.request_stop()

    def paused(witness: Witness) -> list[Reading]:
        return [reading for reading in witness.readings if reading.status is Status.PAUSED]

    witness = Witness(press)
    camera = {"kind": "replay", "path": str(video), "loop": True}
    settings = {"camera": camera, "privacy": {"button": 24, "led": 23}, "outputs": [LED]}
    appliance = Appliance(checked_config(settings), [witness])
    appliance.run()
    entered = [status for status in witness.statuses if status in (Status.WATCHING, Status.PAUSED)]
    assert entered == [Status.WATCHING, Status.PAUSED, Status.WATCHING]
    assert all(reading.frame is None and not reading.sightings for reading in paused(witness))
    assert [level for level, _ in groupby(level for _, level in pins.levels[23])] == [0, 1, 0, 1, 0]
    assert dark(pins)


def test_a_board_that_must_be_spared_looks_less_often_and_says_so(video: Path, tmp_path: Path) -> None:
    """Two seconds of video at three readings a second."""
    witness = Witness()
    governor = Governor(tmp_path)
    governor.pace = Pace(3, "it is too hot", changed_at=time.monotonic(), calm_since=time.monotonic())
    Appliance(settings(video, pace="real"), [witness], governor=governor).run()
    seen = [reading for reading in witness.readings if reading.frame is not None]
    assert 3 <= len(seen) <= 7
    assert {reading.message for reading in seen} == {"it is too hot"}


def test_nothing_is_left_running(video: Path, pins: MockPins) -> None:
    before = threading.active_count()
    Appliance(settings(video, LED)).run()
    assert threading.active_count() == before
