"""Example values made from the contract: for the printed `curl`, the tests and the talks."""

from collections.abc import Iterator
from typing import Any

from rasa_metadata.contract.fields import Contract, Field
from rasa_metadata.contract.schema import Schema, compiled
from rasa_metadata.contract.slot_line import EXAMPLES
from rasa_metadata.contract.values import merge, nested

# At least two of each `format`; those that resemble another format are further down.
TEXTS = [
    *(*EXAMPLES["url"], *EXAMPLES["email"]),
    *("example.com", "example.org", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"),
    *(*EXAMPLES["date"], *EXAMPLES["datetime"]),
    *("12:00:00Z", "13:00:00Z", "P1D", "P2D", "/a", "/b", "1", "2"),
    *("5f9c1b34-6e1c-4b1e-9a51-1c2a9e2d7f10", "5f9c1b34-6e1c-4b1e-9a51-1c2a9e2d7f11"),
]


def example_metadata(contract: Contract) -> dict[str, Any]:
    """Return metadata that an open body may contain: an example for each path."""
    metadata: dict[str, Any] = {}
    for field in contract.fields:
        values = example_values(field)
        if values and not field.signed:
            metadata = merge(metadata, nested(field.path, values[0]))
    return metadata


def example_values(field: Field) -> list[Any]:
    """Return values that the field accepts, the best example first.

    `examples`, `default`, `const` and `enum` of its schema come first. The list is empty if
    none is known, because of a `pattern` for example.
    """
    candidates = _candidates(field.schema, f"some {field.label}")
    good = [value for value in candidates if value is not None and field.accepts(value)]
    return [value for index, value in enumerate(good) if value not in good[:index]]


def _candidates(schema: Schema, text: str) -> Iterator[Any]:
    """Yield readable values, some of which may satisfy a schema; `text` is one of them."""
    yield from schema.get("examples", ())
    yield from (schema[key] for key in ("default", "const") if key in schema)
    yield from schema.get("enum", ())
    for keyword in ("allOf", "anyOf", "oneOf"):
        for branch in schema.get(keyword, ()):
            whole = {key: value for key, value in schema.items() if key != keyword}
            yield from _candidates({**whole, **branch}, text)

    least, most = schema.get("minLength", 0), schema.get("maxLength")
    texts = [each[:most].ljust(least, ".") for each in (text, text.upper(), "x")]
    yield from [*TEXTS, *texts] if "format" in schema else [*texts, *TEXTS]

    step = schema.get("multipleOf", 1)
    low: Any = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    high: Any = schema.get("maximum", schema.get("exclusiveMaximum", low))
    yield from (36 // step * step, (low + high) // 2, (low + high) / 2)
    yield from (bound + times * step for times in (1, -1, 0) for bound in (low, high))
    yield from (True, False)

    items, least = _valid(schema.get("items"), text), schema.get("minItems", 1)
    yield from (items[:1] * least, items[:least], [])
    required = {key: schema.get("properties", {}).get(key) for key in schema.get("required", ())}
    inside = {key: _valid(below, f"some {key}") for key, below in required.items()}
    yield {key: values[0] for key, values in inside.items() if values} or {"some": text}


def _valid(schema: Any, text: str) -> list[Any]:
    """Return valid values of a schema inside another; none if it has a `$ref` to the other."""
    if not schema or schema is True:
        return [text]
    try:
        is_valid = compiled(schema).is_valid
    except ValueError:
        return []
    return [value for value in _candidates(schema, text) if is_valid(value)]


def wrong_values(field: Field) -> list[Any]:
    """Return values that the field rejects; none for a slot of type `any`."""
    text = field.schema.get("maxLength", 0) * "x" + "x"
    candidates = [{"not": "this"}, [{"nor": "this"}], "not allowed", text, -1e9, 1e9, True]
    return [value for value in candidates if not field.accepts(value)]
