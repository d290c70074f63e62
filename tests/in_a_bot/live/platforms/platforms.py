"""The messaging platforms as a bot sees them: what they send, and what their APIs answer.

Fields and signatures are as the platforms document them.
"""

import hmac
import itertools
import json
import random
import time
from base64 import b64encode
from urllib.parse import parse_qsl, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

numbers = itertools.count(random.randrange(10**6, 10**9))


class Platform:
    """One user of a platform. `settings` are what the bot has in credentials.yml, `name`
    and `id` what the slots hold after a message, `sender` is the conversation."""

    channel = ""
    class_name = ""

    def __init__(self, bot, api):
        self.bot, self.calls, self.number = bot, api.calls, next(numbers)
        self.id = str(self.number)

    @property
    def sender(self):
        return f"{self.channel}:{self.id}"

    @property
    def expected(self):
        """The reply to `/probe_author`."""
        return f"{self.name} {self.id}"

    @property
    def url(self):
        return f"{self.bot.url}/webhooks/{self.channel}/webhook"

    def write(self, text, **details):
        """Let the user write a message; return the answer that the platform gets."""
        return self.post(self.message(text, **details))

    def post(self, body, forged=False, **headers):
        """Deliver what `message` and the like return, with or without the right proof."""
        headers = {**self.headers(body, forged), **headers}
        return self.bot.session.post(self.url, data=body, headers=headers, timeout=30)

    def said(self):
        """Return the texts that the bot has sent to the user."""
        texts = [self.text_of(path, content) for path, content in list(self.calls)]
        return [text for text in texts if text is not None]


PLATFORMS = {}


def credentials(api_url):
    """Return the content of credentials.yml."""
    channels = {
        f"rasa_metadata.channels.{each.channel}.{each.class_name}": {
            **each.settings(),
            "base_url": f"{api_url}{each.API}",
            **({"oauth_url": api_url} if each.channel == "botframework" else {}),
        }
        for each in PLATFORMS.values()
    }
    return {"rasa_metadata.channels.rest.MetadataRestInput": None, **channels}


def platform(kind):
    PLATFORMS[kind.channel] = kind
    return kind


@platform
class Telegram(Platform):
    """core.telegram.org/bots/api: Update, Message, User, setWebhook."""

    channel, class_name, API = "telegram", "MetadataTelegramInput", "/telegram"
    SECRET = "A-secret_1"
    name, locale = "Ada Lovelace", "de"

    @classmethod
    def settings(cls):
        return {
            "access_token": "123456:a-token",
            "verify": "probe_bot",
            "webhook_url": "https://bot.example.com/webhooks/telegram/webhook",
            "secret_token": cls.SECRET,
        }

    def user(self):
        names = {"first_name": "Ada", "last_name": "Lovelace", "username": "ada"}
        return {"id": self.number, "is_bot": False, "language_code": "de", **names}

    def update(self, **content):
        return json.dumps({"update_id": next(numbers), **content})

    def content(self, **content):
        chat = {"id": self.number, "type": "private", "first_name": "Ada"}
        head = {"message_id": next(numbers), "date": 1767225600, "chat": chat}
        return {**head, "from": self.user(), **content}

    def message(self, text, **details):
        return self.update(message=self.content(text=text, **details))

    def ignored(self):
        yield "an edited message", self.update(edited_message=self.content(text="x", edit_date=1))
        yield "a sticker", self.update(message=self.content(sticker={"file_id": "f"}))
        yield "a poll", self.update(poll={"id": "1", "question": "?"})
        channel = {"id": -1, "type": "channel"}
        post = {"message_id": 1, "date": 1, "chat": channel, "text": "x"}
        yield "a channel's post", self.update(channel_post=post)
        yield (
            "a button without its message",
            self.update(callback_query={"id": "1", "from": self.user(), "data": "x"}),
        )

    def malformed(self):
        yield "{"
        yield "[]"
        yield self.update(message="hello")
        yield self.update(message={"text": "hello", "from": {}, "chat": {"id": self.number}})
        yield self.update(message={"text": "hello", "from": self.user(), "chat": self.number})
        yield self.update(callback_query=[])

    def headers(self, body, forged):
        secret = self.SECRET.swapcase() if forged else self.SECRET
        kind = {"content-type": "application/json"}
        return {**kind, "X-Telegram-Bot-Api-Secret-Token": secret}

    @staticmethod
    def api(path, content):
        if path.endswith("/getMe"):
            user = {"id": 1, "is_bot": True, "first_name": "Probe", "username": "probe_bot"}
            return {"ok": True, "result": user}
        if path.endswith("/sendMessage"):
            chat = {"id": int(content["chat_id"]), "type": "private"}
            message = {"message_id": 1, "date": 1, "chat": chat, "text": content["text"]}
            return {"ok": True, "result": message}
        return {"ok": True, "result": True} if path.startswith(Telegram.API) else None

    def text_of(self, path, content):
        if path.startswith(self.API) and content.get("chat_id") == str(self.number):
            return content["text"]
        return None


