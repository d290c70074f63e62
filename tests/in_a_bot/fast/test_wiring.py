"""Everything that has to know of something else does; a failure says what to type."""

import importlib
import inspect
import json
import pkgutil
import re
import tarfile
import traceback

import pytest
from rasa.shared.core.domain import Domain
from rasa.shared.utils.io import read_config_file, read_yaml_file
from rasa_sdk import Action

import actions
from in_a_bot.cases import CONTRACT, DOMAIN, DOMAIN_PATH, PROJECT

SLOTS = DOMAIN.as_dict().get("slots") or {}


def say(problems):
    """Fail with these sentences and nothing around them."""
    problems = list(problems)
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


def classes_in_actions():
    """Return (name, file) of every action that is written in actions/."""
    for module in pkgutil.walk_packages(actions.__path__, "actions."):
        importlib.import_module(module.name)
    found, written = set(), list(Action.__subclasses__())
    while written:
        action = written.pop()
        written += action.__subclasses__()
        if action.__module__.split(".")[0] in (
            "actions",
            "rasa_metadata",
        ) and not inspect.isabstract(action):
            found.add((action().name(), action.__module__.replace(".", "/") + ".py"))
    return found


def channels():
    """Return {key of credentials.yml: the class it names}, without Rasa's own."""
    found, problems = {}, []
    for key in read_config_file(str(PROJECT / "credentials.yml")) or {}:
        module, _, name = key.rpartition(".")
        if not module:
            continue
        try:
            found[key] = getattr(importlib.import_module(module), name)
        except Exception:
            problems.append(
                f"credentials.yml: '{key}' cannot be imported; Rasa would only say that it is "
                f"unknown. The reason:\n\n{traceback.format_exc()}"
            )
    return found, problems


def stories():
    """Yield (file, content) of the stories and rules in data/."""
    for path in sorted((PROJECT / "data").rglob("*.y*ml")):
        content = read_yaml_file(path) or {}
        yield path.relative_to(PROJECT), [content.get("stories"), content.get("rules")]


def behind(key, content):
    """Yield what stands behind a key, wherever it is in stories and rules."""
    if isinstance(content, dict):
        yield from [content[key]] if key in content else []
        content = list(content.values())
    for item in content if isinstance(content, list) else []:
        yield from behind(key, item)


def slots_set_in(content):
    for slots in behind("slot_was_set", content):
        for slot in slots or []:
            yield from slot if isinstance(slot, dict) else [slot]


def conditions():
    """Yield (place, slot, value) for each condition of a response."""
    for response, variations in DOMAIN.responses.items():
        for condition in (each for one in variations for each in one.get("condition") or []):
            place = f"{DOMAIN_PATH.name}: a condition of '{response}'"
            yield place, condition["name"], condition.get("value")


def slots_named():
    """Yield (place, slot) wherever stories, responses and actions name a slot."""
    said = set()
    for path, content in stories():
        said.update(behind("action", content))
        yield from ((f"{path}: a 'slot_was_set'", slot) for slot in slots_set_in(content))
    yield from ((place, slot) for place, slot, _ in conditions())
    for response, variations in DOMAIN.responses.items():
        for each in variations:
            if response in said:  # an action may give other words to those that it utters
                text = json.dumps({**each, "condition": None})
                place = f"{DOMAIN_PATH.name}: the response '{response}'"
                yield from ((place, slot) for slot in re.findall(r"{(\w+)}", text))
    for path in sorted((PROJECT / "actions").rglob("*.py")):
        for slot in re.findall(r"""\b(?:get_slot|SlotSet)\(["'](\w+)["']""", path.read_text()):
            yield path.relative_to(PROJECT), slot


def test_there_is_one_domain():
    if (PROJECT / "domain").is_dir() and (PROJECT / "domain.yml").exists():
        say(
            [
                "there are both domain.yml and domain/, and only the folder is read: move what is "
                "left in domain.yml into domain/, and take the file away."
            ]
        )


def test_slots_that_are_named_are_in_the_domain():
    known = {slot.name for slot in DOMAIN.slots}
    say(
        f"{place} names the slot '{slot}', and {DOMAIN_PATH.name} has none of that name."
        for place, slot in sorted({(str(place), slot) for place, slot in slots_named()})
        if slot not in known
    )


def test_values_that_a_response_waits_for_can_be_in_the_slot():
    fields = {field.slot: field for field in CONTRACT.fields}
    say(
        f"{place} waits for {json.dumps(value)}, which the slot '{slot}' cannot hold any more."
        for place, slot, value in conditions()
        if slot in fields and not fields[slot].accepts(value)
    )


def test_actions_can_be_imported_and_are_in_the_domain():
    listed = set(DOMAIN.user_actions)
    say(
        f"{file} has '{name}', but {DOMAIN_PATH.name} does not list it: "
        f"add '- {name}' under 'actions:'."
        for name, file in sorted(classes_in_actions())
        if name not in listed
    )


def test_actions_in_the_domain_are_written():
    written = {name for name, _ in classes_in_actions()}
    say(
        f"{DOMAIN_PATH.name} lists '{name}', but no class in actions/ has that name: "
        "write one in actions/custom.py, or take it out of 'actions:'."
        for name in DOMAIN.user_actions
        if name not in written and not name.startswith("utter_")
    )


def test_channels_can_be_imported():
    _, problems = channels()
    say(problems)


def test_no_two_channels_share_an_address():
    keys = list(read_config_file(str(PROJECT / "credentials.yml")) or {})
    named = {key: channel.name() for key, channel in channels()[0].items()}
    say(
        f"credentials.yml: '{key}:' and '{name}:' both answer at /webhooks/{name}; "
        f"take '{name}:' out."
        for key, name in named.items()
        if name in keys
    )


def test_there_is_an_action_endpoint():
    endpoint = (read_config_file(str(PROJECT / "endpoints.yml")) or {}).get("action_endpoint")
    if not endpoint:
        say(
            [
                "endpoints.yml has no 'action_endpoint:', so no action can run, and no metadata "
                "reaches a slot. Add:\n\n"
                "action_endpoint:\n"
                "  url: http://localhost:5055/webhook\n"
                "  actions_module: actions"
            ]
        )


def test_stories_depend_only_on_slots_that_influence_the_conversation():
    say(
        f"{path}: a 'slot_was_set' names '{slot}', which {DOMAIN_PATH.name} keeps from "
        "influencing the conversation, so Rasa passes it over: take "
        f"'influence_conversation: false' out of the slot '{slot}'."
        for path, content in stories()
        for slot in sorted(set(slots_set_in(content)))
        if SLOTS.get(slot, {}).get("influence_conversation") is False
    )


def test_the_trained_model_knows_the_domain_as_it_is_now():
    models = sorted((PROJECT / "models").glob("*.tar.gz"), key=lambda path: path.stat().st_mtime)
    if models:
        with tarfile.open(models[-1]) as model:
            trained = json.load(model.extractfile("metadata.json"))["domain"]
        if Domain.from_dict(trained).fingerprint() != DOMAIN.fingerprint():
            say(
                [
                    f"{DOMAIN_PATH.name} has changed since {models[-1].name} was trained: "
                    "type 'make train'."
                ]
            )
