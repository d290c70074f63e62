"""The table in docs/life-cycle.md is what the life-cycle tests find."""

import re

import pytest

from tools.in_a_bot import TESTS
from tools.life_cycle import CASES, DOCUMENT, SETUPS, outcomes, sentence


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
    code = "".join((TESTS / name).read_text() for name in CASES)
    tests = re.findall(r"^def (test_\w+)", code, re.MULTILINE)
    assert list(rows) == [sentence(test) for test in tests]
    assert len(rows) > 55


def test_this_bot_passes_all_of_them(rows):
    assert {row[SETUPS["this bot"].title] for row in rows.values()} == {"yes"}


@pytest.mark.rasa
def test_behind_rasas_own_channel_it_passes_those_that_the_table_names(rows, my_bot):
    setup = SETUPS["behind rest"]
    found = outcomes(my_bot, setup)
    assert {case: "no" if wrong else "yes" for case, wrong in found.items()} == {
        case: row[setup.title] for case, row in rows.items()
    }
