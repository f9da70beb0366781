"""The appliance as a service: begins with the best configuration there is, and tells others how it is doing."""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from fer_pi import status_file
from fer_pi.app import Appliance, Sink, obeying_signals
from fer_pi.config import Config
from fer_pi.config_choice import Choice, ConfigFiles, LastGood
from fer_pi.device import lights_out
from fer_pi.device.board import SYSFS
from fer_pi.device.first_light import FirstLight
from fer_pi.device.governor import Governor
from fer_pi.device.privacy import PrivacySwitch
from fer_pi.device.service_manager import ServiceManager
from fer_pi.errors import ModelError
from fer_pi.status_file import Facts, StatusFile

log = logging.getLogger(__name__)


def serve(
    files: ConfigFiles,
    state: Path | None = None,
    runtime: Path | None = None,
    notify: str | None = None,
    sysfs: Path = SYSFS,
    light: FirstLight | None = None,
) -> None:
    """Show the mood until a signal ends it, or until a file that feeds it ends.

    `state` is the folder for what outlasts a restart, `runtime` that of the status file, `notify` the address of the
    service manager; each may be missing. `sysfs` is where heat and power supply are read, `light` what has shone so
    far and makes way for the outputs. Raises ConfigError or ModelError only where there is no other configuration to
    go on with.
    """
    with_these = PrivacySwitch(state), Governor(sysfs)
    with ExitStack() as closing:
        sinks: list[Sink] = []
        if notify:
            sinks.append(ServiceManager(notify))
            closing.callback(sinks[-1].close)
        choice = files.at_start()
        if light:
            light.end()
        while True:
            try:
                _run(choice, files, sinks, runtime, light.pins if light else (), *with_these)
                return files.ended_well()
            except ModelError as error:
                choice = files.instead_after(error)


def _run(
    choice: Choice,
    files: ConfigFiles,
    sinks: list[Sink],
    runtime: Path | None,
    lit: tuple[int, ...],
    switch: PrivacySwitch,
    governor: Governor,
) -> None:
    log.info("the configuration is %s", choice.path)

    def reload() -> Config:
        config = files.at_reload().config
        _note_pins(runtime, appliance.config, config)  # the old ones too, until the next start: it may yet be refused
        return config

    _note_pins(runtime, choice.config, also=lit)
    with ExitStack() as closing:
        more: list[Sink] = [LastGood(files, lambda: appliance.config)]
        if runtime:
            more.append(StatusFile(runtime / status_file.NAME, _facts(lambda: appliance, files, governor)))
            closing.callback(more[-1].close)
        appliance = Appliance(
            choice.config,
            [*sinks, *more],
            reload=reload,
            fault=choice.fault,
            switch=switch,
            governor=governor,
        )
        closing.enter_context(obeying_signals(appliance))
        appliance.run()


def _note_pins(runtime: Path | None, *configs: Config, also: tuple[int, ...] = ()) -> None:
    """Say in the runtime folder which lights are to be put out should this process die."""
    if runtime is None:
        return
    pins = [pin for config in configs for options in (*config.outputs, config.privacy) for pin, _ in options.pins()]
    try:
        lights_out.note_pins(runtime, [*pins, *also])
    except OSError as error:
        log.warning("the pins cannot be noted in %s, so a crash may leave a light on: %s", runtime, error.strerror)


def _facts(appliance: Callable[[], Appliance], files: ConfigFiles, governor: Governor) -> Callable[[], Facts]:
    """What the status tells beside the readings, at the time that it is asked."""

    def facts() -> Facts:
        running, choice = appliance(), files.current
        camera = running.camera
        return Facts(
            camera=camera.name if camera else "",
            camera_problem=camera.problem if camera else "",
            outputs=running.outputs,
            board=governor.board,
            config=str(choice.path) if choice else "",
            config_fault=running.fault,
        )

    return facts
