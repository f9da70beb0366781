"""The appliance as a service: begins with the best configuration there is, and tells others how it is doing."""

import logging
from contextlib import ExitStack

from fer_pi.app import Appliance, Sink, obeying_signals
from fer_pi.config_choice import Choice, ConfigFiles, LastGood
from fer_pi.device.service_manager import ServiceManager
from fer_pi.errors import ModelError

log = logging.getLogger(__name__)


def serve(files: ConfigFiles, *, notify: str | None = None) -> None:
    """Show the mood until a signal ends it, or until a file that feeds it ends.

    `notify` is the address of the service manager, if there is one. Raises ConfigError or ModelError only where there
    is no other configuration to go on with.
    """
    with ExitStack() as closing:
        sinks: list[Sink] = []
        if notify:
            sinks.append(ServiceManager(notify))
            closing.callback(sinks[-1].close)
        choice = files.at_start()
        try:
            _run(choice, files, sinks)
        except ModelError as error:
            if choice.fault:
                raise
            _run(files.instead_after(error), files, sinks)


def _run(choice: Choice, files: ConfigFiles, sinks: list[Sink]) -> None:
    log.info("the configuration is %s", choice.path)
    appliance = Appliance(
        choice.config,
        [*sinks, LastGood(files, lambda: appliance.config)],
        reload=lambda: files.at_reload().config,
        fault=choice.fault,
    )
    with obeying_signals(appliance):
        appliance.run()
