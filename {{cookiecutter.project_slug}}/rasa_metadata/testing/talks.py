"""Reads talks: conversations in YAML, in the format of Rasa's end-to-end tests."""

import difflib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import YAMLError

FILE_KEYS = ("fixtures", "metadata", "test_cases")
CASE_KEYS = ("test_case", "fixtures", "metadata", "token", "steps")
STEP_KEYS = {
    "user": ("user", "metadata", "token", "expect"),
    "bot": ("bot",),
    "utter": ("utter",),
    "slot_was_set": ("slot_was_set",),
    "slot_was_not_set": ("slot_was_not_set",),
}
EXPECT_KEYS = ("status", "reason")


class TalkError(Exception):
    """A talk is not well written, or the bot did not do what it expects."""


@dataclass(frozen=True)
class Step:
    """One step of a test case, at a line of its file.

    `value` is the text of a message, the name of a response, or a list of (slot,) and
    (slot, value). `metadata` and `token` (claims, None without a token) include those of the
    test case.
    """

    kind: str
    value: Any
    line: int
    metadata: dict[str, Any] = field(default_factory=dict)
    token: dict[str, Any] | None = None
    expect: dict[str, Any] = field(default_factory=lambda: {"status": 200})


@dataclass(frozen=True)
class Talk:
    """One test case. `fixtures` are the slots that are set before it."""

    name: str
    line: int
    fixtures: dict[str, Any]
    steps: list[Step]


class Constructor(RoundTripConstructor):
    """Reads `2026-01-31` as text, since JSON has no dates."""


Constructor.add_constructor("tag:yaml.org,2002:timestamp", Constructor.construct_yaml_str)


