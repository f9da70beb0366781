"""Writes the card that travels with a detector: what it is, what taught it, how well it does, where it fails."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fer_pi.training.detector.evaluate import SHRUNK_PX

SETS = {
    "ytf": "YouTube Faces frames, head and shoulders (for research)",
    "webcam_utez": "people before laptop webcams (CC BY 4.0)",
    "masks_darun": "people with and without masks (CC BY 4.0, MIT, public domain, partly unstated)",
    "masks_cls": "people with and without masks, tight crops (CC BY 4.0, MIT, public domain, partly unstated)",
    "masks_daniyal": "people with and without masks (CC BY 4.0, MIT, public domain, partly unstated)",
    "selfie_nisa": "selfies (CC BY 4.0)",
    "haarneg": "scenes without faces (licence unstated)",
    "debian": "wallpapers, textures and stamps without faces, from Debian 12's packages gcompris-qt-data,"
    " gnome-backgrounds, lomiri-wallpapers-16.04 and -20.04, mate-backgrounds, plasma-workspace-wallpapers,"
    " supertuxkart-data, sway-backgrounds, tuxpaint-stamps-default and ukui-wallpapers (CC0, CC BY, CC BY-SA, GPL,"
    " LGPL, MIT; each package names its authors)",
    "lfw_expressions": "crops of Labeled Faces in the Wild (muxspace/facial_expressions, Apache-2.0)",
    "ferplus": "training faces of FER2013 (microsoft/FERPlus, MIT; gathered for research from the web)",
}
"""The sets that a shipped model may have learned from, with their licences."""

LIMITS = """- Most boxes and landmarks come from a teacher (YuNet), so this is distillation: it errs where YuNet errs.
- Trained on faces turned by up to about 35 degrees in the picture's plane; faces lying on their side are missed.
- Profiles, dark faces against bright windows and faces under 20 pixels at the net's input are found far less often.
- Under a mask the mouth corners are guesses. Dolls, drawings and animals are sometimes taken for faces.
- Recall by age, sex and skin has not been measured: the data carries no such labels.
- It finds faces; it does not know whose they are."""


def card_text(
    file: Path, threshold: float, training: Mapping[str, Any], metrics: Mapping[str, Mapping[str, Any]]
) -> str:
    """The card in Markdown; `metrics` has one report of `evaluate.measure` for each net input, "320x240" say."""
    shape, config = training["config"]["shape"], training["config"]
    taught = [
        f"- {name or 'unnamed'}: {count:,} pictures. {SETS.get(name, 'add origin and licence here')}."
        for name, count in training["sets"].items()
    ]
    parts = [
        "# fer_pi face detector, version 1",
        "Finds faces with five landmarks in a grey picture. Runs in OpenCV DNN (4.11 and 5.0).",
        "## What it is",
        "An anchor-free net of plain convolutions (`fer_pi/training/detector/net.py`):"
        f" {shape['stem']} channels at strides 2 and 4, {shape['width']} at 8, 16 and 32,"
        f" {shape['depth']} further 3x3 layers at strides 4 to 32; kernels {shape['halving']} where the size is"
        f" halved, {shape['heads']} for the outputs;"
        f" {file.stat().st_size:,} bytes, weights as 16-bit floats, computed in 32."
        " Input: grey, (value - 128) / 128, multiples of 16 pixels."
        f" Shipped threshold: {threshold:g}.",
        f"Seed {training['seed']}, {training['epochs_done']} epochs of {config['scenes']:,} scenes made on the fly.",
        training.get("note", ""),
        "## What taught it",
        "\n".join(taught),
        "Boxes and landmarks are YuNet's (Shiqi Yu and others, MIT in the OpenCV Zoo), partly checked by people."
        " Pictures of split val taught nothing.",
        "## How well it does",
        "On split val, through `fer_pi.vision.detector`; sizes are the shorter side of a face in pixels at the net's"
        f" input; shrunk: every picture made smaller until its largest face has {SHRUNK_PX:g} px.",
        _table(metrics),
        "The command that measures it:",
        "    fer-pi evaluate detector DATA --size 320x240",
        "## Where it fails",
        LIMITS,
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _table(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    if not metrics:
        return "(no pictures of split val were given)"
    lines = [
        "| input | recall 20+ px | 12-20 px | shrunk | false boxes a picture | landmark error / eyes, mean (median) |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for size, figures in metrics.items():
        recall = figures["recall"]
        cells = [_percent(recall["20+"]), _percent(recall["12-20"]), _percent(figures["recall_shrunk"])]
        false = figures["false_boxes_per_picture"]
        cells.append("-" if false is None else f"{false:.4f} (of {figures['empty_pictures']})")
        cells.append(f"{_percent(figures['landmark_error'])} ({_percent(figures['landmark_error_median'])})")
        lines.append(f"| {size} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"
