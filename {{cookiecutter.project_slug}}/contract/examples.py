"""Example metadata made from the contract: for `curl` lines, docs and tests."""

from typing import Any, Dict

from jsonschema import Draft202012Validator

from contract.fields import Contract, Field
from contract.values import ABSENT, merge, nested


def example_metadata(contract: Contract) -> Dict[str, Any]:
    """Return metadata that an open body may carry, with a value for each path
    that has an example."""
    metadata: Dict[str, Any] = {}
    for field in contract.fields:
        value = example_value(field)
        if not field.signed and value is not ABSENT:
            metadata = merge(metadata, nested(field.path, value))
    return metadata


def example_value(field: Field) -> Any:
    """Return a value the field's schema accepts, `ABSENT` when none is known.

    The first of the schema's own `examples` comes first: name one there when a
    `pattern` or the like makes a value hard to guess.
    """
    schema = field.schema.get("then", field.schema)
    low, high = schema.get("minimum"), schema.get("maximum")
    text = f"some {field.slot}"[: schema.get("maxLength")]
    candidates = [
        *schema.get("examples", ()),
        *schema.get("enum", ()),
        schema.get("const"),
        text.ljust(schema.get("minLength", 0), "."),
        low if high is None else high if low is None else (low + high) // 2,
        low,
        1,
        True,
        [f"some {field.slot}"],
        {"some": field.slot},
    ]
    accepts = Draft202012Validator(field.schema).is_valid
    return next((v for v in candidates if v is not None and accepts(v)), ABSENT)