def read_talks(path: Path, slots: Collection[str]) -> list[Talk]:
    """Return the test cases of a file. `slots` are the names of those that the bot has.

    Raises:
        TalkError: with the line of what is wrong, and what is right.
    """
    yaml = YAML()
    yaml.Constructor = Constructor
    try:
        content = yaml.load(path.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise TalkError(f"{mark.line + 1 if mark else 1}: this is not YAML: {problem}.") from None
    return Reader(content, slots).talks()


class Reader:
    """Turns the content of one file into talks."""

    def __init__(self, content: Any, slots: Collection[str]) -> None:
        self.content, self.slots = content, slots

    def talks(self) -> list[Talk]:
        _check(self.content, FILE_KEYS, "a file of talks", needed="test_cases")
        self.fixtures, self.metadata = self._named("fixtures"), self._named("metadata")
        talks: list[Talk] = []
        for case in _listed(self.content, "test_cases"):
            _check(case, CASE_KEYS, "a test case", needed="test_case")
            talk = self._talk(case)
            if talk.name in [each.name for each in talks]:
                raise _error(case, "test_case", f"there are two test cases '{talk.name}'")
            talks.append(talk)
        return talks

    def _talk(self, case: Any) -> Talk:
        fixtures: dict[str, Any] = {}
        for name in _listed(case, "fixtures"):
            fixtures.update(self._defined(case, "fixtures", name, self.fixtures))
        steps = [self._step(case, step) for step in _listed(case, "steps")]
        if not steps:
            raise _error(case, "test_case", "a test case needs 'steps'")
        first = next((step for step in steps if step.kind in ("user", "bot", "utter")), steps[0])
        if first.kind in ("bot", "utter"):
            text = "the first message is a 'user' step: its answer contains the bot's greeting"
            raise TalkError(f"{first.line}: {text}.")
        return Talk(_text(case, "test_case"), line_of(case), fixtures, steps)

    def _step(self, case: Any, step: Any) -> Step:
        kinds = [key for key in STEP_KEYS if isinstance(step, Mapping) and key in step]
        if not kinds:
            raise _error(case, "steps", f"a step has one of {', '.join(STEP_KEYS)}", step)
        kind = kinds[0]
        _check(step, STEP_KEYS[kind], f"a '{kind}' step")
        line = line_of(step, kind)
        if kind in ("bot", "utter"):
            return Step(kind, _text(step, kind), line)
        if kind != "user":
            return Step(kind, self._slots_in(step, kind), line)
        metadata = {**self._metadata_of(case), **self._metadata_of(step)}
        token = _claims(step if "token" in step else case)
        if "expect" not in step:
            return Step(kind, _text(step, kind), line, metadata, token)
        _check(step["expect"], EXPECT_KEYS, "'expect'", at=line_of(step, "expect"))
        return Step(kind, _text(step, kind), line, metadata, token, plain(step["expect"]))

    def _named(self, key: str) -> dict[str, Any]:
        """Return {name: values} of a list at the top of the file."""
        found: dict[str, Any] = {}
        for entry in _listed(self.content, key):
            if not isinstance(entry, Mapping):
                raise _error(self.content, key, f"'{key}' is a list of '- NAME: ...'", entry)
            for name, values in entry.items():
                parts = values if isinstance(values, list) else [values]
                if not all(isinstance(part, Mapping) for part in parts):
                    raise _error(entry, name, f"'{name}' needs values, such as '{{plan: pro}}'")
                for part in parts if key == "fixtures" else ():
                    for slot in part:
                        self._check_slot(part, slot, slot)
                found[str(name)] = {k: v for part in parts for k, v in plain(part).items()}
        return found

    def _defined(self, node: Any, key: str, name: Any, defined: Mapping[str, Any]) -> Any:
        if not isinstance(name, str) or name not in defined:
            there = f"defined are {', '.join(defined)}" if defined else "nothing is defined there"
            raise _error(node, key, f"'{name}' is not under '{key}' at the top; {there}")
        return defined[name]

    def _metadata_of(self, node: Any) -> dict[str, Any]:
        """Return the metadata of a case or a step, which is an object or a name."""
        value = node.get("metadata") or {}
        if isinstance(value, Mapping):
            return dict(plain(value))
        return dict(self._defined(node, "metadata", value, self.metadata))

    def _slots_in(self, step: Any, kind: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        for entry in _listed(step, kind):
            if isinstance(entry, Mapping):
                found += plain(entry).items()
            else:
                found.append((entry,))
            for slot in entry if isinstance(entry, Mapping) else [entry]:
                self._check_slot(step, kind, slot)
        if not found:
            raise _error(step, kind, f"'{kind}' lists slots, such as '- plan: pro'")
        return found

    def _check_slot(self, node: Any, key: str, slot: Any) -> None:
        if not isinstance(slot, str) or slot not in self.slots:
            near = difflib.get_close_matches(str(slot), self.slots, 1)
            hint = f"did you mean '{near[0]}'?" if near else "or train the bot again."
            raise TalkError(f"{line_of(node, key)}: the bot has no slot '{slot}'; {hint}")


def line_of(node: Any, key: Any = None) -> int:
    """Return the line, from 1, of a mapping or one of its keys."""
    keys = getattr(node.lc, "data", None) or {}
    return int(keys[key][0] if key in keys else node.lc.line) + 1


def plain(value: Any) -> Any:
    """Return what ruamel.yaml has read as JSON values."""
    return json.loads(json.dumps(value, default=str))


def _check(
    node: Any, known: Collection[str], what: str, needed: str | None = None, at: int = 1
) -> None:
    if not isinstance(node, Mapping):
        raise TalkError(f"{at}: {what} is a mapping with {', '.join(known)}.")
    for key in node:
        if key not in known:
            text = f"'{key}' is not a key of {what}; the keys are {', '.join(known)}"
            raise _error(node, key, text)
    if needed and needed not in node:
        raise TalkError(f"{line_of(node)}: {what} needs '{needed}'.")


def _listed(node: Any, key: str) -> list[Any]:
    """Return the list under a key; what is not a list is its only entry."""
    value = node.get(key)
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _text(node: Any, key: str) -> str:
    value = node[key]
    if not isinstance(value, str):
        raise _error(node, key, f"'{key}' needs text: put it in quotes")
    return value.rstrip("\n")


def _claims(node: Any) -> dict[str, Any] | None:
    claims = plain(node.get("token"))
    if claims is None or isinstance(claims, dict):
        return claims
    raise _error(node, "token", "'token' has the claims, such as '{metadata: {...}}'")


def _error(node: Any, key: Any, text: str, entry: Any = None) -> TalkError:
    return TalkError(f"{line_of(entry if hasattr(entry, 'lc') else node, key)}: {text}.")
