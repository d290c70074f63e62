"""From slots to JSON Schema, and from JSON Schema to words a client can act on."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.validators import extend

if TYPE_CHECKING:
    from rasa_metadata.contract.fields import Contract, Field

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPES = {
    "text": "string",
    "bool": "boolean",
    "float": "number",
    "list": "array",
    "categorical": None,
    "any": None,
}
WORDS = {
    "string": "text",
    "boolean": "true or false",
    "number": "a number",
    "integer": "a whole number",
    "array": "a list",
    "object": "an object",
}


# A pattern can take seconds to fail on a long text, so none is tried on a text longer
# than the schema's own `maxLength`, or than this.
LONGEST_PATTERN_TEXT = 256
TOO_LONG_FOR_A_PATTERN = f"must be at most {LONGEST_PATTERN_TEXT} characters long"


@dataclass(frozen=True)
class Violation:
    """One place where metadata breaks the contract; `path` is dotted, "" for all."""

    path: str
    message: str


def value_schema(slot: Mapping[str, Any], refinement: Any) -> dict:
    """Return the JSON Schema of one slot's value, which may always be `null`.

    Args:
        slot: the slot as in domain.yml, such as `{"type": "float", "min_value": 0}`.
        refinement: JSON Schema keywords of the user's; they win over the type's.

    Raises:
        ValueError: if the slot's type has no JSON Schema or `refinement` is none.
    """
    kind = slot.get("type")
    if kind not in TYPES:
        raise ValueError(f"type '{kind}' cannot hold metadata; use {', '.join(TYPES)}.")
    if not isinstance(refinement, Mapping):
        raise ValueError("'schema' is an object of JSON Schema keywords.")

    schema: dict = {}
    if TYPES[kind]:
        schema["type"] = TYPES[kind]
    if kind == "categorical":
        schema["enum"] = list(slot.get("values") or [])
    for key, keyword in (("min_value", "minimum"), ("max_value", "maximum")):
        if kind == "float" and key in slot:
            schema[keyword] = slot[key]
    schema.update(refinement)
    if refinement:
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            where = ".".join(map(str, error.path))
            raise ValueError(
                f"'schema' is not a JSON Schema: {where or 'it'}: {error.message}."
            ) from error
    return _nullable(schema)


def _nullable(schema: dict) -> dict:
    """Let `null` through, which clears the slot; as plainly as the schema allows."""
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
    elif "type" in schema:
        schema["type"] = [*dict.fromkeys([*schema["type"], "null"])]
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    if not Draft202012Validator(schema).is_valid(None):
        return {"if": {"not": {"type": "null"}}, "then": schema}
    return schema


def metadata_schema(fields: Iterable["Field"]) -> dict:
    """Return one JSON Schema for the whole metadata object.

    Paths become nested properties; other keys are allowed. `readOnly` marks
    what only a signed token may say.
    """
    root: dict = {"$schema": DIALECT, "type": "object", "properties": {}}
    for field in fields:
        node = root
        for key in field.path[:-1]:
            node = node["properties"].setdefault(
                key, {"type": ["object", "null"], "properties": {}}
            )
        schema = dict(field.schema, readOnly=True) if field.signed else field.schema
        node["properties"][field.path[-1]] = schema
    return root


def _bounded_pattern(
    validator: Any, pattern: str, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    longest = schema.get("maxLength", LONGEST_PATTERN_TEXT)
    if isinstance(instance, str) and len(instance) > longest:
        if "maxLength" not in schema:
            yield ValidationError(TOO_LONG_FOR_A_PATTERN)
        return
    yield from Draft202012Validator.VALIDATORS["pattern"](validator, pattern, instance, schema)


BoundedValidator = extend(Draft202012Validator, {"pattern": _bounded_pattern})


def compiled(schema: Mapping[str, Any]) -> Any:
    """Return one of jsonschema's validators, formats and bounded patterns included."""
    return BoundedValidator(schema, format_checker=BoundedValidator.FORMAT_CHECKER)


def violations(contract: "Contract", metadata: Any) -> list[Violation]:
    """Return every place where `metadata` breaks the contract, ordered by path."""
    if contract.fits(metadata):
        return []
    found = (
        Violation(".".join(map(str, error.absolute_path)), _message(error))
        for error in contract.validator.iter_errors(metadata)
    )
    return sorted(set(found), key=lambda violation: (violation.path, violation.message))


def _message(error: ValidationError) -> str:
    """Say what would be right; jsonschema's own words for the rarer keywords."""
    wanted = error.validator_value
    limit: tuple[str, ...] = {
        "minimum": ("at least",),
        "maximum": ("at most",),
        "exclusiveMinimum": ("more than",),
        "exclusiveMaximum": ("less than",),
        "minLength": ("at least", "characters long"),
        "maxLength": ("at most", "characters long"),
    }.get(error.validator, ())
    if error.validator == "type":
        names = [wanted] if isinstance(wanted, str) else wanted
        words = [WORDS[name] for name in names if name != "null"]
        return f"must be {' or '.join(words)}"
    if error.validator == "enum":
        return f"must be one of: {', '.join(str(v) for v in wanted if v is not None)}"
    if limit:
        return " ".join(["must be", limit[0], str(wanted), *limit[1:]])
    if error.validator == "pattern" and error.message != TOO_LONG_FOR_A_PATTERN:
        return f"must match the pattern {wanted}"
    return error.message
