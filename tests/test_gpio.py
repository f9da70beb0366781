"""Pins: what names them, and what is said when they cannot be had."""

import builtins
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Literal

import pytest

from fer_pi.errors import OutputError
from fer_pi.outputs import gpio
from fer_pi.outputs.gpio import driven, opened, pin_number, unclaimed
from fer_pi.outputs.rgb_led import RgbLed, RgbLedOptions
from fer_pi.testing.outputs import reading_of
from fer_pi.testing.pins import mock_pins
from fer_pi.types import Emotion

gpiozero = pytest.importorskip("gpiozero", reason="needs gpiozero")
USES = [(17, "red"), (27, "green")]


@pytest.mark.parametrize("board_pin", range(1, 41))
def test_names_mean_the_same_pin_as_to_gpiozero(board_pin: int) -> None:
    with mock_pins() as pins:
        ((_, info),) = list(pins.factory.board_info.find_pin(f"BOARD{board_pin}"))
    for name in (f"BOARD{board_pin}", f"J8:{board_pin}", f"board{board_pin} "):
        if info.name.startswith("GPIO"):
            assert f"GPIO{pin_number(name)}" == info.name
        else:
            with pytest.raises(ValueError, match="is no GPIO but power, ground"):
                pin_number(name)


@pytest.mark.parametrize(("value", "number"), [(0, 0), (27, 27), ("GPIO4", 4), ("bcm27", 27), ("22", 22)])
def test_numbers_and_names_of_pins_are_understood(value: Any, number: int) -> None:
    assert pin_number(value) == number


@pytest.mark.parametrize(
    "value",
    [28, -1, 10**30, True, 17.0, None, [], "", "GPIO", "GPIO28", "GPIO-1", "PIN4", "17 18", "BOARD41", "٣", "9" * 99],
)
def test_nonsense_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"0\.\.27|is no GPIO"):
        pin_number(value)


def test_a_pin_that_is_taken_is_refused_with_the_name_of_who_has_it() -> None:
    assert unclaimed(4, USES) == 4
    with pytest.raises(ValueError, match="GPIO27 is used twice, by green too"):
        unclaimed(27, USES)


def failure(error: Exception) -> str:
    """The message when opening fails with `error`."""

    def fail(_gpiozero: Any, _factory: Any) -> None:
        raise error

    with mock_pins(), pytest.raises(OutputError) as caught:
        opened(fail, USES)
    assert caught.value.__cause__ is error
    assert str(caught.value).startswith("cannot drive GPIO17 (red), GPIO27 (green): ")
    return str(caught.value)


def test_a_pin_without_permission_names_the_group() -> None:
    assert "usermod -aG gpio" in failure(PermissionError(13, "Permission denied"))
    assert "usermod -aG gpio" in failure(RuntimeError("no permission"))


def test_a_busy_pin_names_the_remedy_even_if_nobody_knows_who_has_it() -> None:
    assert "another program holds the pin" in failure(RuntimeError("'GPIO busy'"))


def test_a_busy_pin_names_who_has_it_where_the_kernel_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[int] = []
    fake = SimpleNamespace(
        gpiochip_open=lambda chip: chip + 100,
        gpiochip_close=closed.append,
        gpio_get_line_info=lambda handle, pin: [0, pin, 3, "", "spi0 CS0"] if pin == 27 else [0, pin, 0, "", ""],
    )
    monkeypatch.setitem(sys.modules, "lgpio", fake)
    with (
        mock_pins() as pins,
        pytest.raises(OutputError, match="GPIO27 is in use by 'spi0 CS0'; stop that program") as e,
    ):
        pins.factory.chip = 4

        def fail(_gpiozero: Any, _factory: Any) -> None:
            raise RuntimeError("GPIO busy")

        opened(fail, USES)
    assert "GPIO17 is in use" not in str(e.value)
    assert closed == [104]


