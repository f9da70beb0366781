"""The screen shows every reading in time, goes dark, and says what is wrong when there is none."""

import ctypes
import errno
import logging
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from fer_pi.drawing.mood_face import draw_mood
from fer_pi.drawing.overlay import draw_overlay
from fer_pi.errors import OutputError
from fer_pi.outputs import drm_uapi as drm
from fer_pi.outputs.framebuffer import Format, FramebufferSurface, format_of, write_pixels
from fer_pi.outputs.kms import CHECK_S, KmsSurface
from fer_pi.outputs.screen import Screen, ScreenOptions, open_surface
from fer_pi.testing.displays import MemoryKernel, MemorySurface, Monitor
from fer_pi.testing.scenes import MOODS, READINGS
from fer_pi.types import Image, Output, Status

NO_DESKTOP: dict[str, str] = {}


class Clock:
    """Stands still until it is set."""

    def __init__(self, now: float = 100.1) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def screen_on(surface: MemorySurface, clock: Clock | None = None, **options: Any) -> Screen:
    return Screen(ScreenOptions(**options), environment=NO_DESKTOP, clock=clock or Clock(), surface=surface)


def picture(size: tuple[int, int], seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)


class TestScreen:
    def test_shows_the_overlay_as_it_is_drawn_with_its_options(self) -> None:
        surface, reading = MemorySurface((800, 480)), READINGS["three"]
        screen = screen_on(surface, mirrored=False, show_landmarks=True, notice="hello")
        assert isinstance(screen, Output)
        screen.show(reading)
        expected = draw_overlay(reading, (800, 480), mirrored=False, at=100.1, show_landmarks=True, notice="hello")
        assert np.array_equal(surface.shown[0], expected)

    def test_shows_the_mood_without_the_picture(self) -> None:
        surface = MemorySurface()
        screen_on(surface, style="mood", notice="").show(MOODS["fear"])
        assert np.array_equal(surface.shown[0], draw_mood(MOODS["fear"], (320, 240), 100.1))

    @pytest.mark.parametrize(("degrees", "turns"), [(0, 0), (90, 3), (180, 2), (270, 1)])
    def test_turns_the_picture_clockwise(self, degrees: int, turns: int) -> None:
        surface = MemorySurface((480, 800) if degrees in (90, 270) else (800, 480))
        screen_on(surface, rotate=degrees).show(READINGS["one"])
        upright = draw_overlay(READINGS["one"], (800, 480), at=100.1, notice=ScreenOptions().notice)
        assert np.array_equal(surface.shown[0], np.rot90(upright, turns))

    def test_draws_no_more_often_than_allowed(self) -> None:
        surface, clock = MemorySurface(), Clock()
        screen = screen_on(surface, clock, max_rate_hz=10)
        for _ in range(100):  # ten seconds at ten readings a second, then a second at a hundred
            clock.now += 0.1
            screen.show(READINGS["nobody"])
        assert len(surface.shown) == 100
        for _ in range(100):
            clock.now += 0.01
            screen.show(READINGS["nobody"])
        assert 110 <= len(surface.shown) <= 112

    def test_the_face_eases_into_a_new_mood(self) -> None:
        surface, clock = MemorySurface(), Clock(0.0)
        screen = screen_on(surface, clock, style="mood", notice="")
        screen.show(MOODS["anger"])
        background = []
        for _ in range(20):
            clock.now += 1 / 15
            screen.show(MOODS["sadness"])
            background.append(surface.shown[-1][120, 20].astype(int))
        blue, red = np.array(background)[:, 0], np.array(background)[:, 2]
        assert (np.diff(blue) >= 0).all() and (np.diff(red) <= 0).all()
        assert red[0] > blue[0] and blue[-1] > 2 * red[-1]

    def test_moves_by_itself_only_where_something_moves(self) -> None:
        assert screen_on(MemorySurface()).refresh_s == 1.0
        assert screen_on(MemorySurface(), style="mood").refresh_s == pytest.approx(1 / 15)
        assert screen_on(MemorySurface(), style="mood", max_rate_hz=5).refresh_s == pytest.approx(1 / 5)

    def test_an_overlay_shown_again_grows_old(self) -> None:
        surface, clock = MemorySurface((800, 480)), Clock()
        screen = screen_on(surface, clock)
        for _ in range(3):
            screen.show(READINGS["one"])
            clock.now += 1.0
        assert np.ptp(surface.shown[0][100, 100]) > 10  # the wall is coloured
        assert np.ptp(surface.shown[2][100, 100]) == 0  # and grey once the picture is old

    def test_closing_twice_closes_once_and_ends_it(self) -> None:
        surface = MemorySurface()
        screen = screen_on(surface)
        screen.close()
        screen.close()
        assert surface.closed == 1
        with pytest.raises(OutputError, match="closed"):
            screen.show(READINGS["one"])

    def test_a_screen_that_is_gone_is_an_error(self) -> None:
        surface = MemorySurface()
        screen = screen_on(surface)
        surface.gone = True
        with pytest.raises(OutputError, match="gone"):
            screen.show(READINGS["one"])

    def test_a_window_closed_by_its_user_is_none(self) -> None:
        surface = MemorySurface()
        screen = screen_on(surface)
        surface.ended = True
        screen.show(READINGS["one"])
        assert surface.shown == []
        assert screen.refresh_s is None

    @pytest.mark.parametrize("status", Status)
    @pytest.mark.parametrize("style", ["overlay", "mood"])
    def test_every_status_is_shown(self, style: str, status: Status) -> None:
        surface = MemorySurface()
        screen_on(surface, style=style).show(replace(READINGS["one"], status=status))
        assert surface.shown[0].std() > 5

    @pytest.mark.parametrize(
        "wrong",
        [{"style": "film"}, {"rotate": 45}, {"size": "big"}, {"size": "0x100"}, {"max_rate_hz": 0}, {"colour": 1}],
    )
    def test_wrong_options_are_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            ScreenOptions(**wrong)


