"""The contract is read from domain.yml, and says what is wrong with it."""

import pytest
from jsonschema import Draft202012Validator

from in_a_bot.cases import CONTRACT, names
from in_a_bot.fast.conversation import mapped
from rasa_metadata.contract import ABSENT, ContractError, contract_of, lookup, merge, violations
from rasa_metadata.contract.examples import example_metadata, example_values


def read(**slots):
    return contract_of({"slots": slots})


def found(contract, metadata):
    return {violation.path: violation.message for violation in violations(contract, metadata)}


@pytest.mark.parametrize("field", CONTRACT.fields, ids=names(CONTRACT.fields))
def test_each_of_your_slots_has_an_example_that_its_schema_accepts(field):
    values = example_values(field)
    assert values, f"name some under `schema: {{examples: [...]}}` of slot {field.slot}"
    assert Draft202012Validator(field.schema).is_valid(values[0])
    assert Draft202012Validator(field.schema).is_valid(None)


def test_your_contract_is_a_json_schema_that_accepts_its_own_example():
    Draft202012Validator.check_schema(CONTRACT.schema)
    assert violations(CONTRACT, example_metadata(CONTRACT)) == []


def test_the_short_form_is_the_long_form_with_a_path_alone():
    short = read(plan=mapped("account.plan"))
    long = read(plan=mapped({"path": "account.plan"}))
    assert short.fields == long.fields
    assert short.fields[0].path == ("account", "plan")
    assert (short.fields[0].signed, short.fields[0].scope) == (False, "session")


def test_a_slot_without_metadata_is_none_of_the_contracts_business():
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
        (mapped({"path": "x", "schema": {"const": "a"}}), ["a"], ["b"], "'a' was expected"),
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
            "'31.1.' is not a 'date'",
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


@pytest.mark.parametrize(
    "slot, said",
    [
        (mapped({"path": "x", "sign": True}), "'sign' is not a key of 'metadata'"),
        (mapped({"signed": True}), "'path' is missing"),
        (mapped("a..b"), "path 'a..b' is not a dotted path"),
        (mapped(["x"]), "'metadata' is a path such as account.plan"),
        (mapped({"path": "x", "signed": "yes"}), "'signed' is true or false"),
        (mapped({"path": "x", "scope": "day"}), "'scope' is session or turn"),
        (mapped({"path": "x", "schema": {"type": "text"}}), "'schema' is not a JSON Schema"),
        (mapped({"path": "x", "schema": [1]}), "'schema' is an object"),
        (mapped("model_id.x"), "is a key that Rasa or this bot writes itself"),
        (mapped("x", "date"), "type 'date' cannot hold metadata"),
        (mapped({"path": "x", "scope": "turn"}, initial_value="a"), "take out 'initial_value'"),
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
