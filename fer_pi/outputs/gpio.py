"""GPIO pins for lights: their numbers, their opening through gpiozero, and its errors in plain words.

gpiozero drives the pins through lgpio, whose software PWM runs at 100 Hz in whole per cent. On import lgpio makes a
pipe `.lgd-nfy*` in the working directory (joan2937/lg issues 12 and 22), so that must be writable: the service
runs in /run/fer-pi for this reason.
"""

import re
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from os import R_OK, W_OK, access
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import PlainValidator, WithJsonSchema

from fer_pi.errors import OutputError

T = TypeVar("T")

HIGHEST_PIN = 27
"""The header of every 40-pin Raspberry Pi has GPIO0 to GPIO27."""

_GPIO_OF_BOARD = {
    3: 2, 5: 3, 7: 4, 8: 14, 10: 15, 11: 17, 12: 18, 13: 27, 15: 22, 16: 23, 18: 24, 19: 10, 21: 9, 22: 25, 23: 11,
    24: 8, 26: 7, 27: 0, 28: 1, 29: 5, 31: 6, 32: 12, 33: 13, 35: 19, 36: 16, 37: 26, 38: 20, 40: 21,
}  # fmt: skip

_DEV = Path("/dev")
_lock = threading.Lock()  # gpiozero makes its pin factory on first use, and two outputs may use it first


def pin_number(value: Any) -> int:
    """The BCM number 0..27 of a pin given as number or as gpiozero names it: 17, "GPIO17", "BCM17", "BOARD11", "J8:11".

    Raises ValueError for anything else.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str) and (
        match := re.fullmatch(r"(GPIO|BCM|BOARD|J8:)?([0-9]{1,4})", value.strip().upper())
    ):
        number = int(match[2])
        if match[1] in ("BOARD", "J8:"):
            if number not in _GPIO_OF_BOARD:
                raise ValueError(f"{value!r} is no GPIO but power, ground or not on the header")
            number = _GPIO_OF_BOARD[number]
    else:
        raise ValueError(f'{value!r} is no pin; give a BCM number 0..{HIGHEST_PIN}, or a name as "GPIO17", "BOARD11"')
    if not 0 <= number <= HIGHEST_PIN:
        raise ValueError(f"GPIO{number} is not on the header; give a BCM number 0..{HIGHEST_PIN}")
    return number


Pin = Annotated[
    int,
    PlainValidator(pin_number),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0, "maximum": HIGHEST_PIN}, {"type": "string"}]}),
]
"""A GPIO pin in the configuration; its value is the BCM number."""

PinUse = tuple[int, str]
"""A BCM number, and the option that names it."""


def unclaimed(pin: int, uses: Iterable[PinUse]) -> int:
    """`pin`, unless one of `uses` has it already: then ValueError."""
    for taken, name in uses:
        if pin == taken:
            raise ValueError(f"GPIO{pin} is used twice, by {name} too; give each LED its own pin")
    return pin


def opened(make: Callable[[Any, Any], T], uses: Sequence[PinUse]) -> T:
    """What `make(gpiozero, pin_factory)` returns: a device, or several, on the pins of `uses`.

    Raises OutputError naming the remedy if gpiozero or lgpio is missing, or a pin is busy, forbidden or not there.
    """
    where = ", ".join(f"GPIO{pin} ({name})" for pin, name in uses)
    try:
        gpiozero: Any = import_module("gpiozero")
    except ImportError as error:
        raise OutputError(
            f"cannot drive {where}: gpiozero is missing ({error}); pip install gpiozero, or on a Pi: "
            "sudo apt install python3-gpiozero python3-lgpio, with a venv made by --system-site-packages"
        ) from error
    factory = None
    try:
        with _lock:
            factory = _pin_factory(gpiozero)
            return make(gpiozero, factory)
    except gpiozero.PinFactoryFallback as error:
        raise OutputError(f"cannot drive {where}: {_no_lgpio(str(error))}") from error
    except gpiozero.GPIOPinInUse as error:
        raise OutputError(f"cannot drive {where}: {error}; give each output its own pins") from error
    except gpiozero.PinPWMUnsupported as error:
        raise OutputError(
            f"cannot drive {where}: {type(factory).__name__} cannot dim; unset GPIOZERO_PIN_FACTORY to use lgpio, "
            "or for a try without LEDs also set GPIOZERO_MOCK_PIN_CLASS=mockpwmpin"
        ) from error
    except Exception as error:  # lgpio.error is a plain Exception, and the library is not there everywhere
        busy = _busy(factory, uses) if "busy" in str(error).lower() else ""
        raise OutputError(f"cannot drive {where}: {busy or _plain(error)}") from error


@contextmanager
def driven(uses: Sequence[PinUse]) -> Iterator[None]:
    """Turns whatever gpiozero or lgpio raises within the block into OutputError."""
    try:
        yield
    except Exception as error:  # as in `opened`
        where = ", ".join(f"GPIO{pin} ({name})" for pin, name in uses)
        raise OutputError(f"{where} no longer answers: {_plain(error)}; will open it again") from error


def _pin_factory(gpiozero: Any) -> Any:
    """The factory that GPIOZERO_PIN_FACTORY or a test chose, else lgpio; never another one in its place.

    gpiozero goes on to other drivers with no more than a warning when lgpio fails, and the last of them cannot dim.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", gpiozero.PinFactoryFallback)
        gpiozero.Device.ensure_pin_factory()
    return gpiozero.Device.pin_factory


