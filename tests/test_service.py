"""The appliance as a service: whatever the configuration, the mood goes on and the fault is told."""

import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fer_pi import attempts
from fer_pi.config_choice import LAST_GOOD, ConfigFiles
from fer_pi.device import lights_out
from fer_pi.errors import ConfigError, ModelError
from fer_pi.service import serve

FOR_EVER = "camera: {kind: demo, pace: fast, loop: true, rate_hz: 15}\noutputs: []\n"


class Systemd:
    """Listens as systemd does, in a thread of its own, and may act on what it hears."""

    def __init__(self, address: Path) -> None:
        self.address = str(address)
        self.statuses: list[str] = []
        self.act: Callable[[str], None] = lambda _: None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while "STOPPING=1" not in (lines := self._socket.recv(4096).decode().split("\n")):
            for line in lines:
                if line.startswith("STATUS="):
                    self.statuses.append(line.removeprefix("STATUS="))
                    self.act(self.statuses[-1])
        self._socket.close()

    def stop_at(self, status: str) -> None:
        """End the service once it tells of a state that begins so."""
        self.act = lambda said: os.kill(os.getpid(), signal.SIGTERM) if said.startswith(status) else None

    def told(self) -> list[str]:
        """What it was told of the state, to the end of the service."""
        self._thread.join(10)
        assert not self._thread.is_alive()
        return self.statuses


@pytest.fixture
def systemd(tmp_path: Path) -> Systemd:
    return Systemd(tmp_path / "notify")


def files(tmp_path: Path, text: str, last_good: str | None = None) -> ConfigFiles:
    (tmp_path / "config.yaml").write_text(text)
    if last_good is not None:
        (tmp_path / LAST_GOOD).write_text(last_good)
    return ConfigFiles(tmp_path / "config.yaml", None, tmp_path)


def test_a_bad_configuration_at_boot_leaves_the_mood_on_and_says_so(tmp_path: Path, systemd: Systemd) -> None:
    systemd.stop_at("watching: happiness")
    serve(files(tmp_path, "outputz: []\n", FOR_EVER), notify=systemd.address)
    assert "(config.yaml:1:1: outputz: unknown option" in systemd.told()[-1]
    assert "the last good configuration is used instead" in systemd.told()[-1]


@pytest.mark.parametrize(
    ("spoilt", "fault"),
    [
        ("classifier: {model: /nowhere}\n", "manifest.json: no model here"),
        ("detector: {model: /nowhere.onnx}\n", "nowhere.onnx: no such model file"),
    ],
)
def test_a_model_that_is_not_there_leaves_the_last_good_configuration(
    tmp_path: Path, systemd: Systemd, spoilt: str, fault: str
) -> None:
    systemd.stop_at("watching: happiness")
    serve(files(tmp_path, FOR_EVER + spoilt, FOR_EVER), notify=systemd.address)
    assert fault in systemd.told()[-1]


def test_it_ends_only_where_there_is_nothing_to_go_on_with(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="outputz"):
        serve(files(tmp_path, "outputz: []\n"))
    with pytest.raises(ModelError, match="no model here"):
        serve(files(tmp_path, FOR_EVER + "classifier: {model: /nowhere}\n"))
    with pytest.raises(ModelError, match="no model here"):
        serve(files(tmp_path, "outputz: []\n", FOR_EVER + "classifier: {model: /nowhere}\n"))


def test_a_bad_configuration_on_reload_changes_nothing_but_what_is_told(tmp_path: Path, systemd: Systemd) -> None:
    def act(status: str) -> None:
        if "outputz" in status:
            os.kill(os.getpid(), signal.SIGTERM)
        elif status.startswith(("nobody", "watching")):
            (tmp_path / "config.yaml").write_text("outputz: []\n")
            os.kill(os.getpid(), signal.SIGHUP)

    systemd.act = act
    serve(files(tmp_path, FOR_EVER), notify=systemd.address)
    assert systemd.told()[-1].startswith(("nobody", "watching"))
    assert "(config.yaml:1:1: outputz: unknown option" in systemd.told()[-1]


def test_a_hot_board_is_told_and_the_mood_goes_on(tmp_path: Path, systemd: Systemd) -> None:
    zone = tmp_path / "class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "temp").write_text("85000\n")
    systemd.stop_at("watching: happiness")
    serve(files(tmp_path, FOR_EVER), None, tmp_path, systemd.address, tmp_path)
    assert systemd.told()[-1] == "watching: happiness (it is too hot, so it looks less often)"


def test_the_pins_of_the_lights_are_noted_for_whoever_comes_after_a_crash(tmp_path: Path, systemd: Systemd) -> None:
    """Also those of a configuration that came with a reload, beside the old ones."""

    def act(status: str) -> None:
        noted = lights_out.noted_pins(tmp_path)
        if noted == [20]:
            (tmp_path / "config.yaml").write_text(FOR_EVER + "privacy: {led: 21}\n")
            os.kill(os.getpid(), signal.SIGHUP)
        elif noted == [20, 21]:
            os.kill(os.getpid(), signal.SIGTERM)

    systemd.act = act
    serve(files(tmp_path, FOR_EVER + "privacy: {led: 20}\n"), None, tmp_path, systemd.address)
    assert systemd.told()
    assert lights_out.noted_pins(tmp_path) == [20, 21]


def test_a_stop_in_good_order_is_no_attempt_that_failed(tmp_path: Path, systemd: Systemd) -> None:
    systemd.stop_at("watching")
    serve(files(tmp_path, FOR_EVER), notify=systemd.address)
    assert not (tmp_path / attempts.NAME).exists()
