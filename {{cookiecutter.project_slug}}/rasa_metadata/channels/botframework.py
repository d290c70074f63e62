"""Bot Framework: Rasa's `botframework` for Microsoft Teams, with metadata about who writes.

`author` has `id`, `name`, `locale` and `timezone`. Outside Teams a client may choose its id:
`channel.name` is part of the sender then, and signed slots stay empty.

`base_url` in credentials.yml is the address of Microsoft's keys, `oauth_url` the one at which
the bot gets its own token.
"""

from collections.abc import Mapping
from typing import Any

import jwt
from rasa.core.channels import botframework
from rasa.core.channels.botframework import BotFramework, BotFrameworkInput
from sanic.request import Request

from rasa_metadata.channels.incoming import Incoming
from rasa_metadata.channels.platform import PlatformInput
from rasa_metadata.validation.providers import Provider
from rasa_metadata.validation.tokens import bearer

ISSUER = "https://api.botframework.com"
CLOCKS_DIFFER = 300  # seconds, as Microsoft documents it
TEAMS = "msteams"


class MetadataBotFrameworkInput(PlatformInput, BotFrameworkInput):
    """Rasa's keys. What is no message, or has no text, is ignored.

    Microsoft's keys are fetched with the first message, and not when the server starts. A
    token is for one `serviceUrl`, to which the reply goes with the bot's own token.
    """

    required = ("app_id", "app_password")
    optional = ("oauth_url",)
    base_url = "https://login.botframework.com/v1/.well-known/keys"
    blocks = True

    @classmethod
    def from_credentials(cls, credentials: Mapping[str, Any] | None) -> Any:
        channel = super().from_credentials(credentials)
        channel.microsoft = Provider(ISSUER, channel.base_url)
        rasas = botframework.MICROSOFT_OAUTH2_URL  # a constant of its module
        botframework.MICROSOFT_OAUTH2_URL = channel.credentials.get("oauth_url", rasas)
        return channel

    def _update_cached_jwk_keys(self) -> None:
        """Leave out what Rasa's class does when it is made: a request."""

    async def is_authentic(self, request: Request) -> bool:
        try:
            token = bearer(request.headers.get("authorization")) or ""
            claims = await self.claims(token)
            return bool(claims["serviceurl"] == self.parsed(request.body)["serviceUrl"])
        except jwt.PyJWTError:
            return False

    async def claims(self, token: str) -> dict[str, Any]:
        """Return the claims of a token.

        Raises:
            jwt.PyJWTError, KeyError: if it is not valid.
        """
        kid = jwt.get_unverified_header(token)["kid"]
        await self.microsoft.load(kid)
        key = self.microsoft.keys[kid]
        rules: dict[str, Any] = {"audience": self.app_id, "issuer": ISSUER}
        return jwt.decode(token, key, algorithms=["RS256"], leeway=CLOCKS_DIFFER, **rules)

    def messages(self, request: Request) -> list[Incoming]:
        activity = self.parsed(request.body)
        if activity.get("type") != "message" or not activity.get("text"):
            return []
        author, conversation = activity["from"], activity["conversation"]
        where = self.app_id, self.app_password, conversation, activity["recipient"]
        in_teams = activity["channelId"] == TEAMS
        return [
            Incoming(
                text=activity["text"],
                sender=author["id"] if in_teams else f"{activity['channelId']}:{author['id']}",
                recipient=author["id"],
                id=activity["id"],
                author={
                    "id": author["id"],
                    "name": author.get("name"),
                    "locale": activity.get("locale"),
                    "timezone": activity.get("localTimezone"),
                },
                channel={"name": activity["channelId"], "conversation": conversation["id"]},
                raw=activity,
                more=self.add_attachments_to_metadata(activity, None) or {},
                output=BotFramework(*where, activity["serviceUrl"]),
                is_vouched_for=in_teams,
            )
        ]
