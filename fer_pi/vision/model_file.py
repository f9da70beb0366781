"""A model's file and the manifest beside it: found, checked, opened."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fer_pi.errors import ModelError
from fer_pi.paths import is_folder

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model whose bytes are those that its manifest describes."""

    path: Path
    manifest: dict[str, Any]
    content: bytes

    def bytes(self) -> bytes:
        return self.content


def open_model(path: Path, kind: Literal["emotion", "detector"]) -> ModelFile:
    """The model at `path`: its file, or the folder that holds it, with `manifest.json` beside it.

    Raises ModelError if either is missing, if the manifest is of another kind, or if the file is not the one
    that it describes (size, sha256).
    """
    folder = path if is_folder(path) else path.parent
    manifest = _manifest(folder / MANIFEST, kind)
    file = folder / manifest["file"]
    if not is_folder(path) and path != file:
        raise ModelError(
            f"{path}: the manifest beside it describes {manifest['file']}, not this file; give each model a folder"
        )
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{file}: the model cannot be read: {error.strerror}; reinstall fer-pi or name another model"
        ) from error
    if len(content) != manifest["bytes"]:
        raise ModelError(
            f"{file}: {len(content)} bytes, but its manifest says {manifest['bytes']}; it is cut short or another file"
        )
    if hashlib.sha256(content).hexdigest() != manifest["sha256"]:
        raise ModelError(f"{file}: its sha256 is not the one in {MANIFEST}; the file was altered, so copy it again")
    return ModelFile(file, manifest, content)


def _manifest(path: Path, kind: str) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: no model here: {error.strerror}") from error
    except ValueError as error:
        raise ModelError(f"{path}: not JSON: {error}") from error
    wanted = {"kind": str, "file": str, "bytes": int, "sha256": str}
    for key, type_ in wanted.items():
        if not isinstance(manifest, dict) or not isinstance(manifest.get(key), type_):
            raise ModelError(f"{path}: '{key}' is missing or is no {type_.__name__}")
    if manifest["kind"] != kind:
        raise ModelError(f"{path}: this is a model of kind '{manifest['kind']}', where '{kind}' is wanted")
    return manifest  # type: ignore[no-any-return]
