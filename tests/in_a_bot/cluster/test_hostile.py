"""What a stranger sends does no harm with PostgreSQL either, and with actions on a server."""

import pytest

from in_a_bot.hostile.corpus import KINDS
from in_a_bot.hostile.talk import CHANNELS, assert_answered, assert_harmless, neighbour
from in_a_bot.live.hostile.probe.actions.hostile import ODD
from in_a_bot.live.servers import Served


@pytest.fixture(scope="module")
def other(cluster):
    with neighbour(cluster.rasa_urls[0]) as other:
        yield other


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_input_gets_its_answer_in_time_and_so_do_others(cluster, other, channel, kind):
    assert_answered(cluster.rasa_urls[0], channel, kind, other)


@pytest.mark.parametrize("kind", ["hostile", "hostile_async"])
def test_whatever_an_action_returns_affects_its_own_turn_only(cluster, other, kind):
    assert_harmless(Served(cluster.rasa_urls[0]), kind, ODD, (200, 500), other)
