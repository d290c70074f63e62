"""Example values made from the contract: for the printed `curl`, the tests and the talks."""

from typing import Any

from rasa_metadata.contract.fields import Contract, Field
from rasa_metadata.contract.values import merge, nested

FORMATS = {
    "date": ["2026-01-31", "2026-02-01"],
    "date-time": ["2026-01-31T12:00:00Z", "2026-02-01T12:00:00Z"],
    "time": ["12:00:00Z", "13:00:00Z"],
    "duration": ["P1D", "P2D"],
    "email": ["ada@example.com", "grace@example.com"],
    "hostname": ["example.com", "example.org"],
    "ipv4": ["192.0.2.1", "192.0.2.2"],
    "ipv6": ["2001:db8::1", "2001:db8::2"],
    "uri": ["https://example.com/a", "https://example.com/b"],
    "uuid": ["5f9c1b34-6e1c-4b1e-9a51-1c2a9e2d7f10", "5f9c1b34-6e1c-4b1e-9a51-1c2a9e2d7f11"],
}


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
    schema = field.schema
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    step = schema.get("multipleOf", 1)
    text = f"some {field.label}"[: schema.get("maxLength")]
    longest = max(schema.get("minLength", 0), len(text))
    item = _item(schema.get("items"), text)
    candidates = [
        *schema.get("examples", ()),
        *([schema["default"]] if "default" in schema else ()),
        *([schema["const"]] if "const" in schema else ()),
        *schema.get("enum", ()),
        *FORMATS.get(schema.get("format", ""), ()),
        text.ljust(longest, "."),
        text.upper().ljust(longest, "."),
        *([(low + high) / 2, (low + high) // 2] if low is not None and high is not None else [36]),
        *(bound + sign * step for bound, sign in ((low, 1), (high, -1)) if bound is not None),
        *(bound for bound in (low, high) if bound is not None),
        *(step * n for n in range(3)),
        True,
        False,
        [item] * schema.get("minItems", 1),
        [],
        {"some": field.slot},
    ]
    good = [value for value in candidates if value is not None and field.accepts(value)]
    return [value for index, value in enumerate(good) if value not in good[:index]]


def _item(schema: Any, text: str) -> Any:
    """Return an example of a list's item; `schema` is what `items` contains."""
    schema = schema if isinstance(schema, dict) else {}
    for values in (
        schema.get("examples"),
        schema.get("enum"),
        FORMATS.get(schema.get("format", "")),
    ):
        if values:
            return values[0]
    return {"integer": 1, "number": 1.5, "boolean": True}.get(str(schema.get("type")), text)


def wrong_values(field: Field) -> list[Any]:
    """Return values that the field rejects; none for a slot of type `any`."""
    text = field.schema.get("maxLength", 0) * "x" + "x"
    candidates = [{"not": "this"}, [{"nor": "this"}], "not allowed", text, -1e9, 1e9, True]
    return [value for value in candidates if not field.accepts(value)]
