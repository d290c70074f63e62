"""Adds slots to your files, with what lets a user ask for them; `make slot` runs it.

Each entry goes behind the last one of its section; all other lines stay as they are.
"""

import os
import shlex
import sys
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from textwrap import indent

from ruamel.yaml import YAML, ScalarNode

from rasa_metadata.contract import ContractError
from rasa_metadata.contract.fields import SYNC_ACTION
from rasa_metadata.contract.slot_line import Slot, read, tojson
from rasa_metadata.project import NotYaml, Project

EXAMPLE = "plan: categorical(free|pro) from account.plan"
DATA = ("nlu", "rules")  # sections in data/; others are in the domain


def main() -> int:
    project = Project.here()
    try:
        slots, problems = read(os.environ.get("SLOT", ""), slots_of(project))
        problems += [each for slot in slots for each in taken(project, slot)]
        changes = {} if problems else changed(project, slots)
    except (ContractError, NotYaml) as error:
        print(error, file=sys.stderr)
        return 1
    if problems or not slots:
        right = shlex.quote("; ".join(map(str, slots)) or EXAMPLE)
        print(*problems, f"Nothing was written. Try: make slot {right}", sep="\n", file=sys.stderr)
        return 1
    for path, new in changes.items():
        old, name = text_of(path), project.name(path)
        before, after = (text.splitlines(keepends=True) for text in (old, new))
        print("".join(unified_diff(before, after, name if old else "/dev/null", name)))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(new.encode())
    return 0


def slots_of(project: Project) -> list[Slot]:
    """Return the slots that the domain has, as far as new ones could clash with them."""
    paths = {field.slot: field.dotted for field in project.contract().fields}
    known = project.domain["slots"].items()
    return [Slot(name, str((each or {}).get("type")), paths.get(name, "")) for name, each in known]


def talk_of(project: Project, slot: Slot) -> Path:
    return project.root / "tests" / "talks" / f"{slot.name}.yml"


def taken(project: Project, slot: Slot) -> Iterator[str]:
    """Yield a sentence for each thing of the slot's that is there without the slot."""
    intents = project.domain["intents"]
    names = [each if isinstance(each, str) else next(iter(each)) for each in intents]
    if f"ask_{slot.name}" in names:
        yield f"{project.domain_name} has the intent 'ask_{slot.name}' already."
    if slot.action in project.domain["responses"]:
        yield f"{project.domain_name} has the response '{slot.action}' already."
    if talk_of(project, slot).exists():
        yield f"{project.name(talk_of(project, slot))} is there already."


def changed(project: Project, slots: list[Slot]) -> dict[Path, str]:
    """Return the new text of each file that changes."""
    texts: dict[Path, str] = {}

    def add(section: str, entry: str) -> None:
        path = home(project, section)
        texts[path] = added(texts.get(path) or text_of(path), section, entry)

    if SYNC_ACTION not in project.domain["actions"]:
        add("actions", f"- {SYNC_ACTION}")
    for slot in slots:
        can_be_told = slot.is_told or slot.action in project.domain["actions"]
        for section, entry in slot.yaml.items():
            if can_be_told or section == "slots":
                add(section, entry)
        if can_be_told:
            talk = slot.talk(slot.nested(slot.examples[0]))
            texts[talk_of(project, slot)] = f"test_cases:\n{indent(talk, '  ')}\n"
    return texts


def home(project: Project, section: str) -> Path:
    """Return the file that has a section, or the one to put it into."""
    files = project.domain_files
    if section in DATA:
        files = [*sorted((project.root / "data").rglob("*.y*ml"))]
        files.append(project.root / "data" / f"{section}.yml")
    return next((path for path in files if section in project.yaml(path)), files[-1])


def text_of(path: Path) -> str:
    return path.read_bytes().decode() if path.exists() else ""


def added(text: str, section: str, entry: str) -> str:
    """Return the text of a YAML file with one more entry in a section."""
    text += "" if text.endswith("\n") or not text else "\n"
    text += "" if YAML().compose(text) else 'version: "3.1"\n'
    root = YAML().compose(text)
    found = {key.value: (key, value) for key, value in root.value}
    if section not in found:
        behind = text[root.end_mark.index :]  # the end of the document
        return f"{text.removesuffix(behind)}\n{section}:\n{indent(entry, '  ')}\n{behind}"
    key, node = found[section]
    start, end = node.start_mark, node.end_mark
    column, gap = 2, ""
    if isinstance(node, ScalarNode) or not node.value:  # nothing, `{}` or `[]`
        text = text[: start.index].rstrip() + text[end.index :] if start.index < end.index else text
        line = key.end_mark.line + 1
    elif node.flow_style:
        inside = tojson(YAML(typ="safe").load(entry))[1:-1]
        return f"{text[: end.index - 1].rstrip().rstrip(',')}, {inside}{text[end.index - 1 :]}"
    else:
        column, line, gap = start.column, end.line, "\n" if section in DATA else ""
    lines = text.splitlines(keepends=True)
    while lines[line - 1].lstrip()[:1] in ("", "#"):  # of what comes behind
        line -= 1
    return "".join([*lines[:line], gap, indent(entry, " " * column), "\n", *lines[line:]])
