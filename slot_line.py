"""The template's Jinja extension: reads the slot line and checks every answer.

The slot line is the answer to `metadata_slots`: entries separated by `;`, each

    [signed|turn] NAME: TYPE [from PATH]

with TYPE one of text, bool, float, integer (both also with bounds: float(MIN..MAX)), date,
datetime, email, url, categorical(a|b|c), list, any.
"""

import itertools
import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import click
import cookiecutter
from jinja2 import Environment
from jinja2.ext import Extension
from slugify import slugify

OLDEST_COOKIECUTTER = (2, 7)

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
CHANNELS = ("telegram", "slack", "twilio", "facebook", "botframework")
OTHER_CHANNELS = {
    "whatsapp": "twilio",
    "sms": "twilio",
    "messenger": "facebook",
    "teams": "botframework",
    "msteams": "botframework",
}
WINDOWS_DEVICES = {"con", "prn", "aux", "nul"} | {
    f"{port}{number}" for port in ("com", "lpt") for number in range(10)
}

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
SLUG = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?")


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
    def question(self) -> str:
        """A message that asks for the slot; data/nlu.yml has it as an example."""
        return f"am I {self.label}" if self.type == "bool" else f"what is my {self.label}"

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


class SlotLine(Extension):
    """The filters that cookiecutter.json, the hooks and the bot's files use."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        # An update bakes two versions of this template in one process and folder, and
        # each must import its own copy of this module; within a second, Python would
        # also take what it compiled of the other for its own.
        sys.modules.pop(__name__, None)
        Path(cache_from_source(__file__)).unlink(missing_ok=True)
        _check_cookiecutter()
        environment.globals["template_version"] = template_version
        environment.filters["slots"] = slots
        environment.filters["channels"] = channels
        environment.filters["problems"] = problems
        environment.filters["checked"] = checked
        environment.filters["again"] = again
        environment.filters["one_line"] = lambda text: " ".join(text.split())
        environment.filters["tojson"] = tojson


def template_version() -> str:
    """Return the tag or commit of this template; outside a repository, its version."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--tags", "--always", "--dirty"]
    env = {**os.environ, "GIT_CEILING_DIRECTORIES": str(here.parent)}
    try:
        run = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        (version,) = re.findall(r'^version = "(.*)"$', (here / "pyproject.toml").read_text(), re.M)
        return f"v{version}"
    return run.stdout.strip()


def slots(line: str) -> list[Slot]:
    """Return the slots that a slot line names; each mistake in it put right."""
    return _read(line)[0]


def channels(line: str) -> list[str]:
    """Return the messaging platforms that a line names; each mistake in it put right."""
    return _read_channels(line)[0]


def problems(answers: dict[str, str]) -> list[str]:
    """Return everything that is wrong with the answers, a sentence each."""
    return [
        *_slug_problems(answers["project_slug"]),
        *_read(answers["metadata_slots"])[1],
        *_read_channels(answers["channels"])[1],
    ]


def taken(slug: str) -> list[str]:
    """Return a sentence if the folder to write is there already, and may not be.

    Only the command line knows where it is; cookiecutter itself looks after the rest.
    """
    given = _command_line()
    folder = Path(given.get("output_dir") or ".") / slug
    if not given or given["overwrite_if_exists"] or given["skip_if_file_exists"]:
        return []
    if not folder.exists():
        return []
    return [
        f"the folder '{folder}' exists already; choose another project_slug, or add "
        "--overwrite-if-exists to overwrite it."
    ]


def checked(answers: dict[str, str]) -> str:
    """Return "" for good answers.

    Raises:
        click.ClickException: with every mistake and the corrected command.
    """
    _check_output_dir()
    found = problems(answers) + taken(answers["project_slug"])
    if not found:
        return ""
    mistakes = "\n".join(f"  - {problem}" for problem in found)
    raise click.ClickException(
        f"nothing was written, because\n{mistakes}\n\nThis is correct:\n\n"
        f"  {_corrected_command(answers)}\n"
    )


def tojson(value: Any) -> str:
    """Return JSON that is YAML and TOML too: UTF-8 as it is, control characters escaped."""
    text = json.dumps(value, ensure_ascii=False)
    return re.sub("[\x7f-\x9f\u2028\u2029]", lambda m: f"\\u{ord(m[0]):04x}", text)


def again(answer: Any) -> Any:
    """Return an answer so that cookiecutter, which renders what it reads, reads the same."""
    is_jinja = isinstance(answer, str) and re.search(r"{[{%#]", answer)
    return f"{{{{ {json.dumps(answer)} }}}}" if is_jinja else answer


def _check_output_dir() -> None:
    folder = Path(_command_line().get("output_dir") or ".").absolute()
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not os.access(there, os.W_OK):
        raise click.ClickException(
            f"nothing was written, because the folder '{there}' is read-only: "
            "choose another with --output-dir."
        )


