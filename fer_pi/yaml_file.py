"""A YAML file -> plain values, with the line and column of every key; strict about all that hides mistakes."""

from pathlib import Path
from typing import Any

import yaml

from fer_pi.errors import ConfigError

KeyPath = tuple[int | str, ...]
"""Where a value stands: ("outputs", 0, "green")."""

Position = tuple[int, int]
"""Line and column, both from 1."""

MAX_BYTES = 256 * 1024
"""No configuration that a person writes is larger."""

MAX_DEPTH = 16


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[KeyPath, Position]]:
    """The mapping in `path` and the position of each of its keys; an empty file is an empty mapping.

    Raises ConfigError for a file that cannot be read, is not UTF-8, is larger than `MAX_BYTES`, is not YAML, holds a
    key twice, or uses tags, or anchors and aliases (which can make a small file unfold into gigabytes).
    """
    text = _text(path)
    try:
        _refuse_tricks(path, text)
        loader = yaml.SafeLoader(text)
        try:
            root = loader.get_single_node()
            if root is None or root.tag == "tag:yaml.org,2002:null":
                return {}, {}
            if not isinstance(root, yaml.MappingNode):
                raise ConfigError(
                    _at(path, root.start_mark, "a mapping of options is expected here, such as 'camera:'")
                )
            positions: dict[KeyPath, Position] = {}
            problems: list[str] = []
            data = _value(loader, root, (), path, positions, problems)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise ConfigError(_explained(path, error)) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())}") from error
    if problems:
        raise ConfigError(*problems)
    return data, positions


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ConfigError(f"{path}: {size} bytes is no configuration file; the limit is {MAX_BYTES} bytes")
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file; 'fer-pi config show --default' prints one to start from") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        raise ConfigError(
            f"{path}:{line}:{column}: byte 0x{raw[error.start]:02x} is not UTF-8; save the file as UTF-8"
        ) from error


def _refuse_tricks(path: Path, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ConfigError(
                _at(path, event.start_mark, "anchors and aliases (& and *) are not used here; write the value out")
            )
        if tag := getattr(event, "tag", None):
            raise ConfigError(_at(path, event.start_mark, f"tags are not used here; write the value without {tag}"))
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise ConfigError(_at(path, event.start_mark, f"more than {MAX_DEPTH} levels deep"))


def _value(
    loader: yaml.SafeLoader,
    node: yaml.Node,
    where: KeyPath,
    path: Path,
    positions: dict[KeyPath, Position],
    problems: list[str],
) -> Any:
    if isinstance(node, yaml.SequenceNode):
        items = []
        for index, item in enumerate(node.value):
            positions[(*where, index)] = _position(item.start_mark)
            items.append(_value(loader, item, (*where, index), path, positions, problems))
        return items
    if not isinstance(node, yaml.MappingNode):
        return _scalar(loader, node, path, problems)
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = _scalar(loader, key_node, path, problems) if isinstance(key_node, yaml.ScalarNode) else None
        if not isinstance(key, str):
            problems.append(_at(path, key_node.start_mark, f"an option's name is expected here, got {key!r}"))
            continue
        if key in mapping:
            first = positions[(*where, key)][0]
            problems.append(_at(path, key_node.start_mark, f"{key}: stands here a second time (first in line {first})"))
            continue
        positions[(*where, key)] = _position(key_node.start_mark)
        mapping[key] = _value(loader, value_node, (*where, key), path, positions, problems)
    return mapping


def _scalar(loader: yaml.SafeLoader, node: yaml.Node, path: Path, problems: list[str]) -> Any:
    """The value of one word; None, and a problem, where it has the form of a number or a date and is none."""
    try:
        return loader.construct_object(node)
    except ValueError as error:
        problems.append(_at(path, node.start_mark, f"{node.value[:40]}: {error}; a text is put in quotes"))
        return None


def _position(mark: Any) -> Position:
    return mark.line + 1, mark.column + 1


def _at(path: Path, mark: Any, reason: str) -> str:
    if mark is None:
        return f"{path}: {reason}"
    line, column = _position(mark)
    return f"{path}:{line}:{column}: {reason}"


def _explained(path: Path, error: yaml.MarkedYAMLError) -> str:
    reason = error.problem or str(error)
    if "'\\t'" in reason:
        reason = "a tab stands here; YAML wants spaces"
    return _at(path, error.problem_mark or error.context_mark, reason)