def test_a_pin_of_another_output_is_refused_by_gpiozero_and_said_so() -> None:
    with mock_pins(), pytest.raises(OutputError, match=r"GPIO17 is already in use.*give each output its own pins"):
        led = opened(lambda gz, factory: gz.PWMLED(17, pin_factory=factory), USES)
        try:
            opened(lambda gz, factory: gz.PWMLED(17, pin_factory=factory), USES)
        finally:
            led.close()


def test_mock_pins_that_cannot_dim_name_the_variable_that_helps() -> None:
    with mock_pins() as pins:
        pins.factory.pin_class = __import__("gpiozero.pins.mock", fromlist=["MockPin"]).MockPin
        with pytest.raises(OutputError, match="GPIOZERO_MOCK_PIN_CLASS=mockpwmpin"):
            opened(lambda gz, factory: gz.PWMLED(17, pin_factory=factory), USES)


@pytest.fixture
def no_factory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpiozero.Device, "pin_factory", None)
    monkeypatch.delenv("GPIOZERO_PIN_FACTORY", raising=False)


@pytest.mark.skipif(find_spec("lgpio") is not None, reason="lgpio is installed here")
def test_without_lgpio_nothing_else_is_tried_and_the_package_is_named(no_factory: None) -> None:
    """gpiozero itself would warn and go on to drivers that cannot dim."""
    with pytest.raises(OutputError, match=r"lgpio is missing.*python3-lgpio"):
        opened(lambda gz, factory: gz.PWMLED(17, pin_factory=factory), USES)
    assert gpiozero.Device.pin_factory is None, "so that the next try begins anew"