def _check_cookiecutter() -> None:
    version = tuple(int(part) for part in cookiecutter.__version__.split(".")[:2])
    if version < OLDEST_COOKIECUTTER:
        raise click.ClickException(
            f"this template needs cookiecutter {'.'.join(map(str, OLDEST_COOKIECUTTER))} "
            f"or newer and this is {cookiecutter.__version__}: "
            "run 'pip install --upgrade cookiecutter'."
        )


def _corrected_command(answers: dict[str, str]) -> str:
    """Return the command that was given, with answers put right."""
    right = dict(answers)
    right["project_slug"] = _free(_right_slug(answers["project_slug"]))
    right["metadata_slots"] = "; ".join(map(str, slots(answers["metadata_slots"])))
    right["channels"] = ", ".join(channels(answers["channels"]))
    public = {key: right[key] for key in answers if not key.startswith("_")}

    given = _command_line()
    command = ["cookiecutter", given.get("template") or "TEMPLATE"]
    command += ["--no-input"] if given.get("no_input") else []
    if given.get("output_dir", ".") != ".":
        command += ["--output-dir", given["output_dir"]]
    wanted = given.get("extra_context") or {}
    command += [
        f"{key}={value}"
        for key, value in public.items()
        if key in wanted or value != answers[key] or not given.get("no_input")
    ]
    return shlex.join(command)


def _command_line() -> dict[str, Any]:
    """Return what cookiecutter's command was given, {} when another program bakes."""
    context = click.get_current_context(silent=True)
    given = context.params if context else {}
    return given if "skip_if_file_exists" in given else {}


def _free(slug: str) -> str:
    """Return the slug, or the first one behind it whose folder is not taken."""
    candidates = (f"{slug}-{number}" for number in itertools.count(2))
    return next(each for each in itertools.chain([slug], candidates) if not taken(each))


def _slug_problems(slug: str) -> list[str]:
    right = _right_slug(slug)
    if slug == right:
        return []
    if not slug.strip():
        return [f"project_slug is empty; use '{right}', for example."]
    if slug.lower() in WINDOWS_DEVICES:
        return [f"project_slug '{slug}' is a device name on Windows; use '{right}'."]
    return [
        f"project_slug '{slug}' cannot name the folder: use letters, digits, hyphens "
        f"and underscores, such as '{right}'."
    ]


def _right_slug(slug: str) -> str:
    if not SLUG.fullmatch(slug):
        slug = slugify(slug) or "metadata-bot"
    return f"{slug}-bot" if slug.lower() in WINDOWS_DEVICES else slug


def _read_channels(line: str) -> tuple[list[str], list[str]]:
    """Return the platforms of a line, put right where needed, and what was wrong."""
    found = []
    names = [name.strip() for name in line.split(",") if name.strip()]
    right = [OTHER_CHANNELS.get(name.lower(), name.lower()) for name in names]
    for name, meant in zip(names, right, strict=True):
        if meant not in CHANNELS:
            found.append(f"channels: there is no '{name}'; there are {', '.join(CHANNELS)}.")
        elif name != meant:
            found.append(f"channels: use '{meant}' for '{name}'.")
    return [each for each in CHANNELS if each in right], found


def _read(line: str) -> tuple[list[Slot], list[str]]:
    """Return the slots of a line, put right where needed, and what was wrong."""
    read: list[Slot] = []
    found: list[str] = []
    for entry in filter(None, map(str.strip, line.split(";"))):
        slot, wrong = _slot(entry)
        wrong += _clashes(slot, read)
        found += [f"'{entry}': {what}" for what in wrong]
        read.append(slot)
    _label(read)
    return read, found


def _slot(entry: str) -> tuple[Slot, list[str]]:
    head, _, tail = (part.strip() for part in entry.partition(":"))
    *marks, given_name = head.split() or [""]
    parts = TAIL.fullmatch(tail)

    name, found = _name(given_name)
    mark = marks[0] if len(marks) == 1 and marks[0] in ("signed", "turn") else ""
    if marks and not mark:
        found.append(
            f"'{' '.join(marks)}' means nothing before a name; only 'signed' or 'turn' is "
            "allowed there."
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
        slot.minimum, slot.maximum = most, least + 1 if least == most else least
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


def _label(read: list[Slot]) -> None:
    """Name the slots as people do: "name" for `user_name`, where that says enough."""
    short = [slot.name.removeprefix("user_") or slot.name for slot in read]
    for slot, label in zip(read, short, strict=False):
        unique = short.count(label) == 1
        slot.label = (label if unique else slot.name).replace("_", " ").strip()
    names = (s for s in read if s.type == "text" and s.name.split("_")[-1] == "name")
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
