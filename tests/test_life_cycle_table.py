"""docs/life-cycle.md tables the tests that a bot brings along, and what they find."""

import re

import pytest

from tests.conftest import TEMPLATE, copied
from tools.life_cycle import CASES, DOCUMENT, SETUPS, outcomes, prepare, sentence

BOT = TEMPLATE / "{{cookiecutter.project_slug}}"
TITLES = [setup.title for setup in SETUPS.values()]


@pytest.fixture(scope="module")
def rows():
    """Return {case: {title of a column: its cell}}."""
    cells = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in DOCUMENT.read_text().splitlines()
        if line.startswith("|")
    ]
    return {row[0]: dict(zip(cells[0][1:], row[1:], strict=False)) for row in cells[2:-1]}


def test_it_has_a_row_for_each_test(rows):
    code = "".join((BOT / name).read_text() for name in CASES)
    tests = re.findall(r"^def (test_\w+)", code, re.MULTILINE)
    assert list(rows) == [sentence(test) for test in tests]
    assert len(rows) > 55


def test_this_bot_is_right_in_all_of_them(rows):
    assert {row[SETUPS["this bot"].title] for row in rows.values()} == {"yes"}


@pytest.mark.rasa
def test_our_actions_behind_rasas_channel_are_right_where_it_says_so(rows, default_bot, tmp_path):
    setup = SETUPS["behind rest"]
    bot = copied(default_bot, tmp_path)
    prepare(bot, setup)
    found = outcomes(bot, setup)
    assert {case: "no" if wrong else "yes" for case, wrong in found.items()} == {
        case: row[setup.title] for case, row in rows.items()
    }
