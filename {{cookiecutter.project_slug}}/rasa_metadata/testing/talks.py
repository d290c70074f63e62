"""Talks: conversations in YAML that are tests, in the format of Rasa's end-to-end tests."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from rasa_metadata.testing.bot import BotUnderTest, new_sender

FILE_KEYS = ("version", "fixtures", "metadata", "test_cases")
CASE_KEYS = ("test_case", "fixtures", "metadata", "token", "steps")
STEP_KINDS = ("user", "bot", "utter", "slot_was_set", "slot_was_not_set")
USER_KEYS = ("user", "metadata", "token", "expect")
EXPECT_KEYS = ("status", "reason")


class TalkError(Exception):
    """A talk that is not written as it should be, or that went otherwise."""


@dataclass
class Turn:
    """What came of one `user` step: the answer, and the bot's events that no step has named."""

    status: int = 200
    answer: Any = None
    said: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Talk:
    """One test case of a file."""

    path: Path
    content: Any
    fixtures: Mapping[str, Mapping[str, Any]]
    metadata: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.content["test_case"])

    def run(self, bot: BotUnderTest) -> None:
        """Take the talk.

        Raises:
            TalkError: at the first step that goes otherwise; it shows the talk up to there.
        """
        sender = new_sender()
        heard: list[str] = []
        turn = Turn()
        fixtures = [self.fixtures[name] for name in self.content.get("fixtures") or ()]
        if fixtures:
            slots = {name: value for each in fixtures for name, value in each.items()}
            bot.set_slots(sender, slots)
        for step in self.content["steps"]:
            if "user" in step:
                turn = self._say(bot, sender, step, heard)
            elif "bot" in step or "utter" in step:
                self._expect_message(turn, step, heard)
            else:
                self._expect_slots(bot, sender, step, heard)

    def _say(self, bot: BotUnderTest, sender: str, step: Any, heard: list[str]) -> Turn:
        metadata: dict[str, Any] = {}
        for each in (self.content.get("metadata"), step.get("metadata")):
            metadata.update(plain(self.metadata[each] if isinstance(each, str) else each or {}))
        claims = step.get("token", self.content.get("token"))
        before = len(_messages(bot, sender))
        response = bot.post(sender, str(step["user"]), metadata or None, plain(claims))
        heard.append(f"  user: {step['user']}")
        expected = step.get("expect") or {"status": 200}
        answer = response.json()
        got: dict[str, Any] = dict(answer) if isinstance(answer, dict) else {}
        got["status"] = response.status_code  # the body of an error has a text there
        if any(got.get(key) != wanted for key, wanted in expected.items()):
            text = f"expected {_as_text(expected)}"
            raise self._went_otherwise(step, "user", heard, text, answer)
        said = _messages(bot, sender)[before:] if response.ok else []
        return Turn(response.status_code, answer, said)

    def _expect_message(self, turn: Turn, step: Any, heard: list[str]) -> None:
        kind = "bot" if "bot" in step else "utter"
        wanted = str(step[kind]).strip()
        for index, message in enumerate(turn.said):
            got = message["text"] if kind == "bot" else message["metadata"].get("utter_action")
            heard.append(f"  bot: {_as_text(message['text'] or message['data'])}")
            if got is not None and str(got).strip() == wanted:
                del turn.said[: index + 1]
                return
        raise self._went_otherwise(step, kind, heard, f"expected {kind}: {wanted}")

    def _expect_slots(self, bot: BotUnderTest, sender: str, step: Any, heard: list[str]) -> None:
        kind = next(key for key in ("slot_was_set", "slot_was_not_set") if key in step)
        slots = bot.slots(sender)
        for name, values in _slots_named(step[kind]):
            value = slots.get(name)
            is_so = value == values[0] if values else value is not None
            if is_so != (kind == "slot_was_set"):
                wanted = f"{name}: {_as_text(values[0])}" if values else name
                text = f"expected {kind}: {wanted}, but {name} is {_as_text(value)}"
                raise self._went_otherwise(step, kind, heard, text)

    def _went_otherwise(
        self, step: Any, key: str, heard: list[str], wanted: str, answer: Any = None
    ) -> TalkError:
        lines = [f"{self.path}:{line_of(step, key)}: {self.name}", *heard]
        if answer is not None:
            lines.append(f"  answer: {_as_text(answer)}")
        return TalkError("\n".join([*lines, f"  {wanted}"]))


