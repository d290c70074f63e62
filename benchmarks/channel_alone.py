"""Serves a REST channel with nothing behind it but an echo: `channel_alone.py ours 5005`.

Runs in a generated bot's folder and environment. `stock` is Rasa's own channel.
"""

import sys
from typing import Any

from rasa.core.channels.channel import UserMessage, register
from rasa.core.channels.rest import RestInput
from rasa.shared.core.domain import Domain
from rasa.utils.endpoints import EndpointConfig
from sanic import Sanic


class Echo:
    """Stands where Rasa's agent does."""

    domain = Domain.load("domain.yml")
    action_endpoint = EndpointConfig("http://localhost:5055/webhook")

    async def handle_message(self, message: UserMessage) -> None:
        await message.output_channel.send_text_message(message.sender_id, message.text)


def channel(kind: str) -> Any:
    if kind == "stock":
        return RestInput()
    sys.path.insert(0, "")
    from rasa_metadata.channels.rest import MetadataRestInput

    return MetadataRestInput.from_credentials({})


if __name__ == "__main__":
    kind, port = sys.argv[1:]
    app = Sanic("channel_alone", configure_logging=False)
    app.ctx.agent = Echo()
    register([channel(kind)], app, route="/webhooks/")
    app.run("127.0.0.1", int(port), access_log=False, motd=False)
