"""Nothing a stranger sends, and nothing an action does, takes the bot down or holds it up."""

import pytest

from in_a_bot.hostile.corpus import COUNT, KINDS
from in_a_bot.hostile.talk import CHANNELS, assert_answered, neighbour


@pytest.fixture(scope="module")
def alone(bots):
    return bots["in process"]


@pytest.fixture(scope="module")
def other(alone):
    with neighbour(alone.url) as other:
        yield other


def test_there_are_many_cases():
    assert COUNT >= 300


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_input_gets_its_answer_in_time_and_so_do_others(alone, other, channel, kind):
    assert_answered(alone.url, channel, kind, other)
