"""Turns slots into a JSON Schema, and its errors into messages for clients.

jsonschema-rs is the one validator: its regular expressions are linear, it checks each
`format`, fetches nothing, and takes a fraction of a microsecond for a usual value.
"""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, unquote

from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError

if TYPE_CHECKING:
    from rasa_metadata.contract.fields import Contract, Field

Schema = dict[str, Any]

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
LIMITS = {
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "minLength": "must be at least {} characters long",
    "maxLength": "must be at most {} characters long",
    "pattern": "must match the pattern {}",
    "format": "must be a {} (the JSON Schema format)",
}

MAPS = ("$defs", "properties", "patternProperties", "dependentSchemas")
IN_PLACE_LISTS = ("allOf", "anyOf", "oneOf")
IN_PLACE = ("not", "if", "then", "else")
LISTS = (*IN_PLACE_LISTS, "prefixItems")
SINGLE = (
    *IN_PLACE,
    *("items", "contains", "additionalProperties", "propertyNames"),
    *("unevaluatedItems", "unevaluatedProperties", "contentSchema"),
)
ANNOTATIONS = ("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly")
KEYWORDS = {
    *(*MAPS, *LISTS, *SINGLE, *ANNOTATIONS, *LIMITS),
    *("$ref", "$comment", "type", "enum", "const", "multipleOf", "required", "dependentRequired"),
    *("minItems", "maxItems", "uniqueItems", "minContains", "maxContains"),
    *("minProperties", "maxProperties", "contentEncoding", "contentMediaType"),
}
# A value can violate these in more ways than there is time to list.
BRANCHING = ("$ref", *IN_PLACE_LISTS, *IN_PLACE, "contains")
# These take too long for a long value: a regular expression takes the time of text times
# states, and large integers and fractions are compared as texts of digits.
COSTLY = ("pattern", "patternProperties", "uniqueItems", "multipleOf")
LONGEST_COSTLY = 4096  # characters of JSON
LARGEST_PATTERN = 512 * 1024  # bytes, compiled
LARGEST_SCHEMA = 200  # schemas in a slot's schema, those behind a `$ref` counted each time

# A list of violations takes time by the length of the value and the length of the schema,
# in characters of JSON. Of a longer value, the first violation is reported.
LONGEST_EXPLAINED = 100_000
MOST_VIOLATIONS = 20


class Violation(NamedTuple):
    """One place where metadata violates the contract; `path` is dotted, "" for all of it."""

    path: str
    message: str


def value_schema(slot: Mapping[str, Any], refinement: Any) -> Schema:
    """Return the JSON Schema of one slot's values other than `null`.

    Args:
        slot: the slot as in domain.yml, such as `{"type": "float", "min_value": 0}`.
        refinement: your JSON Schema keywords; they replace those of the slot's type.

    Raises:
        ValueError: if the slot's type has no JSON Schema, or `refinement` is not valid.
    """
    kind = slot.get("type")
    if kind not in TYPES:
        raise ValueError(f"type '{kind}' cannot hold metadata; use {', '.join(TYPES)}.")
    if not isinstance(refinement, Mapping):
        raise ValueError("'schema' is an object of JSON Schema keywords.")

    schema: Schema = {}
    if TYPES[kind]:
        schema["type"] = TYPES[kind]
    if kind == "categorical":
        schema["enum"] = list(slot.get("values") or [])
    for key, keyword in (("min_value", "minimum"), ("max_value", "maximum")):
        if kind == "float" and key in slot:
            schema[keyword] = slot[key]
    schema.update(refinement)
    if problem := _problem(schema):
        raise ValueError(f"'schema': {problem}")
    return schema


def compiled(schema: Schema) -> Draft202012Validator:
    """Return the validator of a schema.

    Raises:
        jsonschema_rs.ValidationError: if it is not a JSON Schema, a regular expression
            needs lookaround or backreferences or is too large, a format is unknown, or a
            `$ref` is.
    """
    return Draft202012Validator(
        schema,
        pattern_options=RegexOptions(size_limit=LARGEST_PATTERN),
        validate_formats=True,
        ignore_unknown_formats=False,
        offline=True,
        mask="the value",
    )


