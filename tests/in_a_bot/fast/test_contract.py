"""The contract is read from domain.yml, and says what is wrong with it."""

import time
from datetime import date
from itertools import pairwise
from random import Random

import pytest
from jsonschema_rs import Draft202012Validator, meta

from in_a_bot.cases import CONTRACT, names
from in_a_bot.fast.conversation import mapped
from rasa_metadata.contract import ABSENT, ContractError, contract_of, lookup, merge, violations
from rasa_metadata.contract.examples import example_metadata, example_values
from rasa_metadata.contract.schema import MOST_VIOLATIONS, published


def read(**slots):
    return contract_of({"slots": slots})


def found(contract, metadata):
    return {violation.path: violation.message for violation in violations(contract, metadata)}


@pytest.mark.parametrize("field", CONTRACT.fields, ids=names(CONTRACT.fields))
def test_each_of_your_slots_has_an_example_that_its_schema_accepts(field):
    values = example_values(field)
    assert values, f"name some under `schema: {{examples: [...]}}` of slot {field.slot}"
    assert field.accepts(values[0])
    for value in (values[0], None):
        assert Draft202012Validator(published(field)).is_valid(value)


FORMATS = [
    "date",
    "date-time",
    "time",
    "duration",
    "email",
    "idn-email",
    "hostname",
    "idn-hostname",
]
FORMATS += ["ipv4", "ipv6", "uri", "uri-reference", "iri", "iri-reference", "uri-template", "uuid"]
FORMATS += ["json-pointer", "relative-json-pointer", "regex"]
ANY = ["string", "boolean", "number", "array", "object"]
EMAIL = {"type": "string", "format": "email"}


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_has_two_examples(name):
    assert len(example_values(field_of("text", format=name))) > 1


