"""Twilio: Rasa's `twilio` for SMS and WhatsApp, with metadata about who writes, and a webhook
whose signature is checked.

`author` has `id`, a phone number, and with WhatsApp `name`; `channel.name` is `sms` or
`whatsapp`. The number of an SMS can be forged: do not read it into a signed slot.

Twilio signs the address that it calls. If that is not the one the bot sees, since a proxy is
in between, set `webhook_url` in credentials.yml to the one in Twilio's console.
"""

from urllib.parse import parse_qsl

from rasa.core.channels.twilio import TwilioInput
from sanic.request import Request
from twilio.request_validator import RequestValidator

from rasa_metadata.channels.incoming import Incoming
from rasa_metadata.channels.platform import PlatformInput, PlatformOutput


class MetadataTwilioInput(PlatformInput, TwilioInput):
    """Rasa's keys, and `webhook_url`. What has neither text nor a place is ignored."""

    required = ("account_sid", "auth_token", "twilio_number")
    optional = ("webhook_url",)
    base_url = "https://api.twilio.com"
    blocks = True
    status = 204  # Twilio would send a text in the answer to the user

    def get_output_channel(self) -> PlatformOutput:
        output = super().get_output_channel()
        output.api.base_url = self.base_url
        return PlatformOutput(self, output)

    async def is_authentic(self, request: Request) -> bool:
        url = self.credentials.get("webhook_url", request.url)
        signature = request.headers.get("x-twilio-signature", "")
        return RequestValidator(self.auth_token).validate(url, form_of(request), signature)

    def messages(self, request: Request) -> list[Incoming]:
        form = form_of(request)
        text = form.get("Body", "").replace("¡", "@")  # as Rasa's class does, for some carriers
        if "Latitude" in form and "Longitude" in form:
            latitude, longitude = form["Latitude"], form["Longitude"]
            text = f"/locationData{{'Latitude': {latitude},'Longitude': {longitude}}}"
        if not text.strip() or "From" not in form:
            return []
        kind, _, number = form["From"].rpartition(":")
        return [
            Incoming(
                text=text,
                sender=form["From"],
                id=form["MessageSid"],
                author={"id": number, "name": form.get("ProfileName")},
                channel={"name": kind or "sms", "conversation": form["To"]},
                raw=form,
                output=self.get_output_channel().output,
            )
        ]


def form_of(request: Request) -> dict[str, str]:
    """Return the form in a request, with its empty fields, which Sanic drops: they are signed."""
    return dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))
