"""The slot line: what cookiecutter asks for once, and `make slot` takes later.

It has entries separated by `;`, each

    [signed|turn] NAME: TYPE [from PATH]

with TYPE one of text, bool, float, integer (both also with bounds: float(MIN..MAX)), date,
datetime, email, url, categorical(a|b|c), list, any. The template's cookiecutter reads this
file too, so it needs the standard library alone.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MARKS = ("signed", "turn")
NUMBERS = ("float", "integer")
FORMATS = {"date": "date", "datetime": "date-time", "email": "email", "url": "uri"}  # of text
TYPES = ("text", "bool", *NUMBERS, *FORMATS, "categorical", "list", "any")
OTHER_NAMES = {
    "string": "text",
    "str": "text",
    "boolean": "bool",
    "int": "integer",
    "number": "float",
    "timestamp": "datetime",
    "date-time": "datetime",
    "uri": "url",
    "enum": "categorical",
    "array": "list",
    "object": "any",
    "dict": "any",
}
# The same in YAML 1.1 and 1.2: written plain, these are not text.
YAML_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
# Rasa adds these to every domain (rasa/shared/core/constants.py, DEFAULT_SLOT_NAMES).
RASA_SLOTS = {
    "requested_slot",
    "session_started_metadata",
    "knowledge_base_listed_objects",
    "knowledge_base_last_object",
    "knowledge_base_last_object_type",
}
# Rasa and the bot's request validation write these into an event's metadata.
RESERVED_KEYS = {"model_id", "assistant_id", "is_external", "_signed", "_idempotency_key"}
RASA_VALUE = "__other__"  # DEFAULT_CATEGORICAL_SLOT_VALUE, in the same file

TAIL = re.compile(r"(?P<type>[\w-]+)\s*(\((?P<inside>.*)\))?(\s+from\s+(?P<path>.+))?")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
PATH = re.compile(r"[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)*", re.ASCII)
BOUNDS = {"float": re.compile(r"-?\d+(\.\d+)?"), "integer": re.compile(r"-?\d+")}
EXAMPLES = {
    "bool": (True, False),
    "date": ("2026-01-31", "2026-02-01"),
    "datetime": ("2026-01-31T12:00:00Z", "2026-02-01T12:00:00Z"),
    "email": ("ada@example.com", "grace@example.com"),
    "url": ("https://example.com/a", "https://example.com/b"),
    "list": (["a", "b"], ["c"]),
    "any": ({"a": 1}, {"a": 2}),
}

# What data/nlu.yml, domain.yml, data/rules.yml and tests/talks/ contain for a slot.
QUESTIONS = (
    *("what is my {}", "what's my {}?", "my {}?", "what {} am I on?", "which {} do I have"),
    *("tell me my {}", "do you know my {}?", "what about my {}?"),
)
QUESTIONS_OF_BOOL = (
    *("am I {}", "am I {}?", "is {} true for me", "is it {}?", "tell me if I am {}"),
    *("do you know if I am {}", "{0} or not {0}?", "what about {}?"),
)
SLOT = """\
{name}:
  type: {type}
{settings}  influence_conversation: false
  mappings:
    - type: custom
      action: action_sync_metadata
      metadata: {metadata}"""
RESPONSE_IF = """
  - condition:
      - {{type: slot, name: {name}, value: {value}}}
    text: "{label}: {text}\""""
RULE = """\
- rule: Tell the {label}
  steps:
    - intent: ask_{name}
    - action: {action}"""
TALK = """\
- test_case: {title}
  steps:
    - user: {question}
{source}
    - bot: {reply}
    - slot_was_set:
        - {name}: {value}"""
TALK_WITHOUT_TOKEN = """
    - user: {question}
    - slot_was_not_set:
        - {name}
    - user: {question}
      metadata: {metadata}
      expect: {{status: 403, reason: SignedMetadata}}"""


