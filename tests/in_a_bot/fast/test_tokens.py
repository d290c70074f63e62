"""A token is valid if one of our keys signed it, and only for what it says."""

import base64
import hashlib
import json
import time
from urllib.parse import quote, unquote

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from rasa.shared.exceptions import RasaException

from in_a_bot.tokens import KEY, token
from rasa_metadata.validation.errors import ApiError
from rasa_metadata.validation.tokens import JWT_KEY_VARIABLE, Tokens, bearer, sender_problem

OTHER_KEY = "another key, which is long enough as well"


def tokens(**credentials):
    return Tokens.from_credentials({"jwt_key": KEY, **credentials})


def pair(private):
    """Return a private and a public key as PEM."""
    secret = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return secret.decode(), public.decode()


def rsa_key(bits):
    return pair(rsa.generate_private_key(public_exponent=65537, key_size=bits))


RSA = rsa_key(2048)
EC = pair(ec.generate_private_key(ec.SECP256R1()))


ISSUER = "https://id.example.com"
RS256 = {"jwt_key": RSA[1], "jwt_method": "RS256"}


def unsigned(header, **claims):
    parts = [header, {"sub": "u1", "exp": time.time() + 60, **claims}]
    encoded = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in parts]
    return b".".join([*encoded, b""]).decode()


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("padding", ["", "="])
def test_a_secret_may_be_base64(encode, padding):
    secret = b"\xfb\xff" + KEY.encode()
    text = encode(secret).decode().rstrip("=") + padding
    signed = jwt.encode({"sub": "u1", "exp": time.time() + 60}, secret)
    check = tokens(jwt_key=text, jwt_key_encoding="base64")
    assert check.claims(signed).sender == "user:u1"
    with pytest.raises(ApiError):
        tokens(jwt_key=text).claims(signed)


def test_the_subject_is_the_sender():
    claims = tokens().claims(token(sub="Ada.L-36_~", metadata={"user": {"id": "u1"}}))
    assert claims.sender == "user:Ada.L-36_~"
    assert claims.metadata == {"user": {"id": "u1"}}


SENDERS = {
    "ada@example.com": "user:ada=40example.com",
    "auth0|5f7c8ec7": "user:auth0=7C5f7c8ec7",
    "a b/../ä": "user:a=20b=2F..=2F=C3=A4",
    "a=40b": "user:a=3D40b",
    "x" * 250: "user:" + "x" * 250,
    "x" * 251: f"user:@{hashlib.sha256(b'x' * 251).hexdigest()}",
}


@pytest.mark.parametrize("sub", SENDERS)
def test_any_subject_has_a_sender_of_its_own(sub):
    sender = tokens().claims(token(sub=sub)).sender
    assert sender == SENDERS[sub]
    assert sender_problem(sender) is None
    assert unquote(sender) == quote(sender, safe=":@=") == sender  # the same in every URL


def test_a_token_may_name_the_guest_conversation_that_goes_on():
    assert tokens().claims(token(sender="guest 42")).sender == "guest 42"


INVALID = {
    "nothing": "",
    "nonsense": "nonsense",
    "three parts": "a.b.c",
    "no UTF-8": "\ud800",
    "another key": token(key=OTHER_KEY),
    "another method": token(method="HS512"),
    "alg none": unsigned({"alg": "none", "typ": "JWT"}),
    "no signature": unsigned({"alg": "HS256", "typ": "JWT"}),
    "cut off": token()[:-3],
    "expired": token(exp=time.time() - 1),
    "exp is a text": token(exp="soon"),
    "exp is endless": token(exp=float("inf")),
    "no exp": token(without=["exp"]),
    "no sub": token(without=["sub"]),
    "empty sub": token(sub=""),
    "blank sub": token(sub=" "),
    "sub with a line": token(sub="u1\n"),
    "sub of 256 characters": token(sub="x" * 256),
    "not yet": token(nbf=time.time() + 60),
    "another audience": token(aud="another site"),
    "metadata is a list": token(metadata=["list"]),
    "metadata is a text": token(metadata="text"),
    "metadata is null": token(metadata=None),
    "sender is a number": token(sender=7),
    "sender is blank": token(sender=" "),
    "sender is a member": token(sender="user:somebody"),
    "long sender": token(sender="x" * 256),
    "sender with a NUL": token(sender="a\0b"),
    "sender with half of an emoji": token(sender="a\ud83d"),
    "sender with a line": token(sender="a\nb"),
    "sender with a space at its end": token(sender="a "),
    "sender with an invisible space": token(sender="\u200ba"),
}


