"""Where the detector looks, and when: less work, and nobody is missed for long."""

import threading
from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
import pytest

from fer_pi.sources.demo import scene
from fer_pi.types import Box, Face, Image
from fer_pi.vision import attention as attention_module
from fer_pi.vision.attention import NEAR_PX, Attention, open_attention
from fer_pi.vision.detector_input import DetectorOptions

RATE_HZ = 30
SHAPE = (480, 640)


class Blobs:
    """A detector whose faces are rectangles, each of its own grey; one that is nearly covered is not seen."""

    def __init__(self) -> None:
        self.looks = 0
        self.pixels = 0

    def detect(self, gray: Image) -> list[Face]:
        self.looks += 1
        self.pixels += gray.size
        faces = []
        for value in np.unique(gray[gray > 0]):
            rows, columns = np.nonzero(gray == value)
            if len(rows) >= 300:
                left, top = int(columns.min()), int(rows.min())
                box = Box(left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top)
                faces.append(Face(box, (box.center,) * 5, 0.9))
        return sorted(faces, key=lambda face: -face.box.area)


class Watcher:
    """An attention with its two detectors, and a clock that goes on with each picture."""

    def __init__(self, every: int = 5, **options: float) -> None:
        self.full, self.near = Blobs(), Blobs()
        self.attention = Attention(self.full, self.near, DetectorOptions.model_validate({"every": every, **options}))
        self.now = 100.0

    def see(self, picture: Image, after_s: float = 1 / RATE_HZ) -> list[Box]:
        self.now += after_s
        return [face.box for face in self.attention.look(picture, self.now)]

    def sees(self, pictures: Sequence[Image]) -> tuple[list[list[Box]], list[int]]:
        """The boxes in each picture, and the numbers of those that were looked at in full."""
        boxes, in_full = [], []
        for number, picture in enumerate(pictures):
            before = self.full.looks
            boxes.append(self.see(picture))
            if self.full.looks > before:
                in_full.append(number)
        return boxes, in_full


