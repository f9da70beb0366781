"""Finds the pictures in a folder."""

from pathlib import Path

from fer_pi.errors import InputError

PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".pgm", ".tif", ".tiff"}
"""What the names of pictures end with, in small letters."""


def picture_files(folder: Path) -> list[Path]:
    """The pictures anywhere below the folder, by name; raises InputError if there is no such folder, or none in it."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give one with pictures")
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in PICTURES and file.is_file())
    if not files:
        raise InputError(f"{folder}: holds no pictures ({', '.join(sorted(PICTURES))})")
    return files
