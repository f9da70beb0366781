"""A model is used only if it is the one that its manifest describes."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from fer_pi.errors import ModelError
from fer_pi.vision.model_file import open_model

CONTENT = b"weights" * 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "net.onnx").write_bytes(CONTENT)
    write_manifest(folder)
    return folder


def write_manifest(folder: Path, **changes: Any) -> None:
    manifest = {
        "kind": "detector",
        "file": "net.onnx",
        "bytes": len(CONTENT),
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))


def test_a_model_opens_by_its_folder_and_by_its_file(folder: Path) -> None:
    for path in (folder, folder / "net.onnx"):
        model = open_model(path, "detector")
        assert (model.path, model.bytes(), model.manifest["kind"]) == (folder / "net.onnx", CONTENT, "detector")


def test_an_altered_model_is_refused(folder: Path) -> None:
    (folder / "net.onnx").write_bytes(b"W" + CONTENT[1:])
    with pytest.raises(ModelError, match=r"net\.onnx: its sha256 is not the one in manifest\.json"):
        open_model(folder, "detector")


def test_a_truncated_model_is_refused(folder: Path) -> None:
    (folder / "net.onnx").write_bytes(CONTENT[:-1])
    with pytest.raises(ModelError, match=r"net\.onnx: 699 bytes, but its manifest says 700"):
        open_model(folder, "detector")


def test_a_missing_model_is_named(folder: Path) -> None:
    (folder / "net.onnx").unlink()
    with pytest.raises(ModelError, match=r"net\.onnx: the model cannot be read"):
        open_model(folder, "detector")


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"manifest\.json: no model here"):
        open_model(tmp_path, "detector")


def test_a_model_of_another_kind_is_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match="kind 'detector', where 'emotion' is wanted"):
        open_model(folder, "emotion")


def test_another_file_beside_the_manifest_is_refused(folder: Path) -> None:
    (folder / "other.onnx").write_bytes(CONTENT)
    with pytest.raises(ModelError, match=r"describes net\.onnx, not this file"):
        open_model(folder / "other.onnx", "detector")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"kind": "detector"}'])
def test_a_broken_manifest_is_named(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ModelError, match=r"manifest\.json: "):
        open_model(folder, "detector")


def test_a_model_that_may_not_be_seen_is_a_model_error(hidden: Path) -> None:
    for path in (hidden / "model", hidden / "model/net.onnx"):
        with pytest.raises(ModelError, match=f"{hidden}.*Permission denied"):
            open_model(path, "detector")
