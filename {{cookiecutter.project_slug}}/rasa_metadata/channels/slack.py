"""Slack: Rasa's `slack`, with metadata about who writes.

`author` has `id`, and after a button `username`. `profiles: true` in credentials.yml adds
`name`, `username`, `locale` and `timezone`, for which the app needs the scope `users:read`.
"""

from typing import Any

from rasa.core.channels.slack import SlackInput
from sanic.request import Request

from rasa_metadata.channels.incoming import Incoming
from rasa_metadata.channels.platform import PlatformInput, PlatformOutput

FORM = "application/x-www-form-urlencoded"  # of what is pressed or chosen
RAW = ("user", "team", "channel", "actions")  # of a form, which has addresses and tokens, too


class MetadataSlackInput(PlatformInput, SlackInput):
    """Rasa's keys. A retry is recognised, so `errors_ignore_retry` has nothing to do."""

    required = ("slack_token", "slack_signing_secret")
    optional = (
        *("slack_channel", "proxy", "use_threads", "conversation_granularity"),
        *("errors_ignore_retry", "slack_retry_reason_header", "slack_retry_number_header"),
    )
    base_url = "https://slack.com/api/"
    answers_first = True  # Slack waits for three seconds

    def get_output_channel(
        self, channel: str | None = None, thread_id: str | None = None
    ) -> PlatformOutput:
        output = super().get_output_channel(channel, thread_id)
        output.client.base_url = self.base_url
        return PlatformOutput(self, output)

    async def is_authentic(self, request: Request) -> bool:
        return bool(self.is_request_from_slack_authentic(request))

    def messages(self, request: Request) -> list[Incoming] | None:
        is_form = request.headers.get("content-type") == FORM
        payload = self.parsed(request.form["payload"][0] if is_form else request.body)
        if "challenge" in payload:
            return None
        more, raw = self.get_metadata(request), payload.get("event") or {}
        if is_form:
            if not self._is_interactive_message(payload):
                return []
            raw = {key: payload[key] for key in RAW if key in payload}
            (action, *_), author = payload["actions"], payload["user"]
            text, sent_at = self._get_interactive_response(action), action["action_ts"]
        else:
            if not self._is_user_message(payload) or not self._is_supported_channel(payload, more):
                return []
            author = {"id": raw["user"]}
            text, sent_at = self._sanitize_user_message(raw["text"], more["users"]), raw["ts"]
        if not text:
            return []
        channel, thread = more["out_channel"], more["thread_id"]
        output = self.get_output_channel(channel, thread if self.use_threads else None).output
        return [
            Incoming(
                text=text,
                sender=self._get_conversation_id(author["id"], channel, thread),
                id=f"{channel}-{sent_at}",
                author={"id": author["id"], "username": author.get("username")},
                channel={"conversation": channel},
                raw=raw,
                more=more,
                output=output,
            )
        ]

    async def profile(self, author: str) -> dict[str, Any]:
        client = self.get_output_channel().client
        user = (await client.users_info(user=author, include_locale=True))["user"]
        return {
            "name": user.get("real_name"),
            "username": user.get("name"),
            "locale": user.get("locale"),
            "timezone": user.get("tz"),
        }