def _no_lgpio(warning: str) -> str:
    """Why lgpio could not be used, with the remedy, from the text of gpiozero's warning."""
    cause = warning.partition(": ")[2] or warning
    if "No module named" in cause:
        return (
            f"lgpio is missing ({cause}); sudo apt install python3-lgpio, with a venv made by --system-site-packages "
            "(or, to try without LEDs, set GPIOZERO_PIN_FACTORY=mock GPIOZERO_MOCK_PIN_CLASS=mockpwmpin)"
        )
    if ".lgd-nfy" in cause:
        here = Path.cwd()
        return f"lgpio cannot make its pipe in the working directory {here}; start in a writable one, as /run/fer-pi"
    chips = sorted(_DEV.glob("gpiochip*"))
    if not chips:
        return f"there is no {_DEV}/gpiochip* ({cause}); is this a Raspberry Pi, and may the service see the device?"
    if not any(access(chip, R_OK | W_OK) for chip in chips):
        return f"no permission for {chips[0]} ({cause}); sudo usermod -aG gpio $USER, then log in again"
    return f"lgpio does not work here ({cause}); gpiozero would go on without dimming, which is no use for a light"


def _busy(factory: Any, uses: Sequence[PinUse]) -> str:
    """Which pins are taken, and by whom as far as the kernel knows; "" if it does not say."""
    try:
        lgpio: Any = import_module("lgpio")
        handle = lgpio.gpiochip_open(factory.chip)
        try:
            lines = [(pin, lgpio.gpio_get_line_info(handle, pin)) for pin, _ in uses]
        finally:
            lgpio.gpiochip_close(handle)
    except Exception:  # this only adds to a message: with no answer the error is told as it came
        return ""
    taken = [f"GPIO{pin} is in use by {user!r}" for pin, (_, _, flags, _, user) in lines if flags & 1 and user]
    remedy = "stop that program, or turn the interface off in /boot/firmware/config.txt, or choose another pin"
    return f"{', '.join(taken)}; {remedy}" if taken else ""


def _plain(error: Exception) -> str:
    text = str(error).strip("'\"") or type(error).__name__
    if isinstance(error, PermissionError) or "permission" in text.lower():
        return f"{text}; sudo usermod -aG gpio $USER, then log in again"
    if "busy" in text.lower():
        return f"{text}: another program holds the pin (gpioinfo shows which); stop it or choose another pin"
    return text