@platform
class WhatsApp(Platform):
    """twilio.com/docs/messaging/guides/webhook-request, …/usage/webhooks/webhooks-security."""

    channel, class_name, API = "twilio", "MetadataTwilioInput", "/twilio"
    KEY, BOT = "an-auth-token", "whatsapp:+14155238886"
    ADDRESS = "https://bot.example.com/webhooks/twilio/webhook?a=b"
    name, locale = "Ada", None
    kind, details = "whatsapp:", {"ProfileName": "Ada"}

    @classmethod
    def settings(cls):
        return {
            "account_sid": "AC123",
            "auth_token": cls.KEY,
            "twilio_number": cls.BOT,
            "webhook_url": cls.ADDRESS,
        }

    def __init__(self, bot, api):
        super().__init__(bot, api)
        self.id = f"+49{self.number}"

    @property
    def sender(self):
        return f"twilio:{self.kind}{self.id}"

    def form(self, **content):
        head = {"MessageSid": f"SM{next(numbers)}", "AccountSid": "AC123", "NumMedia": "0"}
        people = {"From": f"{self.kind}{self.id}", "To": self.BOT, **self.details}
        return urlencode({**head, **people, **content})

    def message(self, text, **details):
        return self.form(Body=text, **details)

    def ignored(self):
        yield "a picture", self.form(Body="", NumMedia="1", MediaUrl0="https://api.twilio.com/m")
        yield "the status of a message", self.form(MessageStatus="delivered")

    def malformed(self):
        yield "hello"
        yield "{}"
        yield "Body=hello"
        yield urlencode({"Body": "hello", "From": self.id})

    def headers(self, body, forged):
        form = dict(parse_qsl(body, keep_blank_values=True))
        signed = self.ADDRESS + "".join(f"{key}{form[key]}" for key in sorted(form))
        key = "another key" if forged else self.KEY
        proof = b64encode(hmac.digest(key.encode(), signed.encode(), "sha1")).decode()
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return {**kind, "X-Twilio-Signature": proof}

    @staticmethod
    def api(path, content):
        return {"sid": "SM1"} if path.startswith(WhatsApp.API) else None

    def text_of(self, path, content):
        is_for_user = path.startswith(self.API) and content["To"] == f"{self.kind}{self.id}"
        return content["Body"] if is_for_user else None


