"""Talks: conversations in YAML that are tests, in the format of Rasa's end-to-end tests."""

import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml.constructor import RoundTripConstructor

from rasa_metadata.contract import same
from rasa_metadata.contract.schema import did_you_mean
from rasa_metadata.project import NotYaml, line_of, plain, read_yaml
from rasa_metadata.testing.bot import BotUnderTest, new_sender

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
    """A talk is invalid, or the bot did not do what it expects."""


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
    expect: dict[str, Any] = field(default_factory=dict)


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
    try:
        content = read_yaml(path, path.name, Constructor)
    except NotYaml as error:
        raise TalkError(f"{error.finding.line or 1}: {error.finding.text}") from None
    return Reader(content, slots).talks()


@dataclass
class Reader:
    """Turns the content of one file into talks."""

    content: Any
    slots: Collection[str]

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
        names = _listed(case, "fixtures")
        fixtures = [self._defined(case, "fixtures", name, self.fixtures) for name in names]
        steps = [self._step(case, step) for step in _listed(case, "steps")]
        if not steps:
            raise _error(case, "test_case", "a test case needs 'steps'")
        messages = [step for step in steps if step.kind in ("user", "bot", "utter")]
        if messages and messages[0].kind != "user":
            text = "the first message is a 'user' step: its answer contains the bot's greeting"
            raise TalkError(f"{messages[0].line}: {text}.")
        slots = {slot: value for each in fixtures for slot, value in each.items()}
        return Talk(_text(case, "test_case"), line_of(case) or 1, slots, steps)

    def _step(self, case: Any, step: Any) -> Step:
        kinds = [key for key in STEP_KEYS if isinstance(step, Mapping) and key in step]
        if not kinds:
            raise _error(case, "steps", f"a step has one of {', '.join(STEP_KEYS)}", step)
        kind = kinds[0]
        _check(step, STEP_KEYS[kind], f"a '{kind}' step")
        line = line_of(step, kind) or 1
        if kind in ("bot", "utter"):
            return Step(kind, _text(step, kind), line)
        if kind != "user":
            return Step(kind, self._slots_in(step, kind), line)
        metadata = {**self._metadata_of(case), **self._metadata_of(step)}
        bearer = step if "token" in step else case
        token = plain(bearer.get("token"))
        if token is not None and not isinstance(token, dict):
            raise _error(bearer, "token", "'token' has the claims, such as '{metadata: {...}}'")
        expect = step.get("expect", {"status": 200})
        _check(expect, EXPECT_KEYS, "'expect'", at=line)
        return Step(kind, _text(step, kind), line, metadata, token, plain(expect))

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
            pairs = plain(entry).items() if isinstance(entry, Mapping) else [(entry,)]
            for slot, *_ in pairs:
                self._check_slot(step, kind, slot)
            found += pairs
        if not found:
            raise _error(step, kind, f"'{kind}' lists slots, such as '- plan: pro'")
        return found

    def _check_slot(self, node: Any, key: str, slot: Any) -> None:
        if not isinstance(slot, str) or slot not in self.slots:
            problem = f"{line_of(node, key)}: the bot has no slot '{slot}'"
            raise TalkError(did_you_mean(problem, slot, self.slots, "or train the bot again."))


def _check(node: Any, known: Collection[str], what: str, needed: str = "", at: int = 1) -> None:
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


def _error(node: Any, key: Any, text: str, entry: Any = None) -> TalkError:
    return TalkError(f"{line_of(entry if hasattr(entry, 'lc') else node, key)}: {text}.")


class Conversation:
    """A talk with the running bot. `unmatched` are its messages that no step has named."""

    def __init__(self, talk: Talk, bot: BotUnderTest) -> None:
        self.talk, self.bot = talk, bot
        self.sender = self.tracked = new_sender()
        self.transcript: list[str] = []
        self.unmatched: list[dict[str, Any]] = []

    def play(self) -> None:
        """Send the messages of the talk and compare what the bot says and knows.

        Raises:
            TalkError: at the first step that differs, with the talk up to there.
        """
        if self.talk.fixtures:
            for name, value in self.talk.fixtures.items():
                self.bot.add_events(self.sender, {"event": "slot", "name": name, "value": value})
            self.transcript.append(f"  fixtures: {_json(self.talk.fixtures)}")
        for step in self.talk.steps:
            if step.kind == "user":
                self._send(step)
            elif step.kind in ("bot", "utter"):
                self._compare_message(step)
            else:
                self._compare_slots(step)

    def _send(self, step: Step) -> None:
        extras = [_json(step.metadata)] if step.metadata else []
        extras += [f"token {_json(step.token)}"] if step.token is not None else []
        self.transcript.append("  ".join([f"  user: {step.value}", *extras]))
        since = time.time()
        sent = self.bot.send(self.sender, step.value, step.metadata or None, step.token)
        self.tracked = sent.conversation
        events = self.bot.tracker(self.tracked)["events"] if sent.status == 200 else []
        spoken = (event for event in events if event["event"] == "bot")
        self.unmatched = [event for event in spoken if event["timestamp"] >= since]
        self.transcript += [f"  bot: {_text_of(event)}" for event in self.unmatched]

        error = sent.answer if isinstance(sent.answer, dict) else {}
        parts = {key: error[key] for key in ("reason", "message", "details") if key in error}
        received = {"status": sent.status, **parts}
        if any(received.get(key) != wanted for key, wanted in step.expect.items()):
            raise self._differs(step, _json(step.expect), _json(received))

    def _compare_message(self, step: Step) -> None:
        content = _text_of if step.kind == "bot" else _response_of
        said = [content(event) for event in self.unmatched]
        if step.value.strip() in said:
            del self.unmatched[: said.index(step.value.strip()) + 1]
            return
        raise self._differs(step, step.value, " | ".join(said) or "no more messages")

    def _compare_slots(self, step: Step) -> None:
        slots = self.bot.tracker(self.tracked)["slots"]
        for name, *wanted in step.value:
            value = slots.get(name)
            is_set = same(value, wanted[0]) if wanted else value is not None
            if is_set != (step.kind == "slot_was_set"):
                expected = f"{name}: {_json(wanted[0])}" if wanted else str(name)
                raise self._differs(step, expected, f"{name}: {_json(value)}")

    def _differs(self, step: Step, expected: str, received: str) -> TalkError:
        what = "expect" if step.kind == "user" else step.kind
        lines = [*self.transcript, f"> {what}: {expected}", f"  received: {received}"]
        return TalkError("\n".join([f"{step.line}: {self.talk.name}", *lines]))


def _text_of(event: dict[str, Any]) -> str:
    """Return the text of a bot message; without one, its buttons, image and the like."""
    text = event["text"]
    return text.strip() if text else _json({k: v for k, v in event["data"].items() if v})


def _response_of(event: dict[str, Any]) -> str:
    return event["metadata"].get("utter_action") or f"'{_text_of(event)}' (not a response)"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
