"""Writes reports as one self-contained HTML file each: plots and pictures are inside, nothing is fetched."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import jinja2
import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer_pi.atomic_file import replace_file
from fer_pi.errors import InputError
from fer_pi.types import Image

TEMPLATES = Path(__file__).parent / "templates"
INK, MUTED, GRID, ACCENT, WARM = "#1b2230", "#667085", "#e4e7ee", "#2463c9", "#d1600a"
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": "#b8bfcc",
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "grid.color": GRID,
    "legend.frameon": False,
    "svg.hashsalt": "fer_pi",  # the same figures give the same file
}


@contextmanager
def plot(width: float = 5.0, height: float = 3.9) -> Iterator[tuple[Axes, list[str]]]:
    """Axes to draw on, `width` x `height` inches, and a list that holds the plot's data URI once the block is left.

    Five inches fill a phone; then the letters have their printed size there.
    """
    uri: list[str] = []
    with matplotlib.rc_context(STYLE):
        figure = Figure((width, height), layout="constrained")
        yield figure.add_subplot(), uri
        buffer = BytesIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    uri.append(_data_uri("image/svg+xml", buffer.getvalue()))


def picture(image: Image) -> str:
    """A small (H, W) uint8 picture as a data URI."""
    _, data = cv2.imencode(".png", np.ascontiguousarray(image))
    return _data_uri("image/png", data.tobytes())


def write_report(folder: Path, template: str, figures: dict[str, Any], **more: Any) -> Path:
    """Write report.json with the `figures` and report.html from the template, given `figures` and `more`.

    Each is replaced whole or not at all. Raises InputError where the folder cannot be written to.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = _percent
    html = environment.get_template(template).render(figures=figures, **more)
    page = folder / "report.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(page, html.encode(), durable=False)
        replace_file(folder / "report.json", (json.dumps(figures, indent=1) + "\n").encode(), durable=False)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{folder}: the report cannot be written there ({reason}); name another folder") from error
    return page


def _percent(share: float | None, digits: int = 1) -> str:
    return "-" if share is None else f"{100 * share:.{digits}f} %"


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
