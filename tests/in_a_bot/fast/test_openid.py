"""Tokens of an identity provider: whose keys count, when they are fetched, what claims fill.

The provider is a real server on loopback with real keys. docs/tokens.md has the table of EVENTS.
"""

import asyncio
import base64
import json
import threading
import time

import pytest
from cryptography.hazmat.primitives import serialization
from rasa.shared.core.domain import Domain

from in_a_bot.fast.conversation import mapped
from in_a_bot.fast.served import Running, serve
from in_a_bot.fast.test_rest_channel import HELLO, get, post
from in_a_bot.fast.test_socketio import Client
from in_a_bot.fast.test_tokens import unsigned
from in_a_bot.provider import AUDIENCE, FAULTS, IdentityProvider, private_key
from in_a_bot.tokens import KEY, bearer
from rasa_metadata.channels.callback import MetadataCallbackInput
from rasa_metadata.channels.rest import MetadataRestInput
from rasa_metadata.channels.socketio import MetadataSocketIOInput
from rasa_metadata.commands import contract as contract_command
from rasa_metadata.commands import token as token_command
from rasa_metadata.contract.signature import verify
from rasa_metadata.validation import providers

DOMAIN = Domain.from_dict(
    {
        "slots": {
            "email": mapped(
                {
                    "path": "user.email",
                    "signed": True,
                    "claim": "email",
                    "schema": {"maxLength": 20},
                }
            ),
            "roles": mapped(
                {"path": "roles", "signed": True, "claim": "realm_access.roles"}, "list"
            ),
            "plan": mapped(
                {"path": "plan", "signed": True, "claim": "https://example.com/plan"}, "any"
            ),
            "name": mapped("user.name"),
        }
    }
)


@pytest.fixture
def provider():
    with IdentityProvider("/realms/shop") as provider:
        yield provider


@pytest.fixture
def quick(monkeypatch):
    """Let minutes be fractions of a second."""
    monkeypatch.setattr(providers, "LIFESPAN", 0.3)
    monkeypatch.setattr(providers, "UNKNOWN", 0.5)
    monkeypatch.setattr(providers, "RETRY", 0.1)
    monkeypatch.setattr(providers, "LONGEST_FETCH", 0.5)


def running(provider, channel=MetadataRestInput, **credentials):
    settings = {"jwt_issuer": provider.issuer, "jwt_audience": AUDIENCE, **credentials}
    settings = {name: value for name, value in settings.items() if value is not None}
    return Running(serve(DOMAIN, channel=channel, **settings))


def said(app, headers, **body):
    """Send a message; return the status and the reason of an error."""
    status, answer = post(app, {**HELLO, **body}, headers)
    return status, answer["reason"] if status != 200 else None


def user(provider, sub="auth0=7C5f7c"):
    issuer = provider.issuer.replace(":", "=3A").replace("/", "=2F")
    return f"user:{sub}@{issuer}"


@pytest.mark.parametrize("method", ["RS256", "RS512", "PS256", "ES256", "EdDSA"])
def test_an_ordinary_access_token_says_who_it_is(provider, method):
    provider.rotate("second", method)
    with running(provider) as app:
        assert said(app, provider.bearer()) == (200, None)
        assert app.ctx.agent.messages[-1].sender_id == user(provider)


def with_public_key_as_secret(provider):
    """Return a token that PyJWT would not sign: HS256, with what everybody knows as its secret."""
    _, private = provider.keys["first"]
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    import hashlib
    import hmac

    parts = provider.token().split(".")
    header = {"alg": "HS256", "kid": "first", "typ": "at+jwt"}
    parts[0] = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    signature = hmac.new(public, ".".join(parts[:2]).encode(), hashlib.sha256).digest()
    return ".".join([*parts[:2], base64.urlsafe_b64encode(signature).decode().rstrip("=")])


def tampered(provider):
    head, _, signature = provider.token().split(".")
    _, body, _ = provider.token(sub="admin").split(".")
    return ".".join([head, body, signature])