@dataclass
class Slot:
    """One entry of the slot line, and what domain.yml and data/ contain for it.

    `mark` is "signed", "turn" or "". `label` is the slot in a sentence: "plan".
    `greets` is true for the one slot by which the bot greets people.
    """

    name: str
    type: str
    path: str
    mark: str = ""
    values: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    label: str = ""
    greets: bool = False

    def __str__(self) -> str:
        """Return the entry, as one would write it in the slot line."""
        inside = "|".join(self.values)
        if self.minimum is not None or self.maximum is not None:
            inside = f"{_number(self.minimum)}..{_number(self.maximum)}"
        text = f"{self.mark} {self.name}: {self.type}".strip()
        text += f"({inside})" if inside else ""
        return text if self.path == self.name else f"{text} from {self.path}"

    @property
    def is_told(self) -> bool:
        """Whether a response can render the slot: a list would read "['a']" there."""
        return self.type not in ("list", "any")

    @property
    def examples(self) -> tuple[Any, ...]:
        """Values for the talks in tests/: two, where the type has as many."""
        if self.type in NUMBERS:
            return self._numbers()
        if self.type == "categorical":
            return self.values[:2]
        texts = ("Ada", "Grace") if self.greets else (f"some {self.label}", f"other {self.label}")
        return EXAMPLES.get(self.type, texts)

    @property
    def questions(self) -> list[str]:
        """Messages that ask for the slot."""
        questions = QUESTIONS_OF_BOOL if self.type == "bool" else QUESTIONS
        return [each.format(self.label) for each in questions]

    @property
    def action(self) -> str:
        """What answers them."""
        return f"utter_tell_{self.name}" if self.is_told else "action_tell_known_metadata"

    @property
    def yaml(self) -> dict[str, str]:
        """YAML for the slot in each section of the bot's files."""
        settings = "".join(f"  {key}: {tojson(value)}\n" for key, value in self.settings.items())
        questions = "".join(f"\n    - {each}" for each in self.questions)
        found = {
            "slots": SLOT.format(
                name=self.name, type=self.rasa_type, settings=settings, metadata=self.metadata
            ),
            "intents": f"- ask_{self.name}",
            "nlu": f"- intent: ask_{self.name}\n  examples: |{questions}",
            "rules": RULE.format(label=self.label, name=self.name, action=self.action),
        }
        return {**found, "responses": self._responses} if self.is_told else found

    @property
    def _responses(self) -> str:
        texts = {"true": "yes", "false": "no"} if self.type == "bool" else {"null": "not known yet"}
        otherwise = "not known yet" if self.type == "bool" else f"{{{self.name}}}"
        conditions = "".join(
            RESPONSE_IF.format(name=self.name, label=self.label, value=value, text=text)
            for value, text in texts.items()
        )
        return f'utter_tell_{self.name}:{conditions}\n  - text: "{self.label}: {otherwise}"'

    def talk(self, metadata: str) -> str:
        """Return a talk about the slot as YAML; `metadata` has a value, or is the name of some."""
        signed = self.mark == "signed"
        only = "only a token" if signed else "metadata"
        source = f"token:\n        metadata: {metadata}" if signed else f"metadata: {metadata}"
        value = self.examples[0]
        return (TALK + TALK_WITHOUT_TOKEN * signed).format(
            title=tojson(f"{only} brings the {self.label}"),
            question=tojson(self.questions[0]),
            source=f"      {source}",
            reply=self.reply(value),
            name=self.name,
            value=tojson(value),
            metadata=metadata,
        )

    def nested(self, value: Any) -> str:
        """Metadata with a value of the slot, as YAML on one line."""
        for key in reversed(self.path.split(".")):
            value = {key: value}
        return tojson(value)

    def reply(self, value: Any) -> str:
        """The bot's reply to the question, as YAML; see domain.yml and actions/."""
        if value is None:
            return tojson(f"{self.label}: not known yet")
        if self.type == "any":
            ((key, inside),) = value.items()
            return tojson(f"{self.path}.{key}: {inside}")
        if self.type == "list":
            return tojson(f"{self.path}: {', '.join(value)}")
        text = {True: "yes", False: "no"}[value] if self.type == "bool" else value
        return tojson(f"{self.label}: {text}")

    def _numbers(self) -> tuple[float, float]:
        low, high = self.minimum, self.maximum
        if low is not None and high is not None:
            return (low + high) // 2 if self.type == "integer" else (low + high) / 2, high
        return (high - 1, high) if high is not None else ((low or 0) + 1, (low or 0) + 2)

    @property
    def rasa_type(self) -> str:
        """The slot's type in domain.yml; `metadata` has what Rasa has no type for."""
        return "float" if self.type == "integer" else "text" if self.type in FORMATS else self.type

    @property
    def settings(self) -> dict[str, Any]:
        """The keys of the slot's type in domain.yml."""
        if self.type == "categorical":
            return {"values": list(self.values)}
        if self.minimum is not None and self.maximum is not None:
            return {"min_value": self.minimum, "max_value": self.maximum}
        return {}

    @property
    def metadata(self) -> str:
        """The value of `metadata:` in domain.yml: YAML on one line."""
        schema: dict[str, Any] = {"type": "integer"} if self.type == "integer" else {}
        if self.type in FORMATS:
            schema["format"] = FORMATS[self.type]
        if not self.settings:  # Rasa has no float slot with one bound only
            bounds = {"minimum": self.minimum, "maximum": self.maximum}
            schema.update({key: value for key, value in bounds.items() if value is not None})
        if self.greets:
            schema["examples"] = ["Ada"]
        entry = {
            "path": self.path,
            "signed": "true" if self.mark == "signed" else "",
            "scope": "turn" if self.mark == "turn" else "",
            "schema": tojson(schema).replace('"', "") if schema else "",
        }
        given = [f"{key}: {value}" for key, value in entry.items() if value]
        return self.path if len(given) == 1 else f"{{{', '.join(given)}}}"


