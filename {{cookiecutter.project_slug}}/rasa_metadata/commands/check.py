"""Checks the wiring of a bot; `make check` runs it. One line for each mistake.

It reads your files and imports your actions; TensorFlow is not needed for that.
"""

import ast
import inspect
import json
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rasa.shared.core.constants import DEFAULT_ACTION_NAMES, DEFAULT_SLOT_NAMES
from rasa.shared.exceptions import RasaException
from rasa.shared.utils.common import class_from_module_path

from rasa_metadata.contract import ContractError
from rasa_metadata.contract.fields import SYNC_ACTION
from rasa_metadata.contract.schema import did_you_mean
from rasa_metadata.contract.slot_line import OTHER_NAMES, Slot
from rasa_metadata.project import Finding, NotYaml, Project, domain_of, line_of, plain

Findings = Iterator[Finding]

ENDPOINTS = (
    *("action_endpoint", "tracker_store", "lock_store", "event_broker", "nlg", "nlu"),
    *("models", "model", "tracing"),
)
ACTION_ENDPOINT = (
    *("url", "params", "headers", "basic_auth", "token", "token_name", "cafile"),
    *("actions_module", "forward_token"),
)
CHANNELS = (
    *("rest", "callback", "socketio", "rasa", "facebook", "slack", "telegram", "mattermost"),
    *("twilio", "twilio_voice", "botframework", "rocketchat", "hangouts", "webexteams"),
)
NOT_A_PATH = re.compile(r"^\$|\[|\]|\\|/|\s")


def main() -> int:
    warnings.simplefilter("ignore")  # of Rasa's libraries
    sys.path.insert(0, str(Path.cwd()))
    findings = check(Project.here())
    for finding in findings:
        print(finding)
    return 1 if any(not finding.hint for finding in findings) else 0


def check(project: Project) -> list[Finding]:
    """Return the mistakes and hints, each once; if a file is not YAML, that alone."""
    try:
        _ = project.domain, project.credentials, project.endpoints
        project.yaml(project.root / "config.yml")
        list(project.data())
    except NotYaml as error:
        return [error.finding]
    return list(dict.fromkeys(finding for each in CHECKS for finding in each(project)))


def one_domain(project: Project) -> Findings:
    if (project.root / "domain").is_dir() and (project.root / "domain.yml").exists():
        text = "the folder domain/ exists too, and only it is read: move the rest into it."
        yield Finding("domain.yml", 1, text)


def slots(project: Project) -> Findings:
    """The contract, and mistakes of people who know another notation."""
    for slot, config in project.domain["slots"].items():
        place = project.place("slots", slot)
        config = config if isinstance(config, dict) else {}
        kind = config.get("type")
        if right := _in_rasas_words(kind):
            text = f"slot '{slot}': Rasa has no '{kind}' slots: write {right}."
            yield Finding(*place, text)
        if "metadata" in config:
            text = "move 'metadata:' into the mapping, beside 'action: action_sync_metadata'."
            yield Finding(*place, f"slot '{slot}': {text}")
        for mapping in config.get("mappings") or []:
            entry = mapping.get("metadata") if isinstance(mapping, dict) else None
            path = entry.get("path") if isinstance(entry, dict) else entry
            if isinstance(path, str) and NOT_A_PATH.search(path):
                right = ".".join(re.findall(r"[A-Za-z_][\w-]*", path)) or slot
                text = f"a path is names separated by dots, without indexes: '{right}'?"
                yield Finding(*place, f"slot '{slot}': '{path}' is not a path; {text}")
    try:
        project.contract()
    except ContractError as error:
        for problem in error.problems:
            text = problem.removeprefix(f"{project.domain_name}: ")
            found = re.match(r"slots? '([^']*)'", text)
            other = found and _in_rasas_words(project.domain["slots"].get(found[1], {}).get("type"))
            if not (other and "cannot hold metadata" in text):
                yield Finding(*project.place("slots", found[1] if found else ""), text)