WRONG = (401, "BadToken")
TRY_AGAIN = (503, "TryAgain")
# What each of these tokens is, and what the bot answers; it requires the type at+jwt.
EVENTS = {
    "a token of this provider for this bot": (lambda p: p.token(), (200, None)),
    "its type as `application/at+jwt`": (
        lambda p: p.token(typ="application/at+jwt"),
        (200, None),
    ),
    "several audiences, this bot among them": (lambda p: p.token(aud=["x", "bot"]), (200, None)),
    "a token for another client": (lambda p: p.token(aud="another"), WRONG),
    "a token without an audience": (lambda p: p.token(without=["aud"]), WRONG),
    "an ID token where the type is `at+jwt`": (lambda p: p.token(typ="JWT"), WRONG),
    "a token without a type": (lambda p: p.token(typ=None), WRONG),
    "a token of another issuer": (lambda p: p.token(iss="https://evil.example"), WRONG),
    "a token without an issuer": (lambda p: p.token(without=["iss"]), WRONG),
    "an issuer with another slash": (lambda p: p.token(iss=p.issuer + "/"), WRONG),
    "an expired token": (lambda p: p.token(exp=time.time() - 1), WRONG),
    "a token without an expiry": (lambda p: p.token(without=["exp"]), WRONG),
    "a token for later": (lambda p: p.token(nbf=time.time() + 60), WRONG),
    "a token without a subject": (lambda p: p.token(without=["sub"]), WRONG),
    "changed claims under an old signature": (tampered, WRONG),
    "another key under a known `kid`": (lambda p: p.token(key=private_key("RS256")), WRONG),
    "another method than the key's": (lambda p: p.token(method="RS512"), WRONG),
    "HS256 with the public key as the secret": (with_public_key_as_secret, WRONG),
    "HS256 with the bot's own key, in the provider's name": (
        lambda p: p.token(key=KEY, method="HS256"),
        WRONG,
    ),
    "`alg: none`": (lambda p: unsigned({"alg": "none", "kid": "first"}, iss=p.issuer), WRONG),
    "a key inside the token (`jwk`), or its address (`jku`)": (
        lambda p: p.token(
            kid="evil",
            method="RS256",
            key=private_key("RS256"),
            header={"jku": f"{p.issuer}/jwks", "jwk": p.jwks()["keys"][0]},
        ),
        WRONG,
    ),
    "an unknown `kid`": (
        lambda p: p.token(kid="x", method="RS256", key=private_key("RS256")),
        WRONG,
    ),
    "no `kid`": (lambda p: p.token(kid="", method="RS256", key=p.keys["first"][1]), WRONG),
    "a `kid` that is a list": (lambda p: unsigned({"alg": "RS256", "kid": []}), WRONG),
    "a claim that violates the slot's schema": (
        lambda p: p.token(email="x" * 21),
        (422, "BadMetadata"),
    ),
}


@pytest.fixture(scope="module")
def strict():
    with IdentityProvider() as provider, running(provider, jwt_key=KEY, jwt_type="at+jwt") as app:
        yield provider, app


@pytest.mark.parametrize("event", EVENTS)
def test_a_token_counts_for_what_it_is(strict, event):
    provider, app = strict
    make, answer = EVENTS[event]
    token = make(provider)
    app.ctx.agent.messages.clear()
    assert said(app, {"authorization": f"Bearer {token}"}) == answer
    assert len(app.ctx.agent.messages) == (answer == (200, None))


def test_the_bots_own_key_works_beside_the_provider(strict):
    _, app = strict
    assert said(app, bearer(aud=AUDIENCE)) == (200, None)
    assert app.ctx.agent.messages[-1].sender_id == "user:u1"
    assert said(app, bearer(aud=AUDIENCE, iss="https://shop.example.com")) == (200, None)
    assert said(app, bearer()) == WRONG  # an audience holds for both


def test_a_short_key_of_a_provider_is_not_used(provider):
    provider.rotate("short", bits=1024)
    with running(provider) as app:
        assert said(app, provider.bearer()) == WRONG


