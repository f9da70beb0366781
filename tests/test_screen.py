"""The screen shows every reading in time, goes dark, and says what is wrong when there is none."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from fer_pi.drawing.mood_face import draw_mood
from fer_pi.drawing.overlay import draw_overlay
from fer_pi.errors import OutputError
from fer_pi.outputs import drm_uapi as drm
from fer_pi.outputs.framebuffer import FramebufferSurface
from fer_pi.outputs.screen import Screen, ScreenOptions, open_surface
from fer_pi.testing.displays import MemorySurface
from fer_pi.testing.outputs import FakeTime
from fer_pi.testing.scenes import MOODS, READINGS
from fer_pi.types import Output, Status

NO_DESKTOP: dict[str, str] = {}
NOW = 100.1
"""A little after the pictures of `READINGS` were taken."""


def screen_on(surface: MemorySurface, time: FakeTime | None = None, **options: Any) -> Screen:
    clock = (time or FakeTime(NOW)).clock
    return Screen(ScreenOptions(**options), environment=NO_DESKTOP, clock=clock, surface=surface)


def test_shows_the_overlay_as_it_is_drawn_with_its_options() -> None:
    surface, reading = MemorySurface((800, 480)), READINGS["three"]
    screen = screen_on(surface, mirrored=False, show_landmarks=True, notice="hello")
    assert isinstance(screen, Output)
    screen.show(reading)
    expected = draw_overlay(reading, (800, 480), mirrored=False, at=NOW, show_landmarks=True, notice="hello")
    assert np.array_equal(surface.shown[0], expected)


def test_shows_the_mood_without_the_picture() -> None:
    surface = MemorySurface()
    screen_on(surface, style="mood", notice="").show(MOODS["fear"])
    assert np.array_equal(surface.shown[0], draw_mood(MOODS["fear"], (320, 240), NOW))


@pytest.mark.parametrize(("degrees", "turns"), [(0, 0), (90, 3), (180, 2), (270, 1)])
def test_turns_the_picture_clockwise(degrees: int, turns: int) -> None:
    surface = MemorySurface((480, 800) if degrees in (90, 270) else (800, 480))
    screen_on(surface, rotate=degrees).show(READINGS["one"])
    upright = draw_overlay(READINGS["one"], (800, 480), at=NOW, notice=ScreenOptions().notice)
    assert np.array_equal(surface.shown[0], np.rot90(upright, turns))


def test_draws_no_more_often_than_allowed() -> None:
    surface, time = MemorySurface(), FakeTime(NOW)
    screen = screen_on(surface, time, max_rate_hz=10)
    for _ in range(100):  # ten seconds at ten readings a second, then a second at a hundred
        time.now += 0.1
        screen.show(READINGS["nobody"])
    assert len(surface.shown) == 100
    for _ in range(100):
        time.now += 0.01
        screen.show(READINGS["nobody"])
    assert 110 <= len(surface.shown) <= 112


def test_the_face_eases_into_a_new_mood() -> None:
    surface, time = MemorySurface(), FakeTime(0.0)
    screen = screen_on(surface, time, style="mood", notice="")
    screen.show(MOODS["anger"])
    background = []
    for _ in range(20):
        time.now += 1 / 15
        screen.show(MOODS["sadness"])
        background.append(surface.shown[-1][120, 20].astype(int))
    blue, red = np.array(background)[:, 0], np.array(background)[:, 2]
    assert (np.diff(blue) >= 0).all() and (np.diff(red) <= 0).all()
    assert red[0] > blue[0] and blue[-1] > 2 * red[-1]


def test_moves_by_itself_only_where_something_moves() -> None:
    assert screen_on(MemorySurface()).refresh_s == 1.0
    assert screen_on(MemorySurface(), style="mood").refresh_s == pytest.approx(1 / 15)
    assert screen_on(MemorySurface(), style="mood", max_rate_hz=5).refresh_s == pytest.approx(1 / 5)


def test_an_overlay_shown_again_grows_old() -> None:
    surface, time = MemorySurface((800, 480)), FakeTime(NOW)
    screen = screen_on(surface, time)
    for _ in range(3):
        screen.show(READINGS["one"])
        time.now += 1.0
    assert np.ptp(surface.shown[0][100, 100]) > 10  # the wall is coloured
    assert np.ptp(surface.shown[2][100, 100]) == 0  # and grey once the picture is old


def test_closing_twice_closes_once_and_ends_it() -> None:
    surface = MemorySurface()
    screen = screen_on(surface)
    screen.close()
    screen.close()
    assert surface.closed == 1
    with pytest.raises(OutputError, match="closed"):
        screen.show(READINGS["one"])


def test_a_screen_that_is_gone_is_an_error() -> None:
    surface = MemorySurface()
    screen = screen_on(surface)
    surface.gone = True
    with pytest.raises(OutputError, match="gone"):
        screen.show(READINGS["one"])


def test_a_window_closed_by_its_user_is_none() -> None:
    surface = MemorySurface()
    screen = screen_on(surface)
    surface.ended = True
    screen.show(READINGS["one"])
    assert surface.shown == []
    assert screen.refresh_s is None


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("style", ["overlay", "mood"])
def test_every_status_is_shown(style: str, status: Status) -> None:
    surface = MemorySurface()
    screen_on(surface, style=style).show(replace(READINGS["one"], status=status))
    assert surface.shown[0].std() > 5


@pytest.mark.parametrize(
    "wrong",
    [{"style": "film"}, {"rotate": 45}, {"size": "big"}, {"size": "0x100"}, {"max_rate_hz": 0}, {"colour": 1}],
)
def test_wrong_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ScreenOptions(**wrong)


def test_without_any_display_all_that_was_tried_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drm.LinuxKernel, "cards", lambda self: [])
    monkeypatch.setattr(FramebufferSurface.__init__, "__defaults__", ("/dev/no-such-fb",))
    with pytest.raises(OutputError) as caught:
        open_surface(ScreenOptions(), NO_DESKTOP)
    message = str(caught.value)
    assert message.startswith("no display: kms: no monitor: no graphics card in /dev/dri")
    assert "framebuffer: /dev/no-such-fb: No such file or directory" in message
    assert "window" not in message


def test_a_window_is_wanted_only_on_a_desktop(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def window(self: Any, size: tuple[int, int] | None, full_screen: bool) -> None:
        opened.append((size, full_screen))

    monkeypatch.setattr("fer_pi.outputs.window.WindowSurface.__init__", window)
    open_surface(ScreenOptions(size="640x400", full_screen=True), {"WAYLAND_DISPLAY": "wayland-0"})
    open_surface(ScreenOptions(), {"DISPLAY": ":0"})
    assert opened == [((640, 400), True), (None, False)]


def test_the_backend_that_is_asked_for_is_the_only_one_tried() -> None:
    with pytest.raises(OutputError, match=r"^no display: framebuffer: ") as caught:
        open_surface(ScreenOptions(backend="framebuffer"), {"DISPLAY": ":0"})
    assert "kms" not in str(caught.value)