def read(line: str, others: Sequence[Slot] = ()) -> tuple[list[Slot], list[str]]:
    """Return the slots of a line, put right where needed, and what was wrong.

    `others` are slots that are there already.
    """
    slots: list[Slot] = []
    found: list[str] = []
    for entry in filter(None, map(str.strip, line.split(";"))):
        slot, wrong = _slot(entry)
        wrong += _clashes(slot, [*others, *slots])
        found += [f"'{entry}': {what}" for what in wrong]
        slots.append(slot)
    _label([*others, *slots])
    return slots, found


def _slot(entry: str) -> tuple[Slot, list[str]]:
    head, _, tail = (part.strip() for part in entry.partition(":"))
    *before, last = head.split() or [""]
    parts = TAIL.fullmatch(tail)

    words = [word for word in before if word not in MARKS]
    name, found = _name("_".join([*words, last]))
    mark = next((word for word in before if word in MARKS), "")
    if words or len(before) > 1:
        found.append(
            f"'{' '.join(before)}' means nothing before a name; only 'signed' or 'turn' is "
            f"allowed there, such as '{Slot(name, 'text', name, mark)}'."
        )
    if not parts:
        right = Slot(name, "text", name, mark)
        return right, [*found, f"write NAME: TYPE from PATH, such as '{right}'."]

    slot = Slot(name, parts["type"], name, mark)
    found += _type(slot, parts["inside"])
    if parts["path"] is not None:
        slot.path, wrong = _path(parts["path"].strip(), name)
        found += wrong
    return slot, found


def _name(name: str) -> tuple[str, list[str]]:
    right = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
    right = right if NAME.fullmatch(right) else f"slot_{right}".rstrip("_")
    if right != name:
        return right, [
            f"'{name}' cannot be a slot's name: use letters, digits and underscores, "
            f"such as '{right}'."
        ]
    if name in RASA_SLOTS:
        return f"my_{name}", [f"'{name}' is one of Rasa's slots; use 'my_{name}', for example."]
    if name.lower() in YAML_WORDS:
        return f"is_{name}", [f"'{name}' is not a name in YAML; use 'is_{name}', for example."]
    return name, []


def _type(slot: Slot, inside: str | None) -> list[str]:
    """Give the slot the type it names, with what is in the brackets behind it."""
    given = slot.type
    slot.type = given if given in TYPES else OTHER_NAMES.get(given.lower(), "text")
    found = []
    if slot.type != given:
        types = f"the types are {_listed(TYPES)}"
        found.append(f"'{given}' is not a type; use '{slot.type}' ({types}).")
    if slot.type == "categorical":
        return found + _values(slot, inside or "")
    if slot.type in NUMBERS and inside is not None:
        return found + _bounds(slot, inside)
    if inside is not None:
        found.append(f"'{slot.type}' takes no brackets; write '{slot}'.")
    return found