def test_two_issuers_with_the_same_subject_are_two_people(provider):
    with IdentityProvider() as other:
        issuers = [provider.issuer, other.issuer]
        with running(provider, jwt_issuer=issuers, jwt_key=KEY) as app:
            for headers in (provider.bearer(sub="u1"), other.bearer(sub="u1")):
                assert said(app, headers) == (200, None)
            assert said(app, bearer(sub="u1", aud=AUDIENCE)) == (200, None)
            senders = [each.sender_id for each in app.ctx.agent.messages]
            assert senders == [user(provider, "u1"), user(other, "u1"), "user:u1"]
            forged = other.token(iss=provider.issuer)
            assert said(app, {"authorization": f"Bearer {forged}"}) == WRONG


def test_a_provider_cannot_name_a_conversation(provider):
    with running(provider) as app:
        assert said(app, provider.bearer(sender="noreply@example.com")) == (200, None)
        assert app.ctx.agent.messages[-1].sender_id == user(provider)


def test_a_long_subject_has_a_sender_too(provider):
    with running(provider) as app:
        for sub in ("|" * 255, "|" * 254):
            assert said(app, provider.bearer(sub=sub)) == (200, None)
        first, second = (each.sender_id for each in app.ctx.agent.messages)
        assert first != second
        assert len(first) == len("user:@") + 64
        assert said(app, {}, sender=first) == (403, "ReservedSender")


def test_keys_may_be_at_an_address_without_discovery(provider):
    with running(provider, jwt_issuer=None, jwt_jwks_url=f"{provider.issuer}/jwks") as app:
        assert said(app, provider.bearer()) == (200, None)
        assert said(app, provider.bearer(without=["iss"])) == (200, None)
        senders = {each.sender_id for each in app.ctx.agent.messages}
        assert senders == {user(provider), user(provider) + "=2Fjwks"}
        assert said(app, provider.bearer(aud="another")) == WRONG


def test_an_address_of_keys_and_an_issuer_belong_together(provider):
    with running(provider, jwt_issuer="https://a.example", jwt_jwks_url=provider.issuer) as app:
        assert said(app, provider.bearer()) == WRONG


def test_a_provider_with_another_name_is_not_the_issuer(provider, quick):
    provider.discovery, honest = lambda: {**honest(), "issuer": "https://evil"}, provider.discovery
    with running(provider) as app:
        assert said(app, provider.bearer()) == TRY_AGAIN


def test_keys_change_in_the_middle_of_a_talk(provider, quick, monkeypatch):
    monkeypatch.setattr(providers, "LIFESPAN", 1.0)
    with running(provider) as app:
        old = provider.bearer()
        assert said(app, old) == (200, None)
        provider.rotate("second", "ES256")
        assert said(app, provider.bearer()) == (200, None)
        assert said(app, old) == (200, None)  # while its key is published
        provider.rotate("third", "ES256", withdraw=["first"])
        assert said(app, old) == (200, None)
        time.sleep(1.1)  # LIFESPAN
        assert said(app, old) == WRONG
        assert said(app, provider.bearer()) == (200, None)
        assert len({each.sender_id for each in app.ctx.agent.messages}) == 1


def test_unknown_keys_cause_one_fetch_a_minute(provider):
    with running(provider) as app:
        assert said(app, provider.bearer()) == (200, None)
        assert provider.fetched == 1
        for number in range(5):
            headers = provider.bearer(kid=f"x{number}", method="RS256", key=private_key("RS256"))
            assert said(app, headers) == WRONG
        assert provider.fetched == 2
        assert said(app, provider.bearer()) == (200, None)
        assert provider.fetched == 2


def test_keys_that_exist_are_fetched_however_often_they_change(provider):
    with running(provider) as app:
        for number in range(3):
            provider.rotate(f"key {number}", "ES256")
            assert said(app, provider.bearer()) == (200, None)


def test_all_who_wait_share_a_fetch(provider):
    with running(provider) as app:
        answers, headers = [], provider.bearer()
        talk = [
            threading.Thread(target=lambda: answers.append(said(app, headers))) for _ in range(8)
        ]
        for each in talk:
            each.start()
        for each in talk:
            each.join()
        assert answers == [(200, None)] * 8
        assert provider.fetched == 1


