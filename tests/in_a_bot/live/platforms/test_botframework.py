"""What only Bot Framework has: a JWT with each request, and clients that choose their id."""

import time

import pytest

from in_a_bot.live.platforms.platforms import Teams
from in_a_bot.live.platforms.test_platforms import events, heard, is_stored


class DirectLine(Teams):
    where = "directline"

    @property
    def sender(self):
        return f"botframework:directline:{self.id}"


@pytest.fixture
def teams(platform_bot, api):
    return Teams(platform_bot, api)


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another-app"},
        {"iss": "https://example.com"},
        {"exp": time.time() - 301},
        {"serviceurl": "https://example.com/"},
    ],
    ids=lambda claims: next(iter(claims)),
)
def test_a_token_is_for_this_bot_by_microsoft_and_for_one_service(teams, claims):
    body = teams.message("hello")
    assert teams.post(body, **teams.headers(body, False, **claims)).status_code == 401
    assert not is_stored(teams)


@pytest.mark.parametrize(
    "token", ["", "x", "Bearer", "Bearer x", "Bearer eyJhbGciOiJub25lIn0.e30."]
)
def test_what_is_no_token_is_401(teams, token):
    assert teams.post(teams.message("hello"), Authorization=token).status_code == 401


def test_outside_teams_nobody_vouches_for_an_id_or_gets_the_conversation(platform_bot, api):
    client = DirectLine(platform_bot, api)
    client.write("/probe_author")
    heard(client, "Ada Lovelace None")
    victim = Teams(platform_bot, api)
    victim.number, victim.id = client.number, client.id
    assert events(victim, "user") == []


def test_the_profile_is_in_the_activity(teams):
    teams.write("/probe_author")
    author = events(teams, "user")[0]["metadata"]["author"]
    assert author["timezone"] == "Europe/Berlin"
    assert events(teams, "user")[0]["metadata"]["raw"]["from"]["aadObjectId"]
