"""The card that deploy/image/build.sh makes: power on, nobody logs in, and the light shows the mood."""

from pathlib import Path

import pytest

from deploy.bench.conftest import Measure
from deploy.bench.pi.card import card
from deploy.bench.pi.image import Image
from deploy.bench.pi.leds import mood_shown
from deploy.bench.pi.rig import rig
from fer_pi.types import Emotion


def test_a_new_card_shows_the_mood(
    request: pytest.FixtureRequest, image: Image, cache: Path, tmp_path: Path, artefacts: Path, measured: Measure
) -> None:
    file: Path = request.config.getoption("--card")
    if not file.exists():
        pytest.skip(f"{file} is not there; deploy/image/build.sh makes it, and --card names another one")
    made = card(file, cache / "installed/usr/local/bin/led-log", image, tmp_path)
    pi = rig(made, tmp_path / "w")
    try:
        pi.webcam.plug()
        pi.guest.boot()
        pi.appliance.until_mood(300)
        shown_at = pi.appliance.clock()
        pi.on_led(lambda last: mood_shown(last) == Emotion.HAPPINESS and all(level.lit for level in last), 2, 20)
        measured("new card: kernel to the mood on the light", shown_at, 120)
        pi.guest.screenshot(artefacts / "new_card.png")
        assert "fer-pi.service" not in pi.guest.run("systemctl --failed --plain --no-legend")
    finally:
        pi.close()
