"""`make slot` adds an entry to a section of YAML, whatever the file looks like."""

from textwrap import dedent

import pytest
from ruamel.yaml import YAML

from rasa_metadata.commands.slot import added

ENTRY = {"slots": "tier:\n  type: text\n  mappings:\n    - type: custom", "intents": "- ask_tier"}
# The text of a file, and the line of the new text that the entry comes behind.
TEXTS = {
    "a section with more behind it": (
        """
        slots:
          plan:
            type: text # a comment

        # Of the intents.
        intents:
          - greet # another

        """,
        {"slots": "type: text # a comment", "intents": "- greet # another"},
    ),
    "wide and narrow indentation": (
        """
        slots:
            plan:
                type: text
        intents:
        - greet
        """,
        {"slots": "type: text", "intents": "- greet"},
    ),
    "nothing in it": ("slots:\n# none\nintents: # none", {"slots": "slots:", "intents": "# none"}),
    "empty ones": (
        "slots: {} # none\nintents: []\n",
        {"slots": "slots: # none", "intents": "intents:"},
    ),
    "null": ("slots: ~\nintents: null\n", {"slots": "slots:", "intents": "intents:"}),
    "in brackets": ("slots: {plan: {type: text}}\nintents: [greet, bye,] # two\n", {}),
    "brackets over several lines": ("intents: [\n  greet,\n]\nslots: {plan: {type: text}\n}\n", {}),
    "no such section": ('version: "3.1"\n', {"slots": "slots:", "intents": "intents:"}),
    "an empty file": ("", {"slots": "slots:", "intents": "intents:"}),
    "comments alone": ("# mine\n", {"slots": "slots:", "intents": "intents:"}),
    "no line feed at the end": ("slots: {}\nintents:\n  - greet", {"intents": "- greet"}),
    "comments at the end": ("intents:\n  - greet\n  # - bye\n\n# end", {"intents": "- greet"}),
    "the end of a document": ("intents:\n  - greet\n...\n", {"intents": "- greet"}),
}


def loaded(text):
    content = YAML(typ="safe").load(text) or {}
    return content.get("slots") or {}, content.get("intents") or []


@pytest.mark.parametrize("section", ENTRY)
@pytest.mark.parametrize("what", TEXTS)
def test_an_entry_is_added_and_nothing_else_changes(what, section):
    text, behind = TEXTS[what]
    text = dedent(text).lstrip("\n")
    new = added(text, section, ENTRY[section])
    slots, intents = loaded(text)
    if section == "slots":
        slots = {**slots, "tier": {"type": "text", "mappings": [{"type": "custom"}]}}
    else:
        intents = [*intents, "ask_tier"]
    assert loaded(new) == (slots, intents)
    comments = [line.partition("#")[2] for line in text.splitlines() if "#" in line]
    assert [line.partition("#")[2] for line in new.splitlines() if "#" in line] == comments
    if section in behind:
        first = ENTRY[section].splitlines()[0]
        assert new.split(first)[0].rstrip().endswith(behind[section])


def test_messages_and_rules_have_an_empty_line_between_them():
    text = "rules:\n  - rule: a\n    steps: []\n\n# end\n"
    entry = "- rule: b\n  steps: []"
    wanted = "rules:\n  - rule: a\n    steps: []\n\n  - rule: b\n    steps: []\n\n# end\n"
    assert added(text, "rules", entry) == wanted