@pytest.mark.parametrize(
    "kind, schema, first",
    [
        ("text", {}, "some extra"),
        ("text", {"examples": ["ABC"], "pattern": "^[A-Z]{3}$"}, "ABC"),
        ("text", {"default": "d"}, "d"),
        ("text", {"const": "c"}, "c"),
        ("text", {"enum": ["a", "b"]}, "a"),
        ("text", {"pattern": r"^\d{4}-\d{2}-\d{2}$"}, "2026-01-31"),
        ("text", {"maxLength": 3}, "som"),
        ("text", {"minLength": 12}, "some extra.."),
        ("text", {"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}, "192.0.2.1"),
        ("float", {"minimum": 0, "maximum": 130}, 36),
        ("float", {"exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ("float", {"maximum": -5}, -6),
        ("float", {"multipleOf": 7}, 35),
        ("float", {"type": "integer", "minimum": 1000}, 1000),
        ("bool", {}, True),
        ("list", {"items": EMAIL, "minItems": 2}, ["ada@example.com"] * 2),
        (
            "list",
            {"items": EMAIL, "minItems": 2, "uniqueItems": True},
            ["ada@example.com", "grace@example.com"],
        ),
        (
            "any",
            {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}},
            {"id": 36},
        ),
    ],
)
def test_an_example_is_readable(kind, schema, first):
    assert example_values(field_of(kind, **schema))[0] == first


def test_a_pattern_that_no_known_value_matches_has_no_example():
    assert example_values(field_of("text", pattern="^[A-Z]{3}$")) == []
    inside = {"$defs": {"tag": {"pattern": "^#"}}, "items": {"$ref": "#/$defs/tag"}, "minItems": 1}
    assert example_values(field_of("list", **inside)) == []


def field_of(kind, **schema):
    return read(extra=mapped({"path": "extra", "schema": schema}, kind)).fields[0]


def test_your_contract_is_a_json_schema_that_accepts_its_own_example():
    assert meta.is_valid(CONTRACT.schema)
    assert violations(CONTRACT, example_metadata(CONTRACT)) == []


def test_the_short_form_is_the_long_form_with_a_path_only():
    short = read(plan=mapped("account.plan"))
    long = read(plan=mapped({"path": "account.plan"}))
    assert short.fields == long.fields
    assert short.fields[0].path == ("account", "plan")
    assert (short.fields[0].signed, short.fields[0].scope) == (False, "session")


def test_a_slot_has_other_places_in_some_channels():
    places = {"telegram": "author.name", "slack": "author.id"}
    (field,) = read(name=mapped({"path": "user.name", "channels": places})).fields
    assert field.channels == {"telegram": ("author", "name"), "slack": ("author", "id")}
    assert field.path == ("user", "name")


def test_a_slot_without_metadata_is_not_part_of_the_contract():
    other = {"type": "text", "mappings": [{"type": "from_text"}]}
    assert read(other=other, name=mapped("name")).fields[0].slot == "name"
    assert contract_of({}).fields == ()


@pytest.mark.parametrize(
    "slot, good, wrong, message",
    [
        (mapped("x"), ["", "a"], [1, True, []], "must be text"),
        (mapped("x", "bool"), [True, False], [0, "true"], "must be true or false"),
        (mapped("x", "float"), [0, 1.5, -3], ["1", True], "must be a number"),
        (mapped("x", "float", min_value=1, max_value=2), [1, 2], [0], "must be at least 1"),
        (mapped("x", "float", min_value=1, max_value=2), [1.5], [3], "must be at most 2"),
        (mapped("x", "categorical", values=["a", "b"]), ["a"], ["c"], "must be one of: a, b"),
        (
            mapped({"path": "x", "schema": {"enum": [1, True]}}, "any"),
            [1],
            [0],
            "must be one of: 1, true",
        ),
        (mapped("x", "list"), [[], [1, "a"]], ["a", {}], "must be a list"),
        (mapped("x", "any"), [1, "a", [], {"a": 1}], [], ""),
        (
            mapped({"path": "x", "schema": {"maxLength": 2}}),
            ["ab"],
            ["abc"],
            "must be at most 2 characters long",
        ),
        (
            mapped({"path": "x", "schema": {"pattern": "^a"}}),
            ["ab"],
            ["b"],
            "must match the pattern ^a",
        ),
        (mapped({"path": "x", "schema": {"const": "a"}}), ["a"], ["b"], '"a" was expected'),
        (
            mapped({"path": "x", "schema": {"type": "integer"}}, "float"),
            [3],
            [1.5],
            "must be a whole number",
        ),
        (
            mapped({"path": "x", "schema": {"format": "date"}}),
            ["2026-01-31"],
            ["31.1."],
            "must be a date (the JSON Schema format)",
        ),
    ],
)
def test_the_slots_type_and_its_schema_decide_what_is_good(slot, good, wrong, message):
    contract = read(x=slot)
    for value in [*good, None]:
        assert found(contract, {"x": value}) == {}
    for value in wrong:
        assert found(contract, {"x": value}) == {"x": message}


def test_every_violation_is_named_with_its_path():
    contract = read(
        name=mapped("user.name"),
        tags=mapped({"path": "tags", "schema": {"items": {"type": "string"}}}, "list"),
    )
    assert found(contract, {"user": {"name": 1}, "tags": ["a", 2]}) == {
        "user.name": "must be text",
        "tags.1": "must be text",
    }
    assert found(contract, {"user": "Ada"}) == {"user": "must be an object"}
    assert found(contract, ["Ada"]) == {"": "must be an object"}


def test_keys_outside_the_contract_and_null_objects_are_welcome():
    contract = read(name=mapped("user.name"))
    assert found(contract, {"user": None, "more": {"keys": [1]}}) == {}


def doubled(keyword, times=40):
    """Return a short schema in which each definition names the next one twice."""
    names = [f"d{n}" for n in range(times)]
    twice = {name: {keyword: [{"$ref": f"#/$defs/{name}x"}] * 2} for name in names}
    ends = {f"{name}x": {"$ref": f"#/$defs/{after}"} for name, after in pairwise(names)}
    return {"$ref": "#/$defs/d0", "$defs": {**twice, **ends, f"{names[-1]}x": {}}}


ENDLESS_YAML: dict = {}  # as YAML makes it of `&a {items: *a}`
ENDLESS_YAML["items"] = ENDLESS_YAML


@pytest.mark.parametrize(
    "slot, said",
    [
        (mapped({"path": "x", "sign": True}), "'sign' is not a key of 'metadata'"),
        (mapped({"signed": True}), "'path' is missing"),
        (mapped("a..b"), "path 'a..b' is not a dotted path"),
        (mapped(["x"]), "'metadata' is a path such as account.plan"),
        (mapped({"path": "x", "signed": "yes"}), "'signed' is true or false"),
        (mapped({"path": "x", "scope": "day"}), "'scope' is session or turn"),
        (mapped({"path": "x", "schema": {"type": "text"}}), "'schema': it is not a JSON Schema"),
        (mapped({"path": "x", "schema": {"minimun": 1}}), "did you mean 'minimum'?"),
        (mapped({"path": "x", "schema": {"items": {"typ": 1}}}, "list"), "items: 'typ' is not"),
        (mapped({"path": "x", "schema": {"$ref": "http://x/y"}}), "the slot's own schema"),
        (mapped({"path": "x", "schema": {"$ref": "file:///etc/passwd"}}), "the slot's own schema"),
        (mapped({"path": "x", "schema": {"$ref": "#/$defs/a"}}), "does not exist"),
        (mapped({"path": "x", "schema": {"$ref": "#"}}), "'$ref' leads back to itself"),
        (
            mapped(
                {
                    "path": "x",
                    "schema": {
                        "$ref": "#/$defs/a",
                        "$defs": {
                            "a": {"anyOf": [{"$ref": "#/$defs/b"}]},
                            "b": {"not": {"$ref": "#/$defs/a"}},
                        },
                    },
                }
            ),
            "'$ref' leads back to itself",
        ),
        (mapped({"path": "x", "schema": {"$dynamicRef": "#a"}}), "'$dynamicRef' is not"),
        (mapped({"path": "x", "schema": {"format": "datum"}}), "Unknown format: 'datum'"),
        (mapped({"path": "x", "schema": {"pattern": "(?=a)"}}), "pattern: it is not a regular"),
        (mapped({"path": "x", "schema": {"pattern": r"(a)\1"}}), "lookaround or backreferences"),
        (mapped({"path": "x", "schema": {"pattern": ".{9999}"}}), "write 'maxLength: 500' instead"),
        (mapped({"path": "x", "schema": {"patternProperties": {"(": {}}}}), "not a regular"),
        (mapped({"path": "x", "schema": doubled("allOf")}), "it has more than 200 schemas"),
        (mapped({"path": "x", "schema": doubled("anyOf")}), "it has more than 200 schemas"),
        (mapped({"path": "x", "schema": ENDLESS_YAML}), "it has more than 200 schemas"),
        (
            mapped({"path": "x", "schema": {"anyOf": [{"allOf": [{"$ref": "#/anyOf/0"}]}]}}),
            "'$ref' leads back to itself",
        ),
        (mapped({"path": "x", "schema": {"examples": [date(2026, 1, 31)]}}), "Put it in quotes"),
        (mapped({"path": "x", "schema": [1]}), "'schema' is an object"),
        (mapped({"path": "x", "channels": ["a"]}), "'channels' has a path for each channel"),
        (mapped({"path": "x", "channels": {"telegram": "a..b"}}), "'channels' has a path"),
        (
            mapped({"path": "x", "signed": True, "channels": {"telegram": "raw.id"}}),
            "'channels' of a signed slot names paths below 'author' only",
        ),
        (mapped("model_id.x"), "is a key that Rasa or this bot writes itself"),
        (mapped("x", "date"), "type 'date' cannot hold metadata"),
        (mapped({"path": "x", "scope": "turn"}, initial_value="a"), "take out 'initial_value'"),
        (mapped({"path": "x", "claim": "x"}), "'claim' is the name of a token's claim, and needs"),
        (mapped({"path": "x", "signed": True, "claim": ["x"]}), "'claim' is the name of a token's"),
        (mapped({"path": "x", "signed": True, "claim": None}), "'claim' is the name of a token's"),
        (
            {
                "type": "text",
                "mappings": [
                    *mapped({"path": "x", "signed": True})["mappings"],
                    {"type": "from_entity", "entity": "x"},
                ],
            },
            "a signed slot has no other mapping",
        ),
        (
            {
                "type": "text",
                "mappings": [{"type": "custom", "action": "action_x", "metadata": "x"}],
            },
            "needs 'type: custom' and 'action: action_sync_metadata'",
        ),
        (
            {"type": "text", "mappings": [{"type": "custom", "action": "action_sync_metadata"}]},
            "add 'metadata: broken'",
        ),
        (
            {"type": "text", "mappings": [{**mapped("x")["mappings"][0], "intent": "greet"}]},
            "metadata does not depend on intent",
        ),
    ],
)
def test_a_broken_contract_names_the_file_the_slot_and_the_fault(slot, said):
    with pytest.raises(ContractError) as error:
        contract_of({"slots": {"fine": mapped("fine"), "broken": slot}}, source="domain.yml")
    (problem,) = error.value.problems
    assert problem.startswith("domain.yml: slot 'broken': ")
    assert said in problem


def test_two_slots_cannot_read_the_same_place():
    with pytest.raises(ContractError, match="'user' and 'name' read paths inside one another"):
        read(user=mapped("user", "any"), name=mapped("user.name"))


def test_the_contract_is_read_once_for_a_domain():
    domain = {"slots": {"name": mapped("user.name")}}
    assert contract_of(domain) is contract_of(domain)
    assert contract_of({"slots": {}}) is not contract_of(domain)


def test_only_a_token_may_write_what_the_schema_calls_read_only():
    schema = read(id=mapped({"path": "user.id", "signed": True}), name=mapped("user.name")).schema
    properties = schema["properties"]["user"]["properties"]
    assert properties["id"]["readOnly"] is True
    assert "readOnly" not in properties["name"]


def test_a_path_that_is_not_there_is_not_null():
    metadata = {"user": {"name": None, "age": 0}, "account": None, "city": "Rome"}
    assert lookup(metadata, ("user", "age")) == 0
    assert lookup(metadata, ("user", "name")) is None
    assert lookup(metadata, ("account", "plan")) is None
    assert lookup(metadata, ("user", "id")) is ABSENT
    assert lookup(metadata, ("city", "zip")) is ABSENT
    assert lookup(None, ("user",)) is ABSENT


def test_newer_metadata_lies_over_older_path_by_path():
    older = {"user": {"name": "Ada", "age": 36}, "tags": [1]}
    newer = {"user": {"age": None}, "tags": [2]}
    assert merge(older, newer) == {"user": {"name": "Ada", "age": None}, "tags": [2]}
    assert older == {"user": {"name": "Ada", "age": 36}, "tags": [1]}


CODE = {"code": {"type": "string", "maxLength": 3}}


@pytest.mark.parametrize(
    "kind, schema, good, wrong",
    [
        ("any", {"$ref": "#/$defs/code"}, "abc", "abcd"),
        ("list", {"items": {"$ref": "#/$defs/code"}}, ["abc"], ["abcd"]),
        ("any", {"properties": {"c": {"$ref": "#/$defs/code"}}}, {"c": "abc"}, {"c": 7}),
    ],
)
def test_definitions_of_a_slots_own_schema_work_also_inside_the_whole_contract(
    kind, schema, good, wrong
):
    slot = mapped({"path": "x.a", "schema": {**schema, "$defs": CODE}}, kind)
    contract = read(**{"größe 1": slot}, b=mapped("x.b"))
    whole = Draft202012Validator(contract.schema, offline=True)
    for value, is_valid in [(good, True), (None, True), (wrong, False)]:
        assert whole.is_valid({"x": {"a": value}}) == is_valid
        assert (found(contract, {"x": {"a": value}}) == {}) == is_valid


@pytest.mark.parametrize(
    "slot, wanted",
    [
        (mapped("x"), {"title": "x", "type": ["string", "null"]}),
        (
            mapped({"path": "x", "schema": {"title": "Plan", "description": "what they pay"}}),
            {"title": "Plan", "description": "what they pay", "type": ["string", "null"]},
        ),
        (
            mapped("x", "categorical", values=["a", "b"]),
            {"title": "x", "enum": ["a", "b", None]},
        ),
        (mapped("x", "any"), {"title": "x", "type": [*ANY, "null"]}),
        (
            mapped({"path": "x", "schema": {"properties": {"a": True}}}, "any"),
            {"title": "x", "properties": {"a": True}, "type": [*ANY, "null"]},
        ),
        (
            mapped({"path": "x", "signed": True, "schema": {"const": "a", "default": "a"}}),
            {
                "title": "x",
                "default": "a",
                "readOnly": True,
                "anyOf": [{"type": "null"}, {"type": "string", "const": "a"}],
            },
        ),
    ],
)
def test_null_is_published_so_that_generators_understand_it(slot, wanted):
    assert read(x=slot).schema["properties"]["x"] == wanted


def test_a_label_is_the_title_or_the_name_in_words():
    contract = read(user_name=mapped("a"), x=mapped({"path": "b", "schema": {"title": "Plan"}}))
    assert [field.label for field in contract.fields] == ["user name", "Plan"]


def test_the_list_of_violations_is_bounded_and_ends_with_the_number_of_others():
    slots = {f"s{n}": mapped(f"s{n}", "bool") for n in range(50)}
    listed = violations(read(**slots), dict.fromkeys(slots, "no"))
    assert len(listed) == MOST_VIOLATIONS + 1
    assert listed[-1] == ("", "and at least 30 more places violate the schema")


DEEP = {"type": "integer"}
for _ in range(5):
    ONE, OTHER = {"minItems": 1}, {"maxItems": 9}
    DEEP = {"anyOf": [{"type": "array", "items": DEEP, **each} for each in (ONE, OTHER)]}
NESTED = "x"
for _ in range(14):
    NESTED = [NESTED]
random = Random(7)
BITS = "".join(random.choice("01") for _ in range(60_000))
SLOW = {
    "a pattern with many states": ({"pattern": "1[01]{900}x"}, BITS),
    "a pattern with many states, short": ({"pattern": "1[01]{900}x"}, BITS[:4090]),
    "patterns of keys with many states": (
        {"propertyNames": {"pattern": "1[01]{90}x"}},
        {BITS[n : n + 120]: 1 for n in range(0, 60_000, 120)},
    ),
    "large integers": ({"uniqueItems": True}, [10**20 + n for n in range(2_800)]),
    "large integers, few": ({"uniqueItems": True, "maxItems": 1}, [10**20 + n for n in range(180)]),
    "tiny multiples": ({"items": {"multipleOf": 1e-300}}, [1e308] * 10_000),
    "long enumerations": ({"items": {"enum": [f"s{n}" for n in range(10_000)]}}, ["s"] * 800),
    "missing keys": ({"items": {"required": [f"k{n}" for n in range(200)]}}, [{}] * 1_300),
    "a pattern that backtracks": ({"pattern": "^(a+)+$"}, "a" * 60_000 + "!"),
    "many patterns of keys": (
        {"patternProperties": {"^(a+)+$": {"type": "string"}}},
        {"a" * n: 1 for n in range(1, 330)},
    ),
    "unique lists": ({"uniqueItems": True}, [[n] for n in range(12_000)] + [[1]]),
    "unique objects": ({"uniqueItems": True}, [{"a": n} for n in range(7_000)] + [{"a": 1}]),
    "multiples": ({"items": {"multipleOf": 0.01}}, [0.001] * 12_000),
    "many wrong items": ({"items": {"minimum": 3}}, [1] * 20_000),
    "many alternatives": (
        {"items": {"anyOf": [{"minimum": n} for n in range(50)]}},
        [-1] * 20_000,
    ),
    "alternatives in alternatives": (DEEP, NESTED),
    "a definition in itself": (
        {
            "$ref": "#/$defs/t",
            "$defs": {
                "t": {
                    "anyOf": [
                        {"type": "array", "minItems": n, "items": {"$ref": "#/$defs/t"}}
                        for n in range(1, 9)
                    ]
                }
            },
        },
        NESTED,
    ),
    "a regular expression as a value": ({"format": "regex"}, "(" * 60_000),
    "a template as a value": ({"format": "uri-template"}, "{" * 60_000),
    "a long host name": ({"format": "idn-hostname"}, "ü" * 30_000),
    "an e-mail address": ({"format": "email"}, "a" * 30_000 + "@" + "b." * 15_000),
    "unevaluated keys": (
        {
            "anyOf": [{"properties": {f"a{n}": True}} for n in range(50)],
            "unevaluatedProperties": False,
        },
        {f"a{n}": 1 for n in range(512)},
    ),
}


def test_a_long_value_is_rejected_where_its_schema_would_take_long():
    contract = read(x=mapped({"path": "x", "schema": {"pattern": "^a*$"}}))
    assert found(contract, {"x": "a" * 4094}) == {}
    assert found(contract, {"x": "a" * 4095}) == {
        "x": "must be at most 4096 characters long as JSON"
    }


def test_a_list_of_many_slots_that_fail_takes_no_time():
    slots = {
        f"s{n}": mapped({"path": f"s{n}", "schema": {"items": False}}, "list") for n in range(99)
    }
    contract = read(**slots)
    wrong = dict.fromkeys(slots, [1] * 300)
    violations(contract, {})
    started = time.perf_counter()
    assert len(violations(contract, wrong)) == MOST_VIOLATIONS + 1
    assert time.perf_counter() - started < 0.05


def test_a_value_that_cannot_be_validated_is_not_accepted():
    (field,) = read(x=mapped({"path": "x", "schema": {"pattern": "a"}}, "any")).fields
    deep = []
    for _ in range(100_000):
        deep = [deep]
    for value in ("a\ud800", deep):
        assert not field.accepts(value)


@pytest.mark.parametrize("what", SLOW)
def test_no_schema_and_no_value_takes_long(what):
    schema, value = SLOW[what]
    contract = read(x=mapped({"path": "x", "schema": schema}, "any"))
    violations(contract, {"x": None})  # compiled, and the machine awake
    started = time.perf_counter()
    assert violations(contract, {"x": value})
    assert time.perf_counter() - started < 0.05
