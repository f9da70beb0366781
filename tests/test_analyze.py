"""Pictures, folders and videos become records, tables and videos."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fer_pi.analyze import analyze, inputs_in
from fer_pi.chain import Chain, open_chain
from fer_pi.config import checked_config
from fer_pi.errors import InputError
from fer_pi.sources.demo import scene
from fer_pi.sources.replay import frames_of
from fer_pi.testing.videos import scene_video
from fer_pi.types import EMOTIONS


@pytest.fixture(scope="module")
def chain() -> Chain:
    return open_chain(checked_config({}))


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of one smiling face, 15 frames a second."""
    return scene_video(tmp_path_factory.mktemp("video") / "smile.mp4", 3.0, 2.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A smile, an empty room, and the smile again."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, at_s in (("1.png", 3.0), ("2.png", 0.0), ("10.jpg", 3.0)):
        cv2.imwrite(str(folder / name), scene(at_s))
    return folder


def records(chain: Chain, *paths: Path) -> list[dict[str, Any]]:
    out = io.StringIO()
    assert analyze(inputs_in(paths), chain, json_lines=out) == []
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_video_gives_one_line_a_frame_and_follows_its_people(chain: Chain, video: Path) -> None:
    lines = records(chain, video)
    assert [line["frame"] for line in lines] == list(range(30))
    assert [line["time"] for line in lines] == pytest.approx([number / 15 for number in range(30)], abs=2e-3)
    assert {line["source"] for line in lines} == {str(video)}
    assert {face["track"] for line in lines for face in line["faces"]} == {1}
    assert lines[-1]["mood"]["emotion"] == "happiness"
    assert lines[-1]["mood"]["strength"] > 0.5


def test_a_line_has_exactly_the_fields_that_are_promised(chain: Chain, video: Path) -> None:
    line = records(chain, video)[-1]
    assert list(line) == ["source", "frame", "time", "faces", "mood"]
    assert list(line["mood"]) == ["emotion", "strength"]
    (face,) = line["faces"]
    assert list(face) == ["track", "box", "landmarks", "confidence", "emotions", "smoothed"]
    x, y, width, height = face["box"]
    assert 0 <= x < x + width <= 640
    assert 0 <= y < y + height <= 480
    assert len(face["landmarks"]) == 5
    assert all(x <= mark_x <= x + width and y <= mark_y <= y + height for mark_x, mark_y in face["landmarks"])
    assert 0 < face["confidence"] <= 1
    for scores in (face["emotions"], face["smoothed"]):
        assert list(scores) == [str(emotion) for emotion in EMOTIONS]
        assert sum(scores.values()) == pytest.approx(1, abs=1e-3)


def test_pictures_of_a_folder_come_in_natural_order_and_know_nothing_of_each_other(chain: Chain, folder: Path) -> None:
    first, empty, again = records(chain, folder)
    assert [line["source"] for line in (first, empty, again)] == [str(folder / n) for n in ("1.png", "2.png", "10.jpg")]
    assert [(line["frame"], line["time"]) for line in (first, empty, again)] == [(0, 0.0)] * 3
    assert empty["faces"] == []
    assert empty["mood"] == {"emotion": None, "strength": 0.0}
    for line in (first, again):
        assert [face["track"] for face in line["faces"]] == [1]
        assert line["mood"]["emotion"] == "happiness"
        assert line["faces"][0]["emotions"] == pytest.approx(line["faces"][0]["smoothed"], abs=1e-3)


def test_videos_in_a_folder_are_followed_too_and_other_files_left_alone(
    chain: Chain, folder: Path, video: Path
) -> None:
    (folder / "3.mp4").write_bytes(video.read_bytes())
    (folder / "notes.txt").write_text("no picture")
    lines = records(chain, folder)
    assert [Path(line["source"]).name for line in lines] == ["1.png", "2.png", *["3.mp4"] * 30, "10.jpg"]
    assert [line["frame"] for line in lines[2:32]] == list(range(30))


def test_the_table_has_a_row_for_each_face_and_one_for_each_empty_picture(
    chain: Chain, folder: Path, tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    analyze(inputs_in([folder]), chain, csv_file=table)
    with table.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [Path(row["source"]).name for row in rows] == ["1.png", "2.png", "10.jpg"]
    assert [row["track"] for row in rows] == ["1", "", "1"]
    assert float(rows[0]["happiness"]) > 0.5
    assert rows[0]["mood"] == "happiness"


def test_the_video_shows_the_overlay_of_every_frame(chain: Chain, video: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    assert analyze([video], chain, video=out) == []
    reader = cv2.VideoCapture(str(out))
    assert reader.get(cv2.CAP_PROP_FRAME_COUNT) == 30
    assert reader.get(cv2.CAP_PROP_FPS) == pytest.approx(15, abs=0.1)
    assert (reader.get(cv2.CAP_PROP_FRAME_WIDTH), reader.get(cv2.CAP_PROP_FRAME_HEIGHT)) == (640, 480)
    ok, last = [reader.read() for _ in range(30)][-1]
    original = scene(3.0 + 29 / 15)
    assert ok
    assert np.abs(last.astype(int) - original).mean() > 5, "nothing was drawn"


def test_one_bad_file_is_named_and_the_others_go_on(chain: Chain, folder: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"this is no video" * 100)
    out = io.StringIO()
    errors = analyze([bad, folder / "1.png"], chain, json_lines=out)
    assert [type(error) for error in errors] == [InputError]
    assert "bad.mp4" in str(errors[0])
    assert len(out.getvalue().splitlines()) == 1


def test_a_table_that_cannot_be_written_is_said_before_any_work(chain: Chain, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the table cannot be written"):
        analyze(inputs_in([folder]), chain, csv_file=tmp_path / "none" / "table.csv")


def test_faces_of_a_crowd_and_at_the_border_have_sane_records(tmp_path: Path) -> None:
    """Thirty faces in one picture, some of them cut by its border, at a size at which each has 25 pixels."""
    config = checked_config({"detector": {"size": "640x480"}})
    face = cv2.resize(scene(3.0)[185:345, 205:338], (100, 120))
    picture = np.full((800, 1000, 3), 160, np.uint8)
    for row in range(5):
        for column in range(6):
            top, left = row * 160 - 20, column * 170 - 20
            part = face[max(0, -top) :, max(0, -left) :]
            picture[max(0, top) : max(0, top) + part.shape[0], max(0, left) : max(0, left) + part.shape[1]] = part
    path = tmp_path / "crowd.png"
    cv2.imwrite(str(path), picture)
    (line,) = records(open_chain(config), path)
    assert 20 <= len(line["faces"]) <= 30
    assert len({face["track"] for face in line["faces"]}) == len(line["faces"])
    sizes = [face["box"][2] * face["box"][3] for face in line["faces"]]
    areas = [seen.face.box.area for seen in open_chain(config).read(next(frames_of(path))).sightings]
    assert areas == sorted(areas, reverse=True)
    assert sizes == pytest.approx(areas, rel=1e-3), "in the same order; boxes are written with two decimals"


def test_a_reader_that_leaves_early_ends_it_quietly(video: Path) -> None:
    command = [sys.executable, "-m", "fer_pi", "-q", "analyze", str(video), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        json.loads(process.stdout.readline())
        process.stdout.close()
        complaints = process.stderr.read()
    assert "Traceback" not in complaints
    assert "Broken pipe" not in complaints
    assert process.returncode == 1
