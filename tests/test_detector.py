"""The detector: faces in pixels of the given picture, largest first; clear errors for what is no picture or model."""

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from fer_pi.config import load_config
from fer_pi.errors import ConfigError, InputError, ModelError
from fer_pi.shipped import shipped
from fer_pi.types import Box, Detector, Face, Image
from fer_pi.vision import detector as detector_module
from fer_pi.vision.detector import FaceDetector, blended, open_detector
from fer_pi.vision.detector_input import DetectorOptions, fit, parse_size, resized
from fer_pi.vision.model_file import open_model

PHOTOGRAPHS = Path(detector_module.__file__).parents[1] / "sources" / "demo_faces"


@pytest.fixture(scope="module")
def portrait(detector: Detector, hopper: Image) -> Image:
    """Her head and shoulders alone, so that it can be put where a test wants it."""
    box = detector.detect(hopper)[0].box
    margin = 0.4 * box.height
    top, bottom = int(max(0, box.top - margin)), int(box.bottom + margin)
    left, right = int(max(0, box.left - margin)), int(box.right + margin)
    return hopper[top:bottom, left:right]


def placed(portrait: Image, height: int, at: tuple[int, int], canvas: tuple[int, int] = (480, 640)) -> Image:
    """The portrait `height` pixels high on a grey canvas, its top left corner at `at` (x, y); cut at the borders."""
    width = round(portrait.shape[1] * height / portrait.shape[0])
    small = cv2.resize(portrait, (width, height), interpolation=cv2.INTER_AREA)
    picture = np.full(canvas, 110, np.uint8)
    x, y = at
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + width, canvas[1]), min(y + height, canvas[0])
    picture[y0:y1, x0:x1] = small[y0 - y : y1 - y, x0 - x : x1 - x]
    return picture


def middle_of(face: Face) -> tuple[float, float]:
    return face.box.center


@pytest.mark.parametrize("name", ["hopper", "collins"])
def test_finds_the_one_face_of_a_portrait_with_landmarks_where_they_belong(detector: Detector, name: str) -> None:
    image = cv2.imread(str(PHOTOGRAPHS / f"{name}.jpg"), cv2.IMREAD_GRAYSCALE)
    (face,) = detector.detect(np.asarray(image, np.uint8))
    right_eye, left_eye, nose, right_mouth, left_mouth = face.landmarks
    assert right_eye[0] < nose[0] < left_eye[0], "the subject's right eye is at the left of the picture"
    assert right_mouth[0] < left_mouth[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])
    for x, y in face.landmarks:
        assert face.box.left < x < face.box.right and face.box.top < y < face.box.bottom
    assert 0.5 <= face.confidence <= 1


def test_a_mirrored_picture_has_the_mirrored_face(detector: Detector, hopper: Image) -> None:
    (face,) = detector.detect(hopper)
    (mirrored,) = detector.detect(hopper[:, ::-1])
    width = hopper.shape[1]
    assert (
        Box(width - mirrored.box.right, mirrored.box.top, mirrored.box.width, mirrored.box.height).iou(face.box) > 0.85
    )
    eyes = face.landmarks[1][0] - face.landmarks[0][0]
    assert width - mirrored.landmarks[0][0] == pytest.approx(face.landmarks[1][0], abs=0.12 * eyes)