def named_slots(project: Project) -> Findings:
    """Slots in stories, responses and actions that the domain lacks."""
    known = {*project.domain["slots"], *DEFAULT_SLOT_NAMES}
    places = [
        *_slots_in_stories(project),
        *_slots_in_responses(project),
        *_slots_in_actions(project),
    ]
    for path, line, what, slot in places:
        if slot not in known:
            text = f"{what} names the slot '{slot}', which {project.domain_name} does not have"
            yield Finding(path, line, did_you_mean(text, slot, known))


def influence(project: Project) -> Findings:
    for path, line, _, slot in _slots_in_stories(project):
        config = project.domain["slots"].get(slot) or {}
        if config.get("influence_conversation") is False:
            text = "which Rasa ignores: remove 'influence_conversation: false' from the slot."
            yield Finding(path, line, f"a 'slot_was_set' names '{slot}', {text}")


def conditions(project: Project) -> Findings:
    """Conditions that are never true, and responses that are silent without one."""
    try:
        fields = {field.slot: field for field in project.contract().fields}
    except ContractError:
        fields = {}
    for response, variations in project.domain["responses"].items():
        path, _ = project.place("responses", response)
        variations = [each for each in variations or [] if isinstance(each, dict)]
        for condition in (each for one in variations for each in one.get("condition") or []):
            field, value = fields.get(condition.get("name")), condition.get("value")
            if field and not field.accepts(value):
                text = (
                    f"'{response}' waits for {json.dumps(value)}, which '{field.slot}' cannot hold."
                )
                yield Finding(path, line_of(condition), text)
        if variations and all(each.get("condition") for each in variations):
            nulls = [c for each in variations for c in each["condition"] if c.get("value") is None]
            if not nulls:
                text = f"'{response}' says nothing if no condition holds: add a text without one."
                yield Finding(*project.place("responses", response), text, hint=True)


def buttons(project: Project) -> Findings:
    """Payloads whose JSON a slot's text can break."""
    for response, variations in project.domain["responses"].items():
        for variation in variations or []:
            for button in (variation.get("buttons") or []) if isinstance(variation, dict) else []:
                payload = str(button.get("payload", ""))
                _, brace, entities = payload.partition("{")
                for slot in re.findall(r"{(\w+)}", entities) if brace else []:
                    kind = (project.domain["slots"].get(slot) or {}).get("type")
                    if kind in ("text", "any", "list"):
                        text = f"a quote in the slot '{slot}' breaks the payload of '{response}'."
                        path, _ = project.place("responses", response)
                        yield Finding(path, line_of(button), text, hint=True)


def actions(project: Project) -> Findings:
    """Actions that are not in the domain, not written, or cannot be imported."""
    module = project.actions_module
    package = project.root / module.replace(".", "/")
    if not (package.exists() or package.with_suffix(".py").exists()):
        text = f"there is no package '{module}' in this folder: 'actions_module' names it."
        yield Finding("endpoints.yml", None, text)
        return
    try:
        written = _written_actions(module)
    except BaseException as error:  # importing a file can raise anything
        yield _cannot_be_imported(project, error)
        return
    listed = [str(each) for each in project.domain["actions"]]
    for name, source in sorted(written.items()):
        yours = not source.startswith("rasa_metadata")
        if name not in listed and (yours or SYNC_ACTION in str(project.domain["slots"])):
            text = f"{project.domain_name} does not list '{name}': add '- {name}' under 'actions:'."
            yield Finding(source, None, text)
    for name in listed:
        if (
            name not in written
            and name not in DEFAULT_ACTION_NAMES
            and not name.startswith("utter_")
        ):
            text = f"no class in {module}/ has the name '{name}': write one, or remove this."
            yield Finding(project.domain_name, None, text)


