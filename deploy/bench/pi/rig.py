"""The virtual Pi with all that is plugged into it, and the hands that pull it out."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.bench.pi import pictures
from deploy.bench.pi.guest import Guest
from deploy.bench.pi.image import Image
from deploy.bench.pi.leds import LedLog, Level
from deploy.bench.pi.webcam import Webcam
from deploy.bench.service.appliance import Appliance, NotYet

LOOK_S = 0.25
"""A look takes the emulated processor a tenth of a second, which is missing elsewhere."""


@dataclass(frozen=True, slots=True)
class Rig:
    """Somebody smiles at its webcam, which is not plugged in at first."""

    guest: Guest
    webcam: Webcam
    appliance: Appliance
    leds: LedLog

    def on_led(self, seen: Callable[[list[Level]], bool], window_s: float, within_s: float) -> float:
        """Seconds until the LED of the last `window_s` is as `seen` wants it. Raises NotYet."""
        began = time.monotonic()
        while (passed := time.monotonic() - began) < within_s:
            if seen(levels := self.leds.last(window_s)):
                return passed
            time.sleep(0.2)
        raise NotYet(f"not on the LED in {within_s:.0f} s: {levels[-20:]}")

    def until_status(self, *wanted: str, within_s: float = 30.0) -> float:
        """Seconds until it tells one of these states. Raises NotYet."""
        return self.appliance.until(lambda told: told.get("status") in wanted, within_s)[1]

    def close(self) -> None:
        """Throw all of it away."""
        self.guest.close()
        self.webcam.close()


def rig(image: Image, work: Path, *, screen: tuple[int, int] | None = (800, 480), watchdog: bool = False) -> Rig:
    """A new one, switched off; `work` is a folder for its files."""
    work.mkdir(parents=True, exist_ok=True)
    webcam = Webcam(work / "webcam", pictures.smile)
    guest = Guest(image, work, usb=[work / "webcam"], screen=screen, watchdog=watchdog)
    return Rig(guest, webcam, Appliance(guest, LOOK_S), LedLog(guest))