@pytest.mark.parametrize("name", INVALID)
def test_a_token_that_is_not_valid_is_a_401(name):
    bad = INVALID[name]
    with pytest.raises(ApiError) as error:
        tokens().claims(bad)
    assert error.value.status == 401
    assert error.value.headers == {"WWW-Authenticate": "Bearer"}
    assert not bad or bad not in error.value.message


@pytest.mark.parametrize("sub", [7, None, ["u1"], {"u": 1}])
def test_a_subject_is_a_text(sub):
    with pytest.raises(ApiError):
        tokens().claims(unsigned_but_signed(sub))


def unsigned_but_signed(sub):
    """Sign a `sub` that PyJWT itself would not let a caller sign."""
    import jwt.api_jws

    payload = json.dumps({"sub": sub, "exp": time.time() + 60}).encode()
    return jwt.api_jws.encode(payload, KEY, algorithm="HS256")


@pytest.mark.parametrize(("method", "keys"), [("RS256", RSA), ("ES256", EC)])
def test_public_keys_work_too(method, keys):
    private, public = keys
    check = tokens(jwt_key=public, jwt_method=method)
    assert check.claims(token(key=private, method=method)).sender == "user:u1"
    with pytest.raises(ApiError):
        check.claims(token())


def test_a_public_key_is_no_secret():
    """Algorithm confusion: an HS256 token made with the RS256 public key as its secret."""
    header, public = {"alg": "HS256", "typ": "JWT"}, RSA[1]
    import hashlib
    import hmac

    body = unsigned(header).rstrip(".")
    signature = hmac.new(public.encode(), body.encode(), hashlib.sha256).digest()
    forged = f"{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    with pytest.raises(ApiError):
        tokens(jwt_key=public, jwt_method="RS256").claims(forged)


def test_two_keys_hold_while_one_takes_the_place_of_the_other():
    check = tokens(jwt_key=json.dumps({"2026": KEY, "2027": OTHER_KEY}))
    for key, kid in ((KEY, "2026"), (OTHER_KEY, "2027"), (KEY, None), (OTHER_KEY, None)):
        headers = {"kid": kid} if kid else None
        assert check.claims(token(key=key, headers=headers)).sender == "user:u1"
    for key, kid in ((KEY, "2027"), ("a key that nobody knows, long enough", None)):
        with pytest.raises(ApiError):
            check.claims(token(key=key, headers={"kid": kid} if kid else None))


def test_clocks_may_differ_by_the_leeway():
    late, early = token(exp=time.time() - 5), token(nbf=time.time() + 5)
    for each in (late, early):
        with pytest.raises(ApiError):
            tokens().claims(each)
        claims = tokens(jwt_leeway=10).claims(each)
        assert claims.expires > time.time()  # or its signature would be worthless


def test_an_audience_must_be_named_where_one_is_asked_for():
    check = tokens(jwt_audience="bot")
    assert check.claims(token(aud="bot")).sender == "user:u1"
    assert check.claims(token(aud=["site", "bot"])).sender == "user:u1"
    for bad in (token(), token(aud="site")):
        with pytest.raises(ApiError):
            check.claims(bad)


def test_the_key_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv(JWT_KEY_VARIABLE, KEY)
    assert Tokens.from_credentials({}).claims(token()).sender == "user:u1"
    assert KEY not in repr(Tokens.from_credentials({}))


