"""A button that closes the camera, and a light that is on whenever it is open; both on GPIO pins, neither needed."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationInfo, field_validator

from fer_pi.config import Options
from fer_pi.errors import OutputError
from fer_pi.outputs.gpio import Pin, PinUse, driven, opened, unclaimed

log = logging.getLogger(__name__)

BOUNCE_S = 0.05
"""How long the contacts of a button chatter; not looked at meanwhile."""


class PrivacyOptions(Options):
    """What people in front of the camera can see and do about it."""

    button: Pin | None = None
    """Pin of a button to ground: a press closes the camera, the next one opens it; null for none."""
    led: Pin | None = None
    """Pin of an LED (with its resistor, to ground) that is on whenever the camera may look; null for none."""

    @field_validator("led")
    @classmethod
    def _own_pin(cls, value: int | None, info: ValidationInfo) -> int | None:
        button = info.data.get("button")
        return value if value is None or button is None else unclaimed(value, [(button, "button")])

    def pins(self) -> list[PinUse]:
        """The pins that are used, each with the name of its option."""
        both = (self.button, "button"), (self.led, "led")
        return [(pin, name) for pin, name in both if pin is not None]


class PrivacyPanel:
    """Owns button and light. One that cannot be had is told in `problem`, and the rest goes on."""

    def __init__(self, options: PrivacyOptions, press: Callable[[], None]) -> None:
        """`press` is called, in a thread of gpiozero, each time the button is pressed."""
        self.problem = ""
        """What is wrong, in one line for people."""
        self._lit = False
        self._button = self._opened(
            "privacy button",
            options.button,
            lambda gpiozero, pin, factory: gpiozero.Button(pin, bounce_time=BOUNCE_S, pin_factory=factory),
        )
        self._led = self._opened(
            "camera light", options.led, lambda gpiozero, pin, factory: gpiozero.LED(pin, pin_factory=factory)
        )
        self._uses: Sequence[PinUse] = [] if options.led is None else [(options.led, "led")]
        if self._button is not None:
            self._button.when_pressed = press

    def light(self, on: bool) -> None:
        """Turn the light on or off."""
        if self._led is None or on == self._lit:
            return
        try:
            with driven(self._uses):
                (self._led.on if on else self._led.off)()
            self._lit = on
        except OutputError as error:
            self._note("camera light", error)

    def close(self) -> None:
        """Light off, pins released; twice is fine."""
        self.light(False)
        button, self._button = self._button, None
        led, self._led = self._led, None
        for device in (button, led):
            if device is not None:
                device.close()

    def _opened(self, what: str, pin: int | None, make: Callable[[Any, int, Any], Any]) -> Any:
        if pin is None:
            return None
        try:
            return opened(lambda gpiozero, factory: make(gpiozero, pin, factory), [(pin, what)])
        except OutputError as error:
            self._note(what, error)
            return None

    def _note(self, what: str, error: OutputError) -> None:
        self.problem = f"no {what}: {error}"
        log.warning("%s", self.problem)
