"""Detectors of others behind our protocol: YuNet, Res10 and Haar; clear errors for files that are none of them."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_pi.errors import ModelError
from fer_pi.shipped import shipped
from fer_pi.types import Detector, Image
from fer_pi.vision.detector import open_detector
from fer_pi.vision.detector_input import DetectorOptions


@pytest.mark.parametrize("name", ["face.tflite", "nothing.onnx"])
def test_a_model_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="no such model file"):
        open_detector(DetectorOptions(model=tmp_path / name))


def test_a_file_of_unknown_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "face.tflite"
    path.write_bytes(b"1234")
    with pytest.raises(ModelError, match=r"known are \.onnx, \.caffemodel and \.xml"):
        open_detector(DetectorOptions(model=path))


def test_an_onnx_file_without_manifest_that_is_not_yunet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "detector.onnx"
    shutil.copy(shipped("models/detector") / "detector.onnx", path)
    with pytest.raises(ModelError, match="neither YuNet"):
        open_detector(DetectorOptions(model=path))


def test_damaged_models_of_others_are_refused(tmp_path: Path) -> None:
    for name in ("yunet.onnx", "res10.caffemodel", "haar.xml"):
        path = tmp_path / name
        path.write_bytes(b"<x>damaged</x>")
        with pytest.raises(ModelError, match=name):
            open_detector(DetectorOptions(model=path))


def test_a_caffe_model_without_its_layout_says_so(tmp_path: Path) -> None:
    if not hasattr(cv2.dnn, "readNetFromCaffe"):
        pytest.skip("this OpenCV reads no Caffe models")
    path = tmp_path / "res10.caffemodel"
    path.write_bytes(b"x")
    with pytest.raises(ModelError, match=r"no \.prototxt beside it"):
        open_detector(DetectorOptions(model=path))


def haar_cascade() -> Path:
    path = Path(getattr(getattr(cv2, "data", None), "haarcascades", "")) / "haarcascade_frontalface_alt2.xml"
    if not path.is_file() or not hasattr(cv2, "CascadeClassifier"):
        pytest.skip("this OpenCV comes without Haar cascades")
    return path


def test_a_haar_cascade_finds_the_face_too(detector: Detector, hopper: Image) -> None:
    (face,) = open_detector(DetectorOptions(model=haar_cascade())).detect(hopper)
    assert face.landmarks == () and 0 < face.confidence <= 1
    assert face.box.iou(detector.detect(hopper)[0].box) > 0.4


def test_haar_on_an_opencv_without_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr(cv2, "CascadeClassifier", raising=False)
    path = tmp_path / "haar.xml"
    path.write_text("<opencv_storage/>")
    with pytest.raises(ModelError, match="no longer has Haar cascades"):
        open_detector(DetectorOptions(model=path))


def test_caffe_on_an_opencv_without_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr(cv2.dnn, "readNetFromCaffe", raising=False)
    path = tmp_path / "res10.caffemodel"
    path.write_bytes(b"x")
    with pytest.raises(ModelError, match="reads no Caffe models"):
        open_detector(DetectorOptions(model=path))


def yunet() -> Path:
    found = sorted((Path(__file__).parents[2] / "shared" / "data" / "peers").glob("*yunet*.onnx"))
    if not found:
        pytest.skip("no YuNet file in ../shared/data/peers")
    return found[0]


def test_yunet_runs_behind_the_same_protocol_and_agrees(detector: Detector, hopper: Image) -> None:
    other = open_detector(DetectorOptions(model=yunet()))
    (face,), (own,) = other.detect(hopper), detector.detect(hopper)
    assert face.box.iou(own.box) > 0.7 and len(face.landmarks) == 5
    eyes = own.landmarks[1][0] - own.landmarks[0][0]
    assert np.abs(np.array(face.landmarks) - np.array(own.landmarks)).max() < 0.25 * eyes
    assert other.detect(np.full((100, 100), 90, np.uint8)) == []
