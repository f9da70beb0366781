"""The appliance: the one loop from camera to outputs, and what may happen to it while it runs."""

import logging
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Protocol

from fer_pi.chain import Chain, open_chain
from fer_pi.config import Config, Options
from fer_pi.config_choice import in_short
from fer_pi.device.governor import Governor
from fer_pi.device.privacy import PrivacySwitch
from fer_pi.errors import FerPiError
from fer_pi.outputs.privacy_panel import PrivacyPanel
from fer_pi.outputs.runner import OutputRunner, RunnerState
from fer_pi.registry import CAMERAS, OUTPUTS, resolve
from fer_pi.shutter import Shutter
from fer_pi.types import Mood, Reading, Status

log = logging.getLogger(__name__)

PATIENCE_S = 0.5
"""How long the loop waits for a frame before it tells the outputs that there is none."""
WAITING_S = 1.0
"""How often a loop that waits for a slow camera says that it goes on."""
OPENING_S = 3.0
"""A camera that has not shown anything yet is "starting" for this long, and missing after it."""


class Sink(Protocol):
    """What takes readings from the loop; `outputs.runner.OutputRunner` is the usual one."""

    def offer(self, reading: Reading) -> None:
        """Take note of it and return at once."""

    def close(self) -> None:
        """Go dark; twice is fine."""