def test_without_a_key_no_token_is_valid(monkeypatch):
    monkeypatch.delenv(JWT_KEY_VARIABLE, raising=False)
    with pytest.raises(ApiError, match="no key") as error:
        Tokens.from_credentials({}).claims(token())
    assert error.value.status == 401


@pytest.mark.parametrize(
    ("credentials", "said"),
    [
        ({"jwt_key": "short"}, "has 5 bytes and HS256 needs 32 or more"),
        ({"jwt_method": "none"}, "jwt_method 'none' is unknown"),
        ({"jwt_method": "HS255"}, "jwt_method 'HS255' is unknown"),
        ({"jwt_method": "RS256"}, "jwt_key is not a key for RS256"),
        ({"jwt_key": RSA[1]}, "jwt_key is not a key for HS256"),
        ({"jwt_key": "{broken"}, "jwt_key is not a JSON object"),
        ({"jwt_key": '{"a": "short"}'}, "jwt_key 'a' has 5 bytes"),
        ({"jwt_key": "not base64!", "jwt_key_encoding": "base64"}, "jwt_key is not base64"),
        ({"jwt_key": "c2hvcnQ=", "jwt_key_encoding": "base64"}, "has 5 bytes and HS256 needs 32"),
        ({"jwt_key": KEY, "jwt_key_encoding": "hex"}, "jwt_key_encoding is base64 or left out"),
        ({"jwt_key": ""}, "jwt_key is empty"),
        ({"jwt_key": "  " * 40}, "jwt_key is empty"),
        ({"jwt_key": None}, "jwt_key is empty"),
        ({"jwt_key": 7}, "jwt_key is empty or not text"),
        ({"jwt_key": {}}, "jwt_key has no keys"),
        ({"jwt_key": "{}"}, "jwt_key has no keys"),
        ({"jwt_method": ["HS256"]}, "is unknown"),
        ({"jwt_key": RSA[0], "jwt_method": "RS256"}, "is a private key; RS256 is checked with"),
        ({"jwt_key": rsa_key(1024)[1], "jwt_method": "RS256"}, "has fewer than 2048 bits"),
        ({"jwt_issuer": "id.example.com"}, "jwt_issuer and jwt_jwks_url are addresses, not"),
        ({"jwt_issuer": [ISSUER, 7]}, "jwt_issuer and jwt_jwks_url are addresses, not"),
        ({"jwt_jwks_url": "file:///etc/passwd"}, "jwt_issuer and jwt_jwks_url are addresses, not"),
        ({"jwt_issuer": ISSUER}, "jwt_audience is missing"),
        ({"jwt_issuer": ISSUER, "jwt_audience": []}, "jwt_audience is a text or a list of texts"),
        ({"jwt_type": "at+jwt"}, "jwt_type is a text such as at\\+jwt, and needs jwt_issuer"),
        ({"jwt_issuer": ISSUER, "jwt_audience": "bot", "jwt_type": ""}, "jwt_type is a text"),
        ({"jwt_leeway": -1}, "jwt_leeway is 0 to 600 seconds"),
        ({"jwt_leeway": True}, "jwt_leeway is 0 to 600 seconds"),
        ({"jwt_leeway": "30"}, "jwt_leeway is 0 to 600 seconds"),
        ({**RS256, "jwt_jwks_url": ISSUER, "jwt_audience": "bot"}, "together need jwt_issuer"),
        ({"jwt_audience": 7}, "jwt_audience is a text or a list of texts"),
        ({"jwt_audience": []}, "jwt_audience is a text or a list of texts"),
        ({"jwt_audience": ["a", 1]}, "jwt_audience is a text or a list of texts"),
    ],
)
def test_a_key_that_cannot_serve_stops_the_bot_with_a_sentence(credentials, said):
    with pytest.raises(RasaException, match=said):
        tokens(**credentials)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Bearer", ""),
        ("Basic abc", None),
        ("", None),
        (None, None),
    ],
)
def test_a_token_comes_after_bearer(header, found):
    assert bearer(header) == found
