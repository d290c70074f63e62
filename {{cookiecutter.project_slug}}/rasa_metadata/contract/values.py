"""Looks up paths in metadata, and merges newer metadata into older."""

import json
from collections.abc import Mapping
from typing import Any


class _Absent:
    """The value of a path that metadata does not contain; `None` means `null`."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Any = _Absent()


def lookup(metadata: Any, path: tuple[str, ...]) -> Any:
    """Return the value at `path`, or `ABSENT`.

    `{"account": null}` clears everything inside `account`, so any path through
    it is `None`.
    """
    value = metadata
    for key in path:
        if value is None and value is not metadata:
            return None
        if not isinstance(value, Mapping) or key not in value:
            return ABSENT
        value = value[key]
    return value


def merge(older: Mapping[str, Any], newer: Mapping[str, Any]) -> dict[str, Any]:
    """Return `older` with `newer` merged into it, as new objects down to the values.

    Objects are merged key by key; anything else replaces, `null` too.
    """
    merged = dict(older)
    for key, value in newer.items():
        if isinstance(value, Mapping):
            below = merged.get(key)
            value = merge(below if isinstance(below, Mapping) else {}, value)
        merged[key] = value
    return merged


def nested(path: tuple[str, ...], value: Any) -> Any:
    """Return `value` inside the objects that `path` names."""
    for key in reversed(path):
        value = {key: value}
    return value


def without(metadata: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """Return `metadata` without the value at `path`."""
    rest = dict(metadata)
    key, *below = path
    if below and isinstance(rest.get(key), Mapping):
        rest[key] = without(rest[key], tuple(below))
    elif not below:
        rest.pop(key, None)
    return rest


def copied(value: Any) -> Any:
    """Return a copy of a JSON value, as if it had been sent."""
    return json.loads(json.dumps(value))


def same(first: Any, second: Any) -> bool:
    """Compare as JSON does: `false` is not `0`, `1` is `1.0`."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return first.keys() == second.keys() and all(
            same(value, second[key]) for key, value in first.items()
        )
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    return isinstance(first, bool) is isinstance(second, bool) and first == second
