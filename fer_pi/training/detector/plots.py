"""Draws the plots of a detector report from its figures, each as a data URI of an SVG."""

from collections.abc import Sequence
from typing import Any

from matplotlib.ticker import PercentFormatter

from fer_pi.training.page import ACCENT, INK, MUTED, WARM, plot

COLORS = (ACCENT, WARM, "#2b8a5a", "#8b5bb5", INK, MUTED)
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (5, 1.5, 1, 1.5)))
MARKS = "osD^vP"

Figures = Sequence[dict[str, Any]]


def curve(models: Figures) -> str:
    """Precision against recall of each model; the mark is where its threshold puts it."""
    with plot(5.2, 4.4) as (axes, uri):
        for n, model in enumerate(models):
            look: dict[str, Any] = {"color": COLORS[n % len(COLORS)]}
            axes.plot(
                model["curve"]["recall"],
                model["curve"]["precision"],
                linestyle=DASHES[n % len(DASHES)],
                linewidth=1.8,
                label=model["title"] if model["ap50"] is None else f"{model['title']}  {model['ap50']:.3f}",
                **look,
            )
            if model["recall_all"] is not None and model["precision"] is not None:
                axes.plot(model["recall_all"], model["precision"], MARKS[n % len(MARKS)], markersize=7, **look)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1, 0))
        axes.set_xlim(0, 1.01)
        axes.set_ylim(0, 1.02)
        axes.grid(True)
        axes.set_xlabel("faces found")
        axes.set_ylabel("boxes that are faces")
        axes.legend(
            loc="lower left", title="area below (AP50)", fontsize=9, title_fontsize=9, frameon=True, edgecolor="white"
        )
    return uri[0]


def sizes(models: Figures) -> str:
    """Recall of each model by the size of the face; sizes that no face has are left out."""
    rows = [n for n, row in enumerate(models[0]["recall_by_size"]) if row["faces"]]
    with plot(5.2, 4.0) as (axes, uri):
        for n, model in enumerate(models):
            axes.plot(
                range(len(rows)),
                [model["recall_by_size"][row]["recall"] for row in rows],
                marker=MARKS[n % len(MARKS)],
                markersize=5,
                color=COLORS[n % len(COLORS)],
                linestyle=DASHES[n % len(DASHES)],
                linewidth=1.6,
                label=model["title"],
            )
        chosen = [models[0]["recall_by_size"][row] for row in rows]
        axes.set_xticks(range(len(rows)), [f"{size_range(row)}\n({row['faces']:,})" for row in chosen], fontsize=8)
        axes.yaxis.set_major_formatter(PercentFormatter(1, 0))
        axes.set_ylim(0, 1.03)
        axes.grid(axis="y")
        axes.set_xlabel("shorter side of the face, pixels of the net's input (and faces)")
        axes.set_ylabel("found")
        axes.legend(loc="lower right", fontsize=9)
    return uri[0]


def size_range(row: dict[str, Any]) -> str:
    """ "20-28", or "140+" without an end."""
    return f"{row['from_px']:g}+" if row["to_px"] is None else f"{row['from_px']:g}-{row['to_px']:g}"