def channels(project: Project) -> Findings:
    content = project.credentials
    names: dict[str, str] = {}
    for key in content:
        line = line_of(content, key)
        if "." not in key:
            if key not in CHANNELS:
                otherwise = "a class is named with its module."
                text = did_you_mean(f"'{key}' is not a channel", key, CHANNELS, otherwise)
                yield Finding("credentials.yml", line, text)
            names.setdefault(key, key)
            continue
        try:
            channel: Any = class_from_module_path(key)
            if key.startswith("rasa_metadata."):
                channel.from_credentials(plain(content[key]) or {})
        except RasaException as error:
            text = str(error).removeprefix("credentials.yml: ")
            yield Finding("credentials.yml", line, f"{key}: {text}")
            continue
        except BaseException as error:
            yield Finding("credentials.yml", line, f"'{key}' cannot be imported: {error!r}")
            continue
        if channel.name() in names:
            text = (
                f"'{names[channel.name()]}' and '{key}' both answer at /webhooks/{channel.name()}."
            )
            yield Finding("credentials.yml", line, f"{text} Remove one of them.")
        names[channel.name()] = key


def endpoints(project: Project) -> Findings:
    content = project.endpoints
    for key in content:
        if key not in ENDPOINTS:
            text = did_you_mean(f"'{key}' is not an endpoint", key, ENDPOINTS)
            yield Finding("endpoints.yml", line_of(content, key), text)
    if not content.get("action_endpoint"):
        text = (
            "there is no 'action_endpoint:', so no action can run and no metadata reaches a slot. "
        )
        yield Finding(
            "endpoints.yml", None, text + "Add 'action_endpoint: {actions_module: actions}'."
        )
    for key in content.get("action_endpoint") or {}:
        if key not in ACTION_ENDPOINT:
            line = line_of(content["action_endpoint"], key)
            text = did_you_mean(f"'{key}' is not a key of action_endpoint", key, ACTION_ENDPOINT)
            yield Finding("endpoints.yml", line, text)
    ours = 0
    for name in ("tracker_store", "lock_store"):
        store = content.get(name) or {}
        kind = str(store.get("type", ""))
        ours += kind.startswith("rasa_metadata.")
        if "." in kind:
            try:
                class_from_module_path(kind)
            except BaseException as error:
                text = f"'{kind}' cannot be imported: {error!r}"
                yield Finding("endpoints.yml", line_of(store, "type"), text)
    if not ours:
        text = "no store is one of rasa_metadata's, so 'rasa shell' runs no actions in process."
        yield Finding("endpoints.yml", None, text, hint=True)


def texts(project: Project) -> Findings:
    """The chat page's texts: JSON, with the keys that the page knows."""
    path = project.root / "chat" / "texts.json"
    defaults = project.root / "rasa_metadata" / "chat" / "texts.json"
    if not path.exists():
        return
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        yield Finding(
            "chat/texts.json", getattr(error, "lineno", None), f"this is not JSON: {error}."
        )
        return
    if defaults.exists():
        known = json.loads(defaults.read_text(encoding="utf-8"))
        for key in content if isinstance(content, dict) else ():
            if key not in known:
                text = did_you_mean(f"the page has no text '{key}'", key, known)
                yield Finding("chat/texts.json", None, text)


def model(project: Project) -> Findings:
    latest = project.latest_model()
    if latest is None:
        return
    trained = domain_of(latest)
    for name in ("slots", "responses"):
        if plain(project.domain[name]).keys() != (trained.get(name) or {}).keys():
            text = f"the {name} have changed since {latest.name} was trained: run 'make train'."
            yield Finding(project.domain_name, None, text, hint=True)


CHECKS: tuple[Callable[[Project], Findings], ...] = (
    one_domain,
    slots,
    named_slots,
    influence,
    conditions,
    buttons,
    actions,
    channels,
    endpoints,
    texts,
    model,
)


def _in_rasas_words(kind: Any) -> str:
    """Return how a slot is written whose type Rasa lacks, "" for one that it has."""
    slot = Slot("", OTHER_NAMES.get(kind, str(kind)), "…")
    lines = [f"'type: {slot.rasa_type}'"]
    lines += ["'values: [...]'"] if slot.settings else []
    lines += [f"'metadata: {slot.metadata}'"] if slot.metadata != slot.path else []
    return " and ".join(lines) if slot.rasa_type != str(kind) else ""


