"""A button that closes the camera, and a light that is on whenever it is open; both on GPIO pins, neither needed."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationInfo, field_validator

from fer_pi.config import Options
from fer_pi.errors import OutputError
from fer_pi.outputs.gpio import Pin, PinUse, driven, opened, unclaimed

log = logging.getLogger(__name__)

AGAIN_S = 4.0
"""How long after a failure a pin is tried for again."""
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
    """Owns button and light. One that cannot be had is told in `problem`, the rest goes on, and it is tried again."""

    def __init__(
        self, options: PrivacyOptions, press: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`press` is called, in a thread of gpiozero, each time the button is pressed."""
        self.problem = ""
        """What is wrong, in one line for people."""
        self._options = options
        self._press = press
        self._clock = clock
        self._again_at = 0.0
        self._closed = False
        self._known = ""
        self._button: Any = None
        self._led: Any = None
        self._wanted = self._lit = False
        self._uses: Sequence[PinUse] = [] if options.led is None else [(options.led, "led")]
        self._open_missing()

    def light(self, on: bool) -> None:
        """Turn the light on or off."""
        self._wanted = on
        if self._led is None or on == self._lit:
            return
        try:
            with driven(self._uses):
                (self._led.on if on else self._led.off)()
            self._lit = on
        except OutputError as error:
            self._note("camera light", error)

    def look_again(self) -> None:
        """Try anew, every few seconds, for what could not be had: a pin that another program has let go of, say."""
        if self.problem and not self._closed and self._clock() >= self._again_at:
            self._known, self.problem = self.problem, ""
            self._open_missing()
            self.light(self._wanted)
            self._known = ""
            if not self.problem:
                log.info("button and light are there again")

    def close(self) -> None:
        """Light off, pins released; twice is fine."""
        self._closed = True
        self.light(False)
        button, self._button = self._button, None
        led, self._led = self._led, None
        for device in (button, led):
            if device is not None:
                device.close()

    def _open_missing(self) -> None:
        """Open what is configured and not open."""
        self._again_at = self._clock() + AGAIN_S
        if self._button is None:
            self._button = self._opened(
                "privacy button",
                self._options.button,
                lambda gpiozero, pin, factory: gpiozero.Button(pin, bounce_time=BOUNCE_S, pin_factory=factory),
            )
            if self._button is not None:
                self._button.when_pressed = self._press
        if self._led is None:
            self._led = self._opened(
                "camera light",
                self._options.led,
                lambda gpiozero, pin, factory: gpiozero.LED(pin, pin_factory=factory),
            )

    def _opened(self, what: str, pin: int | None, make: Callable[[Any, int, Any], Any]) -> Any:
        if pin is None:
            return None
        try:
            return opened(lambda gpiozero, factory: make(gpiozero, pin, factory), [(pin, what)])
        except OutputError as error:
            self._note(what, error)
            return None

    def _note(self, what: str, error: OutputError) -> None:
        found = f"no {what}: {error}"
        if found not in self._known:
            log.warning("%s", found)
        if found not in self.problem:
            self.problem = f"{self.problem}; {found}" if self.problem else found
