"""What code generators make of the published schema accepts the values that a slot accepts, and
no value of another type."""

import json
import subprocess

import pytest

pytestmark = pytest.mark.rasa

# What a slot has beside its mapping, its schema, values of its type, and values of another.
DEFINED = {"$defs": {"text": {"type": "string"}}}
CASES = {
    "text": ({"type": "text"}, {}, ["Ada", ""], [7, True, ["a"], {"a": 1}]),
    "described": (
        {"type": "text"},
        {"title": "T", "description": "d", "default": "a", "pattern": "^a", "maxLength": 9},
        ["a"],
        [7],
    ),
    "one_of_texts": ({"type": "text"}, {"enum": ["a", "b"]}, ["a", "b"], ["c", 7]),
    "constant": ({"type": "text"}, {"const": "a"}, ["a"], ["b", 7]),
    "date": ({"type": "text"}, {"format": "date"}, ["2026-01-31"], [["a"]]),
    "datetime": ({"type": "text"}, {"format": "date-time"}, ["2026-01-31T12:00:00Z"], [["a"]]),
    "email": ({"type": "text"}, {"format": "email"}, ["ada@example.com"], [7]),
    "url": ({"type": "text"}, {"format": "uri"}, ["https://example.com/a"], [7]),
    "flag": ({"type": "bool"}, {}, [True, False], ["true", 0]),
    "number": ({"type": "float"}, {}, [0.5, 3, -1], ["3", True]),
    "bounded": ({"type": "float", "min_value": 0, "max_value": 9}, {}, [0, 9], ["3"]),
    "whole": ({"type": "float"}, {"type": "integer", "minimum": 0}, [0, 3], ["3", True]),
    "choice": ({"type": "categorical", "values": ["a", "b"]}, {}, ["a", "b"], ["c", 7]),
    "list": ({"type": "list"}, {}, [[], ["a", 1]], ["a", {"a": 1}]),
    "texts": ({"type": "list"}, {"items": {"type": "string"}}, [[], ["a"]], [[1], "a"]),
    "anything": ({"type": "any"}, {}, ["a", 1, True, [1], {"a": 1}], []),
    "thing": (
        {"type": "any"},
        {
            "type": "object",
            "properties": {"a": {"type": "integer"}},
            "required": ["a"],
            "additionalProperties": False,
        },
        [{"a": 1}],
        [{"a": "x"}, {}, "a"],
    ),
    "either": ({"type": "any"}, {"type": ["string", "number"]}, ["a", 1], [True, ["a"]]),
    "any_of": (
        {"type": "any"},
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        ["a", ["a"]],
        [1, [1]],
    ),
    "referred": ({"type": "any"}, {"$ref": "#/$defs/text", **DEFINED}, ["a"], [1]),
    "inside": (
        {"type": "list"},
        {"items": {"$ref": "#/$defs/text"}, **DEFINED},
        [["a"]],
        [[1]],
    ),
}
# Each with metadata, and whether a generated type has to accept it.
VALUES = [
    ({"account": {slot: value}}, accepted)
    for slot, (_, _, good, wrong) in CASES.items()
    for accepted, values in ((True, [*good, None]), (False, wrong))
    for value in values
] + [({}, True), ({"account": None}, True), ({"account": 7}, False), ({"more": [1]}, True)]

CONTRACT = """
import json, sys
from rasa_metadata.contract import contract_of, violations
slots, values = json.load(sys.stdin)
contract = contract_of({"slots": slots})
for metadata, accepted in values:
    assert (violations(contract, metadata) == []) == accepted, metadata
print(json.dumps(contract.schema))
"""
TYPESCRIPT = "--strict --noEmit --skipLibCheck --target es2022 --moduleResolution bundler"
JAVASCRIPT = """
const { toMetadata } = require("./quicktype.js");
const wrong = require("./values.json").filter(([metadata, accepted]) => {
  try {
    toMetadata(JSON.stringify(metadata));
    return !accepted;
  } catch {
    return accepted;
  }
});
console.log(JSON.stringify(wrong));
"""
PYTHON = """
import json
from pathlib import Path
from pydantic import ValidationError
from generated import Metadata
wrong = []
for metadata, accepted in json.loads(Path("values.json").read_text()):
    try:
        Metadata.model_validate_json(json.dumps(metadata), strict=True)
    except ValidationError:
        wrong += [metadata] * accepted
    else:
        wrong += [metadata] * (not accepted)
print(json.dumps(wrong))
"""


def run(folder, *command, **options):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(default_bot, generators):
    """Return the folder of the generators, with the schema of all cases and their values."""
    slots = {}
    for name, (slot, schema, _, _) in CASES.items():
        metadata = {"path": f"account.{name}", "schema": schema}
        mapping = {"type": "custom", "action": "action_sync_metadata", "metadata": metadata}
        slots[name] = {**slot, "mappings": [mapping]}
    python = [default_bot / ".venv/bin/python", "-W", "ignore", "-c", CONTRACT]
    schema = run(default_bot, *python, input=json.dumps([slots, VALUES]))
    (generators / "metadata.json").write_text(schema)
    (generators / "values.json").write_text(json.dumps(VALUES))
    return generators


def test_typescript_accepts_and_rejects(folder):
    """`@ts-expect-error` is an error where there is none."""
    run(folder, "node_modules/.bin/json2ts", "metadata.json", "metadata.ts")
    lines = ['import type { Metadata } from "./metadata.js";']
    for number, (metadata, accepted) in enumerate(VALUES):
        lines += [] if accepted else ["// @ts-expect-error"]
        lines += [f"export const m{number}: Metadata = {json.dumps(metadata)};"]
    (folder / "values.ts").write_text("\n".join(lines))
    run(folder, "node_modules/.bin/tsc", *TYPESCRIPT.split(), "--module", "es2022", "values.ts")


def test_quicktype_accepts_and_rejects(folder):
    options = ["--lang", "javascript", "--src-lang", "schema", "--top-level", "Metadata"]
    run(folder, "node_modules/.bin/quicktype", *options, "metadata.json", "--out", "quicktype.js")
    assert json.loads(run(folder, "node", "-e", JAVASCRIPT)) == []


def test_pydantic_accepts_and_rejects(folder):
    options = ["--input-file-type", "jsonschema", "--output-model-type", "pydantic_v2.BaseModel"]
    options += ["--class-name", "Metadata", "--output", "generated.py"]
    run(folder, ".venv/bin/datamodel-codegen", "--input", "metadata.json", *options)
    assert json.loads(run(folder, ".venv/bin/python", "-c", PYTHON)) == []