def test_a_chosen_mock_factory_is_used_without_a_word(no_factory: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    monkeypatch.setenv("GPIOZERO_MOCK_PIN_CLASS", "mockpwmpin")
    led = opened(lambda gz, factory: gz.PWMLED(17, pin_factory=factory), USES)
    try:
        assert type(led.pin_factory).__name__ == "MockFactory"
    finally:
        led.close()


def fallback_message(monkeypatch: pytest.MonkeyPatch, cause: Exception) -> str:
    """The message when gpiozero's import of its lgpio driver raises `cause`."""
    real_import = builtins.__import__

    def broken(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "gpiozero.pins.lgpio":
            raise cause
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", broken)
    with pytest.raises(OutputError) as caught:
        opened(lambda gz, factory: gz.PWMLED(17, pin_factory=factory), USES)
    return str(caught.value)


def test_a_working_directory_that_lgpio_cannot_write_to_is_named(
    no_factory: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    message = fallback_message(monkeypatch, FileNotFoundError(2, "No such file or directory", ".lgd-nfy-3"))
    assert f"lgpio cannot make its pipe in the working directory {tmp_path}" in message


def test_a_board_without_gpio_is_told(no_factory: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(gpio, "_DEV", tmp_path)
    assert "is this a Raspberry Pi" in fallback_message(monkeypatch, RuntimeError("can not open gpiochip"))


def test_a_chip_without_permission_names_the_group(
    no_factory: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "gpiochip0").touch()
    monkeypatch.setattr(gpio, "_DEV", tmp_path)
    monkeypatch.setattr(gpio, "access", lambda path, mode: False)
    message = fallback_message(monkeypatch, RuntimeError("can not open gpiochip"))
    assert f"no permission for {tmp_path}/gpiochip0" in message
    assert "usermod -aG gpio" in message


def test_any_other_fallback_is_refused_too(no_factory: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "gpiochip0").touch()
    monkeypatch.setattr(gpio, "_DEV", tmp_path)
    assert "lgpio does not work here (odd)" in fallback_message(monkeypatch, RuntimeError("odd"))


class FakeLgpio(ModuleType):
    """lgpio as gpiozero's own driver calls it; remembers the calls, and who has which pin."""

    class error(Exception):
        """lgpio's only error."""

    SET_PULL_NONE, SET_PULL_UP, SET_PULL_DOWN, BOTH_EDGES, RISING_EDGE, FALLING_EDGE = range(6)

    def __init__(self, taken: dict[int, str]) -> None:
        super().__init__("lgpio")
        self.calls: list[tuple[Any, ...]] = []
        self._taken = taken
        self._outputs: set[int] = set()

    def gpiochip_open(self, chip: int) -> int:
        return 7

    def gpiochip_close(self, handle: int) -> None:
        self.calls.append(("close",))

    def gpio_claim_input(self, handle: int, pin: int, flags: int = 0) -> None:
        if pin in self._taken:
            raise self.error("'GPIO busy'")
        self.calls.append(("input", pin))
        self._outputs.discard(pin)

    def gpio_claim_output(self, handle: int, pin: int) -> None:
        self._outputs.add(pin)

    def gpio_get_mode(self, handle: int, pin: int) -> int:
        return 2 if pin in self._outputs else 0

    def gpio_get_line_info(self, handle: int, pin: int) -> list[Any]:
        return [0, pin, int(pin in self._taken), "", self._taken.get(pin, "")]

    def gpio_write(self, handle: int, pin: int, level: bool) -> None:
        self.calls.append(("write", pin, level))

    def tx_pwm(self, handle: int, pin: int, frequency: float, duty: float) -> None:
        self.calls.append(("pwm", pin, frequency, duty))


@pytest.fixture
def lgpio(no_factory: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., FakeLgpio]]:
    """Puts a fake lgpio under gpiozero's real driver for it, on what looks like a Pi 4."""
    local = import_module("gpiozero.pins.local")
    driver = "gpiozero.pins.lgpio"

    def installed(taken: dict[int, str] | None = None) -> FakeLgpio:
        fake = FakeLgpio(taken or {})
        monkeypatch.setitem(sys.modules, "lgpio", fake)
        monkeypatch.delitem(sys.modules, driver, raising=False)
        monkeypatch.setattr(local, "get_pi_revision", lambda: 0xC03111)
        return fake

    yield installed
    local.LocalPiFactory.pins.clear()
    local.LocalPiFactory._reservations.clear()
    sys.modules.pop(driver, None)


@pytest.mark.parametrize(("common", "dark"), [("cathode", 0), ("anode", 100)])
def test_through_the_real_driver_the_led_runs_at_100_hz_and_is_dark_before_it_is_let_go(
    lgpio: Callable[..., FakeLgpio], common: Literal["cathode", "anode"], dark: int
) -> None:
    fake = lgpio()
    led = RgbLed(RgbLedOptions(common=common, fade_s=0))
    led.show(reading_of(Emotion.NEUTRAL))
    lit = [call for call in fake.calls if call[0] == "pwm"][-3:]
    assert [(pin, frequency) for _, pin, frequency, _ in lit] == [(17, 100), (27, 100), (22, 100)]
    assert all(abs(duty - dark) > 80 for _, _, _, duty in lit)
    fake.calls.clear()
    led.close()
    for pin in (17, 27, 22):
        mine = [call for call in fake.calls if call[1:2] == (pin,)]
        assert mine[0] == ("pwm", pin, 100, dark)
        assert mine[-1] == ("input", pin)


def test_through_the_real_driver_a_busy_pin_names_who_has_it(lgpio: Callable[..., FakeLgpio]) -> None:
    lgpio({27: "spi0 CS0"})
    with pytest.raises(OutputError, match=r"GPIO27 is in use by 'spi0 CS0'; stop that program"):
        RgbLed(RgbLedOptions())


def test_a_missing_gpiozero_names_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    with pytest.raises(OutputError, match=r"gpiozero is missing.*python3-gpiozero"):
        opened(lambda gz, factory: None, USES)


def test_a_pin_that_fails_while_it_is_driven_is_named() -> None:
    with (
        pytest.raises(OutputError, match=r"GPIO17 \(red\), GPIO27 \(green\) no longer answers: bad handle"),
        driven(USES),
    ):
        raise RuntimeError("bad handle")