@platform
class Slack(Platform):
    """docs.slack.dev: Events API, message event, block actions, verifying requests, users.info."""

    channel, class_name, API = "slack", "MetadataSlackInput", "/slack/"
    KEY = "a-signing-secret"
    name, locale = "ada", "de-DE"

    @classmethod
    def settings(cls):
        return {"slack_token": "xoxb-1", "slack_signing_secret": cls.KEY, "profiles": True}

    def __init__(self, bot, api):
        super().__init__(bot, api)
        self.id, self.room = f"U{self.number}", f"D{self.number}"

    def event(self, **content):
        content = {"type": "message", "channel": self.room, "channel_type": "im", **content}
        authorization = {"team_id": "T1", "user_id": "UBOT", "is_bot": True}
        head = {"team_id": "T1", "api_app_id": "A1", "type": "event_callback"}
        ids = {"event_id": f"Ev{next(numbers)}", "event_time": 1767225600}
        return json.dumps({**head, **ids, "event": content, "authorizations": [authorization]})

    def message(self, text, **details):
        ts = f"1767225600.{next(numbers)}"
        return self.event(**{"user": self.id, "text": text, "ts": ts, "event_ts": ts, **details})

    def pressed(self, **action):
        action = {
            "type": "button",
            "block_id": "b",
            "action_ts": f"1767225601.{next(numbers)}",
            **action,
        }
        payload = {
            "type": "block_actions",
            "token": "a-token",
            "response_url": "https://hooks.slack.com/actions/1",
            "user": {"id": self.id, "username": "ada", "team_id": "T1"},
            "channel": {"id": self.room, "name": "directmessage"},
            "message": {"type": "message", "ts": "1767225600.1", "bot_id": "B1"},
            "actions": [action],
        }
        return urlencode({"payload": json.dumps(payload)})

    def ignored(self):
        yield "the bot's own message", self.message("hello", bot_id="B1")
        changed = {"type": "message", "user": self.id, "text": "hi", "ts": "1767225600.1"}
        yield "an edited message", self.event(subtype="message_changed", message=changed, ts="1.1")
        yield "a message to others", self.message("hello", channel="C1", channel_type="channel")
        yield "a picture", self.message("", subtype="file_share", files=[{"id": "F1"}])
        yield "a reaction", self.event(type="reaction_added", user=self.id, reaction="+1")
        yield "a button that is a link", self.pressed(url="https://example.com")
        yield "what is not supported", self.pressed(type="plain_text_input", value="x")

    def malformed(self):
        yield "{"
        yield "[]"
        yield "{}"
        yield json.dumps({"event": "hello"})
        yield self.event(text="hello")
        yield "payload=1"
        yield "payload="

    def headers(self, body, forged):
        now = str(int(time.time()) - (301 if forged == "late" else 0))
        key = "another key" if forged is True else self.KEY
        proof = hmac.digest(key.encode(), f"v0:{now}:{body}".encode(), "sha256").hex()
        is_form = body.startswith("payload=")
        kind = "application/x-www-form-urlencoded" if is_form else "application/json"
        signed = {"X-Slack-Signature": f"v0={proof}", "X-Slack-Request-Timestamp": now}
        return {"content-type": kind, **signed}

    @staticmethod
    def api(path, content):
        if path == "/slack/users.info":
            user = {"name": "ada", "real_name": "Ada Lovelace", "tz": "Europe/Berlin"}
            return {"ok": True, "user": {**user, "locale": "de-DE"}}
        return {"ok": True} if path.startswith(Slack.API) else None

    def text_of(self, path, content):
        is_for_user = path == "/slack/chat.postMessage" and content["channel"] in (
            self.room,
            self.id,
        )
        return content["text"] if is_for_user else None


@platform
class Messenger(Platform):
    """developers.facebook.com/docs/messenger-platform: webhooks, send API, user profile."""

    channel, class_name, API = "facebook", "MetadataFacebookInput", "/facebook"
    KEY, PAGE = "an-app-secret", "1234567890"
    locale = None

    @classmethod
    def settings(cls):
        return {
            "verify": "a-word",
            "secret": cls.KEY,
            "page-access-token": "a-token",
            "profiles": True,
        }

    @property
    def name(self):
        return self.id

    def batch(self, *events):
        entry = {"id": self.PAGE, "time": 1767225600000, "messaging": list(events)}
        return json.dumps({"object": "page", "entry": [entry]})

    def event(self, **content):
        people = {"sender": {"id": self.id}, "recipient": {"id": self.PAGE}}
        return {**people, "timestamp": 1767225600000 + next(numbers), **content}

    def message(self, text, **details):
        return self.batch(
            self.event(message={"mid": f"m_{next(numbers)}", "text": text, **details})
        )

    def ignored(self):
        echo = {"mid": "m_1", "is_echo": True, "app_id": 1}
        yield "the page's own text", self.batch(self.event(message={**echo, "text": "hello"}))
        picture = {"type": "image", "payload": {"url": "https://example.com/p.png"}}
        yield (
            "the page's picture",
            self.batch(self.event(message={**echo, "attachments": [picture]})),
        )
        yield "a delivery", self.batch(self.event(delivery={"mids": ["m_1"], "watermark": 1}))
        yield "a read message", self.batch(self.event(read={"watermark": 1}))
        yield "a like", self.batch(self.event(reaction={"mid": "m_1", "action": "react"}))
        yield "another event", json.dumps({"object": "page", "entry": [{"id": "1", "changes": []}]})

    def malformed(self):
        yield "{"
        yield "[]"
        yield "{}"
        yield json.dumps({"entry": "hello"})
        yield self.batch("hello")
        yield self.batch({"message": {"text": "hello"}})
        yield self.batch(self.event(message={"text": 5, "mid": "m_2"}))

    def headers(self, body, forged):
        key = "another secret" if forged else self.KEY
        proof = hmac.digest(key.encode(), body.encode(), "sha256").hex()
        return {"content-type": "application/json", "X-Hub-Signature-256": f"sha256={proof}"}

    @staticmethod
    def api(path, content):
        if path.removeprefix(f"{Messenger.API}/").isdigit():
            return {"first_name": "Ada", "last_name": "Lovelace"}
        return {"message_id": "m_1"} if path.startswith(Messenger.API) else None

    def text_of(self, path, content):
        is_for_user = path.startswith(self.API) and content.get("recipient") == {"id": self.id}
        return content.get("message", {}).get("text") if is_for_user else None


