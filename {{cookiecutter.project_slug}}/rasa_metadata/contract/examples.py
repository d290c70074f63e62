"""Example values made from the contract: for `curl` lines and for the tests."""

from typing import Any

from jsonschema import Draft202012Validator

from rasa_metadata.contract.fields import Contract, Field
from rasa_metadata.contract.values import merge, nested


def example_metadata(contract: Contract) -> dict[str, Any]:
    """Return metadata that an open body may carry: an example for each path."""
    metadata: dict[str, Any] = {}
    for field in contract.fields:
        values = example_values(field)
        if values and not field.signed:
            metadata = merge(metadata, nested(field.path, values[0]))
    return metadata


def example_values(field: Field) -> list[Any]:
    """Return values that the field's schema accepts, the best example first.

    Where a `pattern` or the like makes values hard to guess, name some in the
    schema's own `examples`; the list is empty when none is known.
    """
    schema = field.schema.get("then", field.schema)
    low, high = schema.get("minimum"), schema.get("maximum")
    text = f"some {field.slot}"[: schema.get("maxLength")]
    candidates = [
        *schema.get("examples", ()),
        *schema.get("enum", ()),
        schema.get("const"),
        text.ljust(schema.get("minLength", 0), "."),
        text.upper().ljust(schema.get("minLength", 0), "."),
        None if low is None or high is None else (low + high) / 2,
        low,
        high,
        1,
        2,
        True,
        False,
        [text],
        [],
        {"some": field.slot},
    ]
    accepts = Draft202012Validator(field.schema).is_valid
    return [value for value in candidates if value is not None and accepts(value)]


def wrong_values(field: Field) -> list[Any]:
    """Return values that the field's schema refuses; none for a slot of type any."""
    text = field.schema.get("then", field.schema).get("maxLength", 0) * "x" + "x"
    candidates = [{"not": "this"}, [{"nor": "this"}], "no such value", text, -1e9, 1e9, True]
    accepts = Draft202012Validator(field.schema).is_valid
    return [value for value in candidates if not accepts(value)]
