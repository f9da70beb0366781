"""gpiozero's mock pins, with PWM, in place of real ones; remembers every level of every pin with its time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any


@dataclass(slots=True)
class MockPins:
    """The pins of a Raspberry Pi that is not there."""

    factory: Any
    """gpiozero's MockFactory."""
    levels: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    """For each BCM number that was driven: (seconds on the clock, level 0..1 at the pin), in order."""
    broken: dict[int, Exception] = field(default_factory=dict)
    """Pins that raise this when they are driven from now on."""

    def level(self, pin: int) -> float:
        """The level at the pin now, 0..1 of the time high; 0 if nothing drives it."""
        return self.levels[pin][-1][1] if self.levels.get(pin) else 0.0

    def all_released(self) -> bool:
        """Whether no pin is an output any more; a pin that is an input lights nothing."""
        return all(pin.function == "input" for pin in self.factory.pins.values())


@contextmanager
def mock_pins(clock: Callable[[], float] = time.monotonic) -> Iterator[MockPins]:
    """Within the block, gpiozero drives mock pins; afterwards it drives what it did before."""
    gpiozero: Any = import_module("gpiozero")
    mock: Any = import_module("gpiozero.pins.mock")
    pins = MockPins(factory=None)

    class RecordingPin(mock.MockPWMPin):  # type: ignore[misc]
        def _change_state(self, value: float) -> bool:
            number = int(self.info.name.removeprefix("GPIO"))
            if number in pins.broken and self.function == "output":
                raise pins.broken[number]
            pins.levels.setdefault(number, []).append((clock(), float(value)))
            return bool(super()._change_state(value))

    before = gpiozero.Device.pin_factory
    pins.factory = gpiozero.Device.pin_factory = mock.MockFactory(pin_class=RecordingPin)
    try:
        yield pins
    finally:
        pins.factory.reset()
        gpiozero.Device.pin_factory = before
