"""A monitor through the kernel's mode setting: the very pixels, the right one and size, and dark at the end."""

import ctypes
import errno
import logging
from typing import Any

import numpy as np
import pytest

from fer_pi.errors import OutputError
from fer_pi.outputs import drm_uapi as drm
from fer_pi.outputs.kms import CHECK_S, KmsSurface
from fer_pi.testing.displays import MemoryKernel, Monitor, random_picture
from fer_pi.testing.outputs import FakeTime


def surface_on(kernel: MemoryKernel, time: FakeTime | None = None, **wanted: Any) -> KmsSurface:
    return KmsSurface(kernel=kernel, clock=(time or FakeTime()).clock, **wanted)


def test_structures_have_the_sizes_of_the_kernel() -> None:
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
def test_the_monitor_shows_what_it_is_given(flips: bool) -> None:
    kernel = MemoryKernel(flips=flips)
    surface = surface_on(kernel)
    first = kernel.picture()
    assert first is not None and not first.any()  # black, not what was in the memory before
    for seed in range(4):
        surface.show(random_picture((1280, 720), seed))
        shown = kernel.picture()
        assert shown is not None
        assert np.array_equal(shown, random_picture((1280, 720), seed))


def test_what_is_shown_is_never_drawn_on() -> None:
    kernel = MemoryKernel()
    surface = surface_on(kernel)
    fronts = []
    for seed in range(4):
        surface.show(random_picture((1280, 720), seed))
        fronts.append(kernel.shown)
    assert fronts == [fronts[0], fronts[1]] * 2
    assert fronts[0] != fronts[1]


def test_closing_goes_dark_and_leaves_nothing_behind() -> None:
    kernel = MemoryKernel()
    surface = surface_on(kernel)
    surface.show(random_picture((1280, 720)))
    surface.close()
    surface.close()
    assert kernel.shown is None
    assert kernel.leftovers == 0
    assert kernel.is_open == set()
    with pytest.raises(OutputError, match="closed"):
        surface.show(random_picture((1280, 720)))


def test_the_first_connected_monitor_is_taken() -> None:
    kernel = MemoryKernel([Monitor(connected=False), Monitor(16, ((800, 480, 60, True),), crtcs=0b10)])
    surface = surface_on(kernel)
    assert (surface.path, surface.name, surface.size) == ("/dev/dri/card1", "DSI-1", (800, 480))
    assert kernel.crtc == 42  # the only one that can drive it


def test_a_monitor_can_be_named() -> None:
    monitors = [Monitor(), Monitor(16, ((800, 480, 60, True),))]
    assert surface_on(MemoryKernel(monitors), connector="DSI-1").size == (800, 480)
    with pytest.raises(OutputError, match=r"no monitor on DP-1: .*monitors connected: HDMI-A-1, DSI-1"):
        surface_on(MemoryKernel(monitors), connector="DP-1")


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
    modes: Any, wanted: Any, size: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert surface_on(MemoryKernel([Monitor(modes=modes)]), wanted=wanted).size == size
    assert bool(caplog.records) == (wanted == (640, 480))


def test_an_unplugged_monitor_is_noticed_and_taken_again_later() -> None:
    kernel, time = MemoryKernel(), FakeTime()
    surface = surface_on(kernel, time)
    probes = kernel.probes
    kernel.monitors[0].connected = False
    surface.show(random_picture((1280, 720)))  # not yet noticed
    time.now += CHECK_S
    with pytest.raises(OutputError, match="HDMI-A-1: the monitor was unplugged"):
        surface.show(random_picture((1280, 720)))
    assert kernel.probes == probes  # which would have held up the picture
    surface.close()
    with pytest.raises(OutputError, match="no monitor"):
        surface_on(kernel)
    assert kernel.is_open == set()
    kernel.monitors[0].connected = True
    surface_on(kernel).show(random_picture((1280, 720)))


def test_another_programs_display_is_left_alone() -> None:
    kernel = MemoryKernel(master_taken=True)
    with pytest.raises(OutputError, match=r"card1: another program has the display.*backend: window"):
        surface_on(kernel)
    assert kernel.is_open == set()


def test_missing_permission_names_the_group() -> None:
    with pytest.raises(OutputError, match=r"card1: Permission denied; add the user to the group video"):
        surface_on(MemoryKernel(permitted=False))


def test_a_card_without_a_fitting_output_is_told() -> None:
    kernel = MemoryKernel([Monitor(crtcs=0)])
    with pytest.raises(OutputError, match="no free output"):
        surface_on(kernel)
    assert kernel.is_open == set()


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENODEV, errno.EIO])
def test_a_card_that_fails_is_an_output_error_and_can_be_closed(number: int) -> None:
    kernel = MemoryKernel()
    surface = surface_on(kernel)
    kernel.broken = number
    with pytest.raises(OutputError, match="card1, HDMI-A-1"):
        surface.show(random_picture((1280, 720)))
    surface.close()
    assert kernel.is_open == set()