def published(field: "Field") -> Schema:
    """Return a field's schema for clients: with a title, and with `null`, which clears."""
    schema = {"title": field.label, **field.schema}
    if field.signed:
        schema["readOnly"] = True
    if not any(key in schema for key in ("type", "enum", "const", *BRANCHING)):
        # Of no type, generators make an object.
        schema["type"] = [each for each in WORDS if each != "integer"]
    refers = '"$ref": "#' in json.dumps(schema)
    if "type" in schema and not refers and not any(key in schema for key in ("const", *BRANCHING)):
        kinds = schema["type"]
        kinds = [kinds] if isinstance(kinds, str) else kinds
        schema["type"] = [*dict.fromkeys([*kinds, "null"])]
        if "enum" in schema:
            schema["enum"] = [*dict.fromkeys([*schema["enum"], None])]
        return schema
    if schema.keys() <= {"enum", *ANNOTATIONS}:
        return {**schema, "enum": [*schema["enum"], None]}
    outside = {key: schema.pop(key) for key in ANNOTATIONS if key in schema}
    if "$ref" in schema:  # generators follow no pointer through another
        schema["allOf"] = [*schema.get("allOf", ()), {"$ref": schema.pop("$ref")}]
    # Its pointers begin at the slot's own schema.
    place = "".join(f"/properties/{_escaped(key)}" for key in field.path)
    text = json.dumps(schema).replace('"$ref": "#', f'"$ref": "#{place}/anyOf/1')
    return {**outside, "anyOf": [{"type": "null"}, json.loads(text)]}


def metadata_schema(fields: Iterable["Field"]) -> Schema:
    """Return one JSON Schema for the whole metadata object.

    Paths become nested properties; other keys are allowed. `readOnly` marks what only a
    signed token may contain.
    """
    root: Schema = {"$schema": DIALECT, "type": "object", "properties": {}}
    for field in fields:
        node = root
        for key in field.path[:-1]:
            node = node["properties"].setdefault(
                key, {"type": ["object", "null"], "properties": {}}
            )
        node["properties"][field.path[-1]] = published(field)
    return root


def violations(contract: "Contract", metadata: Any) -> list[Violation]:
    """Return the places where `metadata` violates the contract, ordered by path.

    There are at most `MOST_VIOLATIONS`, and an entry with the number of the others.
    """
    if not isinstance(metadata, Mapping):
        return [Violation("", "must be an object")]
    found: set[Violation] = set()
    for field in contract.fields:
        *above, last = field.path
        place: Any = metadata
        for depth, key in enumerate(above, 1):
            place = place.get(key)
            if place is None:  # absent, or cleared as a whole
                break
            if not isinstance(place, Mapping):
                found.add(Violation(".".join(field.path[:depth]), "must be an object"))
                break
        else:
            value = place.get(last)
            if not field.accepts(value):
                found.update(_explained(field, value, in_full=len(found) <= MOST_VIOLATIONS))
    more = len(found) - MOST_VIOLATIONS
    if more > 0:
        rest = Violation("", f"and at least {more} more places violate the schema")
        return [*sorted(found)[:MOST_VIOLATIONS], rest]
    return sorted(found)


def _explained(field: "Field", value: Any, in_full: bool) -> Iterator[Violation]:
    length = len(json.dumps(value))
    if length > field.longest:
        yield Violation(field.dotted, f"must be at most {LONGEST_COSTLY} characters long as JSON")
        return
    if has_any(field.schema, BRANCHING):
        yield Violation(field.dotted, "does not match its schema, which GET schema returns")
        return
    if in_full and length * len(json.dumps(field.schema)) <= LONGEST_EXPLAINED:
        errors = field.validator.iter_errors(value)
    else:
        errors = iter([_first_error(field.validator, value)])
    for error in errors:
        path = [*field.path, *map(str, error.instance_path)]
        yield Violation(".".join(path), _message(error))


def _first_error(validator: Draft202012Validator, value: Any) -> ValidationError:
    try:
        validator.validate(value)
    except ValidationError as error:
        return error
    raise AssertionError("the value is valid")


def _message(error: ValidationError) -> str:
    kind, wanted = error.kind.name, error.kind.value
    if kind == "type":
        names = [wanted] if isinstance(wanted, str) else wanted
        return f"must be {' or '.join(sorted(WORDS[n] for n in names if n != 'null'))}"
    if kind == "enum":
        words = [each if isinstance(each, str) else json.dumps(each) for each in wanted]
        return f"must be one of: {', '.join(words)}"
    return LIMITS[kind].format(wanted) if kind in LIMITS else str(error.message)