@pytest.mark.parametrize("fault", ["is away", *FAULTS])
def test_a_provider_with_a_fault_is_a_503_and_the_last_good_keys_stay(
    provider, quick, fault, caplog
):
    fail = provider.stop if fault == "is away" else lambda: setattr(provider, "fault", fault)
    heal = provider.start if fault == "is away" else lambda: setattr(provider, "fault", None)
    fail()
    with running(provider) as app:
        headers = provider.bearer()
        started = time.monotonic()
        status, answer = post(app, HELLO, headers)
        assert (status, answer["reason"]) == TRY_AGAIN
        assert time.monotonic() - started < 2
        assert said(app, {}) == (200, None)  # guests talk on
        heal()
        time.sleep(0.2)  # RETRY
        assert said(app, headers) == (200, None)

        fail()
        time.sleep(0.4)  # LIFESPAN
        assert said(app, headers) == (200, None)
        started = time.monotonic()
        for _ in range(5):  # nobody waits for it any more
            assert said(app, headers) == (200, None)
        assert time.monotonic() - started < 0.4
        provider.rotate("second")
        assert said(app, provider.bearer()) == TRY_AGAIN
        heal()
        time.sleep(0.6)  # RETRY, and the fetch that hangs
        assert said(app, provider.bearer()) == (200, None)
        assert said(app, headers) == (200, None)
    assert f"No keys from {provider.issuer}" in caplog.text


def test_others_talk_on_while_keys_are_fetched(provider):
    provider.fault = "hangs"
    with running(provider) as app:
        waiting = threading.Thread(target=post, args=(app, HELLO, provider.bearer()))
        waiting.start()
        time.sleep(0.2)
        slowest = 0.0
        for _ in range(20):
            started = time.monotonic()
            status, _ = post_alone(app)
            slowest = max(slowest, time.monotonic() - started)
            assert status == 200
        assert slowest < 0.5
        assert waiting.is_alive()
        waiting.join()


def post_alone(app):
    import requests

    answer = requests.post(f"{app.ctx.url}/webhooks/rest/webhook", json=HELLO, timeout=5)
    return answer.status_code, answer.json()


def signed(app):
    message = app.ctx.agent.messages[-1]
    return verify(message.metadata, message.sender_id, message.message_id, message.text)


def test_claims_fill_slots_without_a_claim_metadata(provider):
    claims = {"email": "ada@example.com", "realm_access": {"roles": ["admin", "user"]}}
    claims |= {"https://example.com/plan": {"name": "pro"}, "more": "is not stored"}
    with running(provider) as app:
        assert said(app, provider.bearer(**claims)) == (200, None)
        wanted = {"user": {"email": "ada@example.com"}, "roles": ["admin", "user"]}
        assert signed(app) == {**wanted, "plan": {"name": "pro"}}
        assert "is not stored" not in json.dumps(app.ctx.agent.messages[-1].metadata)

        body = {"metadata": {"user": {"name": "Ada"}}}
        assert said(app, provider.bearer(), **body) == (200, None)
        assert signed(app) == {}  # an absent claim leaves its slot empty
        assert app.ctx.agent.messages[-1].metadata["user"] == {"name": "Ada"}


def test_a_claim_takes_precedence_over_the_claim_metadata(provider):
    metadata = {"user": {"email": "old@example.com"}, "plan": {"a": 1}}
    with running(provider) as app:
        claims = {"https://example.com/plan": {"b": 2}}
        assert said(app, provider.bearer(metadata=metadata, **claims)) == (200, None)
        assert signed(app) == {**metadata, "plan": {"b": 2}}


def test_a_claim_that_violates_the_contract_names_its_path(provider):
    with running(provider) as app:
        headers = provider.bearer(email=7, realm_access={"roles": "admin"})
        status, answer = post(app, HELLO, headers)
        assert (status, answer["details"]["in"]) == (422, "token")
        assert answer["details"]["violations"] == [
            {"path": "roles", "message": "must be a list"},
            {"path": "user.email", "message": "must be text"},
        ]


def test_a_claims_path_is_read_only_for_clients(provider):
    with running(provider) as app:
        assert get(app, "/webhooks/rest/schema")["properties"]["roles"]["readOnly"]
        metadata = {"user": {"email": "x"}}
        assert said(app, {}, metadata=metadata) == (403, "SignedMetadata")
        assert said(app, provider.bearer(), metadata=metadata) == (403, "SignedMetadata")


