"""Facebook Messenger: Rasa's `facebook`, with metadata about who writes.

`author` has `id`; `profiles: true` in credentials.yml adds `name`.
"""

import asyncio
import hmac
from typing import Any

from fbmessenger import MessengerClient
from rasa.core.channels.facebook import FacebookInput, Messenger, MessengerBot
from sanic.request import Request

from rasa_metadata.channels.incoming import Incoming
from rasa_metadata.channels.platform import PlatformInput, PlatformOutput

FILES = ("audio", "image", "video", "file")


class MetadataFacebookInput(PlatformInput, FacebookInput):
    """Rasa's keys. Each message of a batch is taken; what the page itself has said is ignored.

    Requests are verified by `X-Hub-Signature-256`: the older header, which Rasa's class
    checks, has SHA-1.
    """

    required = ("verify", "secret", "page-access-token")
    base_url = f"{MessengerClient('').graph_url}"
    blocks = True

    def get_output_channel(self) -> PlatformOutput:
        client = MessengerClient(self.fb_access_token)
        client.graph_url = self.base_url
        return PlatformOutput(self, MessengerBot(client))

    async def is_authentic(self, request: Request) -> bool:
        given = request.headers.get("x-hub-signature-256", "")
        wanted = hmac.digest(self.fb_secret.encode(), request.body, "sha256").hex()
        return hmac.compare_digest(given.encode(), f"sha256={wanted}".encode())

    def messages(self, request: Request) -> list[Incoming]:
        payload = self.parsed(request.body)
        events = [each for entry in payload["entry"] for each in entry.get("messaging", ())]
        texts = [(event, text_of(event)) for event in events]
        return [self.incoming(event, text) for event, text in texts if text]

    def incoming(self, event: dict[str, Any], text: str) -> Incoming:
        author = event["sender"]["id"]
        said = event.get("message") or event["postback"]
        return Incoming(
            text=text,
            sender=author,
            id=said.get("mid") or f"{author}-{event['timestamp']}",
            author={"id": author},
            channel={"conversation": event["recipient"]["id"]},
            raw=event,
            output=self.get_output_channel().output,
        )

    async def show(self, output: PlatformOutput, recipient: str, is_answered: bool) -> None:
        for action in ("typing_off",) if is_answered else ("mark_seen", "typing_on"):
            await output.send(output.send_action(recipient, action))

    async def profile(self, author: str) -> dict[str, Any]:
        client = self.get_output_channel().messenger_client
        user = await asyncio.to_thread(client.get_user_data, author, ["first_name", "last_name"])
        names = (user.get("first_name"), user.get("last_name"))
        return {"name": " ".join(filter(None, names))}


def text_of(event: dict[str, Any]) -> str | None:
    """Return the text of an event, or a file's address, as Rasa's class does."""
    message = event.get("message") or {}
    attachment = (message.get("attachments") or [{}])[0]
    text: str | None = None
    if message.get("is_echo"):
        return None
    if Messenger._is_quick_reply_message(event):
        text = message["quick_reply"]["payload"]
    elif Messenger._is_user_message(event):
        text = message["text"]
    elif attachment.get("type") in FILES:
        text = attachment["payload"]["url"]
    elif "postback" in event:
        text = event["postback"]["payload"]
    return text
