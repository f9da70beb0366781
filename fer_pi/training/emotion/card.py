"""Writes the card that travels with an emotion model: what it is, what taught it, how well it does, where it fails."""

from typing import Any

FERPLUS = """FER+ (microsoft/FERPlus, MIT licence for the labels): the training part of FER2013, whose pictures were
gathered for research from the web, with ten people's votes for each face."""

SHARED = {
    "refuse": "No training face shows a photograph that stands in the validation part too.",
    "leave out": "Training faces whose photograph stands in the validation part too were left out.",
    "allow": "Training faces whose photograph stands in the validation part too, if any, taught as well.",
}
"""By what was to become of them."""

LIMITS = """- Trained on pictures from the web: posed and acted expressions, mostly adults, uneven over age,
  sex and skin; lower accuracy for groups that are rare there must be expected; it has not been measured.
- An expression is not a feeling. People who looked at the same face agreed on little more than this model does.
- Disgust, fear and contempt are rare in the data; their figures rest on few faces and are the weakest.
- Profiles, covered mouths, faces under about 24 pixels and darkness cost accuracy.
- Not for decisions about people. In the EU, inferring emotions at work and in schools is prohibited (AI Act,
  Art. 5(1)(f))."""

PUBLISHED = {
    "recogniser": """the weights of dlib's face recognition net (King 2017, public domain; trained on 3 million faces of
FaceScrub, VGG and the web)""",
    "faceres": """the weights of HSE's face recognition net (Savchenko 2019; trained on VGGFace2, gathered for
research)""",
}
"""What a large teacher began with, by the name of its net."""


def card_text(manifest: dict[str, Any], *, voted: bool) -> str:
    """The card in Markdown; every figure is taken from the manifest."""
    training = manifest["training"]
    metrics = training["metrics"]
    twins = training["config"].get("twins")
    parts = [
        f"# {manifest['name']}, version {manifest['version']}",
        "Reads one of eight emotions in an upright 48 x 48 grey crop of a face. Runs on TFLite, int8.",
        "## What it is",
        f"{_net(training['config'].get('net'))}:"
        f" {manifest['multiply_adds'] / 1e6:.1f} million multiply-adds, {manifest['bytes']:,} bytes."
        f" Input: grey at mean {manifest['input']['normalisation']['mean']:g} and standard deviation"
        f" {manifest['input']['normalisation']['deviation']:g} (`fer_pi.vision.align.normalized`)."
        f" Output: eight logits; divided by the temperature {manifest['temperature']:g}, which was fitted on training"
        " faces set aside, their softmax is calibrated.",
        f"Made on {manifest['created'][:10]} with seed {training['seed']}; sha256 `{manifest['sha256']}`.",
        "## What taught it",
        FERPLUS if voted else f"The pictures in `{training['config'].get('data')}`; add their origin and licence here.",
        *([SHARED[twins]] if twins else []),
        _ways(training["config"]),
        f"{training['data']['faces']:,} faces; sha256 of the training data `{training['data']['train']}`.",
        "## How well it does",
        f"On {_judges(training['config'])}, through `fer_pi.vision.classifier`:",
        _summary(metrics, voted),
        "The command that measures it:",
        "    fer-pi evaluate emotion DATA --protocol all",
        "Each emotion, int8, majority protocol:" if voted else "Each emotion, int8:",
        _per_class(metrics["int8"]["majority"]),
        "## Where it fails",
        LIMITS,
    ]
    return "\n\n".join(parts) + "\n"


def _net(name: str) -> str:
    if name in PUBLISHED:
        return f"A large net, meant as a teacher (`fer_pi/training/emotion/{name}.py`)"
    return f"A residual net of 3x3 convolutions (`fer_pi/training/emotion/net.py`, `{name}`)"


def _judges(config: dict[str, Any]) -> str:
    adapted = config.get("finetune")
    if adapted:
        alike = f"; {adapted['alike']} of them look like learnt ones, which flatters" if adapted.get("alike") else ""
        return (
            f"the {adapted['aside']} faces set aside, which taught nothing but chose how far to go; they are of the"
            f" same people, so that other people's faces may fare worse than before{alike}"
        )
    if config.get("judges") == "aside":
        return (
            "the faces set aside for want of a validation part, which taught nothing but chose the temperature and how"
            " far the logits lean"
        )
    if config.get("twins") == "allow":
        return "the validation part, which tuned nothing; what photographs it shares with the training part flatter"
    return "the validation part, which neither taught nor tuned anything"


def _ways(config: dict[str, Any]) -> str:
    adapted = config.get("finetune")
    if adapted:
        return (
            f"The model `{adapted['model_sha256']}`, whose card says what taught it, was adapted to these faces:"
            f" {config['steps']} steps on its last layer, {adapted['share']:.0%} of the way gone,"
            f" {'with' if adapted['others'] else 'without'} faces of other people to remember."
        )
    epochs = config.get("epochs")
    ways = ["one epoch" if epochs == 1 else f"{epochs} epochs"]
    if config.get("published"):
        ways.append(f"from {PUBLISHED[config['net']]}")
    elif config.get("start"):
        ways.append(f"from the weights of an earlier run (`{config['start']}`)")
    if config.get("teachers"):
        ways.append(f"taught also by {', '.join(f'`{name}`' for name in config['teachers'])}")
    if more := config.get("unlabelled"):
        names = ", ".join(f"`{name}`" for name in more["names"])
        ways.append(
            f"{config['unlabelled_share']:.0%} of the faces shown from {names} ({more['faces']:,} without a label, on"
            " which the teachers gave their opinion)"
        )
    if config.get("leaning"):
        ways.append(f"the logits leant towards rare emotions with a strength of {config['leaning']:g}")
    if config.get("detector"):
        ways.append(
            f"{config['recrop_share']:.0%} of the faces shown as `{config['detector']}` and the alignment cut them"
        )
    told = [f"Trained for {', '.join(ways)}."]
    teachers = config.get("teachers", ())
    begun = [
        f"the {net} with {weights}" for net, weights in PUBLISHED.items() if any(f"({net})" in n for n in teachers)
    ]
    if begun:
        told.append(
            f"Of the teachers {' and '.join(begun)} began. None of these weights are in this model: they only gave"
            " opinions on the training faces."
        )
    elif teachers or (config.get("start") and not config.get("published")):
        told.append("What the earlier runs began with and learnt from, their own cards tell.")
    elif not config.get("published"):
        told.append("No other set, no pre-trained weights.")
    return " ".join(told)


def _summary(metrics: dict[str, Any], voted: bool) -> str:
    lines = ["| | faces | accuracy | macro-F1 | calibration error |", "| --- | --- | --- | --- | --- |"]
    protocols = {"majority": "majority of the votes", "top": "top vote"} if voted else {"majority": "labels"}
    for protocol, title in protocols.items():
        for kind in ("int8", "float"):
            row = metrics[kind][protocol]
            figures = f"{row['accuracy']:.2%} | {row['macro_f1']:.3f} | {row['ece']:.3f}"
            lines.append(f"| {title}, {kind} | {row['samples']:,} | {figures} |")
    return "\n".join(lines)


def _per_class(figures: dict[str, Any]) -> str:
    lines = ["| emotion | precision | recall | F1 | faces |", "| --- | --- | --- | --- | --- |"]
    for emotion, row in figures["per_class"].items():
        lines.append(
            f"| {emotion} | {row['precision']:.2f} | {row['recall']:.2f} | {row['f1']:.2f} | {row['support']} |"
        )
    return "\n".join(lines)
