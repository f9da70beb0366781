"""config.yaml -> checked settings, with file:line:column for every complaint."""

import json
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache, reduce
from operator import or_
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import ErrorDetails

from fer_pi.errors import ConfigError
from fer_pi.registry import CAMERAS, OUTPUTS, SECTIONS, resolve
from fer_pi.yaml_file import KeyPath, Position, read_yaml


class Options(BaseModel):
    """The base of every block of options: frozen, exact about types, and unknown keys are errors.

    A field's docstring is its description in the JSON schema; it gives the unit and the range.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        validate_default=True,
    )

    def pins(self) -> list[tuple[int, str]]:
        """The GPIO pins (BCM numbers) that these options claim, each with the option that does."""
        return []

    def first_light(self) -> dict[int, bool]:
        """The pins (BCM numbers) of a light, high or low, at which it says "starting" without anybody who dims it."""
        return {}


class Config(Options):
    """All settings. The types of the blocks come from the registry: see `config_model`."""

    version: Literal[1] = 1
    """Version of this file's format."""
    camera: Any
    """Where frames come from; `kind` chooses."""
    detector: Any
    """How faces are found."""
    classifier: Any
    """How emotions are read."""
    mood: Any
    """How scores become a mood."""
    privacy: Any
    """What people in front of the camera can see and do about it."""
    outputs: Any
    """What shows the mood; a list, each with its `kind`."""


@cache
def config_model() -> type[Config]:
    """`Config` with the options of every registered camera, output and section filled in."""
    camera = _one_of(CAMERAS)
    sections = {name: resolve(reference) for name, reference in SECTIONS.items()}
    auto = resolve(CAMERAS["auto"]).Options
    console = resolve(OUTPUTS["console"]).Options
    fields: dict[str, Any] = {name: (options, Field(default_factory=options)) for name, options in sections.items()}
    fields["camera"] = (camera, Field(default_factory=lambda: auto(kind="auto")))
    outputs: Any = tuple[_one_of(OUTPUTS), ...]  # type: ignore[misc]  # a type made at run time
    fields["outputs"] = (outputs, Field(default_factory=lambda: (console(kind="console"),)))
    return create_model("Config", __base__=Config, __doc__="Settings of fer_pi.", **fields)


def _one_of(registry: dict[str, str]) -> Any:
    options = [resolve(reference).Options for reference in registry.values()]
    return Annotated[reduce(or_, options), Field(discriminator="kind")]


def load_config(path: Path) -> Config:
    """The settings in the YAML file at `path`; what it leaves out has its default.

    Raises ConfigError with one line for each complaint, all of them at once.
    """
    data, positions = read_yaml(path)
    return checked_config(data, str(path), positions)


def checked_config(
    data: dict[str, Any], name: str = "settings", positions: dict[KeyPath, Position] | None = None
) -> Config:
    """The settings in `data`, plain values as they come from YAML; `name` and `positions` are for the messages."""
    positions = positions or {}
    try:
        # JSON mode: strict about numbers and booleans, yet a path or a tuple may be written as YAML can write it.
        config = config_model().model_validate_json(json.dumps(data, default=str))
    except ValidationError as error:
        raise ConfigError(*_complaints(error, data, name, positions)) from error
    _refuse_shared_pins(config, name, positions)
    return config


def json_schema() -> dict[str, Any]:
    """JSON schema of config.yaml, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **config_model().model_json_schema()}


def _complaints(error: ValidationError, data: Any, name: str, positions: dict[KeyPath, Position]) -> list[str]:
    problems = []
    for detail in error.errors(include_url=False):
        where = _without_tags(detail["loc"])
        position = _position(where, positions)
        problems.append((position, f"{_place(name, position)}: {_dotted(where)}{_reason(detail, data, where)}"))
    return [line for _, line in sorted(problems)]


def _refuse_shared_pins(config: Config, name: str, positions: dict[KeyPath, Position]) -> None:
    owners: dict[int, str] = {}
    problems = []
    blocks: list[tuple[KeyPath, Options]] = [(("outputs", index), block) for index, block in enumerate(config.outputs)]
    for where, block in [*blocks, (("privacy",), config.privacy)]:
        for pin, option in block.pins():
            path = (*where, *option.split("."))
            here = _dotted(path).removesuffix(": ")
            if pin in owners:
                place = _place(name, _position(path, positions))
                problems.append(
                    f"{place}: {here}: GPIO{pin} is used twice, by {owners[pin]} too; give each its own pin"
                )
            owners.setdefault(pin, here)
    if problems:
        raise ConfigError(*problems)


def _position(where: KeyPath, positions: dict[KeyPath, Position]) -> Position | tuple[()]:
    """Line and column of the innermost key of `where` that stands in the file; () if none does."""
    while where and where not in positions:
        where = where[:-1]
    return positions.get(where, ())


def _place(name: str, position: Position | tuple[()]) -> str:
    return ":".join([name, *map(str, position)])


def _without_tags(loc: tuple[int | str, ...]) -> KeyPath:
    """The path in the file: pydantic puts the chosen kind of a union into it, after the key, and marks bad keys."""
    loc = tuple(part for part in loc if part != "[key]")
    if loc[:1] == ("camera",):
        return (loc[0], *loc[2:])
    if loc[:1] == ("outputs",):
        return (*loc[:2], *loc[3:])
    return loc


def _dotted(path: KeyPath) -> str:
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return f"{text[1:]}: " if text else ""


def _reason(detail: ErrorDetails, data: Any, where: KeyPath) -> str:
    match detail["type"]:
        case "extra_forbidden":
            return f"unknown option{_suggestion(str(where[-1]), _siblings(data, where))}"
        case "union_tag_invalid":
            registry = CAMERAS if where[:1] == ("camera",) else OUTPUTS
            kind = str(detail["input"]["kind"])
            close = _suggestion(kind, registry)
            return f"unknown kind {kind!r}{close or '; known: ' + ', '.join(registry)}"
        case "union_tag_not_found":
            registry = CAMERAS if where[:1] == ("camera",) else OUTPUTS
            return f"'kind' is missing; known: {', '.join(registry)}"
        case "missing":
            return "is missing"
        case "value_error":
            return str(detail["ctx"]["error"])
        case _ if isinstance(detail["input"], dict | list):
            return _lowered(detail["msg"])
        case _:
            return f"{_lowered(detail['msg'])}, got {json.dumps(detail['input'], default=str, ensure_ascii=False)}"


def _lowered(message: str) -> str:
    message = message.removeprefix("Input ")
    return message[:1].lower() + message[1:]


def _suggestion(word: str, known: Any) -> str:
    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _siblings(data: Any, where: KeyPath) -> list[str]:
    """The options that may stand where the unknown one stands."""
    match where[:-1]:
        case ("camera", *rest):
            return _names(resolve(CAMERAS[data["camera"]["kind"]]).Options, rest)
        case ("outputs", int(index), *rest):
            return _names(resolve(OUTPUTS[data["outputs"][index]["kind"]]).Options, rest)
        case rest:
            return _names(config_model(), rest)


def _names(annotation: Any, path: Sequence[int | str]) -> list[str]:
    """The options of the block that lies at `path` below something of this type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not path:
            return list(annotation.model_fields)
        field = annotation.model_fields.get(str(path[0]))
        return _names(field.annotation, path[1:]) if field else []
    if get_origin(annotation) is dict and path:
        return _names(get_args(annotation)[1], path[1:])
    return []
