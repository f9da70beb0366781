"""Files as cameras: every frame, at the right time, and a clear word for bad ones."""

import logging
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_pi.errors import InputError
from fer_pi.sources.replay import Replay, ReplayOptions, frame_count, frames_of, is_video, rate_of
from fer_pi.testing.cameras import Clock
from fer_pi.types import Camera, Frame


def video(path: Path, frames: int = 10, rate: float = 10, size: tuple[int, int] = (64, 48)) -> Path:
    """Frame n is grey of value 20 n."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, size)
    assert writer.isOpened()
    for number in range(frames):
        writer.write(np.full((size[1], size[0], 3), 20 * number % 256, np.uint8))
    writer.release()
    return path


def picture(path: Path, value: int) -> Path:
    assert cv2.imwrite(str(path), np.full((48, 64, 3), value, np.uint8))
    return path


def shown(frame: Frame) -> int:
    """Which frame of `video` it is."""
    return round(float(frame.gray.mean()) / 20)


def _open_files() -> list[Path]:
    return [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]


def opened(path: Path, clock: Clock, **options: object) -> Replay:
    return Replay(ReplayOptions.model_validate({"path": path, **options}), clock, clock.pass_by)


def test_every_frame_of_a_video_comes_with_its_position_and_number(tmp_path: Path) -> None:
    path = video(tmp_path / "a.avi")
    frames = list(frames_of(path))
    assert [shown(frame) for frame in frames] == list(range(10))
    assert [frame.index for frame in frames] == list(range(10))
    assert [frame.position_s for frame in frames] == pytest.approx([n / 10 for n in range(10)])
    assert all(frame.taken_at == frame.position_s and frame.source == str(path) for frame in frames)
    assert frames[3].color().shape == (48, 64, 3)
    assert (rate_of(path), frame_count(path), is_video(path)) == (10, 10, True)


def test_a_frames_color_is_the_callers_own(tmp_path: Path) -> None:
    frame = next(frames_of(video(tmp_path / "a.avi")))
    frame.color()[:] = 200
    assert frame.color().max() < 10


def test_every_picture_of_a_folder_comes_once_under_its_own_name(tmp_path: Path) -> None:
    for number in (10, 2):
        picture(tmp_path / f"{number}.png", number)
    frames = list(frames_of(tmp_path))
    assert [(frame.index, Path(frame.source).name, int(frame.gray[0, 0])) for frame in frames] == [
        (0, "2.png", 2),
        (1, "10.png", 10),
    ]
    assert (rate_of(tmp_path), is_video(tmp_path), frame_count(tmp_path / "2.png")) == (0, False, 1)


def test_at_its_own_pace_each_frame_is_due_at_its_own_time(tmp_path: Path) -> None:
    clock = Clock()
    replay = opened(video(tmp_path / "a.avi"), clock)
    assert isinstance(replay, Camera)
    frames = []
    with pytest.raises(EOFError):
        while True:
            frame = replay.read(1)
            assert frame is not None
            frames.append(frame)
    assert [shown(frame) for frame in frames] == list(range(10))
    assert [frame.taken_at - 1000 for frame in frames] == pytest.approx([n / 10 for n in range(10)])
    assert clock.now - 1000 == pytest.approx(0.9)


def test_a_reader_that_is_early_gets_nothing_until_the_frame_is_due(tmp_path: Path) -> None:
    clock = Clock()
    replay = opened(video(tmp_path / "a.avi"), clock)
    first = replay.read(0)
    assert first is not None
    assert replay.read(0.04) is None and replay.read(0.04) is None
    second = replay.read(0.04)
    assert second is not None and second.index == 1


def test_a_reader_that_is_late_skips_to_the_frame_that_is_due_and_all_are_counted(tmp_path: Path) -> None:
    clock = Clock()
    replay = opened(video(tmp_path / "a.avi"), clock)
    replay.read(0)
    clock.pass_by(0.55)
    frame = replay.read(0)
    assert frame is not None and (frame.index, shown(frame)) == (5, 5)
    assert frame.taken_at == pytest.approx(1000.5)


def test_after_a_long_pause_it_goes_on_without_ever_growing_late(tmp_path: Path) -> None:
    clock = Clock()
    replay = opened(video(tmp_path / "a.avi", frames=100), clock)
    replay.read(0)
    clock.pass_by(8)
    frame = replay.read(0)
    assert frame is not None and frame.index == 31 and clock.now - frame.taken_at < 0.001
    following = replay.read(1)
    assert following is not None and following.taken_at - frame.taken_at == pytest.approx(0.1)


def test_as_fast_as_possible_gives_every_frame_without_waiting(tmp_path: Path) -> None:
    clock = Clock()
    replay = opened(video(tmp_path / "a.avi"), clock, pace="fast")
    frames = [replay.read(0) for _ in range(10)]
    assert [frame and shown(frame) for frame in frames] == list(range(10))
    assert clock.now == 1000
    with pytest.raises(EOFError):
        replay.read(0)


def test_a_loop_begins_anew_one_frame_after_its_end_and_counts_on(tmp_path: Path) -> None:
    clock = Clock()
    replay = opened(video(tmp_path / "a.avi", frames=3), clock, loop=True)
    frames = [replay.read(1) for _ in range(7)]
    assert [frame and shown(frame) for frame in frames] == [0, 1, 2, 0, 1, 2, 0]
    taken = [frame.taken_at for frame in frames if frame]
    assert [later - earlier for earlier, later in pairwise(taken)] == pytest.approx([0.1] * 6)
    assert [frame.index for frame in frames if frame] == list(range(7))


def test_a_file_that_vanishes_from_a_loop_is_a_problem_until_it_is_back(tmp_path: Path) -> None:
    clock = Clock()
    path = video(tmp_path / "a.avi", frames=3)
    replay = opened(path, clock, loop=True, pace="fast")
    away = path.rename(tmp_path / "b.avi")
    results = [replay.read(0.1) for _ in range(4)]
    assert results[-1] is None and "cannot be read: No such file" in replay.problem
    away.rename(path)
    assert replay.read(0.1) is None, "it is not looked for all the time"
    clock.pass_by(1)
    assert replay.read(0.1) is not None and replay.problem == ""


def test_a_picture_stands_for_its_time_shown_again_and_again(tmp_path: Path) -> None:
    clock = Clock()
    replay = opened(picture(tmp_path / "a.png", 50), clock, picture_s=1.0)
    frames = []
    with pytest.raises(EOFError):
        while True:
            frames.append(replay.read(1))
    assert len(frames) == 10 and clock.now - 1000 == pytest.approx(0.9)


def test_a_folder_shows_each_picture_in_turn_and_leaves_out_broken_ones(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    picture(tmp_path / "1.png", 10)
    (tmp_path / "2.png").write_bytes(b"broken")
    picture(tmp_path / "3.png", 30)
    with caplog.at_level(logging.WARNING):
        replay = opened(tmp_path, Clock(), pace="fast")
        values = [frame.gray[0, 0] for frame in (replay.read(0), replay.read(0)) if frame]
    assert values == [10, 30] and "2.png" in caplog.text and "left out" in caplog.text


def test_a_folder_of_nothing_but_broken_pictures_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"broken")
    (tmp_path / "2.png").write_bytes(b"broken")
    with pytest.raises(InputError, match="none of its 2 pictures can be decoded"):
        opened(tmp_path, Clock())


def test_a_closed_replay_has_ended(tmp_path: Path) -> None:
    replay = opened(video(tmp_path / "a.avi"), Clock())
    assert any("a.avi" in str(link.readlink()) for link in _open_files())
    replay.close()
    replay.close()
    assert not any("a.avi" in str(link.readlink()) for link in _open_files()), "the file is released"
    with pytest.raises(EOFError):
        replay.read(0)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.mp4", None, "cannot be read: No such file"),
        ("empty.mp4", b"", "the file is empty"),
        ("noise.mp4", bytes(range(256)) * 200, "neither a picture nor a video"),
        ("text.txt", b"hello world\n" * 300, "neither a picture nor a video"),
        ("cut.mp4", b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(3000), "neither a picture nor a video"),
    ],
)
def test_what_is_no_video_names_the_file_and_the_reason(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: .*{message}"):
        list(frames_of(path))
    with pytest.raises(InputError, match=f"{name}: .*{message}"):
        opened(path, Clock())
    assert (is_video(path), rate_of(path), frame_count(path)) == (False, 0, 0)


def test_a_video_without_a_frame_is_an_error(tmp_path: Path) -> None:
    path = video(tmp_path / "zero.avi", frames=0)
    with pytest.raises(InputError, match=r"zero\.avi: holds no frame"):
        list(frames_of(path))
    with pytest.raises(InputError, match="holds no frame"):
        opened(path, Clock(), loop=True)


def test_a_truncated_video_is_used_as_far_as_it_goes_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = video(tmp_path / "cut.avi", frames=60)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with caplog.at_level(logging.WARNING):
        count = len(list(frames_of(path)))
    assert 10 < count < 50 and f"ends after {count} of 60 frames" in caplog.text


def test_a_file_that_may_not_be_seen_is_an_input_error(hidden: Path) -> None:
    for name in ("a.mp4", "a.jpg", "folder"):
        with pytest.raises(InputError, match="Permission denied"):
            next(frames_of(hidden / name))
