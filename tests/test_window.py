"""A window on a desktop: the very pixels, resized and closed by its user."""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from fer_pi.drawing.overlay import draw_overlay
from fer_pi.errors import OutputError
from fer_pi.outputs.screen import Screen, ScreenOptions
from fer_pi.testing.outputs import FakeTime
from fer_pi.testing.scenes import READINGS

NOW = 100.1


@pytest.fixture
def pygame(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    pygame = pytest.importorskip("pygame", reason="the window needs the extra 'screen'")
    yield pygame
    pygame.display.quit()


def window(time: FakeTime | None = None, **options: Any) -> Screen:
    return Screen(ScreenOptions(backend="window", **options), clock=(time or FakeTime(NOW)).clock)


def test_shows_the_very_pixels(pygame: Any) -> None:
    screen = window(size="320x240")
    screen.show(READINGS["three"])
    seen = pygame.surfarray.array3d(pygame.display.get_surface())  # (W, H, RGB)
    expected = draw_overlay(READINGS["three"], (320, 240), at=NOW, notice=ScreenOptions().notice)
    assert np.array_equal(seen.transpose(1, 0, 2)[:, :, ::-1], expected)
    screen.close()
    assert not pygame.display.get_init()


@pytest.mark.parametrize("key", ["K_ESCAPE", "K_q", None])
def test_its_user_may_close_it_for_good(pygame: Any, key: str | None) -> None:
    time = FakeTime()
    screen = window(time)
    screen.show(READINGS["nobody"])
    event = pygame.event.Event(pygame.KEYDOWN, key=getattr(pygame, key)) if key else pygame.event.Event(pygame.QUIT)
    pygame.event.post(event)
    time.now += 1
    screen.show(READINGS["nobody"])
    screen.show(READINGS["nobody"])
    assert not pygame.display.get_init()
    assert screen.refresh_s is None
    screen.close()


def test_a_resized_window_gets_a_drawing_of_its_size(pygame: Any) -> None:
    screen = window(size="320x240")
    pygame.display.set_mode((500, 300), pygame.RESIZABLE)
    screen.show(READINGS["one"])
    assert pygame.display.get_surface().get_size() == (500, 300)
    assert pygame.surfarray.array3d(pygame.display.get_surface())[480:, 280:].any()
    screen.close()


def test_without_a_desktop_there_is_no_window(pygame: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(OutputError, match="no window can be opened"):
        window()


def test_without_pygame_its_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(OutputError, match="needs pygame: pip install pygame-ce"):
        window()