class TestChoice:
    def test_without_any_display_all_that_was_tried_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(drm.LinuxKernel, "cards", lambda self: [])
        monkeypatch.setattr(FramebufferSurface.__init__, "__defaults__", ("/dev/no-such-fb",))
        with pytest.raises(OutputError) as caught:
            open_surface(ScreenOptions(), NO_DESKTOP)
        message = str(caught.value)
        assert message.startswith("no display: kms: no monitor: no graphics card in /dev/dri")
        assert "framebuffer: /dev/no-such-fb: No such file or directory" in message
        assert "window" not in message

    def test_a_window_is_wanted_only_on_a_desktop(self, monkeypatch: pytest.MonkeyPatch) -> None:
        opened = []

        def window(self: Any, size: tuple[int, int] | None, full_screen: bool) -> None:
            opened.append((size, full_screen))

        monkeypatch.setattr("fer_pi.outputs.window.WindowSurface.__init__", window)
        open_surface(ScreenOptions(size="640x400", full_screen=True), {"WAYLAND_DISPLAY": "wayland-0"})
        open_surface(ScreenOptions(), {"DISPLAY": ":0"})
        assert opened == [((640, 400), True), (None, False)]

    def test_the_backend_that_is_asked_for_is_the_only_one_tried(self) -> None:
        with pytest.raises(OutputError, match=r"^no display: framebuffer: ") as caught:
            open_surface(ScreenOptions(backend="framebuffer"), {"DISPLAY": ":0"})
        assert "kms" not in str(caught.value)


