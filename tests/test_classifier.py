"""The classifier: eight calibrated probabilities for each crop, and a clear word about files that cannot give them."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_pi.errors import DeviceError, ModelError
from fer_pi.shipped import shipped
from fer_pi.types import EMOTIONS, Classifier
from fer_pi.vision import classifier as module
from fer_pi.vision.align import DEVIATION, MEAN, normalized
from fer_pi.vision.classifier import ClassifierOptions, EmotionClassifier, probabilities

SHIPPED = shipped("models/emotion")


@pytest.fixture(scope="module")
def classifier() -> EmotionClassifier:
    return EmotionClassifier()


@pytest.fixture
def crops() -> list[NDArray[Any]]:
    rng = np.random.default_rng(5)
    return list(normalized(rng.integers(0, 256, (4, 48, 48), np.uint8)))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the shipped model, to be spoilt."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "emotion"))


def change(folder: Path, **entries: Any) -> None:
    """Change entries of the manifest."""
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))


def replace_model(folder: Path, content: bytes) -> None:
    """Another model file, to which the manifest swears."""
    (folder / "emotion.tflite").write_bytes(content)
    change(folder, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def test_it_is_a_classifier(classifier: EmotionClassifier) -> None:
    assert isinstance(classifier, Classifier)


def test_every_crop_gets_eight_probabilities_that_sum_to_one(
    classifier: EmotionClassifier, crops: list[NDArray[Any]]
) -> None:
    scores = classifier.classify(crops)
    assert len(scores) == 4
    assert all(sum(one.probabilities) == pytest.approx(1) for one in scores)


def test_no_crops_no_scores(classifier: EmotionClassifier) -> None:
    assert classifier.classify([]) == []


def test_a_crop_is_read_the_same_alone_and_in_company(classifier: EmotionClassifier, crops: list[NDArray[Any]]) -> None:
    assert classifier.classify(crops) == [classifier.classify([crop])[0] for crop in crops]


def test_more_threads_read_the_same(classifier: EmotionClassifier, crops: list[NDArray[Any]]) -> None:
    assert EmotionClassifier(ClassifierOptions(threads=2)).classify(crops) == classifier.classify(crops)


def test_the_grey_levels_have_256_codes_of_their_own(classifier: EmotionClassifier) -> None:
    """Nothing of the crop is lost on the way into the net."""
    assert len(set(classifier._codes.tolist())) == 256


def test_the_crop_reaches_the_net_as_the_manifest_says(classifier: EmotionClassifier) -> None:
    scale, zero = classifier._net.get_input_details()[0]["quantization"]
    meant = (np.arange(256) - MEAN) / DEVIATION
    np.testing.assert_allclose((classifier._codes.astype(float) - zero) * scale, meant, atol=scale)


@pytest.mark.parametrize(
    "crop", [np.zeros((48, 47), np.uint8), np.zeros((48, 48), np.float32), np.zeros((48, 48, 1), np.uint8)]
)
def test_what_is_no_crop_is_refused(classifier: EmotionClassifier, crop: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="must be uint8"):
        classifier.classify([crop])


def test_a_higher_temperature_says_less_and_keeps_the_order(copy: Path, crops: list[NDArray[Any]]) -> None:
    change(copy, temperature=1.0)
    sharp = EmotionClassifier(ClassifierOptions(model=copy)).classify(crops)
    change(copy, temperature=4.0)
    soft = EmotionClassifier(ClassifierOptions(model=copy)).classify(crops)
    assert all(a.top == b.top and a.entropy < b.entropy for a, b in zip(sharp, soft, strict=True))


def test_probabilities_are_the_softmax_of_logits_over_temperature() -> None:
    logits = np.array([[1000.0, 998.0] + [-1e4] * 6])
    expected = [1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1)), 0, 0, 0, 0, 0, 0]
    np.testing.assert_allclose(probabilities(logits, 2.0)[0], expected, atol=1e-12)


def test_the_manifest_names_the_emotions_in_our_order() -> None:
    assert json.loads((SHIPPED / "manifest.json").read_text())["labels"] == [e.value for e in EMOTIONS]


def test_the_shipped_model_is_small_enough_for_a_pi() -> None:
    manifest = json.loads((SHIPPED / "manifest.json").read_text())
    assert manifest["bytes"] <= 1_000_000
    assert manifest["multiply_adds"] <= 25_000_000


@pytest.mark.parametrize("temperature", [None, "1", 0, -1, 1e9, True])
def test_a_temperature_that_cannot_be_used_is_named(copy: Path, temperature: Any) -> None:
    change(copy, temperature=temperature)
    with pytest.raises(ModelError, match="temperature"):
        EmotionClassifier(ClassifierOptions(model=copy))


@pytest.mark.parametrize(
    ("key", "value"), [("labels", ["happy", "sad"]), ("input", {}), ("input", {"normalisation": {"mean": "x"}})]
)
def test_a_manifest_of_another_kind_of_model_is_refused(copy: Path, key: str, value: Any) -> None:
    change(copy, **{key: value})
    with pytest.raises(ModelError, match=r"labels|normalisation"):
        EmotionClassifier(ClassifierOptions(model=copy))


def test_a_missing_truncated_or_altered_file_is_a_model_error(copy: Path) -> None:
    content = (copy / "emotion.tflite").read_bytes()
    for spoilt in (content[:-100], content[:-1] + bytes([content[-1] ^ 1]), b""):
        (copy / "emotion.tflite").write_bytes(spoilt)
        with pytest.raises(ModelError):
            EmotionClassifier(ClassifierOptions(model=copy))
    (copy / "emotion.tflite").unlink()
    with pytest.raises(ModelError):
        EmotionClassifier(ClassifierOptions(model=copy))


@pytest.mark.parametrize("content", [b"not a model at all", b"\x1c\0\0\0TFL3" + b"\0" * 64, b""])
def test_a_file_that_is_no_tflite_is_a_model_error(copy: Path, content: bytes) -> None:
    replace_model(copy, content)
    with pytest.raises(ModelError):
        EmotionClassifier(ClassifierOptions(model=copy))


class Elsewhere:
    """A TFLite runtime whose nets have other shapes and types."""

    def __init__(self, shape: tuple[int, ...], dtype: type, outputs: int) -> None:
        self.shape, self.dtype, self.outputs = shape, dtype, outputs

    def Interpreter(self, **_: Any) -> "Elsewhere":
        return self

    __name__ = "elsewhere"

    def allocate_tensors(self) -> None: ...

    def get_input_details(self) -> list[dict[str, Any]]:
        return [{"index": 0, "shape": np.array(self.shape), "dtype": self.dtype, "quantization": (0.02, 0)}]

    def get_output_details(self) -> list[dict[str, Any]]:
        return [{"index": 1, "shape": np.array((1, self.outputs)), "dtype": np.int8, "quantization": (0.1, 0)}]


@pytest.mark.parametrize(
    ("shape", "dtype", "outputs"),
    [
        ((1, 64, 64, 1), np.int8, 8),
        ((1, 48, 48, 3), np.int8, 8),
        ((1, 48, 48, 1), np.float32, 8),
        ((1, 48, 48, 1), np.int8, 7),
    ],
)
def test_a_net_of_another_shape_or_type_is_named_with_what_is_wanted(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], dtype: type, outputs: int
) -> None:
    monkeypatch.setattr(module, "_runtime", lambda: Elsewhere(shape, dtype, outputs))
    with pytest.raises(ModelError, match="it must be one of"):
        EmotionClassifier()


def test_the_second_runtime_serves_where_the_first_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RUNTIMES", ("no_such_runtime.interpreter", *module.RUNTIMES))
    assert len(EmotionClassifier().classify([np.full((48, 48), 128, np.uint8)])) == 1


def test_without_any_runtime_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RUNTIMES", ("no_such_runtime.interpreter",))
    with pytest.raises(DeviceError, match="pip install ai-edge-litert"):
        EmotionClassifier()


@pytest.mark.parametrize("threads", [0, 5, -1])
def test_threads_outside_of_their_range_are_refused(threads: int) -> None:
    with pytest.raises(ValueError, match="threads"):
        ClassifierOptions(threads=threads)


def test_opening_a_model_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    EmotionClassifier()
    assert capfd.readouterr() == ("", "")