def _problem(schema: Schema) -> str | None:
    """Return what is wrong with a slot's schema, and what to write instead."""
    parts = list(islice(_subschemas(schema, schema), LARGEST_SCHEMA + 1))
    if len(parts) > LARGEST_SCHEMA:
        return f"it has more than {LARGEST_SCHEMA} schemas in it; those behind a '$ref' count."
    for path, each in parts:
        where = f"{'.'.join(path)}: " if path else ""
        for key in each:
            if key not in KEYWORDS and not key.startswith("x-"):
                problem = f"{where}'{key}' is not a JSON Schema keyword that a slot may use"
                return did_you_mean(problem, key, KEYWORDS, "'x-…' names your own keys.")
        if not str(each.get("$ref", "#")).startswith("#"):
            return f"{where}'$ref' may only point into the slot's own schema, such as '#/$defs/x'."
        if _is_endless(schema, each, []):
            return f"{where}'$ref' leads back to itself."
    try:
        compiled(schema)
    except ValidationError as error:
        where = f"{'.'.join(map(str, error.instance_path))}: " if error.instance_path else ""
        if getattr(error.kind, "format", None) == "regex":
            return (
                f"{where}it is not a regular expression, or one with lookaround or "
                "backreferences, or too large: write 'maxLength: 500' instead of '{1,500}'."
            )
        return f"it is not a JSON Schema: {where}{str(error).splitlines()[0].rstrip('.')}."
    except ValueError as error:  # YAML reads 2026-01-31 as a date
        return f"it is not JSON: {error}. Put it in quotes."
    return None


def _subschemas(
    root: Schema, schema: Any, path: tuple[str, ...] = (), above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Yield (path, schema) of a schema, all schemas in it, and all that they refer to.

    `root` is what references point into, `above` those that led here.
    """
    if not isinstance(schema, Mapping):
        return
    yield path, schema
    below: list[tuple[str, Any]] = [(key, schema[key]) for key in SINGLE if key in schema]
    for key in MAPS:
        if isinstance(schema.get(key), Mapping):
            below += [(f"{key}.{name}", each) for name, each in schema[key].items()]
    for key in LISTS:
        if isinstance(schema.get(key), list):
            below += [(f"{key}.{index}", each) for index, each in enumerate(schema[key])]
    for name, each in below:
        yield from _subschemas(root, each, (*path, name), above)
    reference = str(schema.get("$ref", ""))
    if reference and reference not in above:
        target = _resolved(root, reference)
        yield from _subschemas(root, target, (*path, "$ref"), (*above, reference))


def _is_endless(root: Schema, schema: Mapping[str, Any], applied: list[int]) -> bool:
    """Return whether a schema applies itself again to the same value."""
    if id(schema) in applied:
        return id(schema) == applied[0]
    applied.append(id(schema))
    below = [schema.get(key) for key in IN_PLACE]
    below.append(_resolved(root, str(schema["$ref"])) if "$ref" in schema else None)
    for key in IN_PLACE_LISTS:
        below += schema[key] if isinstance(schema.get(key), list) else []
    return any(_is_endless(root, each, applied) for each in below if isinstance(each, Mapping))


def _resolved(root: Any, reference: str) -> Any:
    """Return what a JSON Pointer such as `#/$defs/x` points to, None if nothing."""
    for part in unquote(reference.lstrip("#")).split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(root, list):
            root = dict(enumerate(root)).get(int(key) if key.isdecimal() else -1)
        else:
            root = root.get(key) if isinstance(root, Mapping) else None
    return root


def _escaped(key: str) -> str:
    """Return a key as it is written in a JSON Pointer."""
    return quote(key.replace("~", "~0").replace("/", "~1"))


def has_any(schema: Schema, keywords: Iterable[str]) -> bool:
    """Return whether a schema, or one in it, has one of these keywords."""
    return any(key in each for _, each in _subschemas(schema, schema) for key in keywords)


def did_you_mean(problem: str, word: object, known: Iterable[str], otherwise: str = "") -> str:
    """Return a problem for an unknown word, with the most similar known word."""
    near = difflib.get_close_matches(str(word), list(known), 1)
    hint = f"did you mean '{near[0]}'?" if near else otherwise
    return f"{problem}; {hint}" if hint else f"{problem}."
