"""A real Sanic app with our channel, and a stand-in for Rasa's agent behind it."""

import asyncio
import threading

import requests
from rasa.core.channels.channel import register
from rasa.utils.endpoints import EndpointConfig
from sanic import Sanic
from sanic_cors import CORS

from in_a_bot.cases import DOMAIN
from in_a_bot.live.servers import free_port
from rasa_metadata.channels.rest import MetadataRestInput


class Echo:
    """Stands where Rasa's agent does: it has a domain, and answers what it was told."""

    def __init__(self, domain, behave=None):
        self.behave = behave
        self.domain = domain
        self.action_endpoint = EndpointConfig("http://localhost:5055/webhook")
        self.messages = []

    async def handle_message(self, message):
        self.messages.append(message)
        if self.behave:
            await self.behave(self, message)
        await message.output_channel.send_text_message(message.sender_id, message.text)


def serve(domain=DOMAIN, behave=None, cors="", channel=MetadataRestInput, **credentials):
    """Return a real Sanic app with a channel, the way Rasa makes and registers it."""
    Sanic._app_registry.clear()  # one name, one app: a rule of Sanic's
    app = Sanic("fast_tier", configure_logging=False)
    app.config.CORS_EXPOSE_HEADERS = "filename"
    CORS(app, resources={r"/*": {"origins": cors}}, automatic_options=True)
    app.ctx.agent = Echo(domain, behave)
    app.ctx.channel = channel.from_credentials(credentials)
    register([app.ctx.channel], app, route="/webhooks/")
    return app


class Running:
    """An app that is served from a thread of its own, until the block ends."""

    def __init__(self, app, host="127.0.0.1", ssl=None):
        self.app, self.loop, self.port = app, asyncio.new_event_loop(), free_port()
        self.host, self.ssl = host, ssl

    def __enter__(self):
        async def start():
            server = await self.app.create_server(
                self.host, self.port, ssl=self.ssl, return_asyncio_server=True
            )
            await server.startup()
            await server.before_start()
            await server.after_start()
            return server

        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = asyncio.run_coroutine_threadsafe(start(), self.loop).result()
        self.app.ctx.session = requests.Session()
        self.app.ctx.url = f"http://127.0.0.1:{self.port}"
        self.app.ctx.port, self.app.ctx.loop = self.port, self.loop
        return self.app

    def __exit__(self, *_):
        self.app.ctx.session.close()
        self.loop.call_soon_threadsafe(self._stop)
        self.thread.join()
        self.server.close()
        self.loop.close()

    def _stop(self):
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.call_soon(self.loop.stop)