@platform
class Teams(Platform):
    """learn.microsoft.com: Bot Connector authentication, Activity, Teams conversation events."""

    channel, class_name, API = "botframework", "MetadataBotFrameworkInput", "/botframework/keys"
    APP = "an-app-id"
    name, locale = "Ada Lovelace", "de-DE"
    PRIVATE, OTHER = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    where = "msteams"

    @classmethod
    def settings(cls):
        return {"app_id": cls.APP, "app_password": "a-password"}

    def __init__(self, bot, api):
        super().__init__(bot, api)
        self.id, self.room = f"29:{self.number}", f"a:{self.number}"
        self.service = f"{api.url}/teams/"

    def activity(self, **content):
        ids = {"id": str(next(numbers)), "channelId": self.where, "serviceUrl": self.service}
        people = {
            "from": {"id": self.id, "name": self.name, "aadObjectId": f"aad-{self.number}"},
            "recipient": {"id": "28:an-app-id", "name": "Probe"},
            "conversation": {"conversationType": "personal", "tenantId": "t", "id": self.room},
        }
        place = {"locale": "de-DE", "localTimezone": "Europe/Berlin"}
        return json.dumps({"type": "message", **ids, **people, **place, **content})

    def message(self, text, **details):
        return self.activity(text=text, **details)

    def ignored(self):
        update = {"type": "conversationUpdate", "membersAdded": [{"id": self.id}]}
        yield "that somebody came", self.activity(**update)
        yield "an edited message", self.activity(type="messageUpdate", text="hello")
        yield "a like", self.activity(type="messageReaction", reactionsAdded=[{"type": "like"}])
        yield "a card that was filled in", self.activity(value={"x": "y"})

    def malformed(self):
        yield self.activity(text="hello", **{"from": None})
        yield self.activity(text="hello", recipient=None, conversation=[])
        yield self.activity(text={"a": "b"})

    def headers(self, body, forged, **claims):
        claims = {"iss": "https://api.botframework.com", "aud": self.APP, **claims}
        claims = {"serviceurl": self.service, "exp": time.time() + 60, **claims}
        key = self.OTHER if forged else self.PRIVATE
        token = jwt.encode(claims, key, algorithm="RS256", headers={"kid": "k1"})
        return {"content-type": "application/json", "Authorization": f"Bearer {token}"}

    @staticmethod
    def api(path, content):
        if path == Teams.API:
            public = RSAAlgorithm.to_jwk(Teams.PRIVATE.public_key(), as_dict=True)
            return {"keys": [{**public, "kid": "k1", "use": "sig", "alg": "RS256"}]}
        if path.endswith("/oauth2/v2.0/token"):
            return {"access_token": "a-token", "expires_in": 3600}
        return {"id": "1"} if path.startswith("/teams/") else None

    def text_of(self, path, content):
        is_for_user = path == f"/teams/v3/conversations/{self.room}/activities"
        return content["text"] if is_for_user else None