@pytest.mark.parametrize("factor", [0.5, 2.0, 3.7])
def test_boxes_are_in_pixels_of_the_given_picture(detector: Detector, hopper: Image, factor: float) -> None:
    (face,) = detector.detect(hopper)
    bigger = np.asarray(cv2.resize(hopper, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
    (found,) = detector.detect(bigger)
    box = Box(*(value / factor for value in (found.box.left, found.box.top, found.box.width, found.box.height)))
    assert box.iou(face.box) > 0.85


def test_thirty_faces_are_found_largest_first_and_no_more_than_asked_for(portrait: Image) -> None:
    tiles = [placed(portrait, 120 + 2 * n, (30, 4), (192, 212)) for n in range(30)]
    picture = np.vstack([np.hstack(tiles[6 * row : 6 * row + 6]) for row in range(5)])
    faces = open_detector(DetectorOptions(size="640x480")).detect(picture)
    assert len(faces) == 30
    areas = [face.box.area for face in faces]
    assert areas == sorted(areas, reverse=True)
    few = open_detector(DetectorOptions(size="640x480", max_faces=4)).detect(picture)
    assert [face.box for face in few] == [face.box for face in faces[:4]]


@pytest.mark.parametrize("at", [(-25, 150), (551, 150), (300, 400)], ids=["left", "right", "bottom"])
def test_a_face_cut_by_the_border_is_found_where_it_is(
    detector: Detector, portrait: Image, at: tuple[int, int]
) -> None:
    height = 130
    (face,) = detector.detect(placed(portrait, height, at))
    width = portrait.shape[1] * height / portrait.shape[0]
    assert face.box.center[0] == pytest.approx(at[0] + width / 2, abs=0.25 * width)
    assert face.box.center[1] == pytest.approx(at[1] + height / 2, abs=0.25 * height)


def test_a_face_that_leans_into_the_camera_and_one_across_the_room_are_found(
    detector: Detector, portrait: Image
) -> None:
    near = detector.detect(placed(portrait, 660, (100, -80)))
    far = detector.detect(placed(portrait, 96, (300, 200)))  # its face is about 26 x 20 px at the net's input
    assert len(near) == 1 and near[0].box.height > 300
    assert len(far) == 1 and far[0].box.height < 70


@pytest.mark.parametrize("shape", [(1, 1), (1, 12_000), (12_000, 1), (5, 7), (480, 640), (2_000, 12_000)])
def test_nobody_in_a_plain_picture_of_any_shape(detector: Detector, shape: tuple[int, int]) -> None:
    assert detector.detect(np.full(shape, 90, np.uint8)) == []


def test_noise_is_nobody(detector: Detector) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (480, 640)).astype(np.uint8)
    assert detector.detect(noise) == []


def test_a_view_of_a_larger_array_gives_what_a_copy_gives(detector: Detector, hopper: Image) -> None:
    wide = np.repeat(np.repeat(hopper, 2, axis=0), 2, axis=1)
    view = wide[::2, ::2]
    assert not view.flags.c_contiguous
    assert detector.detect(view) == detector.detect(view.copy())


def test_the_picture_is_left_as_it_was(detector: Detector, hopper: Image) -> None:
    picture = hopper.copy()
    picture.flags.writeable = False
    detector.detect(picture)
    assert np.array_equal(picture, hopper)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((4, 4), np.float32),
        np.zeros((4, 4), np.uint16),
        np.zeros((4, 4, 3), np.uint8),
        np.zeros((0, 4), np.uint8),
        None,
    ],
    ids=["float", "16 bit", "colour", "empty", "None"],
)
def test_what_is_no_grey_picture_is_an_input_error(detector: Detector, picture: Any) -> None:
    with pytest.raises(InputError, match="grey picture, uint8"):
        detector.detect(picture)


@pytest.mark.parametrize("size", ["160x120", "320x240", "240x320", "416x312", "640x480", "128x64"])
def test_every_size_that_is_allowed_runs_and_finds_the_face(hopper: Image, size: str) -> None:
    one = open_detector(DetectorOptions(size=size))
    (face,) = one.detect(hopper)
    assert face.box.center[0] == pytest.approx(open_detector(DetectorOptions()).detect(hopper)[0].box.center[0], abs=12)


def test_one_detector_takes_pictures_of_any_shape_in_turn(detector: Detector, hopper: Image) -> None:
    first = detector.detect(hopper)
    detector.detect(np.zeros((700, 90), np.uint8))
    detector.detect(np.zeros((90, 700), np.uint8))
    assert detector.detect(hopper) == first


@pytest.mark.parametrize(
    ("size", "complaint"),
    [
        ("0x240", "width 0 is not within 64 to 1920"),
        ("1x1", "width 1 is not within"),
        ("320x33", "height 33 is not within"),
        ("321x240", "width 321 is not a multiple of 8; take 320"),
        ("5000x240", "width 5000 is not within"),
        ("320", "must be WIDTHxHEIGHT"),
        ("-320x240", "must be WIDTHxHEIGHT"),
        ("320x240x1", "must be WIDTHxHEIGHT"),
    ],
)
def test_a_size_that_cannot_be_is_refused_with_the_remedy(size: str, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        DetectorOptions(size=size)


@pytest.mark.parametrize("size", ["0", "1", "33", "5000", "33x33", "5000x5000", "[320, 240]", "null"])
def test_a_size_that_cannot_be_is_named_with_its_line_in_the_configuration(size: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"detector:\n  threads: 1\n  size: {size}\n")
    with pytest.raises(
        ConfigError, match=r"config\.yaml:3:\d+: detector\.size: .*(WIDTHxHEIGHT in pixels|is not within)"
    ):
        load_config(path)


def test_sizes_are_width_before_height() -> None:
    assert parse_size("320x240") == (320, 240)


def test_a_picture_is_fitted_with_its_shape_kept_and_padded_to_whole_cells() -> None:
    fitted, scale = fit(np.zeros((360, 640), np.uint8), 320, 240, 16, 128)
    assert fitted.shape == (192, 320)
    assert np.all(fitted[180:] == 128) and np.all(fitted[:180] == 0)
    assert scale.tolist() == [2.0, 2.0]


def test_of_overlapping_boxes_the_best_stays_moved_by_those_that_agree() -> None:
    rows = np.zeros((4, 15), np.float32)
    rows[:, :5] = [[0.9, 10, 10, 40, 50], [0.3, 14, 10, 40, 50], [0.8, 30, 10, 40, 50], [0.7, 200, 10, 40, 50]]
    found = blended(rows)
    assert found[:, 0].tolist() == pytest.approx([0.9, 0.8, 0.7])
    assert found[0, 1] == pytest.approx((0.9 * 10 + 0.3 * 14) / 1.2)
    assert found[2, 1:5].tolist() == [200, 10, 40, 50]


def test_of_a_box_within_another_only_the_more_confident_stays() -> None:
    rows = np.zeros((6, 15), np.float32)
    rows[:, :5] = [
        [0.9, 10, 10, 80, 100],
        [0.8, 30, 30, 40, 50],  # wholly within the first
        [0.6, 70, 60, 40, 50],  # half within the first: somebody else
        [0.7, 200, 10, 30, 40],
        [0.5, 190, 0, 90, 110],  # around the one before
        [0.4, 245, 60, 30, 40],  # within that alone, which is gone
    ]
    assert blended(rows)[:, 0].tolist() == pytest.approx([0.9, 0.7, 0.6, 0.4])


def test_a_higher_threshold_finds_no_more(hopper: Image) -> None:
    counts = [len(open_detector(DetectorOptions(threshold=t)).detect(hopper)) for t in (0.05, 0.5, 0.999)]
    assert counts == sorted(counts, reverse=True) and counts[-1] == 0 and counts[1] == 1


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The shipped model in a folder of the test's own."""
    return Path(shutil.copytree(shipped("models/detector"), tmp_path / "model"))


def test_an_altered_model_is_refused(copied: Path) -> None:
    file = copied / "detector.onnx"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ModelError, match="altered"):
        open_detector(DetectorOptions(model=copied))


