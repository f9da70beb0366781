"""`fer-pi privacy`: works the privacy switch of the service, and waits to see that it was obeyed."""

import time
from collections.abc import Callable
from pathlib import Path

from fer_pi.device.privacy import NAME, write_switch
from fer_pi.errors import DeviceError
from fer_pi.status_view import read_status
from fer_pi.types import Status

PATIENCE_S = 5.0
"""How long the answer of the appliance is waited for."""


class NotAllowed(DeviceError):
    """The switch belongs to the service, and only root may reach it."""

    exit_code = 77


def switch(
    state: Path,
    runtime: Path,
    on: bool,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], object] = time.sleep,
) -> str:
    """Turn privacy on or off, and say what came of it. Raises NotAllowed, or DeviceError where there is no service."""
    try:
        write_switch(state / NAME, on)
    except PermissionError as error:
        raise NotAllowed(
            f"{state} belongs to the service; say `sudo fer-pi privacy {'on' if on else 'off'}`"
        ) from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DeviceError(f"there is no folder {state}; it is made when the service fer-pi first starts") from error
    except OSError as error:
        raise DeviceError(f"{state / NAME} cannot be changed: {error.strerror}") from error
    until = clock() + PATIENCE_S
    while (told := read_status(runtime, clock()))["running"] and clock() < until:
        if (told["status"] == Status.PAUSED) == on:
            return f"privacy is {'on: the camera is closed' if on else 'off: the camera is open'}"
        wait(0.1)
    if not told["running"]:
        when = "it will start with the camera closed" if on else "the camera will be open when it starts"
        return f"privacy is {'on' if on else 'off'}; {told['answer']}; {when}"
    raise DeviceError(f"the running fer-pi did not obey within {PATIENCE_S:g} s; sudo systemctl restart fer-pi")


def answer(runtime: Path) -> str:
    """Whether the camera of the running appliance is closed."""
    told = read_status(runtime, time.monotonic())
    if not told["running"]:
        return str(told["answer"])
    return f"privacy is {'on: the camera is closed' if told['status'] == Status.PAUSED else 'off: the camera may look'}"
