"""`make slot` shows what it adds, and refuses what is there already."""

from difflib import ndiff

import pytest

from tests.conftest import change, made

pytestmark = pytest.mark.rasa

TIER = "signed tier: categorical(gold|silver) from account.tier"
REFUSED = {
    "a slot of this name": (
        "plan: text from x",
        "there is a slot 'plan' already",
        "plan_2: text from x",
    ),
    "a slot with this path": ("tier: text from account.plan", "of 'plan'", "tier: text"),
    "a path inside another": ("tier: text from locale.tier", "of 'locale'", "tier: text"),
    "no such type": ("tier: enum(a|b)", "use 'categorical'", "tier: categorical(a|b)"),
    "nothing": ("", "", "plan: categorical(free|pro) from account.plan"),
}


def texts(bot):
    """Return {name: text} of the owner's files."""
    paths = [*bot.glob("*.yml"), *bot.glob("*/*.yml"), *bot.glob("tests/talks/*.yml")]
    return {path.relative_to(bot).as_posix(): path.read_text() for path in paths}


def test_it_shows_the_difference_and_changes_no_line_that_is_there(my_bot):
    before = texts(my_bot)
    code, printed = made(my_bot, "slot", TIER)
    assert code == 0, printed
    after = texts(my_bot)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"domain.yml", "data/nlu.yml", "data/rules.yml", "tests/talks/tier.yml"}
    for name in changed:
        lines = ndiff(before.get(name, "").splitlines(), after[name].splitlines())
        different = [line[0] + line[2:] for line in lines if line[0] != " "]
        shown = printed.split(f"+++ {name}\n")[1].split("\n--- ")[0].splitlines()
        assert different == [line for line in shown if line.startswith("+")]


def test_a_slot_that_is_there_is_refused_and_so_are_its_parts(my_bot):
    assert made(my_bot, "slot", TIER)[0] == 0
    before = texts(my_bot)
    code, printed = made(my_bot, "slot", TIER)
    assert code != 0
    assert "there is a slot 'tier' already" in printed
    assert texts(my_bot) == before

    change(my_bot, "domain.yml", "  tier:\n", "  level:\n")
    code, printed = made(my_bot, "slot", "tier: text")
    assert code != 0
    for part in ("the intent 'ask_tier'", "the response 'utter_tell_tier'", "tests/talks/tier.yml"):
        assert part in printed


@pytest.mark.parametrize("what", REFUSED)
def test_it_refuses_and_says_what_would_be_right(my_bot, what):
    entry, said, right = REFUSED[what]
    before = texts(my_bot)
    code, printed = made(my_bot, "slot", *filter(None, [entry]))
    assert code != 0
    assert said in printed
    assert f"make slot '{right}'" in printed
    assert texts(my_bot) == before