def test_a_truncated_or_missing_model_is_refused(copied: Path) -> None:
    file = copied / "detector.onnx"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ModelError, match="cut short"):
        open_detector(DetectorOptions(model=file))
    file.unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        open_detector(DetectorOptions(model=copied))


def rewritten(folder: Path, content: bytes | None = None, **changes: Any) -> Path:
    """`folder` with another content or manifest, its sums right again."""
    import hashlib

    manifest = json.loads((folder / "manifest.json").read_text())
    if content is not None:
        (folder / manifest["file"]).write_bytes(content)
        manifest |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))
    return folder


def test_a_file_that_is_no_onnx_is_refused(copied: Path) -> None:
    with pytest.raises(ModelError, match="cannot read it"):
        open_detector(DetectorOptions(model=rewritten(copied, b"not a net" * 100)))


def test_a_failure_later_on_is_not_the_models_fault(hopper: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad model ends the service for good, and a moment without memory must not."""
    detector: Any = open_detector(DetectorOptions())

    class Failing:
        def setInput(self, blob: object) -> None:
            raise cv2.error("Insufficient memory")

    monkeypatch.setattr(detector, "_net", Failing())
    with pytest.raises(cv2.error):
        detector.detect(hopper)


def test_a_net_with_other_outputs_than_the_manifest_says_is_refused(copied: Path) -> None:
    with pytest.raises(ModelError):
        open_detector(DetectorOptions(model=rewritten(copied, outputs={"names": ["stride16", "stride8", "stride32"]})))
    with pytest.raises(ModelError):
        open_detector(DetectorOptions(model=rewritten(copied, outputs={"names": ["a", "b", "c"]})))


@pytest.mark.parametrize("key", ["threshold", "input", "outputs"])
def test_a_manifest_without_what_the_detector_needs_is_refused(copied: Path, key: str) -> None:
    manifest = json.loads((copied / "manifest.json").read_text())
    del manifest[key]
    (copied / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match=key):
        open_detector(DetectorOptions(model=copied))


def test_the_shipped_model_is_small_and_carries_its_story() -> None:
    model = open_model(shipped("models/detector"), "detector")
    assert len(model.bytes()) <= 500_000
    assert {"seed", "config", "data", "metrics"} <= set(model.manifest["training"])
    detector = FaceDetector(model, DetectorOptions())
    assert "320x240" in str(detector) and detector.threshold == model.manifest["threshold"]


def test_opening_sets_the_threads_of_opencv() -> None:
    before = cv2.getNumThreads()
    try:
        open_detector(DetectorOptions(threads=2))
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)


@pytest.mark.parametrize("shape", [(480, 640), (720, 1280), (1080, 1920), (601, 799), (37, 51), (1, 12_000)])
def test_shrinking_is_as_good_as_averaging(shape: tuple[int, int]) -> None:
    smooth = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8), (0, 0), 9)
    size = (max(1, shape[1] * 240 // 1080), max(1, shape[0] * 240 // 1080))
    wanted = cv2.resize(smooth, size, interpolation=cv2.INTER_AREA)
    found = resized(np.asarray(smooth, np.uint8), size)
    assert found.shape == wanted.shape and np.abs(found.astype(int) - wanted.astype(int)).max() <= 6


def test_a_net_runs_as_fast_as_if_its_first_picture_had_been_a_large_one(hopper: Image) -> None:
    """OpenCV plans the convolutions of a net at its first run; which plan it took shows in the last digits."""
    fitted, _ = fit(hopper, 320, 240, 16, 128)
    model = open_model(shipped("models/detector"), "detector")
    ours, large_first = FaceDetector(model, DetectorOptions()), FaceDetector(model, DetectorOptions())
    large_first._net = detector_module.read_onnx(model.path, model.bytes())
    for one, other in zip(ours._run(fitted), large_first._run(fitted), strict=True):
        assert np.array_equal(one, other)