def test_a_claim_with_too_much_in_it_is_not_used(provider):
    with running(provider, max_depth=4) as app:
        deep = {"https://example.com/plan": [[[[1]]]]}
        assert said(app, provider.bearer(**deep)) == WRONG


def test_a_socket_takes_the_same_tokens(provider, quick):
    talk = running(provider, MetadataSocketIOInput, session_persistence=True)
    with talk as app, Client(app, "/", auth={"token": provider.token()}) as client:
        assert client.join() == user(provider)
        provider.rotate("second")
        client.say(token=provider.token(email="ada@example.com"))
        assert client.next("bot_uttered") == {"text": "hello"}
        assert signed(app) == {"user": {"email": "ada@example.com"}}
        client.say(token=provider.token(aud="another"))
        assert client.next("bot_error")["reason"] == "BadToken"


@pytest.mark.parametrize(
    "channel, settings",
    [(MetadataRestInput, {}), (MetadataCallbackInput, {"url": "http://127.0.0.1:9/"})],
)
def test_each_channel_over_http_takes_the_same_tokens(provider, channel, settings):
    with running(provider, channel, **settings) as app:
        url = f"{app.ctx.url}/webhooks/{channel.name()}/webhook"
        headers = provider.bearer(email="ada@example.com")
        assert app.ctx.session.post(url, json=HELLO, headers=headers).status_code == 200
        assert signed(app) == {"user": {"email": "ada@example.com"}}
        headers = provider.bearer(aud="another")
        assert app.ctx.session.post(url, json=HELLO, headers=headers).status_code == 401


def test_no_fetch_is_needed_for_what_is_not_a_token(provider):
    found = providers.providers({"jwt_issuer": provider.issuer, "jwt_audience": AUDIENCE})
    assert list(found) == [provider.issuer]
    with running(provider) as app:
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.2), app.ctx.loop).result()
        before = provider.fetched
        for word in ("", "nonsense", "a.b.c", unsigned({"alg": "RS256"}, iss=[1]), "ä"):
            assert said(app, {"authorization": f"Bearer {word}".encode()}) == WRONG
        assert provider.fetched == before


def test_make_token_signs_somebody_in_at_a_provider(provider, monkeypatch, capsys):
    monkeypatch.setenv("ISSUER", provider.issuer)
    monkeypatch.setenv("CLIENT", "bot-terminal")
    assert token_command.main() == 0
    printed = capsys.readouterr()
    assert f"Sign in at {provider.issuer}/device (code WDJB-MJHT)" in printed.err
    with running(provider) as app:
        assert said(app, {"authorization": f"Bearer {printed.out.strip()}"}) == (200, None)


@pytest.mark.parametrize("answer", [{"error": "unauthorized_client"}, {"device_code": "d1"}])
def test_make_token_says_why_it_gets_none(provider, monkeypatch, capsys, answer):
    monkeypatch.setattr(provider, "device", answer)
    monkeypatch.setenv("ISSUER", provider.issuer)
    assert token_command.main() == 1
    printed = capsys.readouterr().err
    assert f"{provider.issuer} gives no token: " in printed
    assert "unauthorized_client" in printed or "'verification_uri'" in printed


def test_make_token_signs_for_the_audience_of_the_bot(monkeypatch, tmp_path, capsys, provider):
    settings = {"jwt_audience": ["bot", "site"], "jwt_issuer": provider.issuer}
    (tmp_path / "credentials.yml").write_text(json.dumps({"rest": None, "x": settings}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("METADATA_JWT_KEY", KEY)
    assert token_command.main() == 0
    with running(provider) as app:
        headers = {"authorization": f"Bearer {capsys.readouterr().out.strip()}"}
        assert said(app, headers) == (200, None)


def test_make_contract_names_claims(monkeypatch, tmp_path, capsys):
    slot = mapped({"path": "user.email", "signed": True, "claim": "email"})
    (tmp_path / "domain.yml").write_text(json.dumps({"slots": {"email": slot}}))
    monkeypatch.chdir(tmp_path)
    assert contract_command.main() == 0
    assert capsys.readouterr().out == "  user.email → email (signed, claim email, “email”)\n"