def talks_in(path: Path) -> Iterator[Talk]:
    """Yield the test cases of a file.

    Raises:
        TalkError: if it is not YAML, or has a key that a talk does not know, with its line.
    """
    try:
        content = YAML().load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise TalkError(f"{path}:{line}: this is not YAML: {error.problem}.") from None
    _check_keys(path, content, FILE_KEYS, "a file of talks")
    fixtures, metadata = (_named(path, content, key) for key in ("fixtures", "metadata"))
    for case in content.get("test_cases") or ():
        _check_keys(path, case, CASE_KEYS, "a test case", needed=("test_case", "steps"))
        for name in case.get("fixtures") or ():
            _check_name(path, case, "fixtures", name, fixtures)
        _check_name(path, case, "metadata", case.get("metadata"), metadata)
        for step in case["steps"]:
            kinds = [key for key in STEP_KINDS if key in step]
            if not kinds:
                names = f"{', '.join(STEP_KINDS)}"
                raise TalkError(f"{path}:{line_of(step)}: a step is one of {names}.")
            known = USER_KEYS if kinds[0] == "user" else kinds[:1]
            _check_keys(path, step, known, f"a '{kinds[0]}' step")
            if "expect" in step:
                _check_keys(path, step["expect"], EXPECT_KEYS, "'expect'")
            _check_name(path, step, "metadata", step.get("metadata"), metadata)
        yield Talk(path, case, fixtures, metadata)


def line_of(node: Any, key: str | None = None) -> int:
    """Return the line, from 1, at which a mapping or one of its keys is."""
    position = node.lc.key(key)[0] if key is not None and key in node else node.lc.line
    return int(position) + 1


def plain(value: Any) -> Any:
    """Return what ruamel.yaml has read as JSON values."""
    return None if value is None else json.loads(json.dumps(value, default=str))


def _check_keys(
    path: Path,
    node: Any,
    known: tuple[str, ...] | list[str],
    what: str,
    needed: tuple[str, ...] = (),
) -> None:
    if not isinstance(node, Mapping):
        raise TalkError(f"{path}: {what} is a mapping with {', '.join(known)}.")
    for key in node:
        if key not in known:
            where = f"{path}:{line_of(node, key)}"
            raise TalkError(f"{where}: '{key}' is not a key of {what}; it has {', '.join(known)}.")
    for key in needed:
        if node.get(key) is None:
            raise TalkError(f"{path}:{line_of(node)}: {what} needs '{key}'.")


def _check_name(path: Path, node: Any, key: str, name: Any, known: Mapping[str, Any]) -> None:
    if isinstance(name, str) and name not in known:
        there = ", ".join(known) or "none"
        where = f"{path}:{line_of(node, key)}"
        raise TalkError(
            f"{where}: '{name}' is not defined under '{key}' at the top; there is {there}."
        )


def _named(path: Path, content: Any, key: str) -> dict[str, Any]:
    """Return {name: mapping} of what is defined at the top of a file, in Rasa's list form."""
    found: dict[str, Any] = {}
    for entry in content.get(key) or ():
        if not isinstance(entry, Mapping):
            raise TalkError(f"{path}:{line_of(content, key)}: '{key}' is a list of 'name: values'.")
        for name, values in entry.items():
            parts = values if isinstance(values, list) else [values]
            found[str(name)] = {k: plain(v) for part in parts for k, v in (part or {}).items()}
    return found


def _slots_named(entries: Any) -> Iterator[tuple[str, list[Any]]]:
    """Yield (slot, [value]) or (slot, []) of what a slot step lists."""
    for entry in entries if isinstance(entries, list) else [entries]:
        if isinstance(entry, Mapping):
            yield from ((name, [plain(value)]) for name, value in entry.items())
        else:
            yield str(entry), []


def _messages(bot: BotUnderTest, sender: str) -> list[dict[str, Any]]:
    return [event for event in bot.tracker(sender)["events"] if event["event"] == "bot"]


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
