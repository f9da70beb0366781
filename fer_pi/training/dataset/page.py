"""Writes what was found about a data set as one HTML page with plots and examples."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import PercentFormatter

from fer_pi.training.dataset.check import Pair
from fer_pi.training.dataset.contents import Contents, Part
from fer_pi.training.page import ACCENT, INK, MUTED, WARM, picture, plot, write_report
from fer_pi.types import EMOTIONS

COLORS = (ACCENT, WARM, "#1d7a4c", MUTED)
"""Of the splits, in their order."""
EXAMPLES = 10
"""Pictures shown of each emotion."""
PAIRS = 24


def write_page(folder: Path, figures: dict[str, Any], contents: Contents, pairs: list[Pair]) -> Path:
    """Write report.html and report.json into `folder`; the page's path."""
    parts = [part for part in contents.parts if part.images]
    labelled = any(any(part["labels"].values()) for part in figures["parts"].values())
    drawn = {}
    if labelled:
        drawn["Label balance"] = balance(figures)
    if parts:
        drawn["Brightness"] = brightness(parts)
    if any(len(set(part.sizes)) > 1 for part in parts):
        drawn["Sizes"] = sizes(parts)
    return write_report(
        folder,
        "dataset.html",
        figures,
        emotions=[emotion.value for emotion in EMOTIONS],
        plots=drawn,
        examples=_examples(parts[0]) if parts and labelled else [],
        pairs=[_shown(contents.parts, pair) for pair in pairs[:PAIRS]],
    )


def balance(figures: dict[str, Any]) -> str:
    """The share of each emotion in each split."""
    parts = {name: part for name, part in figures["parts"].items() if sum(part["labels"].values())}
    height = 0.8 / len(parts)
    with plot(5.0, 4.2) as (axes, uri):
        for index, (name, part) in enumerate(parts.items()):
            counts = np.array(list(part["labels"].values()))
            places = np.arange(len(counts)) + (index - (len(parts) - 1) / 2) * height
            axes.barh(places, counts / counts.sum(), 0.9 * height, color=COLORS[index % len(COLORS)], label=name)
            for place, count in zip(places.tolist(), counts.tolist(), strict=True):
                axes.text(
                    count / counts.sum() + 0.006, place, f"{count:,}", va="center", fontsize=8 if len(parts) < 3 else 7
                )
        axes.set_yticks(range(len(EMOTIONS)), [emotion.value for emotion in EMOTIONS])
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.invert_yaxis()
        axes.xaxis.set_major_formatter(PercentFormatter(1, 0))
        axes.set_xlabel("share of the labelled pictures (and how many)")
        axes.margins(x=0.12)
        axes.legend(loc="lower right")
    return uri[0]


def brightness(parts: list[Part]) -> str:
    """How dark and bright the pictures are."""
    with plot(5.0, 3.2) as (axes, uri):
        for index, part in enumerate(parts):
            values = [float(image.mean()) for image in part.images]
            weights = np.full(len(values), 1 / len(values))
            axes.hist(
                values,
                np.linspace(0, 255, 33).tolist(),
                weights=weights,
                histtype="step",
                linewidth=1.8,
                color=COLORS[index % len(COLORS)],
                label=part.name,
            )
        axes.yaxis.set_major_formatter(PercentFormatter(1, 0))
        axes.set_xlim(0, 255)
        axes.set_xlabel("mean grey of a picture, 0 to 255")
        axes.grid(axis="y")
        axes.legend()
    return uri[0]


def sizes(parts: list[Part]) -> str:
    """Width and height of the pictures."""
    with plot(5.0, 3.9) as (axes, uri):
        for index, part in enumerate(parts):
            wide, high = np.unique(np.array(part.sizes), axis=0).T
            axes.scatter(wide, high, 10, color=COLORS[index % len(COLORS)], alpha=0.6, label=part.name, linewidths=0)
        low, high = axes.get_xlim()
        axes.axline((low, low), (high, high), color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_xlabel("width in px (dashed: square)")
        axes.set_ylabel("height in px")
        axes.grid(True)
        axes.legend()
    return uri[0]


def _examples(part: Part) -> list[tuple[str, list[str]]]:
    """For each emotion that occurs, some of its pictures, evenly spread over the split."""
    labels = np.array(part.labels)
    shown = []
    for emotion in EMOTIONS:
        found = np.flatnonzero(labels == emotion.value)
        some = found[np.unique(np.linspace(0, len(found) - 1, EXAMPLES).astype(int))] if len(found) else found
        if len(some):
            shown.append((emotion.value, [picture(part.images[index]) for index in some]))
    return shown


def _shown(parts: list[Part], pair: Pair) -> dict[str, Any]:
    def side(place: tuple[int, int]) -> dict[str, str]:
        part, index = parts[place[0]], place[1]
        return {
            "picture": picture(part.images[index]),
            "name": f"{part.name}: {part.names[index]}",
            "label": part.labels[index],
        }

    return {"one": side(pair.one), "other": side(pair.other), "likeness": pair.likeness}