def _values(slot: Slot, inside: str) -> list[str]:
    found = []
    if "," in inside and "|" not in inside:
        found.append("separate values with '|'.")
        inside = inside.replace(",", "|")
    given = [value.strip() for value in inside.split("|")]
    right: dict[str, str] = {}
    for value in filter(None, given):
        if value.lower() in right:
            found.append(f"Rasa does not distinguish '{value}' from '{right[value.lower()]}'.")
        elif value.lower() == RASA_VALUE:
            found.append(f"'{value}' is reserved by Rasa; choose another value.")
        elif set(value) & set("(){}"):
            found.append(f"'{value}' has brackets in it; choose another value.")
        else:
            right[value.lower()] = value
    if not all(given):
        found.insert(0, "a categorical slot needs values, none of them empty.")
    slot.values = tuple(right.values()) or ("a", "b")
    return [f"{what} Such as '{slot}'." for what in found]


def _bounds(slot: Slot, inside: str) -> list[str]:
    low, dots, high = (part.strip() for part in inside.partition(".."))
    if not dots or not (low or high):
        kind = slot.type
        return [f"write bounds as '{kind}(0..10)' or '{kind}(0..)', or '{slot}' without them."]
    bad = [each for each in (low, high) if each and not BOUNDS[slot.type].fullmatch(each)]
    if bad:
        what = "a whole number" if slot.type == "integer" else "a number"
        return [f"'{bad[0]}' is not {what}; write '{slot.type}(0..10)', for example."]
    slot.minimum, slot.maximum = least, most = _parsed(low), _parsed(high)
    if least is not None and most is not None and least >= most:
        slot.minimum, slot.maximum = most, least + (least == most)
        return [f"the first bound must be smaller: '{slot}'."]
    return []


def _path(path: str, name: str) -> tuple[str, list[str]]:
    if not PATH.fullmatch(path):
        right = re.sub(r"[^\w-]+", ".", path, flags=re.ASCII).strip(".-")
        right = right if PATH.fullmatch(right) else name
        return right, [f"'{path}' is not a path; write 'from {right}', for example."]
    if path.split(".")[0] in RESERVED_KEYS:
        right = f"my_{path.lstrip('_')}"
        return right, [f"'{path}' is a reserved key; write 'from {right}', for example."]
    return path, []


def _clashes(slot: Slot, others: list[Slot]) -> list[str]:
    """Return which earlier slot has this one's name or path, and change this one's."""
    found = []
    names = {other.name for other in others}
    if slot.name in names:
        taken, number = slot.name, 2
        while f"{taken}_{number}" in names:
            number += 1
        slot.name = f"{taken}_{number}"
        slot.path = slot.name if slot.path == taken else slot.path
        found.append(f"there is a slot '{taken}' already; use '{slot.name}', for example.")
    for other in others:
        ours, theirs = slot.path.split("."), other.path.split(".")
        shared = min(len(ours), len(theirs))
        if ours[:shared] == theirs[:shared]:
            place, slot.path = slot.path, slot.name
            found.append(
                f"its path '{place}' overlaps '{other.path}' of '{other.name}', and one "
                f"value cannot fill both; write 'from {slot.path}', for example."
            )
    return found


def _label(slots: list[Slot]) -> None:
    """Name the slots as people do: "name" for `user_name`, where that says enough."""
    short = [slot.name.removeprefix("user_") or slot.name for slot in slots]
    for slot, label in zip(slots, short, strict=True):
        unique = short.count(label) == 1
        slot.label = (label if unique else slot.name).replace("_", " ").strip()
    names = (s for s in slots if s.type == "text" and s.name.split("_")[-1] == "name")
    for slot in names:
        slot.greets = not slot.mark
        break


def _listed(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _parsed(number: str) -> int | float | None:
    if not number:
        return None
    return float(number) if "." in number else int(number)


def _number(number: float | None) -> str:
    return "" if number is None else json.dumps(number)


def tojson(value: Any) -> str:
    """Return JSON that is YAML and TOML too: UTF-8 as it is, control characters escaped."""
    text = json.dumps(value, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\u2028\u2029]", lambda m: f"\\u{ord(m[0]):04x}", text)
