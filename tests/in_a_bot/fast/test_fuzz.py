"""Whatever is sent is valid or an API error; whatever is valid is in the slots.

Some inputs of each kind by default; `make fuzz` tries 34,000, a hundred thousand in all.
"""

import json
import warnings

from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema
from jsonschema_rs import Draft202012Validator, RegexOptions
from rasa.shared.core.training_data.story_reader.yaml_story_reader import YAMLStoryReader
from rasa.shared.nlu.training_data.message import Message

from in_a_bot.cases import CONTRACT, DOMAIN
from in_a_bot.fast.conversation import Conversation
from in_a_bot.tokens import KEY, token
from rasa_metadata.channels.http import answer_error
from rasa_metadata.contract import ABSENT, lookup, metadata_schema, violations
from rasa_metadata.contract.fields import RESERVED_KEYS
from rasa_metadata.validation.errors import ApiError
from rasa_metadata.validation.message import UNSTORABLE, RequestValidation
from rasa_metadata.validation.tokens import Tokens

DOCUMENTED = {400, 401, 403, 413, 415, 422}
VALIDATION = RequestValidation(tokens=Tokens.from_credentials({"jwt_key": KEY}))
OPEN_FIELDS = [field for field in CONTRACT.fields if not field.signed]

any_text = st.text(st.characters(categories=None), max_size=30)
any_scalar = st.none() | st.booleans() | st.integers() | st.floats() | any_text
any_json = st.recursive(
    any_scalar,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(any_text, inside, max_size=4),
    max_leaves=12,
)
names = st.sampled_from([*RESERVED_KEYS, *(key for field in CONTRACT.fields for key in field.path)])
near_metadata = st.recursive(
    any_scalar, lambda inside: st.dictionaries(names | any_text, inside, max_size=5), max_leaves=9
)
message = st.fixed_dictionaries(
    {},
    optional={
        "sender": any_json | st.just("ada") | st.just("user:ada"),
        "message": any_json | st.just("hello"),
        "metadata": near_metadata | any_json,
        "input_channel": any_json,
    },
)
body = st.binary(max_size=200) | (any_json | message).map(lambda value: json.dumps(value).encode())
content_type = st.just("application/json") | st.just("application/json; charset=utf-8") | any_text
authorization = st.none() | any_text | any_text.map(lambda text: f"Bearer {text}")


def validated(raw, authorization=None, content_type="application/json"):
    """Return (valid, error), one of them None; anything else is a fault of validation."""
    try:
        return VALIDATION.validate(
            raw, CONTRACT, content_type=content_type, origin="null", authorization=authorization
        ), None
    except ApiError as error:
        return None, error


@given(body, st.none() | authorization, st.just("application/json") | content_type)
def test_any_body_is_valid_or_gets_a_documented_status(raw, authorization, content_type):
    valid, error = validated(raw, authorization, content_type)
    if error:
        assert error.status in DOCUMENTED
        assert error.message
        json.loads(answer_error(None, error).body)
    else:
        assert valid.text.strip()
        assert 0 < len(valid.sender) <= 255
        json.dumps(valid.metadata, allow_nan=False, ensure_ascii=False).encode()


entities = any_json.map(json.dumps) | st.sampled_from(["[" * 2000, '{"x": NaN}', '"\\\\ud800"'])
command = st.builds(
    "{}/{}{{{}}}{}".format,
    st.sampled_from(["", " ", "\u3000", "\n"]),
    st.sampled_from(["greet", "greet@0.5", "greet@", "a b", "a\n", ""]),
    entities.map(lambda value: f'"x": {value}') | any_text,
    st.sampled_from(["", "}", "\n}", "\r}", " and more", '{"y": NaN}']),
)


@given(command)
@example('/greet{"x": "\\ud800"}\n}')  # Rasa reads entities to the end of the line
def test_rasa_can_read_and_store_the_entities_of_any_valid_message(text):
    body = {"sender": "ada", "message": text}
    valid, error = validated(json.dumps(body).encode())
    if error:
        assert error.status == 422
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = YAMLStoryReader.unpack_regex_message(Message({"text": valid.text}))
    stored = json.dumps(read.get("entities"), allow_nan=False, ensure_ascii=False)
    assert not UNSTORABLE.search(stored)
    stored.encode()


@given(any_json)
def test_any_claims_are_valid_or_rejected(metadata):
    made = token(metadata=metadata)
    valid, error = validated(b'{"message": "hello"}', f"Bearer {made}")
    if error:
        assert error.status in (401, 422)
        assert made not in answer_error(None, error).body.decode()
    else:
        assert valid.sender == "user:u1"


PUBLISHED = Draft202012Validator(CONTRACT.schema, pattern_options=RegexOptions(), offline=True)


@given(near_metadata | any_json)
def test_what_is_valid_slot_by_slot_is_valid_by_the_published_schema(metadata):
    try:
        wanted = PUBLISHED.is_valid(metadata)
    except ValueError:  # a lone surrogate, which validation rejects before this
        return
    assert (violations(CONTRACT, metadata) == []) == wanted


def storable(metadata):
    text = json.dumps(metadata, ensure_ascii=False)
    small = len(text.encode("utf-8", "replace")) < VALIDATION.max_body_bytes - 100
    return small and not UNSTORABLE.search(text) and "\\u0000" not in text


good_metadata = from_schema(metadata_schema(OPEN_FIELDS)).filter(storable)


@given(good_metadata.filter(lambda metadata: not RESERVED_KEYS & set(metadata)))
def test_metadata_that_matches_the_contract_is_in_the_slots_unchanged(metadata):
    body = {"sender": "ada", "message": "hello", "metadata": metadata}
    valid, error = validated(json.dumps(body).encode())
    if error:
        assert error.reason in ("TooDeep", "TooManyKeys")
        return

    assert valid.metadata == metadata
    conversation = Conversation(DOMAIN.as_dict()["slots"]).say(valid.metadata)
    for field in OPEN_FIELDS:
        value = lookup(metadata, field.path)
        wanted = None if value is ABSENT else value
        assert conversation.slots[field.slot] == wanted
