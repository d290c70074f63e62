"""A bot stays small, and the packages of rasa_metadata/ import each other one way only."""

import ast

import pytest

from tests.conftest import BOT

MACHINERY = BOT / "rasa_metadata"
LAYERS = [  # each imports itself and those above it
    ("contract",),
    ("slots", "validation"),
    ("runtime",),
    ("stores", "channels"),
    ("testing", "commands"),
]
LEVELS = {package: level for level, layer in enumerate(LAYERS) for package in layer}
LEVELS["rasa_metadata"] = LEVELS["slots"]  # whose public names it has


def imports(path):
    """Yield the dotted names that a file imports; `from a import b` is a.b."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def package_of(name):
    """Return the package of rasa_metadata that a dotted name is in, None for another one."""
    root, _, rest = name.partition(".")
    package = rest.split(".")[0]
    if root != "rasa_metadata":
        return None
    return package if package in LEVELS else root


@pytest.mark.parametrize(
    "package", [each.name for each in MACHINERY.glob("*/") if any(each.glob("*.py"))]
)
def test_a_package_imports_those_below_it(package):
    for path in (MACHINERY / package).rglob("*.py"):
        for name in imports(path):
            other = package_of(name)
            if other not in (None, package):
                assert LEVELS[other] < LEVELS[package], f"{path.name} imports {name}"


@pytest.mark.parametrize("package", ["contract", "slots"])
def test_an_action_server_can_import(package):
    """It has rasa_sdk alone."""
    for path in (MACHINERY / package).rglob("*.py"):
        assert {name.split(".")[0] for name in imports(path)}.isdisjoint({"rasa", "sanic"}), path


def python_lines(folder):
    return sum(len(path.read_text().splitlines()) for path in folder.rglob("*.py"))


def test_a_default_bot_is_small(bake):
    bot = bake()
    found = {
        "files": sum(path.is_file() for path in bot.rglob("*")),
        "lines of Python in rasa_metadata/": python_lines(bot / "rasa_metadata"),
        "lines of Python in actions/": python_lines(bot / "actions"),
        "lines of Python in tests/": python_lines(bot / "tests"),
        "lines of README.md": len((bot / "README.md").read_text().splitlines()),
    }
    # Today's counts, which may only shrink; docs/design.md says what they are for.
    most = dict(zip(found, (115, 6972, 60, 400, 80), strict=True))
    assert {what: count for what, count in found.items() if count > most[what]} == {}
