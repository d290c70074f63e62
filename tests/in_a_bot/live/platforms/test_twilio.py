"""What only Twilio has: SMS beside WhatsApp, empty fields, which are signed, and places."""

import pytest

from in_a_bot.live.platforms.platforms import WhatsApp
from in_a_bot.live.platforms.test_platforms import events, heard


class Sms(WhatsApp):
    kind, details = "", {"FromCountry": "DE", "FromCity": "", "ToState": ""}


@pytest.fixture
def whatsapp(platform_bot, api):
    return WhatsApp(platform_bot, api)


def test_an_sms_with_empty_fields_is_authentic_and_its_number_identifies(platform_bot, api):
    sms = Sms(platform_bot, api)
    assert sms.write("/probe_author").status_code == 204
    heard(sms, f"None {sms.id}")
    (turn,) = events(sms, "user")
    assert turn["metadata"]["channel"] == {"name": "sms", "conversation": WhatsApp.BOT}
    assert turn["metadata"]["raw"]["FromCountry"] == "DE"


def test_a_place_is_text_as_with_rasas_channel(whatsapp):
    whatsapp.write("", Latitude="52.25", Longitude="13.5")
    (turn,) = events(whatsapp, "user")
    assert turn["text"] == "/locationData{'Latitude': 52.25,'Longitude': 13.5}"
    assert turn["metadata"]["channel"]["name"] == "whatsapp"
