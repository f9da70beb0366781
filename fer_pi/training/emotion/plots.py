"""Draws the plots of an emotion report from its figures, each as a data URI of an SVG."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from fer_pi.drawing.palette import EMOTION_COLORS
from fer_pi.training.page import ACCENT, GRID, INK, MUTED, WARM, plot
from fer_pi.types import EMOTIONS, Emotion

DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (5, 1.5, 1, 1.5)))
"""So that neighbours of like colour are told apart by their line, too."""
TITLES = {
    "brightness": "brightness (mean grey)",
    "contrast": "contrast (deviation of grey)",
    "sharpness": "sharpness (Laplacian's variance)",
    "size": "size of the face (px of the crop)",
    "turn": "turned to a side (0 to 1)",
    "tilt": "tilted (degrees)",
    "found by the detector": "found by the detector",
}


def confusion(figures: dict[str, Any]) -> str:
    """Rows: what people said; columns: what the model says. Each row sums to 100."""
    counts = np.array(figures["confusion"]["counts"], float)
    names = figures["confusion"]["labels"]
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    with plot(5.2, 4.8) as (axes, uri):
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
        for row, column in np.ndindex(*shares.shape):
            share = shares[row, column]
            if counts[row, column]:
                color = "white" if share > 55 else INK
                text = f"{share:.0f}" if share >= 0.95 else f"{share:.1f}"
                axes.text(column, row, text, ha="center", va="center", color=color, fontsize=9)
        axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(names)), names)
        axes.set_xlabel("the model says")
        axes.set_ylabel("people say")
        axes.tick_params(length=0, labelcolor=INK)
        axes.spines[:].set_visible(False)
        axes.set_xticks(np.arange(len(names)) - 0.5, minor=True)
        axes.set_yticks(np.arange(len(names)) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1.5)
        axes.tick_params(which="minor", length=0)
    return uri[0]


def reliability(figures: dict[str, Any]) -> str:
    """How often it is right against how sure it says it is; below, how many faces there are of each."""
    bins = figures["reliability"]
    low = np.array([one["from"] for one in bins])
    high = np.array([one["to"] for one in bins])
    said = np.array([one["confidence"] for one in bins])
    right = np.array([one["accuracy"] for one in bins])
    reach = np.array([one["accuracy_interval"] for one in bins]).T
    share = np.array([one["samples"] for one in bins]) / figures["samples"]
    with plot() as (axes, uri):
        axes.bar(low, share, high - low, align="edge", color=GRID, edgecolor="white", label="share of the faces")
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)), label="honest")
        axes.errorbar(
            said, right, np.abs(reach - right), color=ACCENT, fmt="o-", markersize=4, linewidth=1.5, elinewidth=1
        )
        _percent_axes(axes, "it says it is right with", "it is right in")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        axes.legend(loc="upper left")
    return uri[0]


def coverage(figures: dict[str, Any]) -> str:
    """Accuracy of the answers that are left if the least sure faces get none."""
    curve = figures["coverage"]["curve"]
    with plot() as (axes, uri):
        axes.plot(curve["coverage"], curve["accuracy"], color=ACCENT, linewidth=2)
        for level in figures["coverage"]["levels"][1:]:
            if level["accuracy"] is not None and level["coverage"] < 0.998:
                place = (level["coverage"], level["accuracy"])
                axes.plot(*place, "o", color=ACCENT, markersize=5)
                axes.annotate(
                    f"{level['confidence']:g}",
                    place,
                    xytext=(-5, -5),
                    textcoords="offset points",
                    ha="right",
                    va="top",
                    fontsize=9,
                    color=MUTED,
                )
        least = min([*curve["accuracy"], figures["accuracy"]])
        axes.set_ylim(max(0, least - 0.04), 1.005)
        axes.set_xlim(0, 1.01)
        axes.grid(True)
        _percent_axes(axes, "faces that get an answer", "of these right")
    return uri[0]


def roc(figures: dict[str, Any]) -> str:
    """Each emotion against the rest; false alarms on a root scale, where all that matters is on the left."""
    with plot(5.0, 4.6) as (axes, uri):
        axes.plot([0, 1], [0, 1], color=GRID, linewidth=1)
        for index, emotion in enumerate(EMOTIONS):
            curve = figures["roc"].get(emotion.value)
            if curve is not None:
                axes.plot(
                    curve["false_positive_rate"],
                    curve["true_positive_rate"],
                    color=ink(emotion),
                    linestyle=DASHES[index % len(DASHES)],
                    linewidth=1.6,
                    label=f"{emotion.value}  {curve['auc']:.3f}",
                )
        axes.set_xscale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
        axes.set_xticks([0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.7, 1])
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.01)
        axes.grid(True)
        _percent_axes(axes, "others taken for it (root scale)", "of it found")
        if figures["roc"]:
            axes.legend(loc="lower right", title="area below", fontsize=9, title_fontsize=9)
    return uri[0]


def robustness(figures: dict[str, Any]) -> str:
    """Accuracy under each condition, against that on the faces as they stand and the least that is allowed."""
    rows = list(figures["conditions"].values())
    places = range(len(rows))
    accuracy = np.array([row["accuracy"] for row in rows])
    least = figures["clean"] - np.array([row["most_lost"] for row in rows]) / 100
    colors = [ACCENT if row["within"] else WARM for row in rows]
    with plot(5.2, 3.8) as (axes, uri):
        axes.barh(places, accuracy, color=colors, height=0.62)
        axes.axvline(figures["clean"], color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.plot(least, places, "|", color=INK, markersize=14, markeredgewidth=2)
        for place, value in zip(places, accuracy, strict=True):
            axes.text(0.02, place, f"{100 * value:.1f} %", va="center", color="white", fontsize=9, fontweight="bold")
        axes.set_yticks(places, [row["title"] for row in rows])
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.invert_yaxis()
        axes.xaxis.set_major_formatter(PercentFormatter(1, 0))
        axes.set_xlim(0, 1)
        axes.set_xlabel("right; dashed: as they stand; tick: the least allowed")
    return uri[0]


def slices(figures: dict[str, Any]) -> str:
    """Accuracy of every slice with its 95 % interval, one block below the other."""
    lines: list[tuple[str, dict[str, Any] | None]] = []
    for name, rows in figures["slices"].items():
        lines.append((TITLES[name], None))
        lines += [(row["range"], row) for row in rows if row["samples"]]
    places = range(len(lines))
    whole = figures["accuracy"]
    with plot(5.0, 0.6 + 0.21 * len(lines)) as (axes, uri):
        axes.axvline(whole, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        for place, (_, row) in zip(places, lines, strict=True):
            if row is not None:
                low, high = row["accuracy_interval"]
                color = WARM if high < whole else ACCENT
                axes.plot([low, high], [place, place], color=color, linewidth=1.5)
                axes.plot(row["accuracy"], place, "o", color=color, markersize=5)
                axes.text(1.015, place, f"{row['samples']:,}", va="center", fontsize=8, color=MUTED)
        axes.set_yticks(places, [text for text, _ in lines])
        for label, (_, row) in zip(axes.get_yticklabels(), lines, strict=True):
            label.set_color(MUTED if row else INK)
            label.set_fontweight("normal" if row else "bold")
            label.set_fontsize(9)
        axes.tick_params(axis="y", length=0)
        least = min((row["accuracy_interval"][0] for _, row in lines if row), default=0)
        axes.set_xlim(max(0, np.floor(10 * least) / 10), 1)
        axes.set_ylim(len(lines) - 0.5, -0.7)
        axes.xaxis.set_major_formatter(PercentFormatter(1, 0))
        axes.grid(axis="x")
        axes.set_xlabel("right, with 95 % interval (and faces)")
    return uri[0]


def ink(emotion: Emotion) -> str:
    """The emotion's colour on the screen, darkened until it reads on white paper."""
    color = np.array(EMOTION_COLORS[emotion], float) / 255
    luminance = float(color @ (0.2126, 0.7152, 0.0722))
    red, green, blue = np.rint(255 * color * min(1, 0.5 / luminance)).astype(int)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _percent_axes(axes: Axes, x: str, y: str) -> None:
    axes.xaxis.set_major_formatter(PercentFormatter(1, 0))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel(x)
    axes.set_ylabel(y)