def _slots_in_stories(project: Project) -> Iterator[tuple[str, int | None, str, str]]:
    for path, content in project.data():
        for node in (content.get("stories"), content.get("rules")):
            for entry in _behind("slot_was_set", node):
                names = [entry] if isinstance(entry, str) else list(entry or {})
                yield from ((path, line_of(entry), "a 'slot_was_set'", name) for name in names)


def _slots_in_responses(project: Project) -> Iterator[tuple[str, int | None, str, str]]:
    used = {name for _, content in project.data() for name in _behind("action", content)}
    for response, variations in project.domain["responses"].items():
        path, line = project.place("responses", response)
        for variation in variations or []:
            if not isinstance(variation, dict):
                continue
            for condition in variation.get("condition") or []:
                what = f"a condition of '{response}'"
                yield path, line_of(condition), what, str(condition.get("name"))
            if response in used:  # an action may fill in other names
                text = json.dumps({**plain(variation), "condition": None}, default=str)
                names = re.findall(r"{(\w+)}", text)
                yield from ((path, line, f"the response '{response}'", name) for name in names)


def _slots_in_actions(project: Project) -> Iterator[tuple[str, int | None, str, str]]:
    for path in sorted((project.root / "actions").rglob("*.py")):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except SyntaxError:
            continue  # the check of actions reports it
        for node in ast.walk(tree):
            name = _slot_named_by(node)
            if name is not None:
                yield project.name(path), getattr(node, "lineno", None), "this", name


def _slot_named_by(node: ast.AST) -> str | None:
    """Return the slot in `get_slot("x")`, `SlotSet("x")`, `slots.get("x")` and `slots["x"]`."""
    key: ast.AST | None = None
    if isinstance(node, ast.Call) and node.args:
        called = (
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        )
        of_slots = isinstance(node.func, ast.Attribute) and _is_slots(node.func.value)
        if called in ("get_slot", "SlotSet") or (called == "get" and of_slots):
            key = node.args[0]
    elif isinstance(node, ast.Subscript) and _is_slots(node.value):
        key = node.slice
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None


def _is_slots(node: ast.AST) -> bool:
    """Return whether this is `tracker.slots`."""
    return isinstance(node, ast.Attribute) and node.attr == "slots"


def _written_actions(module: str) -> dict[str, str]:
    """Return {name: file} of the actions in a package and in rasa_metadata."""
    from rasa_sdk import Action
    from rasa_sdk.executor import ActionExecutor
    from rasa_sdk.utils import all_subclasses

    ActionExecutor()._import_submodules(module)
    found = {}
    for action in all_subclasses(Action):
        package = action.__module__.split(".")[0]
        if package in (module.split(".")[0], "rasa_metadata") and not inspect.isabstract(action):
            found[action().name()] = f"{action.__module__.replace('.', '/')}.py"
    return found


def _cannot_be_imported(project: Project, error: BaseException) -> Finding:
    if isinstance(error, SyntaxError) and error.filename:
        return Finding(project.name(Path(error.filename)), error.lineno, f"{error.msg}.")
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        yours = path.is_relative_to(project.root) and ".venv" not in path.parts
        if yours and "rasa_metadata" not in path.parts:
            text = f"this cannot be imported: {type(error).__name__}: {error}"
            return Finding(project.name(path), frame.lineno, text)
    return Finding("actions/", None, f"this cannot be imported: {type(error).__name__}: {error}")


def _behind(key: str, node: Any) -> Iterator[Any]:
    """Yield each value of a key, wherever it is; of lists, their entries."""
    if isinstance(node, dict):
        found = node.get(key)
        yield from found if isinstance(found, list) else [found] if found is not None else []
        node = list(node.values())
    for item in node if isinstance(node, list) else []:
        yield from _behind(key, item)