class TestWindow:
    @pytest.fixture
    def pygame(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
        monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
        pygame = pytest.importorskip("pygame", reason="the window needs the extra 'screen'")
        yield pygame
        pygame.display.quit()

    def window(self, **options: Any) -> Screen:
        return Screen(ScreenOptions(backend="window", **options), clock=Clock())

    def test_shows_the_very_pixels(self, pygame: Any) -> None:
        screen = self.window(size="320x240")
        screen.show(READINGS["three"])
        seen = pygame.surfarray.array3d(pygame.display.get_surface())  # (W, H, RGB)
        expected = draw_overlay(READINGS["three"], (320, 240), at=100.1, notice=ScreenOptions().notice)
        assert np.array_equal(seen.transpose(1, 0, 2)[:, :, ::-1], expected)
        screen.close()
        assert not pygame.display.get_init()

    @pytest.mark.parametrize("key", ["K_ESCAPE", "K_q", None])
    def test_its_user_may_close_it_for_good(self, pygame: Any, key: str | None) -> None:
        screen = self.window()
        screen.show(READINGS["nobody"])
        event = pygame.event.Event(pygame.KEYDOWN, key=getattr(pygame, key)) if key else pygame.event.Event(pygame.QUIT)
        pygame.event.post(event)
        screen._clock.now += 1  # type: ignore[attr-defined]
        screen.show(READINGS["nobody"])
        screen.show(READINGS["nobody"])
        assert not pygame.display.get_init()
        assert screen.refresh_s is None
        screen.close()

    def test_a_resized_window_gets_a_drawing_of_its_size(self, pygame: Any) -> None:
        screen = self.window(size="320x240")
        pygame.display.set_mode((500, 300), pygame.RESIZABLE)
        screen.show(READINGS["one"])
        assert pygame.display.get_surface().get_size() == (500, 300)
        assert pygame.surfarray.array3d(pygame.display.get_surface())[480:, 280:].any()
        screen.close()

    def test_without_a_desktop_there_is_no_window(self, pygame: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
        monkeypatch.delenv("DISPLAY", raising=False)
        with pytest.raises(OutputError, match="no window can be opened"):
            self.window()


class TestKms:
    def surface(self, kernel: MemoryKernel, clock: Clock | None = None, **wanted: Any) -> KmsSurface:
        return KmsSurface(kernel=kernel, clock=clock or Clock(), **wanted)

    def test_structures_have_the_sizes_of_the_kernel(self) -> None:
        """As a C compiler says of Linux' drm_mode.h; a request carries its structure's size."""
        sizes = {
            drm.Mode: 68, drm.CardResources: 64, drm.Connector: 80, drm.Encoder: 20, drm.Crtc: 104,
            drm.FrameBuffer: 28, drm.CreateDumb: 32, drm.MapDumb: 16, drm.DestroyDumb: 4, drm.PageFlip: 24,
        }  # fmt: skip
        assert {structure: ctypes.sizeof(structure) for structure in sizes} == sizes
        offsets = {
            (drm.Mode, "vdisplay"): 14, (drm.Mode, "vrefresh"): 24, (drm.Mode, "type"): 32, (drm.Mode, "name"): 36,
            (drm.Connector, "count_modes"): 32, (drm.Connector, "connection"): 60, (drm.Crtc, "mode"): 36,
            (drm.Encoder, "possible_crtcs"): 12, (drm.CreateDumb, "size"): 24, (drm.MapDumb, "offset"): 8,
            (drm.CardResources, "count_fbs"): 32, (drm.FrameBuffer, "handle"): 24,
        }  # fmt: skip
        assert {(kind, name): getattr(kind, name).offset for kind, name in offsets} == offsets
        requests = [
            drm.GET_RESOURCES, drm.SET_CRTC, drm.GET_ENCODER, drm.GET_CONNECTOR, drm.ADD_FB, drm.REMOVE_FB,
            drm.PAGE_FLIP, drm.CREATE_DUMB, drm.MAP_DUMB, drm.DESTROY_DUMB,
        ]  # fmt: skip
        assert requests == [
            0xC04064A0, 0xC06864A2, 0xC01464A6, 0xC05064A7, 0xC01C64AE, 0xC00464AF,
            0xC01864B0, 0xC02064B2, 0xC01064B3, 0xC00464B4,
        ]  # fmt: skip

    @pytest.mark.parametrize("flips", [True, False])
    def test_the_monitor_shows_what_it_is_given(self, flips: bool) -> None:
        kernel = MemoryKernel(flips=flips)
        surface = self.surface(kernel)
        first = kernel.picture()
        assert first is not None and not first.any()  # black, not what was in the memory before
        for seed in range(4):
            surface.show(picture((1280, 720), seed))
            shown = kernel.picture()
            assert shown is not None
            assert np.array_equal(shown, picture((1280, 720), seed))

    def test_what_is_shown_is_never_drawn_on(self) -> None:
        kernel = MemoryKernel()
        surface = self.surface(kernel)
        fronts = []
        for seed in range(4):
            surface.show(picture((1280, 720), seed))
            fronts.append(kernel.shown)
        assert fronts == [fronts[0], fronts[1]] * 2
        assert fronts[0] != fronts[1]

    def test_closing_goes_dark_and_leaves_nothing_behind(self) -> None:
        kernel = MemoryKernel()
        surface = self.surface(kernel)
        surface.show(picture((1280, 720)))
        surface.close()
        surface.close()
        assert kernel.shown is None
        assert kernel.leftovers == 0
        assert kernel.is_open == set()
        with pytest.raises(OutputError, match="closed"):
            surface.show(picture((1280, 720)))

    def test_the_first_connected_monitor_is_taken(self) -> None:
        kernel = MemoryKernel([Monitor(connected=False), Monitor(16, ((800, 480, 60, True),), crtcs=0b10)])
        surface = self.surface(kernel)
        assert (surface.path, surface.name, surface.size) == ("/dev/dri/card1", "DSI-1", (800, 480))
        assert kernel.crtc == 42  # the only one that can drive it

    def test_a_monitor_can_be_named(self) -> None:
        monitors = [Monitor(), Monitor(16, ((800, 480, 60, True),))]
        assert self.surface(MemoryKernel(monitors), connector="DSI-1").size == (800, 480)
        with pytest.raises(OutputError, match=r"no monitor on DP-1: .*monitors connected: HDMI-A-1, DSI-1"):
            self.surface(MemoryKernel(monitors), connector="DP-1")

    @pytest.mark.parametrize(
        ("modes", "wanted", "size"),
        [
            (((1024, 768, 60, False), (1280, 720, 60, True)), None, (1280, 720)),
            (((1024, 768, 60, False), (1280, 720, 60, False)), None, (1024, 768)),
            (((3840, 2160, 30, True), (1920, 1080, 60, False), (1280, 720, 60, False)), None, (1920, 1080)),
            (((3840, 2160, 30, True), (1024, 768, 60, False)), None, (3840, 2160)),
            (((1920, 1080, 60, True), (1280, 720, 60, False)), (1280, 720), (1280, 720)),
            (((3840, 2160, 30, True), (1920, 1080, 60, False)), (3840, 2160), (3840, 2160)),
            (((1920, 1080, 60, True), (1280, 720, 60, False)), (640, 480), (1920, 1080)),
        ],
    )
    def test_the_size_is_the_wanted_one_or_the_monitors_own(
        self, modes: Any, wanted: Any, size: tuple[int, int], caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING):
            assert self.surface(MemoryKernel([Monitor(modes=modes)]), wanted=wanted).size == size
        assert bool(caplog.records) == (wanted == (640, 480))

    def test_an_unplugged_monitor_is_noticed_and_taken_again_later(self) -> None:
        kernel, clock = MemoryKernel(), Clock()
        surface = self.surface(kernel, clock)
        probes = kernel.probes
        kernel.monitors[0].connected = False
        surface.show(picture((1280, 720)))  # not yet noticed
        clock.now += CHECK_S
        with pytest.raises(OutputError, match="HDMI-A-1: the monitor was unplugged"):
            surface.show(picture((1280, 720)))
        assert kernel.probes == probes  # which would have held up the picture
        surface.close()
        with pytest.raises(OutputError, match="no monitor"):
            self.surface(kernel)
        assert kernel.is_open == set()
        kernel.monitors[0].connected = True
        self.surface(kernel).show(picture((1280, 720)))

    def test_another_programs_display_is_left_alone(self) -> None:
        kernel = MemoryKernel(master_taken=True)
        with pytest.raises(OutputError, match=r"card1: another program has the display.*backend: window"):
            self.surface(kernel)
        assert kernel.is_open == set()

    def test_missing_permission_names_the_group(self) -> None:
        with pytest.raises(OutputError, match=r"card1: Permission denied; add the user to the group video"):
            self.surface(MemoryKernel(permitted=False))

    def test_a_card_without_a_fitting_output_is_told(self) -> None:
        kernel = MemoryKernel([Monitor(crtcs=0)])
        with pytest.raises(OutputError, match="no free output"):
            self.surface(kernel)
        assert kernel.is_open == set()

    @pytest.mark.parametrize("number", [errno.EACCES, errno.ENODEV, errno.EIO])
    def test_a_card_that_fails_is_an_output_error_and_can_be_closed(self, number: int) -> None:
        kernel = MemoryKernel()
        surface = self.surface(kernel)
        kernel.broken = number
        with pytest.raises(OutputError, match="card1, HDMI-A-1"):
            surface.show(picture((1280, 720)))
        surface.close()
        assert kernel.is_open == set()


def variable_info(width: int, height: int, bits: int, red_offset: int, y_offset: int = 0) -> bytes:
    """fb_var_screeninfo, as far as it is read."""
    return struct.pack("<7I4xI", width, height, width, height * 2, 0, y_offset, bits, red_offset).ljust(160, b"\0")


def fixed_info(line_bytes: int) -> bytes:
    """fb_fix_screeninfo, as far as it is read."""
    return bytes(48) + struct.pack("<I", line_bytes) + bytes(28)


class TestFramebuffer:
    @pytest.mark.parametrize("red_offset", [16, 0])
    def test_32_bits(self, red_offset: int) -> None:
        layout = format_of(variable_info(5, 3, 32, red_offset, y_offset=2), fixed_info(64))
        memory = bytearray(b"\x55" * (64 * 5))
        image = picture((5, 3))
        write_pixels(image, memory, layout)
        rows = np.frombuffer(memory, np.uint8).reshape(5, 64)
        assert (rows[:2] == 0x55).all() and (rows[:, 20:] == 0x55).all()  # nothing else is touched
        pixels = rows[2:, :20].reshape(3, 5, 4)[:, :, :3]
        assert np.array_equal(pixels if red_offset else pixels[:, :, ::-1], image)

    @pytest.mark.parametrize("red_offset", [11, 0])
    def test_16_bits(self, red_offset: int) -> None:
        layout = format_of(variable_info(5, 3, 16, red_offset), fixed_info(16))
        memory = bytearray(16 * 3)
        image = picture((5, 3)) & np.array([0xF8, 0xFC, 0xF8], np.uint8)
        write_pixels(image, memory, layout)
        words = np.frombuffer(memory, np.uint16).reshape(3, 8)[:, :5]
        low, green, high = (words & 0x1F) << 3, (words >> 5 & 0x3F) << 2, (words >> 11) << 3
        blue, red = (low, high) if red_offset else (high, low)
        assert np.array_equal(np.stack([blue, green, red], axis=2), image)

    @pytest.mark.parametrize(("bits", "line_bytes"), [(8, 64), (24, 64), (32, 16)])
    def test_unknown_pixels_are_refused(self, bits: int, line_bytes: int) -> None:
        with pytest.raises(ValueError, match="16 or 32 bits are known"):
            format_of(variable_info(5, 3, bits, 0), fixed_info(line_bytes))

    def test_what_is_no_frame_buffer_is_refused(self, tmp_path: Path) -> None:
        file = tmp_path / "fb0"
        file.write_bytes(bytes(1000))
        with pytest.raises(OutputError, match="cannot be used as a frame buffer"):
            FramebufferSurface(str(file))

    def test_goes_dark_on_close(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = tmp_path / "fb0"
        file.write_bytes(b"\x55" * (32 * 8))

        def ioctl(_: int, request: int, answer: bytearray) -> None:
            answer[:] = {0x4600: variable_info(8, 8, 32, 16), 0x4602: fixed_info(32)}[request]

        monkeypatch.setattr("fer_pi.outputs.framebuffer.fcntl.ioctl", ioctl)
        surface = FramebufferSurface(str(file))
        assert surface.size == (8, 8)
        surface.show(np.full((8, 8, 3), 9, np.uint8))
        assert file.read_bytes()[:4] == b"\x09\x09\x09\xff"
        surface.close()
        surface.close()
        assert file.read_bytes() == b"\0\0\0\xff" * 64
        with pytest.raises(OutputError, match="closed"):
            surface.show(np.zeros((8, 8, 3), np.uint8))

    def test_the_layout_follows_from_the_kernels_answers(self) -> None:
        assert format_of(variable_info(800, 480, 16, 11), fixed_info(1600)) == Format(800, 480, 16, False, 1600, 0)