class Appliance:
    """Camera, chain and outputs as a configuration describes them; runs until told to stop.

    `sinks` take each reading beside the configured outputs and stay the caller's to close. `reload` returns a new
    configuration; it is called in the loop after `request_reload`. `fault` is what is wrong from the start, shown until
    a reload. While `switch` is on the camera is closed. `governor` slows the loop down to spare the board.
    """

    def __init__(
        self,
        config: Config,
        sinks: Sequence[Sink] = (),
        reload: Callable[[], Config] | None = None,
        *,
        fault: str = "",
        switch: PrivacySwitch | None = None,
        governor: Governor | None = None,
    ) -> None:
        self.config = config
        """What runs; a reload puts another one in its place."""
        self._sinks = tuple(sinks)
        self._reload = reload
        self._reload_wanted = False
        self._stop_wanted = False
        self.camera: Shutter | None = None
        """Where frames come from; None until it runs."""
        self._switch = switch or PrivacySwitch(None)
        self._governor = governor
        self._outputs: list[tuple[Options, OutputRunner]] = []
        self._last: Reading | None = None
        self._started_at = time.monotonic()
        self.fault = fault
        """What is wrong with the configuration that was meant, in one line for people; empty if nothing is."""

    def request_stop(self) -> None:
        """End the loop after the frame at hand; safe in a signal handler."""
        self._stop_wanted = True

    def request_reload(self) -> None:
        """Read the configuration anew after the frame at hand; safe in a signal handler."""
        self._reload_wanted = True

    @property
    def outputs(self) -> tuple[tuple[str, RunnerState], ...]:
        """How each output is doing, with its kind."""
        return tuple((output.name, output.state) for _, output in self._outputs)

    def run(self) -> None:
        """Show the mood until stopped, or until a file that feeds it ends; every output is dark afterwards.

        Raises ModelError for a model that cannot be used.
        """
        with ExitStack() as devices:
            devices.callback(self._close_outputs)
            self._open_outputs()
            self._offer(Reading(Status.STARTING, Mood(None, 0.0, self._started_at), self._started_at))
            chain = open_chain(self.config)
            camera = self.camera = open_camera(self.config, self._switch)
            devices.callback(lambda: camera.close())
            while not self._stop_wanted:
                if self._reload_wanted:
                    chain, camera = self._reconfigured(chain, camera)
                try:
                    frame = camera.read(PATIENCE_S)
                except EOFError:
                    break
                if frame is not None:
                    self._offer(chain.read(frame))
                    # Nobody is there, or the board must be spared: the frames between are not even drawn.
                    if rest_s := max(chain.rest_s, self._governor.rest_s if self._governor else 0.0):
                        time.sleep(rest_s)
                elif camera.problem:
                    self._offer(chain.without_picture(self._absence(camera), camera.problem, time.monotonic()))
                else:
                    self._go_on(time.monotonic())

    def _absence(self, camera: Shutter) -> Status:
        """What it means that no frame comes: shut, still starting, or no camera."""
        if camera.shut:
            return Status.PAUSED
        starting = self._last is not None and self._last.status is Status.STARTING
        opening = starting and time.monotonic() - self._started_at < OPENING_S
        return Status.STARTING if opening else Status.NO_CAMERA

    def _offer(self, reading: Reading) -> None:
        wrong = [reading.message, self.fault, self.camera.note if self.camera else ""]
        if self._governor:
            self._governor.look(reading.made_at)
            wrong.append(self._governor.pace.reason)
        if any(wrong):
            reading = replace(reading, message="; ".join(filter(None, wrong)))
        if self._last is None or reading.status is not self._last.status:
            log.info("%s%s", reading.status, f": {reading.message}" if reading.message else "")
        self._last = reading
        for _, output in self._outputs:
            output.offer(reading)
        for sink in self._sinks:
            sink.offer(reading)

    def _go_on(self, now: float) -> None:
        """No picture yet, and no reason: whoever watches over the loop hears that it waits, and does not hang."""
        if self._last is not None and now - self._last.made_at >= WAITING_S:
            self._last = replace(self._last, frame=None, made_at=now)
            for sink in self._sinks:
                sink.offer(self._last)

    def _reconfigured(self, chain: Chain, camera: Shutter) -> tuple[Chain, Shutter]:
        """The parts after a reload: those whose options are as before go on undisturbed; a bad file changes nothing."""
        self._reload_wanted = False
        if self._reload is None:
            return chain, camera
        try:
            config = self._reload()
            old = self.config
            same = (config.detector, config.classifier, config.mood) == (old.detector, old.classifier, old.mood)
            fresh = chain if same else open_chain(config)
        except FerPiError as error:
            self._refuse(error)
            return chain, camera
        self.config, self.fault = config, ""
        if (config.camera, config.privacy) != (old.camera, old.privacy):
            camera.close()
            self._close_outputs(but=config)  # a pin of theirs may be the button's or the camera light's now
            try:
                camera = self.camera = open_camera(config, self._switch)
            except FerPiError as error:  # a file to replay that is not there
                self.config, fresh = old, chain
                self._refuse(error)
                camera = self.camera = open_camera(old, self._switch)
        self._open_outputs()
        if self.config is config:
            log.info("configuration reloaded")
        return fresh, camera

    def _refuse(self, error: FerPiError) -> None:
        self.fault = in_short(error)
        log.error("the new configuration is not used, the old one goes on:\n%s", error)

    def _open_outputs(self) -> None:
        """Make the running outputs those of the configuration; what is in both goes on undisturbed."""
        self._close_outputs(but=self.config)
        running = [options for options, _ in self._outputs]
        for options in self.config.outputs:
            if options in running:
                running.remove(options)
            else:
                self._outputs.append((options, open_output(options)))

    def _close_outputs(self, but: Config | None = None) -> None:
        """Close the outputs, `but` those of a configuration."""
        wanted = list(but.outputs) if but else []
        kept = []
        with ExitStack() as closing:  # each is closed, whatever the others do
            for options, output in self._outputs:
                if options in wanted:
                    wanted.remove(options)
                    kept.append((options, output))
                else:
                    closing.callback(output.close)
        self._outputs = kept


def open_camera(config: Config, switch: PrivacySwitch) -> Shutter:
    """The camera that `config` names, opening itself in its own thread, behind the shutter that `switch` works."""
    camera = resolve(CAMERAS[config.camera.kind])
    return Shutter(lambda: camera(config.camera), switch, PrivacyPanel(config.privacy, switch.toggle))


def open_output(options: Options) -> OutputRunner:
    """The output that `options` describe, running in its own thread."""
    kind: str = options.kind  # type: ignore[attr-defined]
    return OutputRunner(kind, lambda: resolve(OUTPUTS[kind])(options))


@contextmanager
def obeying_signals(appliance: Appliance) -> Iterator[None]:
    """SIGTERM and SIGINT stop `appliance` in good order, SIGHUP makes it read its configuration anew."""
    handlers = {
        signal.SIGTERM: lambda *_: appliance.request_stop(),
        signal.SIGINT: lambda *_: appliance.request_stop(),
        signal.SIGHUP: lambda *_: appliance.request_reload(),
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