def room(*people: tuple[float, float, float], shape: tuple[int, int] = SHAPE) -> Image:
    """People as (x, y, width) of their faces, 1.25 times as high; those named later stand in front."""
    picture = np.zeros(shape, np.uint8)
    for number, (x, y, width) in enumerate(people):
        left, top = round(x - width / 2), round(y - 0.625 * width)
        right, bottom = round(left + width), round(top + 1.25 * width)
        picture[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = 50 + number
    return picture


def in_full(pictures: Sequence[Image]) -> list[list[Box]]:
    return [[face.box for face in Blobs().detect(picture)] for picture in pictures]


def walk(start: float, end: float, count: int) -> list[float]:
    return [float(x) for x in np.linspace(start, end, count)]


def test_faces_are_found_where_a_full_look_finds_them_and_the_whole_picture_is_seen_in_one_of_every() -> None:
    pictures = [room((x, 200, 80)) for x in walk(200, 400, 26)]
    watcher = Watcher(every=5)
    boxes, in_full_at = watcher.sees(pictures)
    assert boxes == in_full(pictures)
    assert in_full_at == [0, 5, 10, 15, 20, 25]
    assert watcher.near.looks == 25


def test_at_every_frame_means_no_look_near_anybody() -> None:
    pictures = [room((x, 200, 80)) for x in walk(200, 400, 10)]
    watcher = Watcher(every=1)
    assert watcher.sees(pictures) == (in_full(pictures), list(range(10)))
    assert watcher.near.looks == 0


def test_near_a_face_only_a_small_part_of_the_picture_is_looked_at() -> None:
    watcher = Watcher(every=30)
    watcher.sees([room((300, 200, 60))] * 20)
    assert watcher.near.pixels / watcher.near.looks < 0.1 * SHAPE[0] * SHAPE[1]


@pytest.mark.parametrize("comes_at", range(7, 14))
def test_somebody_new_is_found_within_every_frames(comes_at: int) -> None:
    pictures = [room((150, 200, 80), *([(450, 200, 60)] if number >= comes_at else [])) for number in range(30)]
    boxes, _ = Watcher(every=6).sees(pictures)
    first = next(number for number, found in enumerate(boxes) if len(found) == 2)
    assert comes_at <= first < comes_at + 6
    assert boxes[:comes_at] + boxes[first:] == in_full(pictures[:comes_at] + pictures[first:])


def test_the_first_face_of_an_empty_room_is_found_at_once() -> None:
    pictures = [room()] * 7 + [room((300, 200, 80))] * 3
    boxes, in_full_at = Watcher(every=10).sees(pictures)
    assert boxes == in_full(pictures)
    assert in_full_at == [*range(8)]


def test_a_lost_face_is_looked_for_in_the_whole_picture_at_once() -> None:
    """It jumps farther than anybody walks, in the frame after the full look."""
    pictures = [room((100, 200, 80))] * 12 + [room((500, 300, 80))] * 3
    boxes, in_full_at = Watcher(every=10).sees(pictures)
    assert boxes == in_full(pictures)
    assert in_full_at == [0, 10, 12]


def test_a_face_that_leaves_is_gone_at_once_and_the_others_stay() -> None:
    leaving = [room((500, 200, 80), (x, 200, 70)) for x in walk(120, -80, 40)]
    boxes, in_full_at = Watcher(every=10).sees(leaving)
    assert boxes == in_full(leaving)
    gone = next(number for number, found in enumerate(boxes) if len(found) == 1)
    assert gone in in_full_at


def test_faces_that_cross_are_both_found_as_long_as_they_can_be_seen() -> None:
    pictures = [room((x, 200, 80), (600 - x, 205, 90)) for x in walk(100, 500, 100)]
    boxes, _ = Watcher(every=10).sees(pictures)
    truth = in_full(pictures)
    missed = [number for number, (found, there) in enumerate(zip(boxes, truth, strict=True)) if len(found) < len(there)]
    # Half covered it may be taken for the one in front; found again it is at the next full look.
    assert len(missed) < 10
    assert boxes[-30:] == truth[-30:]
    assert all(len(found) == len(set(found)) for found in boxes), "nobody is there twice"


@pytest.mark.parametrize(("rate_hz", "most_in_full"), [(30, 3), (10, 12)])
def test_somebody_who_walks_by_within_arms_length_is_never_missed(rate_hz: int, most_in_full: int) -> None:
    """Four face sizes a second; on a slow board that is farther than a window reaches, and looked for."""
    pictures = [room((x, 240, 60)) for x in range(60, 580, 240 // rate_hz)]
    watcher = Watcher(every=30)
    boxes = [watcher.see(picture, after_s=1 / rate_hz) for picture in pictures]
    assert boxes == in_full(pictures)
    assert watcher.full.looks <= most_in_full


@pytest.mark.parametrize(("right", "down"), [(35, 0), (-35, 0), (0, 30), (0, -30)])
def test_a_face_that_is_cut_by_what_is_looked_at_is_looked_for(right: int, down: int) -> None:
    pictures = [room((300, 240, 60))] * 3 + [room((300 + right, 240 + down, 60))] * 2
    boxes, in_full_at = Watcher(every=30).sees(pictures)
    assert boxes == in_full(pictures)
    assert in_full_at == [0, 3]


@pytest.mark.parametrize(("x", "y"), [(30, 240), (610, 240), (320, 38), (320, 442)])
def test_a_face_that_comes_to_rest_at_the_border_is_followed_there(x: int, y: int) -> None:
    steps = zip(walk(320 + 0.8 * (x - 320), x, 20), walk(240 + 0.8 * (y - 240), y, 20), strict=True)
    pictures = [room((across, down, 60)) for across, down in steps] + [room((x, y, 60))] * 20
    boxes, in_full_at = Watcher(every=30).sees(pictures)
    assert boxes == in_full(pictures)
    assert len(in_full_at) <= 3


def test_somebody_who_is_suddenly_hidden_by_another_is_gone_and_nobody_there_twice() -> None:
    pictures = [room((200, 200, 80), (240, 200, 80))] * 3 + [room((-90, 0, 80), (215, 200, 80))] * 3
    boxes, in_full_at = Watcher(every=30).sees(pictures)
    assert boxes == in_full(pictures)
    assert in_full_at == [0, 3]


def test_somebody_who_leans_in_until_the_face_fills_the_picture_is_kept() -> None:
    pictures = [room((320, 240, width)) for width in walk(20, 380, 60)]
    boxes, in_full_at = Watcher(every=30).sees(pictures)
    assert boxes == in_full(pictures)
    assert len(in_full_at) <= 5


def test_a_crowd_is_looked_at_in_full_as_many_small_looks_cost_more() -> None:
    most = 320 * 240 // (2 * NEAR_PX**2)
    crowd = [(60 + 100 * (number % 6), 100 + 150 * (number // 6), 50) for number in range(most + 1)]
    watcher = Watcher(every=10)
    assert watcher.sees([room(*crowd[:most])] * 5)[1] == [0]
    assert watcher.sees([room(*crowd)] * 10)[1] == [5, 6, 7, 8, 9], "the newcomer is found in the 10th frame after all"


@pytest.mark.parametrize("shape", [(240, 320), (1080, 1920), (40, 3000), (3000, 40), (1, 1)])
def test_pictures_of_any_shape_and_a_change_of_it_are_seen(shape: tuple[int, int]) -> None:
    watcher = Watcher(every=10)
    watcher.see(room((300, 200, 80)))
    pictures = [room((20, 20, 24), shape=shape)] * 3
    boxes, in_full_at = watcher.sees(pictures)
    assert boxes == in_full(pictures)
    assert in_full_at[0] == 0


def test_a_camera_that_changes_its_size_is_looked_at_in_full() -> None:
    watcher = Watcher(every=10)
    watcher.see(room((100, 120, 60)))
    smaller = room((100, 120, 60), (250, 120, 50), shape=(240, 320))
    assert [watcher.see(smaller)] == in_full([smaller])


def test_after_a_gap_and_when_the_clock_goes_back_the_whole_picture_is_looked_at() -> None:
    watcher = Watcher(every=30)
    picture = room((300, 200, 80))
    for after_s, looks in [(0.03, 1), (0.4, 1), (0.6, 2), (0.03, 2), (-50.0, 3), (0.03, 3)]:
        watcher.see(picture, after_s)
        assert watcher.full.looks == looks, after_s


def test_separate_pictures_are_looked_at_in_full_and_without_rest() -> None:
    watcher = Watcher(every=10, idle_after_s=1.0)
    watcher.attention.reset(pictures=True)
    assert watcher.sees([room((300, 200, 80))] * 3)[1] == [0, 1, 2]
    watcher.see(room(), after_s=50)
    watcher.see(room(), after_s=50)
    assert watcher.attention.rest_s == 0
    watcher.attention.reset()
    assert watcher.sees([room((300, 200, 80))] * 3)[1] == [0]


def test_forgotten_faces_are_not_looked_for() -> None:
    watcher = Watcher(every=10)
    watcher.see(room((300, 200, 80)))
    watcher.attention.reset()
    watcher.see(room((300, 200, 80)))
    assert (watcher.full.looks, watcher.near.looks) == (2, 0)


def test_an_empty_room_is_looked_at_seldom_and_the_first_face_seen_within_half_a_second() -> None:
    """As the appliance does: it rests as long as it may, then takes the camera's newest picture."""
    watcher = Watcher()
    arrival_s = 30.02
    now, looks = 0.0, []
    while True:
        there = now >= arrival_s
        boxes = watcher.attention.look(room((300, 200, 80)) if there else room(), now)
        looks.append(now)
        if boxes:
            break
        now = np.ceil((now + watcher.attention.rest_s) * RATE_HZ + 0.5) / RATE_HZ
    assert now - arrival_s <= 0.5
    assert [other - one for one, other in pairwise(looks[:250])] == pytest.approx([1 / RATE_HZ] * 249)
    idle = [number for number in looks if 11 <= number < 30]
    assert len(idle) / 19 <= 4
    assert watcher.attention.rest_s == 0, "awake again"


def test_rest_begins_after_idle_after_s_without_anybody_and_never_if_that_is_none() -> None:
    for idle_after_s, rests in [(2.0, [0, 0.5, 0.5, 0.5]), (0.0, [0, 0, 0, 0])]:
        watcher = Watcher(idle_after_s=idle_after_s, idle_rate_hz=2.0)
        watcher.see(room((300, 200, 80)))
        found = []
        for _ in range(4):
            watcher.see(room(), after_s=1.0)
            found.append(watcher.attention.rest_s)
        assert found == rests


def test_a_clock_that_goes_back_does_not_begin_a_rest_nor_prevent_it() -> None:
    watcher = Watcher(idle_after_s=2.0)
    watcher.see(room())
    watcher.see(room(), after_s=-90)
    assert watcher.attention.rest_s == 0
    watcher.see(room(), after_s=2)
    assert watcher.attention.rest_s > 0


def test_two_cameras_in_two_threads_do_not_disturb_each_other() -> None:
    """With the real net: each thread has an attention of its own."""
    grays = [np.asarray(cv2.cvtColor(scene(3 + n / RATE_HZ), cv2.COLOR_BGR2GRAY), np.uint8) for n in range(12)]
    found: dict[int, list[list[Face]]] = {}

    def watch(number: int) -> None:
        attention = open_attention(DetectorOptions(every=4))
        found[number] = [attention.look(gray, n / RATE_HZ) for n, gray in enumerate(grays)]

    threads = [threading.Thread(target=watch, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1]
    assert all(len(faces) == 1 for faces in found[0])


def test_a_real_face_is_found_near_where_the_whole_picture_shows_it() -> None:
    grays = [np.asarray(cv2.cvtColor(scene(3 + n / RATE_HZ), cv2.COLOR_BGR2GRAY), np.uint8) for n in range(20)]
    near, full = open_attention(DetectorOptions(every=20)), open_attention(DetectorOptions(every=1))
    for number, gray in enumerate(grays):
        (one,), (other,) = near.look(gray, number / RATE_HZ), full.look(gray, number / RATE_HZ)
        assert one.box.iou(other.box) > 0.7, number


def test_the_landmarks_of_a_still_face_shiver_no_more_than_in_full_looks() -> None:
    rng = np.random.default_rng(3)
    still = cv2.cvtColor(scene(3.5), cv2.COLOR_BGR2GRAY).astype(float)
    grays = [(still + rng.normal(0, 4, still.shape)).clip(0, 255).astype(np.uint8) for _ in range(40)]
    jitter = []
    for every in (1, 5):
        attention = open_attention(DetectorOptions(every=every))
        points = np.array([attention.look(gray, n / RATE_HZ)[0].landmarks for n, gray in enumerate(grays)])[2:]
        eyes = np.linalg.norm(points[:, 0] - points[:, 1], axis=1).mean()
        jitter.append(float(points.std(axis=0).mean() / eyes))
    full, near = jitter
    assert near <= max(1.5 * full, 0.005), jitter


@pytest.mark.parametrize(("every", "sizes"), [(1, ["320x240"]), (5, ["320x240", f"{NEAR_PX}x{NEAR_PX}"])])
def test_near_looks_have_a_smaller_net_of_their_own(
    every: int, sizes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def opener(options: DetectorOptions) -> Blobs:
        opened.append(options.size)
        return Blobs()

    monkeypatch.setattr(attention_module, "open_detector", opener)
    open_attention(DetectorOptions(every=every))
    assert opened == sizes


def test_it_says_what_it_looks_with_and_how_often() -> None:
    assert str(open_attention(DetectorOptions(every=5))).endswith(", in full at one of 5 frames")
    assert str(open_attention(DetectorOptions(every=1))).endswith(", in full at every frame")
